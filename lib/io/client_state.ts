/**
 * What the client keeps in its state directory, by name.
 *
 * @module
 */

/** Where each rsync of a client has a working directory of its own. */
export function clientRunDirectory(stateDirectory: string): string {
  return `${stateDirectory}/run`;
}

/** Keeps which rsync was tried. */
export function clientRsyncFile(stateDirectory: string): string {
  return `${stateDirectory}/rsync`;
}
