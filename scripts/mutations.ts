/**
 * The mutations: each breaks one rule of sinkd, by a change of an exact text in `lib`.
 *
 * @module
 */
import type { Mutation } from "./mutate_patch.ts";

function mutation(
  named: string | readonly [name: string, kind: string],
  breaks: string,
  ...edits: readonly (readonly [string, string])[]
): Mutation {
  const [name, kind] = typeof named === "string" ? [named] : named;
  return {
    name,
    breaks,
    ...(kind === undefined ? {} : { kind }),
    edits: edits.map(([from, to]) => ({ from, to })),
  };
}

/** What comes in on a client. */
const UPDATES: readonly Mutation[] = [
  mutation(
    "trust-the-journal",
    "the server's version goes in whatever lies there",
    [
      `const suspect = local !== undefined && isSuspect(local, base);\n`,
      `const suspect = local !== undefined && isSuspect(local, base);\n  if (!sameOrBothAbsent(local?.entry, incoming)) return { kind: "take" };\n`,
    ],
  ),
  mutation(
    "no-conflict-copy",
    "the local version of a conflict is replaced like any other",
    [
      `const copy = conflict ? { copy: this.#surroundings.copyName(path) } : {};`,
      `const copy = {};`,
    ],
  ),
  mutation(
    "file-in-the-way-deleted",
    "a changed file that stands where a directory comes in is deleted",
    [
      `if (conflict) this.#moveAside(path);`,
      `if (local === undefined) return;`,
    ],
  ),
  mutation(
    "deletion-wins-over-edit",
    "a deletion on the server removes an edited file",
    [
      `if (incoming === undefined) return { kind: "keep" };`,
      `if (incoming === undefined) return { kind: "take" };`,
    ],
  ),
  mutation(
    ["own-deletion-wins-over-edit", "busy"],
    "a deletion here goes over an edit that the server took in before",
    [
      `if (local === undefined) return { kind: "take" };`,
      `if (local === undefined) return { kind: "ignore" };`,
    ],
  ),
  mutation(
    ["directory-removed-with-content", "deaf"],
    "a directory that the server deleted goes with new files in it",
    [
      `if (step.copy === undefined) return undefined;\n`,
      `if (step.copy === undefined) { Deno.removeSync(full, { recursive: true }); return undefined; }\n`,
    ],
  ),
  mutation(
    ["bytes-not-compared", "touches"],
    "versions of one size are a conflict without a look at their bytes",
    [
      `return { kind: await sameBytes() ? "take" : "conflict" };`,
      `return { kind: sameBytes === undefined ? "take" : "conflict" };`,
    ],
  ),
  mutation(
    ["earlier-versions-forgotten", "answers lost"],
    "what the server had in between counts as an edit of this client",
    [
      `const trusted = mayBeTwin(sides) ? [] : versions;`,
      `const trusted = versions.slice(0, 0);`,
    ],
  ),
  mutation(
    ["twins-trusted", "cuts"],
    "two files that look the same are the same, wherever they were written",
    [
      `if (local?.entry.kind !== "file") return false;\n`,
      `if (local !== base) return false;\n`,
    ],
    [
      `const trusted = mayBeTwin(sides) ? [] : versions;`,
      `const trusted = versions;`,
    ],
  ),
  mutation(
    ["left-counts-as-done", "broken calls"],
    "an update that left a path counts as complete",
    [
      `const reached = left.length === 0 ? position : notYet(base, position);`,
      `const reached = position;`,
    ],
  ),
  mutation(
    "failed-step-counts-as-done",
    "a step that failed is recorded as done",
    [`if (failed.has(planned.path)) continue;\n`, ``],
    [
      `const position = failed.size === 0\n    ? intent.position\n    : notYet(base, intent.position);`,
      `const position = intent.position;`,
    ],
  ),
  mutation(
    ["base-without-a-look", "busy"],
    "what lies at a path after a commit is taken for what the commit put there",
    [
      `return { path, base: { entry, inode: 0, ctimeS: 0 } };`,
      `return { path, base: trusted ? found : { entry, inode: 0, ctimeS: 0 } };`,
    ],
  ),
  mutation(
    ["complete-list-without-deletions", "long away"],
    "what a complete list does not name is not taken for deleted",
    [
      `if (!header.complete) return changes;`,
      `if (header !== turn) return changes;`,
    ],
  ),
];

/** The client's files. */
const FILES: readonly Mutation[] = [
  mutation(
    ["client-stage-unchecked", "broken calls"],
    "whatever rsync left in the stage is put in place",
    [
      `const whole = isWhole(full, entry) ||\n`,
      `const whole = lstatIfAny(full) !== undefined ||\n`,
    ],
  ),
  mutation(
    ["no-set-aside", "open files"],
    "a version is replaced without being set aside",
    [`Deno.linkSync(full, aside);`, `void aside;`],
  ),
  mutation(
    ["deleted-without-set-aside", "busy"],
    "a file is deleted, not moved aside",
    [
      `inWritableParent(full, () => Deno.renameSync(full, aside));`,
      `inWritableParent(full, () => Deno.removeSync(full));`,
    ],
  ),
  mutation(
    ["aside-dropped-unseen", "open files"],
    "what was set aside is dropped without a second look",
    [
      `const isSame = look.kind === "found" && sameFound(look.found, kept);`,
      `const isSame = look.kind === "found" && kept !== undefined;`,
    ],
  ),
  mutation(
    ["aside-dropped-at-start", "open files"],
    "what a crash left set aside is dropped",
    [
      "const isLinked = lstatIfAny(`${root}/${path}`)?.ino === inode;",
      "const isLinked = inode > 0;",
    ],
  ),
  mutation(
    ["new-file-overwritten", "busy"],
    "a file that appears in the last instant is overwritten",
    [
      `if (moveIfFree(staged, full)) return undefined;`,
      `Deno.renameSync(staged, full);\n      if (look.kind === "absent") return undefined;`,
    ],
  ),
  mutation(
    ["unreadable-is-deleted", "no access"],
    "what cannot be looked at counts as deleted",
    [`return missing(error) ? ABSENT : unreadable(error);`, `return ABSENT;`],
  ),
];

/** Durable records on both sides. */
const RECORDS: readonly Mutation[] = [
  mutation(
    ["no-client-intent", "crashes in commits"],
    "a client moves files without an intent",
    [`if (intent.steps.length > 0) base.prepare(intent);`, ``],
  ),
  mutation(
    ["client-intent-unfinished", "crashes in commits"],
    "a client does not finish the intent that a crash left",
    [
      `if (intent !== undefined) await commit({ base, disk, edits }, intent);`,
      `void [intent, disk, edits];`,
    ],
  ),
  mutation(
    ["no-server-intent", "crashes in commits"],
    "the server moves files without an intent",
    [`journal.prepare(intent);\n`, ``],
  ),
  mutation(
    ["server-intent-unfinished", "crashes in commits"],
    "the server does not finish the intents that a crash left",
    [
      `await carryOut(intent, { journal, tree });\n  }\n}`,
      `void [intent, tree];\n  }\n}`,
    ],
  ),
  mutation(
    ["no-sent-marks", "answers lost"],
    "a client forgets what it offered and got no answer to",
    [`if (changes.length > 0) base.markSent(changes);`, ``],
  ),
  mutation(
    "agreed-before-committed",
    "a client counts its edits as taken in before the server says so",
    [
      `const committed = await expect(line, "committed");`,
      `base.agree(changes.map(({ path, entry }, index) => ({ path, base: entry && batch.found[index] })), base.position());\n  const committed = await expect(line, "committed");`,
    ],
  ),
  mutation(
    "tombstones-dropped",
    "the journal does not record deletions",
    [
      `rows: plan.rows,\n`,
      `rows: plan.rows.filter(({ entry }) => entry !== undefined),\n`,
    ],
  ),
  mutation(
    "no-history",
    "the server replaces a version without keeping it",
    [
      "Deno.linkSync(`${places.live}/${path}`, freeInHistory(path, places));",
      "return;",
    ],
  ),
  mutation(
    ["clock-trusted", "clocks"],
    "a date that goes back takes the stamp with it",
    [
      `if (today > head.date) return { date: today, cycle: 0 };`,
      `if (today !== head.date) return { date: today, cycle: 0 };`,
    ],
  ),
  mutation(
    "cycle-stands-still",
    "a commit does not raise the cycle",
    [`cycle: head.cycle + 1 };`, `cycle: head.cycle };`],
  ),
  mutation(
    ["epoch-ignored", "restored"],
    "a client keeps its record when the server has another epoch",
    [
      `return position.epoch !== welcome.epoch ||`,
      `return position.epoch === "" ||`,
    ],
  ),
];

/** Edits, and turns. */
const TURNS: readonly Mutation[] = [
  mutation(
    ["sender-does-not-look-again", "in a hurry"],
    "what changed while it was read is committed",
    [
      `!sameFound(foundAt(turn.disk, path), batch.found[index])`,
      `turn === undefined`,
    ],
  ),
  mutation(
    ["server-stage-unchecked", "broken calls"],
    "the server puts in place whatever rsync left in the stage",
    [
      `const whole = isWhole(info, full, entry);`,
      `const whole = full !== "" && entry !== undefined;`,
    ],
  ),
  mutation(
    ["no-suspects", "same looks"],
    "equal size and mtime count as equal, whatever inode and ctime say",
    [
      `return base !== undefined && local.entry.kind === "file" &&\n    sameContent`,
      `return base !== undefined && local === undefined &&\n    sameContent`,
    ],
  ),
  mutation(
    ["no-freshness-wait", "in a hurry"],
    "a file that was written this very moment goes at once",
    [
      `return ageMs >= 0 && ageMs < SETTLED_MS;`,
      `return ageMs === Infinity;`,
    ],
  ),
  mutation(
    ["rewritten-not-told", "same looks"],
    "the server does not tell that other bytes of the same size and mtime came in",
    [`if (staged.kind === "staged") this.#recordRewritten(path);\n`, ``],
  ),
  mutation(
    ["left-paths-handed-in", "broken calls"],
    "edits of paths go to the server whose update could not be brought in",
    [
      `left.some((other) =>\n      isWithin(path, other.path) || isWithin(other.path, path)\n    );`,
      `left.length < 0 && path === "";`,
    ],
  ),
  mutation(
    "two-turns-at-once",
    "two clients hand in edits at the same time",
    [
      `if (turn.exclusive) return user.active.length === 0;`,
      `if (turn.exclusive) return true;`,
    ],
  ),
  mutation(
    "puback-is-an-answer",
    "an announcement that the broker took is not repeated",
    [
      `announceAtMs: nowMs + view.retryMs,\n    retryMs: Math.min(view.retryMs * 2, LONGEST_RETRY_MS),`,
      `announceAtMs: Infinity,`,
    ],
  ),
];

/** Looking at the files. */
const LOOKS: readonly Mutation[] = [
  mutation(
    ["new-directory-scanned-once", "deaf"],
    "a new directory is scanned at once, and not again",
    [
      `const SCAN_STEPS_MS = [QUIET_MS, 100, 2000];`,
      `const SCAN_STEPS_MS = [QUIET_MS];`,
    ],
  ),
  mutation(
    ["nothing-held", "emptied"],
    "deletions of everything go without asking a person",
    [`return total >= HOLD_EMPTIED && deleted >= total;`, `return false;`],
  ),
];

/** All of them. */
export const MUTATIONS: readonly Mutation[] = [
  ...UPDATES,
  ...FILES,
  ...RECORDS,
  ...TURNS,
  ...LOOKS,
];
