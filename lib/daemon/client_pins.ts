/**
 * A client's pinned certificates, while the server's is being rotated.
 *
 * @module
 */
import {
  type Credentials,
  loadCredentials,
  saveCredentials,
} from "../io/credentials.ts";

/** The client's own credentials with other pins; `undefined` when these are the ones it has. */
export function withPins(
  credentials: Credentials,
  certPems: readonly string[],
): Credentials | undefined {
  const before = new Set(credentials.certPems);
  const same = before.size === certPems.length &&
    certPems.every((pem) => before.has(pem));
  return same ? undefined : { ...credentials, certPems: [...certPems] };
}

/** Keeps them, unless this machine has joined anew meanwhile. */
export function keepCredentials(
  stateDirectory: string,
  renewed: Credentials,
): void {
  if (loadCredentials(stateDirectory)?.secret !== renewed.secret) return;
  saveCredentials(stateDirectory, renewed);
}

/** True when a connection failed since the server's certificate is none of those that are pinned. */
export function isForeign(reason: string): boolean {
  return /invalid peer certificate/i.test(reason);
}
