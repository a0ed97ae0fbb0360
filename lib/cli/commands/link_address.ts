/**
 * The address that goes into a join link: as said, else where the running server listens, else this
 * machine and the standard port.
 *
 * @module
 */
import { type Address, joinAddress, splitAddress } from "../../core/address.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { tryAskServer } from "./ask.ts";
import { DEFAULT_LISTEN } from "./server.ts";

const EVERYWHERE: readonly string[] = ["0.0.0.0", "::"];
/** Names of interfaces that other machines do not reach. */
const INNER_INTERFACE = /^(lo|docker|br-|veth|virbr|vmnet|tun|tap|cni|podman)/;

/** See the module. Says on stderr when it had to guess. */
export async function linkAddress(
  given: Arguments,
  context: Context,
): Promise<Address> {
  const said = splitAddress(given.text("address") ?? "");
  if (said !== undefined) return said;
  const listen = splitAddress(await listenText(given, context)) ??
    { host: "0.0.0.0", port: 8883 };
  const host = EVERYWHERE.includes(listen.host)
    ? reachableHost(Deno.networkInterfaces(), Deno.hostname())
    : listen.host;
  const inner = host === "localhost" || host.startsWith("127.") ||
    host === "::1";
  context.say(
    inner
      ? `This link works on this machine only (${
        joinAddress(host, listen.port)
      }); for others give --address HOST:PORT.`
      : `This link leads to ${
        joinAddress(host, listen.port)
      }; if clients reach this server elsewhere, give --address HOST:PORT.`,
  );
  return { host, port: listen.port };
}

/** The first IPv4 address that other machines may reach, else the host name. */
export function reachableHost(
  interfaces: readonly Pick<
    Deno.NetworkInterfaceInfo,
    "name" | "family" | "address"
  >[],
  hostname: string,
): string {
  const outer = interfaces.find((each) =>
    each.family === "IPv4" && !INNER_INTERFACE.test(each.name) &&
    !each.address.startsWith("127.") && !each.address.startsWith("169.254.")
  );
  return outer?.address ?? hostname;
}

/** Of another root than the default one, only a named pid file tells which server is meant. */
async function listenText(given: Arguments, context: Context): Promise<string> {
  if (given.text("root") !== undefined && given.text("pid") === undefined) {
    return DEFAULT_LISTEN;
  }
  const running = await tryAskServer(given, context.around, {
    command: "status",
  });
  const report = running?.reply.ok === true ? running.reply.report : undefined;
  return report?.role === "server" ? report.listen : DEFAULT_LISTEN;
}
