/**
 * Quotas on a user's real database and real files: what is counted is what is there, and nobody gets
 * past a quota, whatever is sent.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  ClientMessage,
  EditChange,
  ServerMessage,
} from "../../lib/core/channel_protocol.ts";
import type { Entry } from "../../lib/core/entry.ts";
import { relativePath } from "../../lib/core/path.ts";
import type { Quota, Usage } from "../../lib/core/quota.ts";
import { Quotas } from "../../lib/daemon/quotas.ts";
import { reclaim } from "../../lib/daemon/retention.ts";
import { type User, Users } from "../../lib/daemon/users.ts";
import { Accounts } from "../../lib/io/accounts.ts";
import { usageOfUser } from "../../lib/io/usage.ts";
import type { ServerLine } from "../../lib/ports.ts";
import { serveTurn, type Short } from "../../lib/turn/serve_turn.ts";
import { ENDLESS_ROOM } from "../sim/endless_room.ts";
import { tempDirectory } from "../support/temp.ts";
import { waitFor } from "../support/waiting.ts";

const MTIME_MS = 1_700_000_000_000;
const KIB = 1024;

type Left = Extract<ServerMessage, { kind: "committed" }>["left"];

function fileOf(size: number, version = 0): Entry {
  return {
    kind: "file",
    size,
    mtimeMs: MTIME_MS + version * 1000,
    mode: 0o644,
  };
}

function edit(path: string, entry: Entry | undefined): EditChange {
  return { path: relativePath(path), entry };
}

const DIRECTORY: Entry = { kind: "directory", mode: 0o755 };

/** A client that sends these edits, and whose rsync brings what is asked for. */
function lineOf(
  { journal }: User,
  edits: readonly EditChange[],
): { line: ServerLine; said: ServerMessage[] } {
  const said: ServerMessage[] = [];
  const { epoch, stamp } = journal.head();
  const says: ClientMessage[] = [
    {
      kind: "have",
      epoch,
      stamp,
      edits: edits.length,
      single: false,
      transfer: { compress: false, partial: false, checksum: false },
    },
    { kind: "want", plain: [], verify: [], last: true },
    { kind: "applied", stamp, left: 0 },
    { kind: "edits", count: edits.length, more: false },
    { kind: "entries", changes: [...edits] },
    { kind: "checked", changed: [] },
    { kind: "agreed", more: false },
  ];
  return {
    said,
    line: {
      send(message) {
        said.push(message);
        return Promise.resolve();
      },
      receive() {
        const next = says.shift();
        assert.ok(next !== undefined, "the client has said all");
        return Promise.resolve(next);
      },
      rsync({ local, paths }) {
        for (const path of paths) {
          const entry = edits.find((edit) => edit.path === path)?.entry;
          assert.ok(entry?.kind === "file");
          const file = `${local}/${path}`;
          Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), {
            recursive: true,
          });
          Deno.writeFileSync(file, new Uint8Array(entry.size).fill(7));
          Deno.utimeSync(file, new Date(), new Date(entry.mtimeMs));
        }
        return Promise.resolve({ code: 0, stderr: "" });
      },
    },
  };
}

interface Rig {
  readonly user: User;
  readonly quotas: Quotas;
  /** Sends edits; gives what was left. */
  send(edits: readonly EditChange[]): Promise<Left>;
  /** What was told of what does not fit. */
  readonly short: Short[];
  /** What really is there. */
  counted(): Promise<Usage>;
}

async function withUser(
  userQuota: Quota | undefined,
  run: (rig: Rig) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  Accounts.create(temp.path, "alice")[Symbol.dispose]();
  using users = new Users(temp.path);
  const user = users.get("alice");
  assert.ok(user !== undefined);
  await using quotas = new Quotas({
    users,
    serves: () => true,
    userQuota,
    reclaim: (user, bytes) => {
      const { dev: device } = Deno.statSync(user.directory);
      return reclaim([user], { device, bytes }, () => ["laptop"]);
    },
  });
  const short: Short[] = [];
  const counted = () =>
    usageOfUser(user.directory, {
      restMs: 0,
      signal: new AbortController().signal,
    });
  Deno.mkdirSync(`${user.directory}/files`);
  user.journal.setUsage({ bytes: 0, files: 0 });
  quotas.count(user);
  await waitFor("the first count", () => user.journal.usage().files === 1);
  await run({
    user,
    quotas,
    short,
    counted,
    async send(edits) {
      const { line, said } = lineOf(user, edits);
      await serveTurn({
        path: relativePath("files"),
        stageName: "laptop",
        exclusive: true,
        line,
        journal: user.journal,
        tree: user.tree,
        room: ENDLESS_ROOM,
        allowance: quotas.allowance(user),
        onShort: (_whose, paths) => short.push(...paths),
        today: () => 20260102,
        onCommit: () => {},
      });
      const committed = said.find((message) => message.kind === "committed");
      return committed?.left ?? [];
    },
  });
}

Deno.test("a user over its quota gets smaller things in, and deletions; the rest waits, with the reason", () =>
  withUser({ bytes: 100 * KIB, files: undefined }, async (rig) => {
    const { user, send, short } = rig;
    assert.deepEqual(await send([edit("first", fileOf(40 * KIB))]), []);
    const left = await send([
      edit("large", fileOf(80 * KIB)),
      edit("small", fileOf(10)),
    ]);
    assert.deepEqual(left.map(({ index, reason }) => [index, reason]), [
      [0, "it is over the quota on the server"],
    ]);
    assert.deepEqual(left[0]?.room?.quota, {
      user: "alice",
      unit: "bytes",
      limit: 100 * KIB,
    });
    assert.deepEqual(
      short.filter(({ room }) => room !== undefined).map(({ path }) => path),
      ["large"],
    );
    assert.equal(
      Deno.statSync(`${user.directory}/files/small`).size,
      10,
    );
    assert.deepEqual(await send([edit("first", undefined)]), []);
    // What was deleted is in the history, and still counts.
    assert.equal((await send([edit("large", fileOf(80 * KIB))])).length, 1);
    user.accounts.setQuota({ bytes: 200 * KIB, files: undefined });
    assert.deepEqual(await send([edit("large", fileOf(80 * KIB))]), []);
  }));

Deno.test("a user with all of its files gets no more: no file, no directory, and nothing in one", () =>
  withUser({ bytes: undefined, files: 3 }, async ({ send, user }) => {
    assert.deepEqual(
      await send([edit("a", fileOf(1)), edit("b", fileOf(1))]),
      [],
    );
    const left = await send([
      edit("d", DIRECTORY),
      edit("d/e", DIRECTORY),
      edit("d/e/f", fileOf(1)),
    ]);
    assert.deepEqual(
      left.map(({ index, room }) => [index, room?.quota?.unit]).toSorted(),
      [[0, "files"], [1, "files"], [2, "files"]],
    );
    assert.deepEqual(
      [...Deno.readDirSync(`${user.directory}/files`)].map(({ name }) => name)
        .sort(),
      ["a", "b"],
    );
    user.accounts.setQuota({ bytes: undefined, files: undefined });
    assert.deepEqual(await send([edit("d", DIRECTORY)]), []);
  }));

Deno.test("a change of mode alone needs no quota", () =>
  withUser({ bytes: 8 * KIB, files: 2 }, async ({ send, user }) => {
    assert.deepEqual(await send([edit("a", fileOf(1))]), []);
    const other = { ...fileOf(1), mode: 0o600 } as Entry;
    assert.deepEqual(await send([edit("a", other)]), []);
    const path = relativePath("a");
    assert.deepEqual(
      user.journal.entryAt({ prefix: "files" }, path),
      other,
    );
  }));

Deno.test("what broken transfers left counts, and goes when its place is needed", () =>
  withUser({ bytes: 100 * KIB, files: undefined }, async ({ send, user }) => {
    const broken = `${user.directory}/.sinkd/incoming/desk-0/.sinkd`;
    Deno.mkdirSync(broken, { recursive: true });
    Deno.writeFileSync(`${broken}/part`, new Uint8Array(60 * KIB).fill(1));
    assert.deepEqual(await send([edit("small", fileOf(8 * KIB))]), []);
    assert.equal(Deno.statSync(`${broken}/part`).size, 60 * KIB);
    assert.deepEqual(await send([edit("large", fileOf(60 * KIB))]), []);
    assert.throws(() => Deno.statSync(broken), Deno.errors.NotFound);
    const own = `${user.directory}/.sinkd/incoming/laptop`;
    Deno.mkdirSync(own, { recursive: true });
    Deno.writeFileSync(`${own}/more`, new Uint8Array(20 * KIB).fill(1));
    // What is there of it already is not needed once more.
    assert.deepEqual(await send([edit("more", fileOf(22 * KIB))]), []);
  }));

Deno.test("count() finds what is there, although somebody else removed or added files", () =>
  withUser(undefined, async ({ send, user, quotas, counted }) => {
    await send([edit("a", fileOf(20 * KIB))]);
    await send([edit("a", undefined)]);
    const before = user.journal.usage();
    Deno.removeSync(`${user.directory}/.sinkd/history`, { recursive: true });
    quotas.count(user);
    const found = await waitFor("the count", () => {
      const usage = user.journal.usage();
      return usage.bytes < before.bytes ? usage : undefined;
    });
    assert.deepEqual(found, await counted());
  }));

const NAMES = ["a", "b", "d", "d/a", "d/e", "d/e/a"] as const;
type Wish = readonly [name: typeof NAMES[number], blocks: number];
const wish: fc.Arbitrary<Wish> = fc.tuple(
  fc.constantFrom(...NAMES),
  fc.nat({ max: 4 }),
);

/** Edits as a client sends them: deletions deepest first, then the rest from the top. */
function editsOf(wishes: readonly Wish[], version: number): EditChange[] {
  const all = wishes.map(([name, blocks]) => {
    const isDirectory = name === "d" || name === "d/e";
    const entry = isDirectory ? DIRECTORY : fileOf(blocks * 4096, version);
    return edit(name, blocks === 0 ? undefined : entry);
  });
  const gone = all.filter(({ entry }) => entry === undefined);
  return [
    ...gone.toSorted((one, other) => other.path.length - one.path.length),
    ...all.filter(({ entry }) => entry !== undefined)
      .toSorted((one, other) => one.path.length - other.path.length),
  ];
}

Deno.test("what is counted commit by commit is what is there, and never more than the quota", async () => {
  const batch = fc.uniqueArray(wish, { selector: ([name]) => name });
  await fc.assert(
    fc.asyncProperty(
      fc.array(batch, { maxLength: 8 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      async (batches, blocks, files) => {
        const quota = { bytes: blocks * 4096, files };
        await withUser(quota, async ({ send, user, counted }) => {
          for (const [version, wishes] of batches.entries()) {
            const edits = editsOf(wishes, version);
            if (edits.length === 0) continue;
            const before = await counted();
            const left = await send(edits);
            const after = await counted();
            assert.deepEqual(user.journal.usage(), after);
            // Directories of the history that keep what was there before come on top.
            const kept = directoriesIn(`${user.directory}/.sinkd/history`);
            const isMore = edits.some(({ entry }, index) =>
              entry !== undefined &&
              !left.some((each) => each.index === index)
            );
            if (!isMore || after.files <= before.files) continue;
            assert.ok(after.files - kept <= quota.files, "too many files");
            assert.ok(
              after.bytes - kept * 4096 <= quota.bytes,
              "too many bytes",
            );
          }
        });
      },
    ),
    { numRuns: 60 },
  );
});

function directoriesIn(directory: string): number {
  try {
    return [...Deno.readDirSync(directory)].reduce(
      (sum, { name, isDirectory }) =>
        isDirectory ? sum + 1 + directoriesIn(`${directory}/${name}`) : sum,
      0,
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
