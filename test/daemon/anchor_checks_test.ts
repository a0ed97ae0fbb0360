import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Found } from "../../lib/core/entry.ts";
import { NO_EXCLUDES } from "../../lib/core/excludes.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { bucketOf } from "../../lib/core/proof.ts";
import type { ProofAsk } from "../../lib/core/proof_protocol.ts";
import { AnchorChecks } from "../../lib/daemon/anchor_checks.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import { DigestStore, openDigests } from "../../lib/io/digest_store.ts";
import { findPath } from "../../lib/io/look.ts";
import { ProofSums } from "../../lib/io/proof_sums.ts";
import { answerProof, type ServerRecord } from "../../lib/turn/answer_proof.ts";
import type { ProofLine } from "../../lib/turn/prove.ts";
import { eventually, tempDirectory } from "../support/temp.ts";

const EPOCH = "00000000000000aa";
const stamp = { date: 20260102, cycle: 3 };

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** What the server of a rig has: the texts of files, and which of them it has yet to read. */
interface Server {
  readonly texts: Map<string, string>;
  readonly unread: Set<string>;
  damaged: string[];
  asks: number;
}

/** An anchor of two files that both sides have, compared with a server in this process. */
async function withAnchor(
  run: (rig: {
    root: string;
    server: Server;
    checks: AnchorChecks;
    suspected: RelativePath[];
    rejoined: RelativePath[];
    /** Makes the records say that the file at `path` has been as it is now. */
    pretendUntouched: (path: string) => void;
  }) => Promise<void>,
): Promise<void> {
  await using directory = tempDirectory();
  const root = `${directory.path}/files`;
  const file = `${directory.path}/client.db`;
  Deno.mkdirSync(root);
  const texts = new Map([["a", "one"], ["b", "two"]]);
  for (const [name, text] of texts) {
    Deno.writeTextFileSync(`${root}/${name}`, text);
    Deno.utimeSync(`${root}/${name}`, 1_700_000_000, 1_700_000_000);
  }
  using client = new ClientStore(file);
  using digests = openDigests(`${directory.path}/checks.db`);
  const store = client.anchor(root);
  const foundAt = (path: string): Found => {
    const look = findPath(root, relativePath(path));
    if (look.kind === "found") return look.found;
    throw new Error(`Cannot find ${path}`);
  };
  const agreed = new Map(
    [...texts.keys()].map((path) => [path, foundAt(path)]),
  );
  store.agree(
    [...agreed].map(([path, base]) => ({ path: relativePath(path), base })),
    { epoch: EPOCH, stamp },
  );
  const server: Server = { texts, unread: new Set(), damaged: [], asks: 0 };
  const suspected: RelativePath[] = [];
  const rejoined: RelativePath[] = [];
  await using checks = new AnchorChecks({
    anchor: {
      path: root,
      root,
      treePath: "files",
      excludes: [],
      selection: {
        rules: NO_EXCLUDES,
        only: undefined,
        minSize: undefined,
        maxSize: undefined,
      },
    },
    file,
    digests,
    intervalMs: 86_400_000,
    usable: () => true,
    quiet: () => true,
    position: () => store.position(),
    held: () => store.held(),
    baseOf: (path) => store.row(path).base,
    examine: () => {},
    suspect: (paths) => suspected.push(...paths),
    rejoin: (paths) => rejoined.push(...paths),
    talk: (work) => talkTo(recordOf(server, agreed), server, work),
  });
  const pretendUntouched = (path: string) => {
    const base = foundAt(path);
    store.agree([{ path: relativePath(path), base }], store.position());
    const known = new DigestStore(digests, root);
    const row = known.get(path);
    assert.ok(row !== undefined);
    known.put({ ...row, inode: base.inode, ctime: base.ctimeS });
  };
  await run({ root, server, checks, suspected, rejoined, pretendUntouched });
}

function recordOf(
  { texts, unread, damaged }: Server,
  agreed: ReadonlyMap<string, Found>,
): ServerRecord {
  const listed = [...texts.keys()].sort().flatMap((path) => {
    const entry = agreed.get(path)?.entry;
    return entry === undefined ? [] : [{ path: relativePath(path), entry }];
  });
  return {
    head: () => ({ epoch: EPOCH, stamp }),
    sums: () => {
      const sums = new ProofSums();
      for (const { path, entry } of listed) sums.add(path, entry);
      return Promise.resolve(sums.end());
    },
    listed: (_, buckets) =>
      Promise.resolve(listed.filter(({ path }) => buckets.has(bucketOf(path)))),
    damaged: () => damaged.map(relativePath),
    recheck: () => {},
    judge: (_, { path, digest }) =>
      unread.has(path)
        ? "unknown"
        : digest === digestOf(texts.get(path) ?? "")
        ? "same"
        : "different",
  };
}

async function talkTo<T>(
  record: ServerRecord,
  server: Server,
  work: (line: ProofLine) => Promise<T>,
): Promise<T> {
  const asks = new TransformStream<ProofAsk, ProofAsk>();
  const answers = new TransformStream();
  const [asked, answered] = [
    asks.writable.getWriter(),
    answers.writable.getWriter(),
  ];
  const [hears, told] = [
    asks.readable.getReader(),
    answers.readable.getReader(),
  ];
  server.asks++;
  const next = async <V>(
    reader: ReadableStreamDefaultReader<V>,
  ): Promise<V> => {
    const { value } = await reader.read();
    if (value === undefined) throw new Error("Cannot read: it ended");
    return value;
  };
  const serving = answerProof({
    send: (message) => answered.write(message),
    receive: () => next(hears),
  }, record);
  const done = await work({
    send: (message) => asked.write(message),
    receive: () => next(told),
  });
  await serving;
  return done;
}

const LONG = { limitMs: 15_000 };

Deno.test("AnchorChecks tells when both sides agreed, once all files were read", async () => {
  await withAnchor(async ({ checks, server, suspected, rejoined }) => {
    server.unread.add("a");
    assert.equal(checks.report().state, "unknown");
    checks.touch(1);
    await eventually(() => checks.report().checked === 2, LONG);
    await eventually(() => server.asks >= 2, LONG);
    server.unread.clear();
    const { lastAgreed } = checks.report();
    await eventually(() => checks.report().lastAgreed !== lastAgreed, LONG);
    assert.equal(checks.report().state, "agreed");
    assert.deepEqual([...suspected, ...rejoined], []);
  });
});

Deno.test("AnchorChecks hands over, once, a file whose bytes are not the server's", async () => {
  await withAnchor(async ({ checks, server, suspected, root }) => {
    server.texts.set("b", "owt");
    checks.touch(1);
    await eventually(() => suspected.length > 0, LONG);
    const { state, differs, found } = checks.report();
    assert.equal(state, "differs");
    assert.deepEqual(differs, [`${root}/b`]);
    assert.deepEqual(found?.paths, [`${root}/b`]);
    const { asks } = server;
    checks.touch(1);
    await eventually(() => server.asks > asks, LONG);
    server.texts.set("b", "two");
    checks.touch(1);
    await eventually(() => checks.report().state === "agreed", LONG);
    assert.deepEqual(suspected, ["b"]);
    assert.deepEqual(checks.report().differs, []);
    assert.deepEqual(checks.report().found?.paths, [`${root}/b`]);
  });
});

Deno.test("AnchorChecks hands over what the server found damaged on its disk", async () => {
  await withAnchor(async ({ checks, server, suspected }) => {
    server.damaged = ["a"];
    checks.touch(1);
    await eventually(() => suspected.length > 0, LONG);
    assert.deepEqual(suspected, ["a"]);
  });
});

Deno.test("AnchorChecks has everything compared when the records differ", async () => {
  await withAnchor(async ({ checks, server, rejoined, suspected }) => {
    server.texts.delete("a");
    checks.touch(1);
    await eventually(() => rejoined.length > 0, LONG);
    assert.deepEqual(rejoined, ["a"]);
    assert.deepEqual(suspected, []);
    assert.equal(checks.report().state, "differs");
  });
});

Deno.test("AnchorChecks finds bytes that change while size, time and change time stay", async () => {
  await withAnchor(async (rig) => {
    const { checks, suspected, root, pretendUntouched } = rig;
    checks.touch(1);
    await eventually(() => checks.report().lastAgreed !== null, LONG);
    await eventually(() => checks.report().checked === 2, LONG);
    // As a failing disk does it and no program can: so the records get the change time of the new bytes.
    Deno.writeTextFileSync(`${root}/a`, "eno");
    Deno.utimeSync(`${root}/a`, 1_700_000_000, 1_700_000_000);
    pretendUntouched("a");
    checks.hurry();
    await eventually(() => suspected.length > 0, LONG);
    assert.deepEqual(suspected, ["a"]);
    assert.match(checks.report().found?.cause ?? "", /look after the disk/);
  });
});
