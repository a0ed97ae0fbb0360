/**
 * Where sinkd's own places really are, and how one that nobody named is told by what lies in it.
 *
 * @module
 */
import { OWN_NAME } from "../core/own_name.ts";
import { ownPathsIn, placeAround, usualPlaces } from "../core/own_places.ts";
import { lstatIfAny } from "./files.ts";
import { socketPathOf } from "./pid_file.ts";

/** The places that a client was started with. */
export interface NamedPlaces {
  readonly machineConfig: string;
  readonly userConfig: string;
  readonly stateDirectory: string;
  readonly pidFile: string | undefined;
  readonly home: string;
}

/** All own places as absolute paths, as they were named and as they really are. */
export function ownPlaces(named: NamedPlaces): string[] {
  const { machineConfig, userConfig, stateDirectory, pidFile, home } = named;
  const places = [
    stateDirectory,
    machineConfig,
    userConfig,
    ...(pidFile === undefined ? [] : [pidFile, socketPathOf(pidFile)]),
    ...usualPlaces(home),
  ];
  return [...new Set([...places, ...places.map(realPathOf)])];
}

/** `path` with the links on the way to it resolved, as far as it exists and may be read. */
export function realPathOf(path: string): string {
  let rest = "";
  for (let known = path; known !== "" && known !== "/";) {
    try {
      return Deno.realPathSync(known) + rest;
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
    }
    const slash = known.lastIndexOf("/");
    rest = known.slice(slash) + rest;
    known = known.slice(0, slash);
  }
  return path;
}

/** Why an anchor cannot be synced: it is one of the own places, or lies in one. */
export function ownPlaceFault(
  path: string,
  places: readonly string[],
): string | undefined {
  const roots = [path, realPathOf(path)];
  const place = placeAround(roots, places) ?? roots.map(serverRootAround)
    .find((root) => root !== undefined);
  if (place === undefined) return undefined;
  const where = place === path
    ? `'${path}'`
    : `'${path}' is in '${place}', which`;
  return `${where} is where sinkd keeps files of its own; choose another directory`;
}

/** The own places that are in an anchor now, as absolute paths below `path`. */
export function ownPlacesIn(path: string, places: readonly string[]): string[] {
  const { paths } = ownPathsIn([path, realPathOf(path)], places);
  return [...paths].map((own) => `${path === "/" ? "" : path}/${own}`)
    .filter(isThere).sort();
}

/** True when a directory with these names in it is a client's state, a server's root or a user's tree there. */
export function isOwnPlace(
  full: string,
  names: { has(name: string): boolean },
): boolean {
  if (names.has("credentials.json") && names.has("client.db")) return true;
  return names.has(OWN_NAME) && isServerRoot(full);
}

function serverRootAround(path: string): string | undefined {
  for (let above = path; above !== ""; above = parentOf(above)) {
    if (isServerRoot(above)) return above;
  }
  return undefined;
}

function isServerRoot(directory: string): boolean {
  return ["key.pem", "clients.json"].some((name) => {
    try {
      return Deno.lstatSync(`${directory}/${OWN_NAME}/${name}`).isFile;
    } catch (error) {
      if (isOutOfReach(error)) return false;
      throw error;
    }
  });
}

function isThere(path: string): boolean {
  try {
    return lstatIfAny(path) !== undefined;
  } catch (error) {
    if (isOutOfReach(error)) return false;
    throw error;
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function isOutOfReach(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.FilesystemLoop;
}
