import assert from "node:assert/strict";
import fc from "fast-check";
import {
  othersIn,
  privateGroups,
  sharedWords,
} from "../../lib/core/shared_directory.ts";

const ALICE = { uid: 1000, privateGroups: new Set([1000]) };
const ROOT = { uid: 0, privateGroups: new Set([0]) };

for (
  const [what, account, [uid, gid, mode], others] of [
    ["one's own", ALICE, [1000, 1000, 0o755], undefined],
    ["with a private group", ALICE, [1000, 1000, 0o2775], undefined],
    [
      "with a shared group that only reads",
      ALICE,
      [1000, 100, 0o750],
      undefined,
    ],
    ["with a shared group that writes", ALICE, [1000, 100, 0o770], "group"],
    ["root's", ALICE, [0, 0, 0o755], undefined],
    ["root's, with a group of many", ALICE, [0, 50, 0o2775], "group"],
    ["root's, like /tmp", ALICE, [0, 0, 0o1777], "everyone"],
    [
      "one's own that everybody may write to",
      ALICE,
      [1000, 1000, 0o777],
      "everyone",
    ],
    ["another's", ALICE, [1001, 1000, 0o700], "owner"],
    ["another's, seen by root", ROOT, [1000, 1000, 0o755], "owner"],
    ["root's own", ROOT, [0, 0, 0o775], undefined],
  ] as const
) {
  Deno.test(`othersIn(): ${what}: ${others ?? "nobody"}`, () => {
    assert.equal(othersIn({ uid, gid, mode }, account), others);
  });
}

Deno.test("othersIn() lets nobody in whom modes and owners keep out, and out whom they let in", () => {
  const id = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(id, id, fc.integer({ min: 0, max: 0o7777 }), id, (
      uid,
      gid,
      mode,
      me,
    ) => {
      const account = { uid: me, privateGroups: new Set([me]) };
      const strangers = [1, 2, 3].filter((other) => other !== me);
      // Everybody is in the group of their own number alone; any group may have others too.
      const canWrite = strangers.some((other) =>
        uid === other || (mode & 0o002) !== 0 ||
        ((mode & 0o020) !== 0 && gid !== me)
      );
      assert.equal(
        othersIn({ uid, gid, mode }, account) !== undefined,
        canWrite,
      );
    }),
  );
});

Deno.test("sharedWords() names the directory and one thing to do", () => {
  const owned = { uid: 1001, gid: 50, mode: 0o777 };
  for (const others of ["owner", "group", "everyone"] as const) {
    const { cause, fix } = sharedWords(others, owned, "/home/bob");
    assert.match(cause, /elsewhere$/);
    assert.match(fix, /\/home\/bob.*trust_writable_by_others = true/);
  }
});

const PASSWD = `root:x:0:0:root:/root:/bin/bash
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:100::/home/bob:/bin/bash
carol:x:1002:100::/home/carol:/bin/bash
`;

for (
  const [what, who, group, wanted] of [
    ["a group of one's own", { uid: 1000, gid: 1000 }, "alice:x:1000:\n", [
      1000,
    ]],
    [
      "a group that lists its one member",
      { uid: 1000, gid: 1000 },
      "alice:x:1000:alice\n",
      [1000],
    ],
    [
      "a group with another member",
      { uid: 1000, gid: 1000 },
      "alice:x:1000:alice,bob\n",
      [],
    ],
    [
      "a group that is others' first one",
      { uid: 1001, gid: 100 },
      "users:x:100:\n",
      [],
    ],
    [
      "a group that is listed twice",
      { uid: 1000, gid: 1000 },
      "a:x:1000:\nb:x:1000:bob\n",
      [],
    ],
    [
      "a group that is not listed",
      { uid: 1000, gid: 1000 },
      "users:x:100:\n",
      [],
    ],
    ["lists that cannot be read", { uid: 1000, gid: 1000 }, "", []],
    ["root's group", { uid: 0, gid: 0 }, "root:x:0:\n", [0]],
  ] as const
) {
  Deno.test(`privateGroups(): ${what}`, () => {
    assert.deepEqual([...privateGroups(who, PASSWD, group)], wanted);
  });
}
