/**
 * Hashes of client secrets, in the form that mosquitto's password files use.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

// Secrets are 256 random bits, so there is nothing to slow down a guesser for; this is mosquitto's own count.
const ITERATIONS = 101;
const SALT_BYTES = 12;
const HASH_BYTES = 64;
const HASH = /^\$7\$(\d{1,7})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/;

/** A fresh secret: 32 random bytes as base64url. */
export function makeSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** `$7$<iterations>$<salt>$<PBKDF2-SHA512>`, salt and hash in base64. */
export function hashSecret(secret: string): string {
  const salt = randomBytes(SALT_BYTES);
  const hash = derive(secret, salt, ITERATIONS);
  return `$7$${ITERATIONS}$${salt.toString("base64")}$${
    hash.toString("base64")
  }`;
}

/** True when `secret` is the one that was hashed; takes the same time whichever byte differs. */
export function matchesHash(secret: string, hashed: string): boolean {
  const [, iterations, salt, hash] = HASH.exec(hashed) ?? [];
  if (iterations === undefined || salt === undefined || hash === undefined) {
    throw new Error("Cannot check secret: the stored hash is malformed");
  }
  const expected = Buffer.from(hash, "base64");
  const actual = derive(
    secret,
    Buffer.from(salt, "base64"),
    Number(iterations),
  );
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function derive(secret: string, salt: Uint8Array, iterations: number): Buffer {
  return pbkdf2Sync(secret, salt, iterations, HASH_BYTES, "sha512");
}
