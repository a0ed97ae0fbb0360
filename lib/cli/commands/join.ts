/**
 * `sinkd join LINK`: trades the link for this machine's own credentials.
 *
 * @module
 */
import { splitAddress } from "../../core/address.ts";
import { UsageError } from "../../core/fault.ts";
import { parseJoinLink } from "../../core/join_link.ts";
import {
  isSameServer,
  type Membership,
  moveQuestion,
} from "../../core/join_move.ts";
import { nameFault } from "../../core/path.ts";
import { hostText } from "../../core/said.ts";
import { loadConfig } from "../../io/config_file.ts";
import { fingerprintOf } from "../../io/certificate.ts";
import {
  type Credentials,
  joinAddress,
  loadCredentials,
  saveCredentials,
} from "../../io/credentials.ts";
import { holdFile } from "../../io/directory_lock.ts";
import { joinServer } from "../../io/join.ts";
import { recordedAnchors } from "../../io/recorded_anchors.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { clientPlaces, homeDirectory, joinLinkText } from "../places.ts";
import { plain } from "../../core/plain_text.ts";

/** See the module. */
export async function join(
  given: Arguments,
  context: Context,
): Promise<number> {
  const link = parseJoinLink(joinLinkText(given, context.around));
  if (!link.ok) throw new UsageError(link.reason);
  const host = hostText(Deno.hostname());
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
  const { stateDirectory } = places;
  const before = loadCredentials(stateDirectory);
  const membership = membershipOf(before, stateDirectory);
  const { user, fingerprint } = link.value;
  const address = joinAddress(link.value.host, link.value.port);
  const to = { user, address, fingerprint };
  const question = moveQuestion(membership, to, config.anchors);
  if (question !== undefined && !given.flag("move")) {
    throw new UsageError(plain(question), EXIT.person);
  }
  // One that runs would go on as before.
  using _stopped = question === undefined
    ? undefined
    : holdState(stateDirectory);
  const again = before?.user === user && before.client === client &&
    membership !== undefined && isSameServer(membership, to);
  const credentials = await joinServer(link.value, {
    client,
    host,
    ...(again ? { secret: before.secret } : {}),
  });
  saveCredentials(stateDirectory, credentials);

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

/** As whom this machine synced until now, by its credentials, or where these are gone by its record. */
function membershipOf(
  before: Credentials | undefined,
  stateDirectory: string,
): Membership | undefined {
  if (before !== undefined) {
    const { user, address, movedTo, certPems } = before;
    return {
      user,
      addresses: [address, ...(movedTo === undefined ? [] : [movedTo])],
      fingerprints: certPems.map(fingerprintOf),
    };
  }
  const [recorded] = recordedAnchors(stateDirectory);
  return recorded === undefined
    ? undefined
    : { user: recorded.user, addresses: [], fingerprints: [] };
}

function holdState(stateDirectory: string): Disposable {
  Deno.mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const hold = holdFile(`${stateDirectory}/client.lock`, "sinkd join");
  if (hold.kind === "held") return hold;
  throw new UsageError(
    `Cannot move the anchors while the client runs: stop it first, 'sinkd client stop --pid ${hold.says}', then use the link again`,
    EXIT.person,
  );
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
