/**
 * What must hold in a simulated world: at every change of a file, and at rest.
 *
 * @module
 */
import { isExcluded } from "../../lib/core/excludes.ts";
import { isWithin } from "../../lib/core/path.ts";
import type { ServerIntent } from "../../lib/ports.ts";
import { type Entry, sameEntry } from "../../lib/core/entry.ts";
import type { RelativePath } from "../../lib/core/path.ts";
import { EMPTY, type Node } from "./file_system.ts";
import { valueOfTarget } from "./values.ts";
import { ANCHOR, type Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** Time from a plan to its last step, at most, and that of a tick of the clock. */
const LAST_INSTANT_MS = 40;

/** No final path is ever half-written. */
export function checkWhole(world: World, path: string): void {
  const node = world.files.peek(path);
  if (node?.kind !== "file" || node.content === EMPTY) return;
  world.check(node.content > 0, `${path} has torn content`);
  const size = world.values.get(node.content)?.size;
  world.check(node.size === size, `${path} is not whole`);
}

/** Neither the copy nor what took its place was written by somebody who saw the other. */
export function checkConflictCopy(
  world: World,
  machine: Machine,
  copyPath: string,
): void {
  const { files, values } = world;
  const copy = files.peek(copyPath);
  const mark = `.sinkd-conflict-${machine.name}-`;
  const path = copyPath.slice(0, copyPath.indexOf(mark));
  const below = path.slice(machine.root.length + 1);
  const staged = files.peek(`${machine.root}/.sinkd/incoming/${below}`) ??
    files.peek(path);
  if (copy?.kind !== "file" || staged?.kind !== "file") return;
  const [ours, theirs] = [copy.content, staged.content];
  if (ours === EMPTY || theirs === EMPTY) return;
  // Another time makes another version, and in the last instant nobody compares bytes.
  const touched = values.isTouched(ours) || values.isTouched(theirs);
  if (touched && (ours !== theirs || world.hasLastInstants)) return;
  // What is touched after the plan has looked is kept unseen.
  const ageMs = world.clockMs(machine.name) - copy.mtimeMs;
  if (values.isTouched(ours) && ageMs < LAST_INSTANT_MS) return;
  world.check(
    !values.descends(ours, theirs) && !values.descends(theirs, ours),
    `a false conflict: ${copyPath} keeps value ${ours}, and value ${theirs} comes in`,
  );
}

/** Nothing is deleted on the server that nobody deleted or moved away, as all who have it still show. */
export function checkRows(world: World, intent: unknown): void {
  const { rows, scope } = intent as ServerIntent;
  for (const { path, entry, before } of rows) {
    if (entry !== undefined || before === undefined) continue;
    const below = `${scope.prefix}/${path}`.slice(ANCHOR.length + 1);
    const meant = [...world.dropped].some((dropped) =>
      isWithin(below as RelativePath, dropped as RelativePath)
    );
    world.check(meant, `${below} is deleted, and nobody deleted it`);
  }
}

/** At rest: trees are equal, and nothing is lost. */
export function checkAtRest(world: World): void {
  checkRecords(world);
  checkTrees(world);
  checkValues(world);
}

function checkTrees(world: World): void {
  const { files, journal, machines } = world;
  for (const machine of machines) {
    const scope = { prefix: machine.prefix };
    const live = files.tree(`${world.serverDirectory}/${machine.prefix}`);
    const tree = files.tree(machine.root);
    const paths = new Set([...tree.keys(), ...live.keys()]);
    for (const path of paths) {
      if (!isShared(machine, path, tree.get(path))) continue;
      const here = tree.get(path);
      const there = live.get(path);
      const entry = journal.entryAt(scope, path as RelativePath);
      const same = here !== undefined && there !== undefined &&
        entry !== undefined && sameEntry(entryOf(here), entry) &&
        sameOnDisk(here, there);
      world.check(
        same,
        `${path} is ${show(here)} on ${machine.name}, ${
          show(there)
        } on the server, whose journal has ${JSON.stringify(entry)}`,
      );
    }
    for (const [path, node] of tree) {
      world.check(
        node.kind === "directory" || node.links === 1,
        `${path} on ${machine.name} is one file with another one`,
      );
    }
    const own = files.peek(`${machine.root}/.sinkd`);
    world.check(
      own === undefined || world.mayHaveStage(machine),
      `.sinkd is left on ${machine.name}`,
    );
  }
  const live = files.tree(`${world.serverDirectory}/${ANCHOR}`);
  const { changes } = journal.changesSince({ prefix: ANCHOR }, undefined);
  for (const { path } of changes) {
    world.check(live.has(path), `${path} is in the journal only`);
  }
}

/** True when a machine has that path in common with the server. */
function isShared(
  { only, rules }: Machine,
  path: string,
  node: Node | undefined,
): boolean {
  if (only !== undefined) return path === only;
  const place = path as RelativePath;
  return node === undefined
    ? !isExcluded(rules, place, true) && !isExcluded(rules, place, false)
    : !isExcluded(rules, place, node.kind === "directory");
}

/** No commit is left half done. */
function checkRecords(world: World): void {
  const { journal, machines } = world;
  const half = journal.pendingIntents().length;
  world.check(half === 0, `${half} commits are left half done on the server`);
  for (const { name, base } of machines) {
    world.check(
      base.intent() === undefined,
      `a commit is left half done on ${name}`,
    );
  }
}

/** Content and kind; the server's disk keeps modes of its own, and links munged. */
function sameOnDisk(here: Node, there: Node): boolean {
  if (here.kind === "file") {
    return there.kind === "file" && here.content === there.content &&
      here.mtimeMs === there.mtimeMs && (there.mode & 0o600) === 0o600;
  }
  if (here.kind === "link") {
    return there.kind === "link" &&
      there.target === `/rsyncd-munged/${here.target}`;
  }
  return there.kind === "directory";
}

function checkValues(world: World): void {
  const { files, machines, serverDirectory } = world;
  const shown = new Set<number>();
  for (const { root } of machines) {
    for (const node of files.tree(root).values()) add(shown, node);
  }
  for (const { id, machine, path } of world.values.wanted()) {
    world.check(
      shown.has(id),
      `value ${id}, written on ${machine} at ${path}, is lost`,
    );
  }
  const kept = new Set(shown);
  const history = `${serverDirectory}/.sinkd/history`;
  for (const node of files.leaves(history)) add(kept, node);
  for (const id of world.hasHistory ? world.served : []) {
    world.check(
      kept.has(id) || id === EMPTY,
      `value ${id} was on the server, and is not in its history`,
    );
  }
}

function add(values: Set<number>, node: Node): void {
  if (node.kind === "file") values.add(node.content);
  if (node.kind === "link") values.add(valueOfTarget(node.target));
}

function entryOf(node: Node): Entry {
  switch (node.kind) {
    case "file":
      return {
        kind: "file",
        size: node.size,
        mtimeMs: node.mtimeMs,
        mode: node.mode & 0o777,
      };
    case "directory":
      return { kind: "directory", mode: node.mode & 0o777 };
    case "link":
      return { kind: "link", target: node.target };
  }
}

function show(node: Node | undefined): string {
  if (node === undefined) return "absent";
  const entry = JSON.stringify(entryOf(node));
  return node.kind === "file" ? `${entry} with value ${node.content}` : entry;
}
