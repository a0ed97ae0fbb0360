/**
 * The server's side of a proof of agreement: sums and lists of its record, and its word on digests.
 *
 * @module
 */
import { parseExcludes } from "../core/excludes.ts";
import { nameOf, type RelativePath } from "../core/path.ts";
import type { Claim, Recorded } from "../core/proof.ts";
import {
  LISTED_PER_MESSAGE,
  MAX_LISTED,
  type ProofAnswer,
  type ProofAsk,
} from "../core/proof_protocol.ts";
import type { Selection } from "../core/selection.ts";
import { compareStamps } from "../core/stamp.ts";
import type { Head, Scope } from "../ports.ts";
import { scopeOf } from "./serve_turn.ts";

/** What a client's patterns may cost: many times what any need, and half a second for a page at most. */
const PATTERN_FUEL = { perPath: 200_000, most: 2_000_000 };

/** The server's end of the channel. */
export interface AnswerLine {
  send(message: ProofAnswer): Promise<void>;
  receive(): Promise<ProofAsk>;
}

/** What an anchor of a client chose of a user's tree. */
export interface Chosen {
  readonly scope: Scope;
  readonly selection: Selection;
}

/** One user's record and digests on the server. */
export interface ServerRecord {
  head(): Head;
  /** Sums of all buckets; what is passed over is not in them. */
  sums(chosen: Chosen): Promise<readonly string[]>;
  /** What is recorded in these buckets, passed over or not; at most `limit`, in the order of paths. */
  listed(
    chosen: Chosen,
    buckets: ReadonlySet<number>,
    limit: number,
  ): Promise<readonly Recorded[]>;
  /** Files whose bytes are not what came here. */
  damaged(scope: Scope): readonly RelativePath[];
  /** Has the files of a scope read again; until then their digests are unknown. */
  recheck(scope: Scope): void;
  /** What the server's own digest says; a file that is not known yet is read soon. */
  judge(scope: Scope, claim: Claim): "same" | "different" | "unknown";
}

/** Answers one client until it says `end`. */
export async function answerProof(
  line: AnswerLine,
  record: ServerRecord,
): Promise<void> {
  const ask = await line.receive();
  if (ask.kind !== "prove") throw unexpected(ask, "prove");
  const chosen = chosenBy(ask);
  if (chosen === undefined || !isAt(record.head(), ask)) {
    return await line.send({ kind: "moved" });
  }
  if (ask.recheck) record.recheck(chosen.scope);
  const sums = await record.sums(chosen);
  if (!isAt(record.head(), ask)) return await line.send({ kind: "moved" });
  const damaged = [...record.damaged(chosen.scope)];
  await line.send({ kind: "sums", sums: [...sums], damaged });
  let listed = false;
  for (;;) {
    const next = await line.receive();
    switch (next.kind) {
      case "list":
        if (listed) throw unexpected(next, "digests or end");
        listed = true;
        await sendList(line, record, { chosen, buckets: next.buckets });
        break;
      case "digests":
        await line.send(judge(record, chosen.scope, next.claims));
        break;
      case "end":
        return;
      case "prove":
      case "fail":
        throw unexpected(next, "list, digests or end");
    }
  }
}

function chosenBy(
  ask: Extract<ProofAsk, { kind: "prove" }>,
): Chosen | undefined {
  const { path, single, excludes, minSize, maxSize } = ask;
  const parsed = parseExcludes(excludes);
  if (!parsed.ok) return undefined;
  const only = single ? nameOf(path) : undefined;
  return {
    scope: scopeOf(path, single),
    selection: {
      rules: { ...parsed.rules, fuel: { left: 0, ...PATTERN_FUEL } },
      only,
      minSize,
      maxSize,
    },
  };
}

function isAt(
  head: Head,
  { epoch, stamp }: Extract<ProofAsk, { kind: "prove" }>,
): boolean {
  return head.epoch === epoch && compareStamps(head.stamp, stamp) === 0;
}

async function sendList(
  line: AnswerLine,
  record: ServerRecord,
  { chosen, buckets }: { chosen: Chosen; buckets: readonly number[] },
): Promise<void> {
  const found = await record.listed(chosen, new Set(buckets), MAX_LISTED + 1);
  const listed = found.slice(0, MAX_LISTED);
  for (let start = 0;; start += LISTED_PER_MESSAGE) {
    const end = start + LISTED_PER_MESSAGE;
    const last = end >= listed.length;
    await line.send({
      kind: "entries",
      entries: listed.slice(start, end),
      last,
      cut: last && found.length > listed.length,
    });
    if (last) return;
  }
}

function judge(
  record: ServerRecord,
  scope: Scope,
  claims: readonly Claim[],
): ProofAnswer {
  const said = claims.map((claim) => record.judge(scope, claim));
  const those = (what: string) =>
    [...said.keys()].filter((index) => said[index] === what);
  return {
    kind: "judged",
    different: those("different"),
    unknown: those("unknown"),
  };
}

function unexpected(ask: ProofAsk, wanted: string): Error {
  const said = ask.kind === "fail"
    ? `the client says ${ask.message}`
    : `got '${ask.kind}', not '${wanted}'`;
  return new Error(`Cannot answer: ${said}`);
}
