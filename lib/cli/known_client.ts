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
  return {
    anchors: (config?.anchors ?? []).map((anchor) => directoryFor(anchor.path)),
    addresses: addresses.filter((address) => address !== undefined),
  };
}

/** A single-file anchor works in the directory that the file is in. */
function directoryFor(path: string): string {
  try {
    if (!Deno.statSync(path).isFile) return path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

async function attempt<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
