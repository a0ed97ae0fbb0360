import assert from "node:assert/strict";
import { relativePath } from "../../lib/core/path.ts";
import {
  fileList,
  namesPath,
  reasonFor,
  rsyncArguments,
  type RsyncJob,
  rsyncOutcome,
} from "../../lib/core/rsync.ts";

const JOB: RsyncJob = {
  direction: "edits",
  port: 4711,
  local: "/srv/sinkd/alice/.sinkd/incoming/x",
  remote: "",
  compareDest: "/srv/sinkd/alice/docs",
  verify: false,
  transfer: { compress: false, partial: false, checksum: false },
};

const FORBIDDEN =
  /^--(inplace|ignore-errors|delete.*|copy-links|keep-dirlinks|old-args|trust-sender|devices|specials|perms|owner|group|archive)$|^-[a-zA-Z]+$/;

for (const direction of ["edits", "update"] as const) {
  Deno.test(`rsyncArguments() has what the design asks for, and nothing that it forbids (${direction})`, () => {
    const args = rsyncArguments({
      ...JOB,
      direction,
      verify: true,
      transfer: {
        compress: true,
        partial: true,
        checksum: true,
        bwlimit: "100k",
      },
    });
    for (
      const wanted of [
        "--times",
        "--modify-window=-1",
        "--sockopts=TCP_NODELAY",
        "--no-implied-dirs",
        "--chmod=D700,F600",
        "--from0",
        "--files-from=-",
        "--munge-links",
        "--stderr=client",
        "--compress",
        "--bwlimit=100k",
        "--checksum",
        "--partial-dir=.sinkd",
      ]
    ) assert.ok(args.includes(wanted), wanted);
    for (const argument of args) assert.ok(!FORBIDDEN.test(argument), argument);
    assert.ok(args.some((argument) => /^--timeout=\d+$/.test(argument)));
    assert.equal(args.indexOf("--"), args.length - 3, "paths come after --");
  });
}

Deno.test("rsyncArguments() fetches edits from the module, and sends updates into the staging directory", () => {
  const module = "rsync://sinkd@127.0.0.1:4711/anchor/";
  assert.deepEqual(rsyncArguments(JOB).slice(-2), [module, `${JOB.local}/`]);
  const update = { ...JOB, direction: "update", remote: ".sinkd/incoming" };
  assert.deepEqual(rsyncArguments(update as RsyncJob).slice(-2), [
    `${JOB.local}/`,
    `${module}.sinkd/incoming/`,
  ]);
});

Deno.test("fileList() ends each path with NUL and lets none be a comment, an option or absolute", () => {
  const paths = ["#x", ";y", "-z", "a\nb", "é"].map(relativePath);
  const text = new TextDecoder().decode(fileList(paths));
  assert.equal(text, "./#x\0./;y\0./-z\0./a\nb\0./é\0");
  const based = new TextDecoder().decode(fileList(paths, ".sinkd/outgoing"));
  assert.ok(based.startsWith("./.sinkd/outgoing/./#x\0"));
});

const OUTCOMES: [number, string, string][] = [
  [0, "", "done"],
  [23, "", "partial"],
  [24, "", "partial"],
  [11, "rsync: write failed: Permission denied (13)", "hold"],
  [23, "rsync: mkstemp failed: No space left on device (28)", "hold"],
  [12, "rsync: write failed: Disk quota exceeded (122)", "hold"],
  ...[5, 10, 12, 20, 30, 35].map((code): [number, string, string] => [
    code,
    "",
    "retry",
  ]),
  ...[1, 2, 3, 4].map((code): [number, string, string] => [code, "", "fault"]),
  [137, "", "retry"],
  [14, "", "retry"],
  [255, "", "retry"],
];
for (const [code, stderr, kind] of OUTCOMES) {
  Deno.test(`rsyncOutcome() says ${kind} when rsync ends with ${code} ${stderr}`, () => {
    const outcome = rsyncOutcome(code, stderr);
    assert.equal(outcome.kind, kind);
    if ("reason" in outcome) assert.ok(outcome.reason.length > 0);
  });
}

const LINE = (name: string) =>
  `rsync: [sender] send_files failed to open "${name}" (in anchor): Permission denied (13)\n`;

Deno.test("namesPath() and reasonFor() find a path in rsync's words, escaped or not, and no other", () => {
  const names: [string, string][] = [
    ["plain", "/plain"],
    ["d/deep", "/d/deep"],
    ["a\nb", "/a\\#012b"],
    ["back\\#012", "/back\\#134#012"],
    ["back\\slash", "/back\\slash"],
    ["é", "/é"],
    ["tab\tstays", "/tab\tstays"],
    ["relative", "relative"],
  ];
  for (const [path, shown] of names) {
    assert.ok(namesPath(path, LINE(shown)), path);
    assert.equal(reasonFor(path, LINE(shown)), "Permission denied (13)");
    assert.ok(!namesPath(`x${path}`, LINE(shown)), path);
    assert.ok(!namesPath(path, LINE(`${shown}x`)), path);
  }
  assert.equal(
    reasonFor("other", LINE("plain")),
    "it was not whole after the transfer",
  );
});

const TEMPORARY = (name: string) =>
  `rsync: [receiver] mkstemp "${name}" failed: Not a directory (20)\n`;

Deno.test("namesPath() knows a path by the temporary name that rsync could not make for it", () => {
  const long = "x".repeat(255);
  const names: [string, string][] = [
    ["f", "/srv/stage/.f.XXXXXX"],
    ["f", ".f.XXXXXX"],
    ["a/b", "/srv/stage/a/.b.XXXXXX"],
    ["a/b", "/srv/stage/a/.b.VT88qA"],
    ["a/b.c", "a/.b.c.6syH2X"],
    ["a/.hidden", "/srv/stage/a/.hidden.XXXXXX"],
    ["a\nb", "/srv/stage/.a\\#012b.XXXXXX"],
    [long, `/srv/stage/.${long.slice(0, 246)}.XXXXXX`],
  ];
  for (const [path, shown] of names) {
    assert.ok(namesPath(path, TEMPORARY(shown)), path);
    assert.equal(reasonFor(path, TEMPORARY(shown)), "Not a directory (20)");
  }
  assert.ok(!namesPath("ff", TEMPORARY("/srv/stage/.f.XXXXXX")));
  assert.ok(!namesPath("f", TEMPORARY("/srv/stage/.f.gz.VT88qA")));
  assert.ok(!namesPath("f", TEMPORARY("/srv/stage/.ff.VT88qA")));
});

Deno.test("namesPath() knows a path whose bytes were others than announced, twice", () => {
  const words = "ERROR: a/b failed verification -- update discarded.\n";
  assert.ok(namesPath("a/b", words));
  assert.ok(!namesPath("b", words));
  assert.ok(!namesPath("a", words));
});

Deno.test("namesPath() knows a path that something is in the way of", () => {
  const words = "could not make way for new regular file: a/b\nand so on\n";
  assert.ok(namesPath("a/b", words));
  assert.ok(!namesPath("b", words));
  assert.ok(!namesPath("a", words));
});
