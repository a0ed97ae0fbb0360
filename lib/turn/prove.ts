/**
 * The client's side of a proof of agreement: compares records, then digests, and tells what differs.
 *
 * @module
 */
import type { Entry } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import {
  type Claim,
  differingPaths,
  type Recorded,
  unequalBuckets,
} from "../core/proof.ts";
import {
  CLAIMS_PER_MESSAGE,
  type ProofAnswer,
  type ProofAsk,
} from "../core/proof_protocol.ts";

/** The client's end of the channel. */
export interface ProofLine {
  send(message: ProofAsk): Promise<void>;
  /** The next message; throws when the channel ends, or on a message that does not parse. */
  receive(): Promise<ProofAnswer>;
}

/** The client's record of one anchor. */
export interface ProofRecord {
  /** Sums of all buckets. */
  sums(): Promise<readonly string[]>;
  /** What is recorded in these buckets. */
  listed(buckets: ReadonlySet<number>): Promise<readonly Recorded[]>;
  /** True when an entry is none of the anchor's. */
  passesOver(path: RelativePath, entry: Entry): boolean;
  /** Digests that the server has not confirmed, after those of path `after`. */
  unproved(after: string, limit: number): readonly Claim[];
  /** Takes note of digests that the server confirmed. */
  proved(claims: readonly Claim[]): void;
}

/** What came of it. `moved`: the server is at another stamp, or busy. */
export type ProofEnd =
  | { readonly kind: "moved" }
  | {
    readonly kind: "compared";
    /** Where the records differ. */
    readonly records: readonly RelativePath[];
    /** Where bytes differ although size and mtime agree. */
    readonly bytes: readonly RelativePath[];
    /** Digests that the server will know later. */
    readonly unknown: number;
  };

/** Asks the server and compares. */
export async function prove(
  line: ProofLine,
  ask: Extract<ProofAsk, { kind: "prove" }>,
  record: ProofRecord,
): Promise<ProofEnd> {
  const own = await record.sums();
  await line.send(ask);
  const answer = await line.receive();
  if (answer.kind === "moved") return { kind: "moved" };
  if (answer.kind !== "sums") throw unexpected(answer, "sums");
  const buckets = unequalBuckets(own, answer.sums);
  const records = buckets.length === 0
    ? []
    : await compareBuckets(line, buckets, record);
  const judged = await proveDigests(line, record);
  await line.send({ kind: "end" });
  return {
    kind: "compared",
    records,
    bytes: [...new Set([...judged.different, ...answer.damaged])],
    unknown: judged.unknown,
  };
}

async function compareBuckets(
  line: ProofLine,
  buckets: number[],
  record: ProofRecord,
): Promise<RelativePath[]> {
  const ours = await record.listed(new Set(buckets));
  await line.send({ kind: "list", buckets });
  const theirs: Recorded[] = [];
  for (;;) {
    const answer = await line.receive();
    if (answer.kind !== "entries") throw unexpected(answer, "entries");
    theirs.push(...answer.entries);
    if (!answer.last) continue;
    const end = answer.cut ? theirs.at(-1)?.path : undefined;
    const told = end === undefined
      ? ours
      : ours.filter(({ path }) => isBefore(path, end));
    return differingPaths(
      told,
      theirs,
      (path, entry) => record.passesOver(path, entry),
    );
  }
}

async function proveDigests(
  line: ProofLine,
  record: ProofRecord,
): Promise<{ different: RelativePath[]; unknown: number }> {
  const different: RelativePath[] = [];
  let unknown = 0;
  let after = "";
  for (;;) {
    const claims = record.unproved(after, CLAIMS_PER_MESSAGE);
    if (claims.length === 0) return { different, unknown };
    after = claims.at(-1)?.path ?? after;
    await line.send({ kind: "digests", claims: [...claims] });
    const answer = await line.receive();
    if (answer.kind !== "judged") throw unexpected(answer, "judged");
    const open = new Set([...answer.different, ...answer.unknown]);
    record.proved(claims.filter((_, index) => !open.has(index)));
    for (const index of answer.different) {
      const path = claims[index]?.path;
      if (path !== undefined) different.push(path);
    }
    unknown += answer.unknown.length;
  }
}

/** In the order of the records: by bytes of UTF-8, which is the order of code points. */
function isBefore(path: string, end: string): boolean {
  const [left, right] = [[...path], [...end]];
  for (const [index, character] of left.entries()) {
    const other = right[index];
    if (other === undefined) return false;
    if (character !== other) {
      return (character.codePointAt(0) ?? 0) < (other.codePointAt(0) ?? 0);
    }
  }
  return true;
}

function unexpected(answer: ProofAnswer, wanted: string): Error {
  return new Error(
    answer.kind === "fail"
      ? `the server says: ${answer.message}`
      : `Cannot compare with the server: got '${answer.kind}', not '${wanted}'`,
  );
}
