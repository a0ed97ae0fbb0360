/**
 * What a client's configuration and credentials say about the places and addresses it needs.
 *
 * @module
 */
import { brokerAddress, joinAddress } from "../core/address.ts";
import type { Surroundings } from "./context.ts";
import { type ClientPlaces, homeDirectory } from "./places.ts";
import { loadConfig } from "../io/config_file.ts";
import { loadCredentials } from "../io/credentials.ts";

/** Anchors' directories and the server's addresses; a file that cannot be used gives none, since the
 * client itself reports it. */
export async function knownClient(
  places: ClientPlaces,
  around: Surroundings,
): Promise<{ anchors: string[]; addresses: string[] }> {
  const config = await attempt(() =>
    loadConfig({
      machineFile: places.machineConfig,
      userFile: places.userConfig,
      home: homeDirectory(around),
    })
  );
  const credentials = await attempt(() =>
    loadCredentials(places.stateDirectory)
  );
  const addresses = [
    config?.serverAddr,
    credentials?.address,
    credentials?.movedTo,
  ];
  const broker = brokerAddress(credentials?.broker ?? "");
  if (broker !== undefined) {
    addresses.push(joinAddress(broker.host, broker.port));
  }
  const anchors = config?.anchors ?? [];
  return {
    anchors: await directoriesFor(anchors.map(({ path }) => path), places),
    addresses: addresses.filter((address) => address !== undefined),
  };
}

/** A single-file anchor works in the directory that the file is in, also while it is not there. */
async function directoriesFor(
  paths: readonly string[],
  { stateDirectory }: ClientPlaces,
): Promise<string[]> {
  const files = new Set(paths.filter(isFile));
  if (paths.some((path) => !files.has(path) && !isDirectory(path))) {
    const { recordedAnchors } = await import("../io/recorded_anchors.ts");
    for (const { path, single } of recordedAnchors(stateDirectory)) {
      if (single) files.add(path);
    }
  }
  return paths.map((path) =>
    files.has(path) ? path.slice(0, Math.max(1, path.lastIndexOf("/"))) : path
  );
}

function isFile(path: string): boolean {
  return infoOf(path)?.isFile === true;
}

function isDirectory(path: string): boolean {
  return infoOf(path)?.isDirectory === true;
}

/** What cannot be looked at is said by the client. */
function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

async function attempt<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
