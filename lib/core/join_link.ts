/**
 * Join links: everything a new client needs to reach its server and to know it when it sees it.
 *
 * @module
 */
import { nameFault } from "./path.ts";
import type { Parsed } from "./protocol.ts";

/** What a join link says. `fingerprint` is the SHA-256 of the server certificate's DER in lower-case hex. */
export interface JoinLink {
  readonly user: string;
  /** Single-use secret, base64url. */
  readonly token: string;
  /** Host name or address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly fingerprint: string;
}

const MAX_LINK_LENGTH = 1024;
const LINK =
  /^sinkd:\/\/([^:@/#\s]+):([^:@/#\s]+)@([^@/#\s]+):(\d{1,5})#(\S+)$/;

/**
 * The link as one line without spaces.
 *
 * @example
 * ```ts
 * import { formatJoinLink, parseJoinLink } from "./join_link.ts";
 * import assert from "node:assert/strict";
 * const link = { user: "alice", token: "t0ken", host: "::1", port: 8883, fingerprint: "0".repeat(64) };
 * const text = formatJoinLink(link);
 * assert.ok(text.startsWith("sinkd://alice:t0ken@[::1]:8883#"));
 * assert.deepEqual(parseJoinLink(text), { ok: true, value: link });
 * ```
 */
export function formatJoinLink(link: JoinLink): string {
  const host = link.host.includes(":") ? `[${link.host}]` : link.host;
  return `sinkd://${
    encodeURIComponent(link.user)
  }:${link.token}@${host}:${link.port}#${link.fingerprint}`;
}

/** Reads a link; spaces around it are ignored. The reason says which part is wrong and what to do. */
export function parseJoinLink(text: string): Parsed<JoinLink> {
  if (text.length > MAX_LINK_LENGTH) return wrong("it is too long");
  const [, name, token, bracketed, digits, fingerprint] =
    LINK.exec(text.trim()) ?? [];
  if (
    name === undefined || token === undefined || bracketed === undefined ||
    digits === undefined || fingerprint === undefined
  ) {
    return wrong(
      "it is not of the form sinkd://USER:TOKEN@HOST:PORT#FINGERPRINT",
    );
  }
  const user = decodeName(name);
  if (user === undefined) return wrong("its user name is not valid");
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(token)) {
    return wrong("its token is not valid");
  }
  const host = unbracket(bracketed);
  if (host === undefined) return wrong("its host is not valid");
  const port = Number(digits);
  if (port < 1 || port > 65_535) return wrong("its port is not valid");
  if (!/^[0-9a-fA-F]{64}$/.test(fingerprint)) {
    return wrong("its fingerprint after '#' is not 64 hexadecimal digits");
  }
  return {
    ok: true,
    value: { user, token, host, port, fingerprint: fingerprint.toLowerCase() },
  };
}

function wrong(what: string): { ok: false; reason: string } {
  return {
    ok: false,
    reason:
      `Cannot use the join link: ${what}; copy the whole line that 'sinkd server adduser' printed, in quotes`,
  };
}

function decodeName(text: string): string | undefined {
  try {
    const name = decodeURIComponent(text);
    return nameFault(name) === undefined ? name : undefined;
  } catch {
    return undefined;
  }
}

function unbracket(host: string): string | undefined {
  if (host.startsWith("[")) {
    const address = host.slice(1, -1);
    return host.endsWith("]") && /^[0-9a-fA-F:.%]+$/.test(address)
      ? address
      : undefined;
  }
  return /^[^[\]:]{1,255}$/.test(host) ? host : undefined;
}
