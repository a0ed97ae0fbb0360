/**
 * Network addresses as text: `host:port`, with brackets around an IPv6 address.
 *
 * @module
 */

/** Host without brackets, and port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s/@#]{1,255})):(\d{1,5})$/;

/**
 * Splits `host:port` or `[v6]:port`; `undefined` when it is neither.
 *
 * @example
 * ```ts
 * import { splitAddress } from "./address.ts";
 * import assert from "node:assert/strict";
 * assert.deepEqual(splitAddress("[::1]:8883"), { host: "::1", port: 8883 });
 * assert.equal(splitAddress("8883"), undefined);
 * ```
 */
export function splitAddress(text: string): Address | undefined {
  const match = ADDRESS.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) return undefined;
  return { host, port };
}

/** Inverse of {@linkcode splitAddress}. */
export function joinAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Host and port of an `mqtt:` or `mqtts:` URL, or `undefined` when it is none. */
export function brokerAddress(url: string): Address | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === "") return undefined;
  if (parsed.protocol !== "mqtt:" && parsed.protocol !== "mqtts:") {
    return undefined;
  }
  const standard = parsed.protocol === "mqtt:" ? 1883 : 8883;
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: parsed.port === "" ? standard : Number(parsed.port) };
}

/**
 * Whom an IP address is counted as: an IPv4 address as itself, also when it comes as IPv6, and an IPv6
 * address by its /64, which is what one subscriber has at least. Anything else as it is, cut short.
 *
 * @example
 * ```ts
 * import { networkOf } from "./address.ts";
 * import assert from "node:assert/strict";
 * assert.equal(networkOf("203.0.113.7"), "203.0.113.7");
 * assert.equal(networkOf("::ffff:203.0.113.7"), "203.0.113.7");
 * assert.equal(networkOf("2001:DB8::7:8:9"), "2001:db8:0:0::/64");
 * ```
 */
export function networkOf(address: string): string {
  const [bare = ""] = address.split("%");
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(bare);
  if (mapped?.[1] !== undefined) return mapped[1];
  const groups = groupsOf(bare);
  if (groups === undefined) return address.slice(0, MAX_OTHER);
  const network = groups.slice(0, 4).map((group) => group.toString(16));
  return `${network.join(":")}::/64`;
}

const MAX_OTHER = 64;

/** The eight numbers of an IPv6 address, or `undefined` when it is none. */
function groupsOf(text: string): number[] | undefined {
  if (!/^[0-9a-fA-F:]+(?:\d{1,3}(?:\.\d{1,3}){3})?$/.test(text)) {
    return undefined;
  }
  // A dotted end counts as two groups; which, matters to nobody who asks for the first four.
  const hex = text.replace(/\d{1,3}(?:\.\d{1,3}){3}$/, "0:0");
  const [head = "", tail, ...more] = hex.split("::");
  if (more.length > 0) return undefined;
  const numbers = (part: string) =>
    part === ""
      ? []
      : part.split(":").map((group) =>
        /^[0-9a-fA-F]{1,4}$/.test(group) ? parseInt(group, 16) : NaN
      );
  const [first, last] = [numbers(head), numbers(tail ?? "")];
  const lacking = 8 - first.length - last.length;
  if (tail === undefined ? lacking !== 0 : lacking < 1) return undefined;
  const groups = [...first, ...Array<number>(lacking).fill(0), ...last];
  return groups.some(Number.isNaN) ? undefined : groups;
}
