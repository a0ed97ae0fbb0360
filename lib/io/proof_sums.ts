/**
 * Sums over buckets of paths: SHA-256 over what is recorded, in the order of paths.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import type { Entry } from "../core/entry.ts";
import { bucketOf, BUCKETS, proofText } from "../core/proof.ts";

const SUM_CHARACTERS = 32;
/** Text that is gathered before it is hashed. */
const GATHERED_CHARACTERS = 16_384;

/** Sums that grow entry by entry. */
export class ProofSums {
  readonly #texts: string[] = Array.from({ length: BUCKETS }, () => "");
  readonly #hashes = new Map<number, Hash>();

  /** Takes an entry in; entries come in the order of their paths. */
  add(path: string, entry: Entry): void {
    const bucket = bucketOf(path);
    const text = (this.#texts[bucket] ?? "") + proofText(path, entry);
    this.#texts[bucket] = text;
    if (text.length < GATHERED_CHARACTERS) return;
    this.#hashOf(bucket).update(text);
    this.#texts[bucket] = "";
  }

  /** The sums, in hex. Nothing can be added any more. */
  end(): string[] {
    return this.#texts.map((text, bucket) =>
      this.#hashOf(bucket).update(text).digest("hex").slice(0, SUM_CHARACTERS)
    );
  }

  #hashOf(bucket: number): Hash {
    const known = this.#hashes.get(bucket);
    if (known !== undefined) return known;
    const made = createHash("sha256");
    this.#hashes.set(bucket, made);
    return made;
  }
}
