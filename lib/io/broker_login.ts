/**
 * The server's own login at an external broker, kept where only the server reads it: a password in
 * `--broker` would be in the list of processes.
 *
 * @module
 */
import { accountOf } from "../core/broker_acl.ts";
import { replaceFile } from "./replace_file.ts";
import { makeSecret } from "./secret_hash.ts";
import { serverId } from "./server_identity.ts";

/** Name and password of the server's login. */
export interface BrokerLogin {
  readonly name: string;
  readonly secret: string;
}

/** The login of `<root>/.sinkd/broker-login` (0600), made when it is missing. */
export function ensureBrokerLogin(ownDirectory: string): BrokerLogin {
  const file = `${ownDirectory}/broker-login`;
  const known = readIfAny(file);
  if (known !== undefined) {
    const [name = "", ...rest] = known.trim().split(":");
    const secret = rest.join(":");
    if (name !== "" && secret !== "") return { name, secret };
    throw new Error(
      `Cannot use ${file}: it is not NAME:PASSWORD; remove it, and give the broker what 'sinkd server broker-acl' prints then`,
    );
  }
  const name = accountOf(serverId(ownDirectory));
  const login = { name, secret: makeSecret() };
  replaceFile(file, `${login.name}:${login.secret}\n`);
  return login;
}

function readIfAny(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
