/**
 * `sinkd server adduser|rmuser|users|clients|revoke`: accounts, in the databases below the root. They
 * work whether the server runs or not; one that runs is told what it must drop.
 *
 * @module
 */
import { UsageError } from "../../core/fault.ts";
import { formatJoinLink } from "../../core/join_link.ts";
import { nameFault } from "../../core/path.ts";
import { NO_QUOTA, usageText } from "../../core/quota.ts";
import { Accounts, type ClientAccount } from "../../io/accounts.ts";
import { ensureCertificate } from "../../io/certificate.ts";
import { closeRestoreAccess } from "../../io/restore_access.ts";
import { assertServerRoot, serverOwnDirectory } from "../../io/server_root.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { serverRoot } from "../places.ts";
import { counted } from "../../core/plural.ts";
import { plain } from "../../core/plain_text.ts";
import { columns, painter } from "../render/style.ts";
import { tryAskServer } from "./ask.ts";
import { linkAddress } from "./link_address.ts";
import { restoreOf } from "./restore_access.ts";

/** `sinkd server adduser NAME`. */
export async function addUser(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  const user = given.operands[0] ?? "";
  const fault = nameFault(user);
  if (fault !== undefined) {
    throw new UsageError(`Cannot add user '${user}': the name ${fault}`);
  }
  await assertServerRoot(root);
  const { fingerprint } = await ensureCertificate(serverOwnDirectory(root));
  const { host, port } = await linkAddress(given, context);
  using accounts = Accounts.create(root, user);
  const token = accounts.createJoinToken(Date.now());
  context.out(`${formatJoinLink({ user, token, host, port, fingerprint })}\n`);
  context.say(
    "The link is good for one machine, for 24 hours; run there, and paste it: sinkd join -",
  );
  const restore = restoreOf(root, user, host);
  if (restore !== undefined) {
    context.say(
      `To read ${plain(user)}'s tree with rsync: ${plain(restore.url)}`,
    );
    context.say(`Password for that: ${restore.password}`);
  }
  return EXIT.done;
}

/** `sinkd server rmuser NAME`. */
export async function removeUser(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  await assertServerRoot(root);
  const user = given.operands[0] ?? "";
  const clients = clientsOf(root, user).filter((client) => !client.revoked);
  Accounts.remove(root, user);
  closeRestoreAccess(root, user);
  for (const { client } of clients) {
    await tellRevoked({ user, client }, given, context);
  }
  context.out(
    `${plain(user)} is revoked on ${
      counted(clients.length, "machine")
    }; the files stay in ${plain(`${root}/${user}`)} until you delete them.\n`,
  );
  return EXIT.done;
}

/** `sinkd server users`. */
export async function listUsers(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  await assertServerRoot(root);
  const users = Accounts.listUsers(root);
  printColumns(
    users.map((user) => {
      const live = clientsOf(root, user).filter((client) => !client.revoked);
      const restore = restoreOf(root, user, Deno.hostname());
      return [
        user,
        counted(live.length, "client"),
        hasText(root, user),
        restore?.url ?? "",
        given.flag("passwords") ? restore?.password ?? "" : "",
      ];
    }),
    context,
  );
  if (users.length === 0) {
    context.say("No users yet; make one: sinkd server adduser NAME");
  }
  return EXIT.done;
}

/** `sinkd server clients [NAME]`. */
export async function listClients(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  await assertServerRoot(root);
  const [named] = given.operands;
  const users = named === undefined ? Accounts.listUsers(root) : [named];
  const rows = users.flatMap((user) =>
    clientsOf(root, user).map((client) => [
      `${user}/${client.client}`,
      client.host,
      `joined ${new Date(client.createdMs).toISOString().slice(0, 10)}`,
      client.revoked ? "revoked" : "",
    ])
  );
  printColumns(rows, context);
  if (rows.length === 0) {
    context.say(
      "No machine has joined yet; run there: sinkd join -, with the link that adduser printed",
    );
  }
  return EXIT.done;
}

/** `sinkd server revoke NAME/CLIENT`. */
export async function revoke(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  const [user = "", client = "", ...rest] = (given.operands[0] ?? "")
    .split("/");
  if (user === "" || client === "" || rest.length > 0) {
    throw new UsageError(
      `Cannot revoke '${
        given.operands[0]
      }': write it as NAME/CLIENT, as 'sinkd server clients' shows it`,
    );
  }
  await assertServerRoot(root);
  using accounts = openUser(root, user);
  if (!accounts.revoke(client)) {
    const known = accounts.clients().some((each) => each.client === client);
    if (!known) {
      throw new UsageError(
        `Cannot revoke '${user}/${client}': there is no such client; 'sinkd server clients ${user}' lists them`,
      );
    }
    context.out(`${plain(`${user}/${client}`)} was revoked before.\n`);
    return EXIT.done;
  }
  await tellRevoked({ user, client }, given, context);
  context.out(
    `${plain(`${user}/${client}`)} is revoked; the files it has stay there.\n`,
  );
  return EXIT.done;
}

/** The accounts of a user; throws when there is none of that name. */
export function openUser(root: string, user: string): Accounts {
  const accounts = Accounts.open(root, user);
  if (accounts === undefined) {
    throw new UsageError(
      `There is no user '${user}' in ${root}; 'sinkd server users' lists them, 'sinkd server adduser' makes one`,
    );
  }
  return accounts;
}

/** What a user has, of its own quota, in words. */
export function hasText(root: string, user: string): string {
  using accounts = openUser(root, user);
  const quota = accounts.quota();
  const text = usageText(accounts.usage(), quota ?? NO_QUOTA);
  return quota === undefined ? `${text} (default quota)` : text;
}

function clientsOf(root: string, user: string): ClientAccount[] {
  using accounts = openUser(root, user);
  return accounts.clients();
}

/** The database is what counts; a server that runs also drops the open connection. */
async function tellRevoked(
  who: { readonly user: string; readonly client: string },
  given: Arguments,
  context: Context,
): Promise<void> {
  const running = await tryAskServer(given, context.around, {
    command: "status",
  });
  if (running?.reply.ok !== true || running.reply.report?.role !== "server") {
    return;
  }
  const told = await tryAskServer(given, context.around, {
    command: "revoked",
    ...who,
  });
  if (told?.reply.ok === false) {
    context.say(
      `sinkd: revoked, but the server that runs did not drop the connection: ${told.reply.message}`,
    );
  }
}

function printColumns(
  rows: readonly (readonly string[])[],
  context: Context,
): void {
  const cells = rows.map((row) => row.map((text) => ({ text: plain(text) })));
  for (const line of columns(cells, [], painter(false))) {
    context.out(`${line.trimEnd()}\n`);
  }
}
