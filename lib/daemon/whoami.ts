/**
 * Who this server is among others.
 *
 * @module
 */
import { hostText } from "../core/said.ts";
import type { ServerRef } from "../core/fleet_protocol.ts";
import { serverId } from "../io/server_identity.ts";
import { serverOwnDirectory } from "../io/server_root.ts";
import { randomHex } from "../io/turn_lines.ts";
import type { ServerOptions } from "./server_options.ts";

/** `undefined` for the one server of an embedded broker. */
export function whoami(
  { broker, root, address }: Pick<ServerOptions, "broker" | "root" | "address">,
): ServerRef | undefined {
  if (broker === undefined) return undefined;
  return {
    id: serverId(serverOwnDirectory(root)),
    boot: randomHex(8),
    name: hostText(Deno.hostname()),
    address,
  };
}
