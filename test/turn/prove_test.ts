import assert from "node:assert/strict";
import type { Entry } from "../../lib/core/entry.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { bucketOf, type Claim, type Recorded } from "../../lib/core/proof.ts";
import {
  MAX_LISTED,
  type ProofAnswer,
  proofAnswerSchema,
  type ProofAsk,
  proofAskSchema,
} from "../../lib/core/proof_protocol.ts";
import { passesOver } from "../../lib/core/selection.ts";
import { ProofSums } from "../../lib/io/proof_sums.ts";
import { answerProof, type ServerRecord } from "../../lib/turn/answer_proof.ts";
import {
  type ProofEnd,
  type ProofRecord,
  prove,
} from "../../lib/turn/prove.ts";

const EPOCH = "00000000000000aa";
const stamp = { date: 20260102, cycle: 3 };
const digest = "d".repeat(64);

type Tree = Readonly<Record<string, Entry>>;
type Ask = Extract<ProofAsk, { kind: "prove" }>;

function file(size: number): Entry {
  return { kind: "file", size, mtimeMs: 1000, mode: 0o644 };
}

/** A one-way queue of messages that go through JSON and the schema, as on the wire. */
function pipe<T>(parse: (value: unknown) => T) {
  const kept: T[] = [];
  const waiting: ((value: T) => void)[] = [];
  return {
    send(message: T): Promise<void> {
      const value = parse(JSON.parse(JSON.stringify(message)));
      const taker = waiting.shift();
      if (taker === undefined) kept.push(value);
      else taker(value);
      return Promise.resolve();
    },
    receive(): Promise<T> {
      const value = kept.shift();
      if (value !== undefined) return Promise.resolve(value);
      const { promise, resolve } = Promise.withResolvers<T>();
      waiting.push(resolve);
      return promise;
    },
  };
}

function inOrder(tree: Tree): Recorded[] {
  return Object.keys(tree).sort().flatMap((path) => {
    const entry = tree[path];
    return entry === undefined ? [] : [{ path: relativePath(path), entry }];
  });
}

function sumsOf(list: readonly Recorded[]): string[] {
  const sums = new ProofSums();
  for (const { path, entry } of list) sums.add(path, entry);
  return sums.end();
}

interface Case {
  readonly here: Tree;
  readonly there: Tree;
  readonly ask?: Partial<Ask>;
  readonly claims?: readonly Claim[];
  readonly judge?: ServerRecord["judge"];
  readonly damaged?: readonly string[];
}

async function compare(
  item: Case,
): Promise<
  { end: ProofEnd; proved: Claim[]; asked: ProofAsk[]; summed: number }
> {
  const { here, there, claims = [], damaged = [] } = item;
  const asks = pipe<ProofAsk>((value) => proofAskSchema.parse(value));
  const answers = pipe<ProofAnswer>((value) => proofAnswerSchema.parse(value));
  let summed = 0;
  const asked: ProofAsk[] = [];
  const proved: Claim[] = [];
  const ask: Ask = {
    kind: "prove",
    path: relativePath("docs"),
    single: false,
    epoch: EPOCH,
    stamp,
    excludes: [],
    recheck: false,
    ...item.ask,
  };
  const server: ServerRecord = {
    head: () => ({ epoch: EPOCH, stamp }),
    sums: ({ selection }) => {
      summed++;
      return Promise.resolve(sumsOf(
        inOrder(there).filter(({ path, entry }) =>
          !passesOver(selection, path, entry)
        ),
      ));
    },
    listed: (_, buckets, limit) =>
      Promise.resolve(
        inOrder(there).filter(({ path }) => buckets.has(bucketOf(path)))
          .slice(0, limit),
      ),
    damaged: () => damaged.map(relativePath),
    recheck: () => {},
    judge: item.judge ?? (() => "same"),
  };
  const { maxSize } = ask;
  const client: ProofRecord = {
    sums: () => Promise.resolve(sumsOf(inOrder(here))),
    listed: (buckets) =>
      Promise.resolve(
        inOrder(here).filter(({ path }) => buckets.has(bucketOf(path))),
      ),
    passesOver: (path: RelativePath, entry: Entry) =>
      (ask.excludes.includes(path)) ||
      (entry.kind === "file" && entry.size > (maxSize ?? Infinity)),
    unproved: (after, limit) =>
      claims.filter(({ path }) => path > after).slice(0, limit),
    proved: (some) => proved.push(...some),
  };
  const [end] = await Promise.all([
    prove(
      {
        send: (message) => {
          asked.push(message);
          return asks.send(message);
        },
        receive: answers.receive,
      },
      ask,
      client,
    ),
    answerProof({ send: answers.send, receive: asks.receive }, server),
  ]);
  return { end, proved, asked, summed };
}

const equal: Tree = { a: file(1), d: { kind: "directory", mode: 0o755 } };

Deno.test("prove() finds equal records equal, and lists nothing", async () => {
  const { end, asked } = await compare({ here: equal, there: equal });
  assert.deepEqual(end, {
    kind: "compared",
    records: [],
    bytes: [],
    unknown: 0,
  });
  assert.deepEqual(asked.map(({ kind }) => kind), ["prove", "end"]);
});

Deno.test("prove() names what one side alone has, and what differs", async () => {
  const { end } = await compare({
    here: { ...equal, b: file(1), c: file(1) },
    there: { ...equal, c: file(2), e: { kind: "link", target: "a" } },
  });
  assert.ok(end.kind === "compared");
  assert.deepEqual([...end.records].sort(), ["b", "c", "e"]);
});

const LEFT_OUT: readonly [string, Partial<Ask>, Tree][] = [
  ["excluded", { excludes: ["x"] }, { x: file(1) }],
  ["too large", { maxSize: 100 }, { x: file(101) }],
];

for (const [what, ask, more] of LEFT_OUT) {
  Deno.test(`prove() passes over what is ${what} on the server`, async () => {
    const { end, asked } = await compare({
      here: equal,
      there: { ...equal, ...more },
      ask,
    });
    assert.ok(end.kind === "compared");
    assert.deepEqual(end.records, []);
    assert.deepEqual(asked.map(({ kind }) => kind), ["prove", "end"]);
  });
}

Deno.test("prove() passes over a smaller version of what is too large on the server", async () => {
  const { end } = await compare({
    here: { x: file(1) },
    there: { x: file(101) },
    ask: { maxSize: 100 },
  });
  assert.ok(end.kind === "compared");
  assert.deepEqual(end.records, []);
});

Deno.test("prove() is told to wait at another stamp, or another epoch", async () => {
  for (
    const ask of [
      { stamp: { ...stamp, cycle: 2 } },
      { epoch: "00000000000000bb" },
    ]
  ) {
    const { end, summed } = await compare({ here: equal, there: equal, ask });
    assert.deepEqual(end, { kind: "moved" });
    assert.equal(summed, 0);
  }
});

Deno.test("prove() tells which digests differ, are confirmed, or not known yet; and what is damaged", async () => {
  const claims = ["a", "b", "c"].map((path) => ({
    path: relativePath(path),
    size: 1,
    mtimeMs: 1000,
    digest,
  }));
  const { end, proved } = await compare({
    here: equal,
    there: equal,
    claims,
    judge: (_, { path }) =>
      path === "a" ? "different" : path === "b" ? "unknown" : "same",
    damaged: ["a", "d/e"],
  });
  assert.deepEqual(end, {
    kind: "compared",
    records: [],
    bytes: ["a", "d/e"],
    unknown: 1,
  });
  assert.deepEqual(proved.map(({ path }) => path), ["c"]);
});

Deno.test("prove() brings any number of digests, in messages", async () => {
  const claims = Array.from({ length: 1203 }, (_, at) => ({
    path: relativePath(`f${String(at).padStart(5, "0")}`),
    size: 1,
    mtimeMs: 1000,
    digest,
  }));
  const { proved, asked } = await compare({ here: {}, there: {}, claims });
  assert.equal(proved.length, 1203);
  assert.equal(asked.filter(({ kind }) => kind === "digests").length, 3);
});

Deno.test("prove() judges only as far as a list that is cut goes", async () => {
  const here: Record<string, Entry> = { z: file(1) };
  const there: Record<string, Entry> = {};
  for (let at = 0; at < MAX_LISTED + 5000; at++) {
    const path = `f${String(at).padStart(6, "0")}`;
    here[path] = file(1);
    there[path] = at % 30 === 0 ? file(2) : file(1);
  }
  const { end } = await compare({ here, there });
  assert.ok(end.kind === "compared");
  const last = end.records.at(-1) ?? "";
  assert.ok(last > "f015000" && last < "f025000", last);
  assert.equal(end.records.length, Math.floor(Number(last.slice(1)) / 30) + 1);
});

Deno.test("answerProof() lists once: a client that asks on is let go", async () => {
  const asks: ProofAsk[] = [
    {
      kind: "prove",
      path: relativePath("docs"),
      single: false,
      epoch: EPOCH,
      stamp,
      excludes: [],
      recheck: true,
    },
    { kind: "list", buckets: [1] },
    { kind: "list", buckets: [1] },
  ];
  const said: string[] = [];
  const answering = answerProof({
    send: ({ kind }) => Promise.resolve(void said.push(kind)),
    receive: () => Promise.resolve(asks.shift() ?? { kind: "end" }),
  }, {
    head: () => ({ epoch: EPOCH, stamp }),
    sums: () => Promise.resolve(sumsOf([])),
    listed: () => Promise.resolve([]),
    damaged: () => [],
    recheck: () => said.push("recheck"),
    judge: () => "same",
  });
  await assert.rejects(answering, /Cannot answer: got 'list'/);
  assert.deepEqual(said, ["recheck", "sums", "entries"]);
});
