/**
 * One user's files on the server: staging, and the steps of a commit.
 *
 * Links are stored munged, so that none leads anywhere here; true modes are in the journal, and the
 * disk has at least what the server's account needs to read and write.
 *
 * @module
 */
import type { Entry } from "../core/entry.ts";
import {
  joinPath,
  MUNGED_PREFIX,
  OWN_NAME,
  type RelativePath,
} from "../core/path.ts";
import { namesPath, reasonFor } from "../core/rsync.ts";
import type { ServerStep, Staged } from "../core/server_commit.ts";
import { stampText } from "../core/stamp.ts";
import type { Scope, ServerTree } from "../ports.ts";
import {
  blockedAt,
  dataBytes,
  flushFiles,
  lstatIfAny,
  makeParents,
  removeIfEmpty,
  removeTree,
} from "./files.ts";
import { distrustStage, trimStage } from "./leftovers.ts";

import { dirname } from "node:path";
import { FileAreas, isCrossDevice } from "./file_areas.ts";
import { isReadOnly, lookAtMount } from "./mount_points.ts";
import { type Across, applyAcross, type CopyLinks } from "./server_across.ts";
import { dressStaged, setMode } from "./modes.ts";
import {
  DIRECTORY_MODE,
  diskMode,
  freeInHistory,
  giveMode,
  type Places,
} from "./server_places.ts";

/** Length from which rsync's messages may have been cut; twice what is trusted to be whole. */
const KEPT_CHARACTERS = 64 * 1024;
/** The tree of one user in `directory` (`<root>/<user>`, absolute). */
export function openServerTree(
  directory: string,
  copyLinks: CopyLinks,
): ServerTree {
  const own = `${directory}/${OWN_NAME}`;
  const areas = new FileAreas(directory);
  const live = (scope: Scope) => within(directory, scope);
  const stageAt = (name: string) => `${own}/incoming/${name}`;
  return {
    live(scope) {
      const path = live(scope);
      Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
      return path;
    },
    openStage(name) {
      const stage = stageAt(name);
      Deno.mkdirSync(stage, { recursive: true, mode: 0o700 });
      distrustStage(stage);
      return Promise.resolve(stage);
    },
    checkStaged(stage, path, expected) {
      return Promise.resolve(
        checkStaged(`${stage}/${path}`, { path, ...expected }),
      );
    },
    async apply(intent) {
      const places = {
        live: live(intent.scope),
        stage: intent.stage,
        history: within(
          `${own}/history/${stampText(intent.stamp)}`,
          intent.scope,
        ),
      };
      Deno.mkdirSync(places.live, { recursive: true, mode: DIRECTORY_MODE });
      await flushFiles(
        intent.steps.filter((step) =>
          step.do === "place" && step.entry.kind === "file"
        )
          .map(({ path }) => `${intent.stage}/${path}`),
      );
      for (const step of intent.steps) {
        const path = scopedPath(intent.scope, step.path);
        await applyWhereItIs(step, { places, areas, copyLinks, path });
      }
      areas.each(tidyOwn);
    },
    closeStage: removeTree,
    obstacle(scope, path, entry) {
      return obstacleAt(`${live(scope)}/${path}`, entry);
    },
    trimStage: (name, wanted) => trimStage(stageAt(name), wanted),
    dataBytes: (scope, path) => dataBytes(`${live(scope)}/${path}`),
  };
}

/** A step at a path on another file system is done by copies; for a bind mount, failing tells of it. */
async function applyWhereItIs(step: ServerStep, across: Across): Promise<void> {
  const { places, areas, path } = across;
  if (areas.isElsewhere(path)) return await applyAcross(step, across);
  try {
    applyStep(step, places);
  } catch (error) {
    if (!isCrossDevice(error) || !areas.learn(path)) throw error;
    await applyAcross(step, across);
  }
}

/** Removes an own directory on another file system when nothing is in it, and what a crash left half copied. */
function tidyOwn(own: string): void {
  if (lstatIfAny(`${own}/part`) !== undefined) Deno.removeSync(`${own}/part`);
  removeIfEmpty(`${own}/incoming`);
  if (removeIfEmpty(own)) removeIfEmpty(dirname(own));
}

function scopedPath({ prefix }: Scope, path: RelativePath): RelativePath {
  return prefix === "" ? path : joinPath(prefix as RelativePath, path);
}

function within(directory: string, { prefix }: Scope): string {
  return prefix === "" ? directory : `${directory}/${prefix}`;
}

/** Why what is at a path cannot be changed, whatever is tried; found without writing. */
function obstacleAt(
  full: string,
  entry: Entry | undefined,
): string | undefined {
  let above = dirname(full);
  while (lstatIfAny(above)?.isDirectory !== true) above = dirname(above);
  if (isReadOnly(above)) {
    return "its file system is mounted read-only on the server";
  }
  const isMounted = entry?.kind !== "directory" &&
    lookAtMount(full).kind === "mounted";
  return isMounted ? "a file system is mounted there on the server" : undefined;
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
    if (verify && isUnnamed(path, stderr)) return { kind: "equal" };
    return { kind: "left", reason: reasonFor(path, stderr) };
  }
  const whole = isWhole(info, full, entry);
  return whole
    ? { kind: "staged" }
    : { kind: "left", reason: reasonFor(path, stderr) };
}

/** True when rsync surely had no fault with `path`: of very long messages only the end is kept. */
function isUnnamed(path: RelativePath, stderr: string): boolean {
  return stderr.length < KEPT_CHARACTERS / 2 && !namesPath(path, stderr);
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
      // A directory is what a later step made here before a crash.
      if (lstatIfAny(path)?.isDirectory === false) toHistory(step.path, places);
      return;
    case "removeDirectory":
      // What sinkd does not know is kept, and must not keep the commit from being finished.
      if (!removeIfEmpty(path)) toHistory(step.path, places);
      return;
    case "makeDirectory":
      openWay(step.path, places);
      if (lstatIfAny(path)?.isDirectory === false) toHistory(step.path, places);
      Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
      return setMode(path, diskMode(step.mode));
    case "place":
      return place(step, places);
    case "mode":
      return giveMode(path, step);
  }
}

/** Moves what is at `path` into history. */
function toHistory(path: RelativePath, places: Places): void {
  Deno.renameSync(`${places.live}/${path}`, freeInHistory(path, places));
}

/** Makes what is missing above `path`; nothing but a directory stays in the way. */
function openWay(path: RelativePath, places: Places): void {
  for (
    let blocked = blockedAt(places.live, path);
    blocked !== undefined;
    blocked = blockedAt(places.live, path)
  ) toHistory(blocked, places);
  makeParents(`${places.live}/${path}`, DIRECTORY_MODE);
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
  openWay(step.path, places);
  if (step.entry.kind === "file") {
    dressStaged(staged, path, step.entry.mode | 0o600);
  }
  const before = lstatIfAny(path);
  if (before?.isDirectory === true) toHistory(step.path, places);
  else if (before !== undefined) linkToHistory(step.path, before, places);
  Deno.renameSync(staged, path);
}

/** Gives what is at `path` a second name in history, unless a crash came just after that. */
function linkToHistory(
  path: RelativePath,
  before: Deno.FileInfo,
  places: Places,
): void {
  const kept = lstatIfAny(`${places.history}/${path}`);
  if (kept !== undefined && kept.ino === before.ino) return;
  Deno.linkSync(`${places.live}/${path}`, freeInHistory(path, places));
}
