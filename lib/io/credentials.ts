/**
 * What a client keeps from joining: who it is, where its server is, and how to know it.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { z } from "zod";
import { nameFault } from "../core/path.ts";
import { replaceFile } from "./replace_file.ts";

/** Most characters of an external broker's certificates. */
export const MAX_CA_CHARACTERS = 65_536;

const name = z.string().refine((text) => nameFault(text) === undefined);

const credentialsSchema = z.strictObject({
  user: name,
  client: name,
  secret: z.string().min(1).max(200),
  /** `host:port`; an IPv6 address is in brackets. */
  address: z.string().regex(/^.+:\d{1,5}$/),
  /** Where it went with its user, when that moved to another server. */
  movedTo: z.string().regex(/^.+:\d{1,5}$/).optional(),
  /** The certificates that the server may show. */
  certPems: z.array(z.string().startsWith("-----BEGIN CERTIFICATE-----"))
    .min(1).max(8),
  /** URL of an external broker; empty for the one in the server, at the same address. */
  broker: z.string().max(1024),
  /** Certificates (PEM) to trust that broker by; left out when the well-known ones do. */
  brokerCa: z.string().max(MAX_CA_CHARACTERS).optional(),
});

/** A client's credentials. */
export type Credentials = z.infer<typeof credentialsSchema>;

/** Keeps credentials in `credentials.json` (0600) of the state directory (0700). */
export function saveCredentials(
  stateDirectory: string,
  credentials: Credentials,
): void {
  const file = fileIn(stateDirectory);
  try {
    Deno.mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    Deno.chmodSync(stateDirectory, 0o700);
    replaceFile(file, `${JSON.stringify(credentials, undefined, 2)}\n`);
    Deno.chmodSync(file, 0o600);
  } catch (cause) {
    throw new Error(
      `Cannot keep credentials in ${file}: ${errorText(cause)}`,
      { cause },
    );
  }
}

/** The credentials of the state directory; `undefined` when this client has not joined. */
export function loadCredentials(
  stateDirectory: string,
): Credentials | undefined {
  const file = fileIn(stateDirectory);
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot read ${file}: ${errorText(cause)}`, { cause });
  }
  try {
    return credentialsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(
      `Cannot use ${file}: it is damaged; remove it and join again with a new link`,
      { cause },
    );
  }
}

/** `host:port` of an address apart; an IPv6 address without its brackets. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(address.slice(colon + 1)) };
}

/** Inverse of {@linkcode splitAddress}. */
export function joinAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function fileIn(stateDirectory: string): string {
  return `${stateDirectory}/credentials.json`;
}
