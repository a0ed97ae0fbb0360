/**
 * `sinkd join LINK`: trades the link for this machine's own credentials.
 *
 * @module
 */
import { splitAddress } from "../../core/address.ts";
import { UsageError } from "../../core/fault.ts";
import { parseJoinLink } from "../../core/join_link.ts";
import { nameFault } from "../../core/path.ts";
import { loadConfig } from "../../io/config_file.ts";
import { loadCredentials, saveCredentials } from "../../io/credentials.ts";
import { joinServer } from "../../io/join.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { clientPlaces, homeDirectory, joinLinkText } from "../places.ts";
import { plain } from "../render/style.ts";

/** See the module. */
export async function join(
  given: Arguments,
  context: Context,
): Promise<number> {
  const link = parseJoinLink(joinLinkText(given, context.around));
  if (!link.ok) throw new UsageError(link.reason);
  const host = Deno.hostname();
  const client = given.text("name") ?? clientNameOf(host);
  const fault = nameFault(client);
  if (fault !== undefined) {
    throw new UsageError(
      `Cannot join as '${client}': the name ${fault}; name this machine with --name`,
    );
  }
  const places = clientPlaces(given, context.around);
  const config = loadConfig({
    machineFile: places.machineConfig,
    userFile: places.userConfig,
    home: homeDirectory(context.around),
  });
  const before = loadCredentials(places.stateDirectory);
  const again = before?.user === link.value.user && before.client === client;
  const credentials = await joinServer(link.value, {
    client,
    host,
    ...(again ? { secret: before.secret } : {}),
  });
  saveCredentials(places.stateDirectory, credentials);

  context.out(
    `${
      plain(`${credentials.user}/${client}`)
    } has joined ${credentials.address}.\n`,
  );
  if (before !== undefined) {
    context.say(
      `It was ${
        plain(`${before.user}/${before.client}`)
      } at ${before.address} before; if a client runs, restart it: sinkd client restart`,
    );
  }
  const other = config.serverAddr;
  if (other !== undefined && !sameAddress(other, credentials.address)) {
    context.say(
      `server_addr in the configuration is ${
        plain(other)
      }, and that is what the client will use; take it out if that is wrong.`,
    );
  }
  context.say(
    config.anchors.length === 0
      ? "Now name what to sync: sinkd add PATH"
      : "Now start it: sinkd client start",
  );
  return EXIT.done;
}

/**
 * The first label of a host name, as a client may be called.
 *
 * @example
 * ```ts
 * import { clientNameOf } from "./join.ts";
 * import assert from "node:assert/strict";
 * assert.equal(clientNameOf("lap+top.local"), "lap-top");
 * assert.equal(clientNameOf(""), "client");
 * ```
 */
export function clientNameOf(host: string): string {
  const label = host.split(".")[0] ?? "";
  const name = label.replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "");
  return name === "" ? "client" : name.slice(0, 64);
}

function sameAddress(left: string, right: string): boolean {
  const [a, b] = [splitAddress(left), splitAddress(right)];
  return a?.host === b?.host && a?.port === b?.port;
}
