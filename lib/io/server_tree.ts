/**
 * One user's files on the server: staging, and the steps of a commit.
 *
 * Links are stored munged, so that none leads anywhere here; true modes are in the journal, and the
 * disk has at least what the server's account needs to read and write.
 *
 * @module
 */
import type { Entry } from "../core/entry.ts";
import { MUNGED_PREFIX, OWN_NAME, type RelativePath } from "../core/path.ts";
import { reasonFor } from "../core/rsync.ts";
import type { ServerStep, Staged } from "../core/server_commit.ts";
import { stampText } from "../core/stamp.ts";
import type { Scope, ServerTree } from "../ports.ts";
import {
  linkIfFree,
  lstatIfAny,
  makeParents,
  removeIfEmpty,
  removeTree,
} from "./files.ts";

/** Mode of directories on the server's disk: setgid, so that the group stays. */
const DIRECTORY_MODE = 0o2770;

/** The tree of one user in `directory` (`<root>/<user>`, absolute). */
export function openServerTree(directory: string): ServerTree {
  const own = `${directory}/${OWN_NAME}`;
  const live = (scope: Scope) => `${directory}/${scope.prefix}`;
  return {
    live(scope) {
      const path = live(scope);
      Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
      return path;
    },
    openStage(name) {
      const stage = `${own}/incoming/${name}`;
      Deno.mkdirSync(stage, { recursive: true, mode: 0o700 });
      return Promise.resolve(stage);
    },
    checkStaged(stage, path, expected) {
      return Promise.resolve(
        checkStaged(`${stage}/${path}`, { path, ...expected }),
      );
    },
    apply(intent) {
      const places = {
        live: live(intent.scope),
        stage: intent.stage,
        history: `${own}/history/${
          stampText(intent.stamp)
        }/${intent.scope.prefix}`,
      };
      Deno.mkdirSync(places.live, { recursive: true, mode: DIRECTORY_MODE });
      for (const step of intent.steps) applyStep(step, places);
      return Promise.resolve();
    },
    closeStage: removeTree,
  };
}

interface Places {
  readonly live: string;
  readonly stage: string;
  readonly history: string;
}

function checkStaged(
  full: string,
  expected: {
    path: RelativePath;
    entry: Entry;
    verify: boolean;
    stderr: string;
  },
): Staged {
  const { path, entry, verify, stderr } = expected;
  const info = lstatIfAny(full);
  if (info === undefined) {
    if (verify && reasonIsAbsent(path, stderr)) return { kind: "equal" };
    return { kind: "left", reason: reasonFor(path, stderr) };
  }
  const whole = isWhole(info, full, entry);
  return whole
    ? { kind: "staged" }
    : { kind: "left", reason: reasonFor(path, stderr) };
}

function reasonIsAbsent(path: RelativePath, stderr: string): boolean {
  return !stderr.includes(path);
}

function isWhole(info: Deno.FileInfo, full: string, entry: Entry): boolean {
  switch (entry.kind) {
    case "file":
      return info.isFile && info.size === entry.size &&
        info.mtime?.getTime() === entry.mtimeMs;
    case "link":
      return info.isSymlink &&
        Deno.readLinkSync(full) === MUNGED_PREFIX + entry.target;
    case "directory":
      return info.isDirectory;
  }
}

function applyStep(step: ServerStep, places: Places): void {
  const path = `${places.live}/${step.path}`;
  switch (step.do) {
    case "archive":
      return archive(path, `${places.history}/${step.path}`);
    case "removeDirectory":
      if (!removeIfEmpty(path)) {
        throw new Error(
          `Cannot remove directory '${path}': it holds files that sinkd does not know`,
        );
      }
      return;
    case "makeDirectory":
      Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
      return Deno.chmodSync(path, diskMode(step.mode));
    case "place":
      return place(step, places);
    case "mode":
      return Deno.chmodSync(
        path,
        step.directory ? diskMode(step.mode) : step.mode | 0o600,
      );
  }
}

/** Moves a version into history; done before when it is not there any more. */
function archive(path: string, history: string): void {
  if (lstatIfAny(path) === undefined) return;
  makeParents(history, DIRECTORY_MODE);
  if (lstatIfAny(history) === undefined) Deno.renameSync(path, history);
  else Deno.removeSync(path);
}

function place(
  step: Extract<ServerStep, { do: "place" }>,
  places: Places,
): void {
  const path = `${places.live}/${step.path}`;
  const staged = `${places.stage}/${step.path}`;
  if (lstatIfAny(staged) === undefined) {
    if (lstatIfAny(path) === undefined) {
      throw new Error(
        `Cannot commit '${path}': neither it nor its staged version is there`,
      );
    }
    return;
  }
  makeParents(path, DIRECTORY_MODE);
  if (step.entry.kind === "file") {
    Deno.chmodSync(staged, step.entry.mode | 0o600);
  }
  if (step.replaces !== undefined && lstatIfAny(path) !== undefined) {
    const history = `${places.history}/${step.path}`;
    makeParents(history, DIRECTORY_MODE);
    linkIfFree(path, history);
  }
  Deno.renameSync(staged, path);
}

/** A directory's true mode, with what the server's account needs, and setgid. */
function diskMode(mode: number): number {
  return mode | 0o2700;
}
