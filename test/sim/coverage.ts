/**
 * What a run of the simulation must have seen, for it to show what it is said to show: each kind of
 * fault, and what comes of faults.
 *
 * @module
 */

/** Calls at which a process of each side is killed: before each of its effects. */
const KILLED_BEFORE = {
  "a client": [
    ...["mkdir", "rename", "link", "remove", "rmdir", "chmod"],
    ...["prepare", "agree", "forget", "markSent", "sends"],
    ...["rsync opens", "rsync reads"],
  ],
  "the server": [
    // Not rmdir: most kills are at the renames that ask where another file system begins, and none of
    // the 20,000 schedules has one there.
    ...["mkdir", "rename", "link", "remove", "chmod"],
    ...["prepare", "finish", "sends"],
    ...["rsync opens", "rsync reads"],
  ],
} as const;

/** All that 20,000 schedules see, as {@linkcode Chronicle} counts it. */
export const EXPECTED: readonly string[] = [
  "a user acts",
  "a user acts in a turn",
  "a message is lost",
  "a message is doubled",
  "a message is late",
  "a channel breaks",
  "a process is killed",
  "a file is not readable",
  "a link is down for a while",
  "the broker is away for a while",
  "a path cannot be read for a while",
  "a disk is full for a while",
  "a clock jumps",
  "the server forgets deletions",
  "the server is restored",
  "rsync is broken off between two files",
  "rsync is broken off within a file",
  "rsync goes on where an earlier call was broken off",
  "a source changes while rsync reads it",
  "a source is gone before rsync reads it",
  "a conflict copy is made",
  ...Object.entries(KILLED_BEFORE).flatMap(([side, calls]) =>
    calls.map((call) => `${side} is killed before ${call}`)
  ),
];

/** What of that was not seen. */
export function unseen(counts: ReadonlyMap<string, number>): string[] {
  return EXPECTED.filter((what) => (counts.get(what) ?? 0) === 0);
}

/** All counts, one a line. */
export function countsText(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(([left], [right]) => left < right ? -1 : 1)
    .map(([what, count]) => `${String(count).padStart(9)} ${what}\n`).join("");
}
