import assert from "node:assert/strict";
import {
  type Below,
  isSameMount,
  judgeMount,
  type MountIdentity,
  type MountLook,
  type MountVerdict,
} from "../../lib/core/mounts.ts";

const DISK: MountIdentity = { inode: 2, bornMs: 1_700_000_000_000 };
const OTHER: MountIdentity = { inode: 2, bornMs: 1_700_000_999_000 };
const mounted = (identity: MountIdentity): MountLook => ({
  kind: "mounted",
  identity,
});
const DIRECTORY: MountLook = { kind: "directory" };
const ABSENT: MountLook = { kind: "absent" };
const EMPTY: Below = { known: 0, found: 0 };
const ALL_THERE: Below = { known: 9, found: 9 };
const HALF_THERE: Below = { known: 8, found: 4 };
const MISSING: Below = { known: 9, found: 4 };
const wait = (trouble: "gone" | "replaced" | "hidden"): MountVerdict => ({
  kind: "wait",
  trouble,
});

const TABLE: [
  string,
  MountIdentity | undefined,
  MountLook,
  Below,
  MountVerdict,
][] = [
  ["a plain directory", undefined, DIRECTORY, MISSING, { kind: "ordinary" }],
  ["nothing", undefined, ABSENT, MISSING, { kind: "ordinary" }],
  ["a new, empty mount", undefined, mounted(DISK), EMPTY, { kind: "adopt" }],
  ["a mount with it all", undefined, mounted(DISK), ALL_THERE, {
    kind: "adopt",
  }],
  ["a mount with half of it", undefined, mounted(DISK), HALF_THERE, {
    kind: "adopt",
  }],
  ["a mount over files", undefined, mounted(DISK), MISSING, wait("hidden")],
  ["the same", DISK, mounted(DISK), MISSING, { kind: "present" }],
  ["another with it all", DISK, mounted(OTHER), ALL_THERE, { kind: "adopt" }],
  ["another without it", DISK, mounted(OTHER), MISSING, wait("replaced")],
  ["a bare mount point", DISK, DIRECTORY, MISSING, wait("gone")],
  ["a bare mount point, nothing known", DISK, DIRECTORY, EMPTY, wait("gone")],
  ["its content in the directory itself", DISK, DIRECTORY, ALL_THERE, {
    kind: "forget",
  }],
  ["no mount point", DISK, ABSENT, MISSING, wait("gone")],
  ["no mount point, all found", DISK, ABSENT, ALL_THERE, wait("gone")],
];
for (const [what, known, now, below, verdict] of TABLE) {
  const before = known === undefined ? "no mount" : "a mount";
  Deno.test(`judgeMount() says ${JSON.stringify(verdict)} of ${what} where ${before} was known`, () => {
    assert.deepEqual(judgeMount(known, now, () => below), verdict);
  });
}

Deno.test("isSameMount() goes by inode and birth, as far as the file system keeps it", () => {
  assert.equal(isSameMount(DISK, DISK), true);
  assert.equal(isSameMount(DISK, OTHER), false);
  assert.equal(isSameMount(DISK, { inode: 2, bornMs: null }), true);
  assert.equal(isSameMount(DISK, { ...DISK, inode: 3 }), false);
});
