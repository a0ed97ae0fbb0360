/**
 * What an rsync must bring before it is trusted with anybody's files: a few files of sinkd's own, in
 * calls as all others are, and how what came is judged.
 *
 * @module
 */
import { MUNGED_PREFIX } from "./path.ts";
import { namesPath, rsyncOutcome } from "./rsync.ts";

/** What is at a path of the trial. */
export type TrialItem =
  | { readonly kind: "file"; readonly text: string; readonly mtimeMs: number }
  | { readonly kind: "link"; readonly target: string };

/** Items by path. */
export type TrialTree = Readonly<Record<string, TrialItem>>;

/** Changes when the trial does, so that what was found before counts no more. */
export const TRIAL_VERSION = 2;

const NAMES = [
  "plain",
  ".profile",
  "new\nline",
  "-dash",
  "#x",
  ";y",
  " spaces ",
  "back\\slash\\#012",
  "[\\]\\*",
  "quote'\"`$(x)",
  "star*?[a]",
  "100% %HOME% %20",
  "ünïcode 文字",
  ":colon:",
  "dir #1/[x]",
  "dir #1/sub/.profile",
];

const TARGETS: Readonly<Record<string, string>> = {
  "l absolute": "/etc/passwd",
  "l up": "../../../..",
  "l dangling": "nowhere/at all",
  "l odd": "%HOME%\n '\" \\ é ",
  "dir #1/l": "../plain",
};

// Within one second, which is rsync's measure unless told otherwise.
const EARLY_MS = 1_600_000_000_250;
const LATE_MS = 1_600_000_000_750;
const LINES = 3_000;
const text = (changed: string) =>
  Array.from(
    { length: LINES },
    (_, line) => line === LINES / 2 ? changed : `line ${line}`,
  ).join("\n");

/** Paths that mean more than their names. */
export const TRIAL_PATHS = {
  same: "same",
  touched: "touched",
  hidden: "hidden",
  delta: "delta",
  partial: "partial",
  gone: "gone",
} as const;

/** What is sent. */
export const SENT: TrialTree = {
  ...Object.fromEntries(NAMES.map((name) => [name, file(`text of ${name}`)])),
  ...Object.fromEntries(
    Object.entries(TARGETS).map(([path, target]) => [path, link(target)]),
  ),
  [TRIAL_PATHS.same]: file("the same on both sides"),
  [TRIAL_PATHS.touched]: file("new", LATE_MS),
  [TRIAL_PATHS.hidden]: file("new bytes"),
  [TRIAL_PATHS.delta]: file(text("changed"), LATE_MS),
  [TRIAL_PATHS.partial]: file(text("whole")),
};

/** What the receiver has already, where it compares. */
export const LIVE: TrialTree = {
  [TRIAL_PATHS.same]: file("the same on both sides"),
  [TRIAL_PATHS.touched]: file("old", EARLY_MS),
  [TRIAL_PATHS.hidden]: file("old bytes"),
  [TRIAL_PATHS.delta]: file(text("before"), EARLY_MS),
};

/** What a break left in the staging directory, in the directory for parts. */
export const PARTIAL: TrialTree = {
  [TRIAL_PATHS.partial]: file(text("whole").slice(0, 10_000)),
};

/** What may not be there after a call that was refused. */
export const INTRUDERS: readonly string[] = ["plain", "l absolute"];

/** Links as they lie on the server's disk. */
export function munged(tree: TrialTree): TrialTree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, item]) => [
      path,
      item.kind === "file" ? item : link(MUNGED_PREFIX + item.target),
    ]),
  );
}

/** What must be staged; `verified`: bytes are compared, so that equal sizes and times hide nothing. */
export function expectedStage({ verified }: { verified: boolean }): TrialTree {
  const left: readonly string[] = verified
    ? [TRIAL_PATHS.same]
    : [TRIAL_PATHS.same, TRIAL_PATHS.hidden];
  return munged(
    Object.fromEntries(
      Object.entries(SENT).filter(([path]) => !left.includes(path)),
    ),
  );
}

/** Links alone, as they are on a client. */
export function linksOf(tree: TrialTree): TrialTree {
  return Object.fromEntries(
    Object.entries(tree).filter(([, { kind }]) => kind === "link"),
  );
}

/** How a call of the trial ended. */
export interface TrialEnd {
  readonly code: number;
  readonly stderr: string;
}

/** Why the end of a call is wrong, or `undefined`. `missing`: a path of the list that is not there. */
export function endFault(
  { code, stderr }: TrialEnd,
  missing: string | undefined,
): string | undefined {
  const said = stderr.trim().split("\n")[0]?.slice(0, 200) ?? "";
  const outcome = rsyncOutcome(code, stderr);
  if (missing === undefined) {
    return outcome.kind === "done"
      ? undefined
      : `a call that has no fault ends with ${code}: ${said}`;
  }
  if (outcome.kind !== "partial") {
    return `a call for a file that is gone ends with ${code}: ${said}`;
  }
  return namesPath(missing, stderr)
    ? undefined
    : "it does not name the file that is gone";
}

/** What is wrong with what came, or `undefined`. */
export function treeFault(
  found: TrialTree,
  expected: TrialTree,
): string | undefined {
  for (const [path, wanted] of Object.entries(expected)) {
    const item = found[path];
    const named = JSON.stringify(path);
    if (item === undefined) return `it does not bring ${named}`;
    if (item.kind !== wanted.kind) {
      return `it brings the ${wanted.kind} ${named} as a ${item.kind}`;
    }
    if (item.kind === "link" && wanted.kind === "link") {
      if (item.target === wanted.target) continue;
      return `it changes where the link ${named} leads`;
    }
    if (item.kind === "file" && wanted.kind === "file") {
      if (item.text !== wanted.text) return `it changes the bytes of ${named}`;
      if (item.mtimeMs !== wanted.mtimeMs) {
        return `it changes the time of ${named}`;
      }
    }
  }
  const more = Object.keys(found).find((path) => !(path in expected));
  if (more === undefined) return undefined;
  return more in SENT
    ? "it sends what the receiver has already (--compare-dest)"
    : `it writes ${JSON.stringify(more)}, which nobody asked for`;
}

function file(text: string, mtimeMs = EARLY_MS): TrialItem {
  return { kind: "file", text, mtimeMs };
}

function link(target: string): TrialItem {
  return { kind: "link", target };
}
