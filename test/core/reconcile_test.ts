import assert from "node:assert/strict";
import fc from "fast-check";
import { type Entry, type Found, sameContent } from "../../lib/core/entry.ts";
import {
  conflictPath,
  decide,
  type Decision,
  isDirty,
  isSuspect,
  needsTransfer,
  type Sides,
} from "../../lib/core/reconcile.ts";

const v1: Entry = { kind: "file", size: 3, mtimeMs: 1000, mode: 0o644 };
const v1mode: Entry = { ...v1, mode: 0o600 };
const v2: Entry = { kind: "file", size: 9, mtimeMs: 2000, mode: 0o644 };
const v3: Entry = { kind: "file", size: 3, mtimeMs: 3000, mode: 0o644 };
const dir: Entry = { kind: "directory", mode: 0o755 };
const dirMode: Entry = { kind: "directory", mode: 0o700 };
const link: Entry = { kind: "link", target: "a" };
const other: Entry = { kind: "link", target: "b" };
const none = undefined;

/** On the disk as agreed; `touched` is another inode. Long ago, so that its time was set by a copy. */
function on(entry: Entry, touched = false): Found {
  return { entry, inode: touched ? 2 : 1, ctimeS: 5 };
}

/** On the disk since somebody wrote it there, at its time. */
function written(entry: Entry): Found {
  const mtimeMs = entry.kind === "file" ? entry.mtimeMs : 0;
  return { entry, inode: 1, ctimeS: mtimeMs / 1000 };
}

type Row = [
  what: string,
  sides: {
    base?: Entry;
    local?: Entry;
    incoming?: Entry;
    versions?: Entry[];
    sent?: { entry: Entry | undefined };
    touched?: boolean;
    /** The local file got its time by being written here, not by a copy. */
    written?: boolean;
  },
  decision: Decision["kind"] | Decision,
];

const ROWS: Row[] = [
  ["clean, changed there", { base: v1, local: v1, incoming: v2 }, "take"],
  ["clean, deleted there", { base: v1, local: v1 }, "take"],
  ["clean, another kind there", { base: v1, local: v1, incoming: dir }, "take"],
  ["nothing here, new there", { incoming: v1 }, "take"],
  ["changed here only", { base: v1, local: v2, incoming: v1 }, "ignore"],
  ["deleted here only", { base: v1, incoming: v1 }, "ignore"],
  ["new here, never there", { local: v1 }, "ignore"],
  ["the same change on both sides, as far as time and size tell", {
    base: v1,
    local: v2,
    incoming: v2,
  }, "compare"],
  ["our own change, its answer lost, or another's in its place", {
    base: v1,
    local: v2,
    incoming: v2,
    sent: { entry: v2 },
  }, "compare"],
  ["the same new file on both sides", { local: v2, incoming: v2 }, {
    kind: "adopt",
    verify: false,
  }],
  ["a new file of other modes, written on both sides in one millisecond", {
    local: v1,
    incoming: v1mode,
    written: true,
  }, "compare"],
  ["a new file of other modes, copied to both sides", {
    local: v1,
    incoming: v1mode,
  }, "take"],
  ["a new file written on both sides in one millisecond", {
    local: v2,
    incoming: v2,
    written: true,
  }, "compare"],
  ["our own new file, its answer lost, or another's in its place", {
    local: v2,
    incoming: v2,
    sent: { entry: v2 },
    written: true,
  }, "compare"],
  ["deleted on both sides", { base: v1 }, { kind: "adopt", verify: false }],
  ["touched here, as it was there", {
    base: v1,
    local: v1,
    incoming: v1,
    touched: true,
  }, { kind: "adopt", verify: true }],
  [
    "changed on both sides",
    { base: v1, local: v2, incoming: link },
    "conflict",
  ],
  ["changed on both sides, other size", {
    base: v1,
    local: v2,
    incoming: v3,
  }, "conflict"],
  ["changed on both sides, same size", {
    base: v2,
    local: v1,
    incoming: v3,
  }, "compare"],
  ["joined with another file", { local: v2, incoming: v1 }, "conflict"],
  ["joined with a file of one size", { local: v3, incoming: v1 }, "compare"],
  ["joined with another mode", { local: v1, incoming: v1mode }, "take"],
  [
    "joined with another directory mode",
    { local: dir, incoming: dirMode },
    "take",
  ],
  ["joined with another link", { local: link, incoming: other }, "conflict"],
  ["edited here, deleted there", { base: v1, local: v2 }, "keep"],
  [
    "touched here, deleted there",
    { base: v1, local: v1, touched: true },
    "keep",
  ],
  ["deleted here, edited there", { base: v1, incoming: v2 }, "take"],
  ["here an older version of the server", {
    base: v1,
    local: v2,
    incoming: v3,
    versions: [v1, v2],
  }, "take"],
  ["here an older version, deleted there", {
    base: v1,
    local: v2,
    versions: [v1, v2],
  }, "take"],
  ["written here in the millisecond of an older version of the server", {
    base: v1,
    local: v2,
    incoming: link,
    versions: [v1, v2],
    written: true,
  }, "conflict"],
  ["written here in the millisecond of an older version, deleted there", {
    base: v1,
    local: v2,
    versions: [v1, v2],
    written: true,
  }, "keep"],
  ["written here but for its mode in the millisecond of an older version", {
    base: v1,
    local: v2,
    incoming: link,
    versions: [v1, { ...v2, mode: 0o600 }],
    written: true,
  }, "conflict"],
  ["our own edit, its answer lost, and edited there since", {
    base: v1,
    local: v2,
    incoming: v3,
    versions: [v1, v2],
    sent: { entry: v2 },
    written: true,
  }, "take"],
  ["touched here, which no version explains", {
    base: v1,
    local: v1,
    incoming: v2,
    versions: [v1],
    touched: true,
  }, "conflict"],
  ["our own edit came back, and a newer one is here", {
    base: v1,
    local: v3,
    incoming: v2,
    sent: { entry: v2 },
  }, "rebase"],
  ["our own deletion came back, and a new file is here", {
    base: v1,
    local: v3,
    sent: { entry: none },
  }, "rebase"],
  ["our own edit came back, and was taken back here", {
    base: link,
    local: link,
    incoming: other,
    sent: { entry: other },
  }, "rebase"],
  ["our own deletion came back, and the directory is here again", {
    base: dir,
    local: dir,
    sent: { entry: none },
  }, "rebase"],
  ["our own edit came back, and was deleted here", {
    base: v1,
    incoming: v2,
    sent: { entry: v2 },
  }, "rebase"],
  ["we sent another edit than the one that came", {
    base: v1,
    local: v3,
    incoming: v2,
    sent: { entry: v3 },
  }, "conflict"],
  ["edited here, only the mode changed there", {
    base: v1,
    local: v3,
    incoming: v1mode,
  }, "rebase"],
  ["replaced here, only the mode of the directory changed there", {
    base: dir,
    local: v1,
    incoming: dirMode,
  }, "conflict"],
  ["only the mode changed here, edited there", {
    base: v1,
    local: v1mode,
    incoming: v3,
  }, "take"],
  ["only the mode changed here, deleted there", {
    base: v1,
    local: v1mode,
  }, "keep"],
  ["touched here, only the mode changed there", {
    base: v1,
    local: v1,
    incoming: v1mode,
    touched: true,
  }, "compare"],
  ["only the mode changed on both sides", {
    base: v1,
    local: { ...v1, mode: 0o640 },
    incoming: v1mode,
  }, "take"],
];

for (const [what, { touched, written: fresh, ...sides }, expected] of ROWS) {
  Deno.test(`decide() says ${typeof expected === "string" ? expected : expected.kind} when ${what}`, () => {
    const { base, local, incoming, versions = [], sent } = sides;
    const decision = decide({
      incoming,
      versions,
      sent,
      base: base === none ? none : on(base),
      local: local === none
        ? none
        : fresh
        ? written(local)
        : on(local, touched),
    });
    if (typeof expected === "string") assert.equal(decision.kind, expected);
    else assert.deepEqual(decision, expected);
  });
}

const entry = fc.constantFrom(v1, v1mode, v2, v3, dir, dirMode, link, other);
const found = fc.record({
  entry,
  inode: fc.constantFrom(1, 2),
  ctimeS: fc.constantFrom(5, 6),
});
const sides: fc.Arbitrary<Sides> = fc.record({
  incoming: fc.option(entry, { nil: none }),
  versions: fc.array(entry, { maxLength: 2 }),
  base: fc.option(found, { nil: none }),
  local: fc.option(found, { nil: none }),
  sent: fc.option(
    fc.record({ entry: fc.option(entry, { nil: none }) }),
    { nil: none },
  ),
});

Deno.test("decide() takes only what is clean, had before, of one kind, or gone here", () => {
  fc.assert(
    fc.property(sides, (some) => {
      const { local, base, incoming, versions } = some;
      const decision = decide(some);
      if (decision.kind !== "take" || local === none) return;
      const known = base === none ? versions : [base.entry, ...versions];
      const had = known.some((version) => sameContent(version, local.entry));
      const metadata = incoming !== none &&
        incoming.kind === local.entry.kind &&
        local.entry.kind !== "link" && !needsTransfer(decision, some);
      assert.ok(
        !isDirty(local, base) || had || metadata ||
          local.entry.kind === "directory",
      );
    }),
    { numRuns: 2000 },
  );
});

Deno.test("decide() never takes a file whose bytes may be an edit", () => {
  fc.assert(
    fc.property(sides, (some) => {
      const { local, base } = some;
      if (local === none || !isSuspect(local, base)) return;
      assert.notEqual(decide(some).kind, "take");
    }),
    { numRuns: 2000 },
  );
});

Deno.test("decide() leaves an edit alone when the server has what was agreed", () => {
  fc.assert(fc.property(sides, (some) => {
    const incoming = some.base?.entry;
    const { kind } = decide({ ...some, incoming });
    assert.ok(kind === "ignore" || kind === "adopt");
  }));
});

Deno.test("needsTransfer() asks for the bytes of every file or link that is put in", () => {
  fc.assert(fc.property(sides, (some) => {
    const decision = decide(some);
    const needs = needsTransfer(decision, some);
    if (needs) assert.ok(["file", "link"].includes(some.incoming?.kind ?? ""));
    if (decision.kind === "conflict" && some.incoming?.kind === "file") {
      assert.ok(needs);
    }
    if (decision.kind === "take" && some.incoming?.kind === "link") {
      assert.ok(needs);
    }
  }));
});

const NAMES: [string, string][] = [
  ["note.txt", "note.sinkd-conflict-lap-20260102-030405.txt"],
  ["a/b/note", "a/b/note.sinkd-conflict-lap-20260102-030405"],
  [".hidden", ".hidden.sinkd-conflict-lap-20260102-030405"],
  ["a.d/name", "a.d/name.sinkd-conflict-lap-20260102-030405"],
  ["x.tar.gz", "x.tar.sinkd-conflict-lap-20260102-030405.gz"],
  [
    "x.not an extension at all",
    "x.not an extension at all.sinkd-conflict-lap-20260102-030405",
  ],
  ["end.", "end.sinkd-conflict-lap-20260102-030405."],
];
const OPTIONS = { client: "lap", timeText: "20260102030405" };
for (const [path, expected] of NAMES) {
  Deno.test(`conflictPath() keeps the extension when the name is '${path}'`, () => {
    const made = conflictPath(path, { ...OPTIONS, taken: () => false });
    assert.equal(made, expected);
  });
}

Deno.test("conflictPath() counts on when names are taken", () => {
  const taken = new Set([
    "a.sinkd-conflict-lap-20260102-030405.c",
    "a.sinkd-conflict-lap-20260102-030405-2.c",
  ]);
  assert.equal(
    conflictPath("a.c", { ...OPTIONS, taken: (path) => taken.has(path) }),
    "a.sinkd-conflict-lap-20260102-030405-3.c",
  );
});

Deno.test("conflictPath() stays within 255 bytes, whole characters, when the name is long", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", minLength: 1, maxLength: 255 }).filter((name) =>
      !/[/\0]/.test(name) && new TextEncoder().encode(name).length <= 255
    ),
    fc.constantFrom("lap", "a client of many many many many many many words"),
    (name, client) => {
      const made = conflictPath(name, {
        ...OPTIONS,
        client,
        taken: () => false,
      });
      assert.ok(new TextEncoder().encode(made).length <= 255);
      assert.ok(made.isWellFormed());
      assert.ok(made.includes(".sinkd-conflict-"));
    },
  ));
});
