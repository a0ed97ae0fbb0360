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
