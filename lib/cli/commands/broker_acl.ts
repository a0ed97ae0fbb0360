/**
 * `sinkd server broker-acl`: what an external mosquitto needs, as the lines of its files.
 *
 * @module
 */
import {
  aclLines,
  brokerNameFault,
  type ClientName,
} from "../../core/broker_acl.ts";
import { Accounts } from "../../io/accounts.ts";
import { ensureBrokerLogin } from "../../io/broker_login.ts";
import { hashSecret } from "../../io/secret_hash.ts";
import { assertServerRoot, serverOwnDirectory } from "../../io/server_root.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { serverRoot } from "../places.ts";
import { plain } from "../../core/plain_text.ts";

/** See the module. */
export async function brokerAcl(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  await assertServerRoot(root);
  const login = ensureBrokerLogin(serverOwnDirectory(root));
  const passwords: string[] = [];
  const clients: ClientName[] = [];
  for (const user of Accounts.listUsers(root)) {
    using accounts = Accounts.open(root, user);
    for (const { client, revoked } of accounts?.clients() ?? []) {
      if (revoked) continue;
      const fault = brokerNameFault({ user, client });
      if (fault === undefined) clients.push({ user, client });
      else {
        context.say(
          `Left out: the name ${
            plain(`${user}/${client}`)
          } ${fault}; join that machine again with --name`,
        );
      }
    }
    passwords.push(...accounts?.passwordLines(user) ?? []);
  }
  const named = new Set(clients.map(({ user, client }) => `${user}/${client}`));
  const lines = given.flag("passwords")
    ? [
      `${login.name}:${hashSecret(login.secret)}`,
      ...passwords.filter((line) =>
        named.has(line.slice(0, line.indexOf(":")))
      ),
    ]
    : aclLines(login.name, clients);
  context.out(`${lines.join("\n")}\n`);
  return EXIT.done;
}
