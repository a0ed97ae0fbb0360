/**
 * A model of one rsync call: a list of paths from one tree into a staging directory, with
 * `--compare-dest`. Files change while they are read, and the call may break between any two.
 *
 * @module
 */
import type { FileSystem, Node } from "./file_system.ts";
import { OWN_NAME } from "../../lib/core/path.ts";
import type { RsyncEnd } from "../../lib/ports.ts";

const MUNGED = "/rsyncd-munged/";

/** The three trees of a call, absolute, and what to carry. */
export interface ModelCall {
  readonly from: string;
  readonly into: string;
  readonly compare: string;
  readonly verify: boolean;
  readonly paths: readonly string[];
}

/** What the world does to a call. */
export interface ModelPorts {
  readonly files: FileSystem;
  /** Gives way; throws when the channel broke. */
  readonly pause: (call: string, path: string) => Promise<void>;
  readonly torn: (before: number, after: number) => number;
  /** Counts what a call met. */
  readonly saw: (what: string) => void;
  /** True when reading this path fails; it is absolute. */
  readonly fails: (path: string) => boolean;
  /** True when there is no room on the disk of this path; it is absolute. */
  readonly isFull: (path: string) => boolean;
}

interface Listed {
  readonly path: string;
  readonly kind: Node["kind"];
  readonly size: number;
  readonly mtimeMs: number;
  readonly target: string;
}

/** Runs the call. */
export async function modelRsync(
  call: ModelCall,
  ports: ModelPorts,
): Promise<RsyncEnd> {
  const { files, pause } = ports;
  const listed: Listed[] = [];
  let stderr = "";
  let code = 0;
  const fail = (path: string, words: string) => {
    stderr += `rsync: [sender] ${words} "/${path}" (in anchor)\n`;
    code = 23;
  };
  for (const path of call.paths) {
    await pause("rsync lists", path);
    const node = files.peek(`${call.from}/${path}`);
    if (node === undefined) fail(path, "link_stat");
    else listed.push(describe(path, node));
  }
  let carried = 0;
  for (const item of listed) {
    if (isThere(files, item, call)) continue;
    if (carried === 0) await pause("rsync opens", item.path);
    else {
      await sawBreak(
        "rsync is broken off between two files",
        ports,
        () => pause("rsync opens", item.path),
      );
    }
    if (ports.isFull(call.into)) {
      return {
        code: 11,
        stderr: "rsync: write failed: No space left on device (28)",
      };
    }
    if (ports.fails(`${call.from}/${item.path}`)) {
      fail(item.path, "read errors mapping");
      continue;
    }
    const outcome = await carry(item, call, ports);
    carried++;
    if (outcome === "vanished") code = code === 0 ? 24 : code;
    if (outcome === "no directory") fail(item.path, "mkstemp failed");
    if (outcome === "in the way") {
      stderr += `could not make way for new regular file: ${item.path}\n`;
      code = 23;
    }
  }
  return { code, stderr };
}

function describe(path: string, node: Node): Listed {
  return {
    path,
    kind: node.kind,
    size: node.kind === "file" ? node.size : 0,
    mtimeMs: node.kind === "file" ? node.mtimeMs : 0,
    target: node.kind === "link" ? node.target : "",
  };
}

/**
 * True when the staging directory or the compared tree has it already. A file that is in
 * the compared tree goes from the staging directory again.
 */
function isThere(files: FileSystem, item: Listed, call: ModelCall): boolean {
  const target = `${call.into}/${item.path}`;
  const staged = files.peek(target);
  const compared = files.peek(`${call.compare}/${item.path}`);
  if (item.kind !== "directory" && isSame(compared, item, { files, call })) {
    if (staged === undefined) {
      makeParent(files, target);
      return true;
    }
    if (item.kind === "link") return isSame(staged, item, { files, call });
    const full = staged.kind === "directory" && staged.children.size > 0;
    if (!full) files.remove(target, false);
    return !full;
  }
  return isSame(staged, item, { files, call });
}

function isSame(
  other: Node | undefined,
  item: Listed,
  { files, call }: { files: FileSystem; call: ModelCall },
): boolean {
  if (other === undefined || other.kind !== item.kind) return false;
  switch (other.kind) {
    case "directory":
      return true;
    case "link":
      return other.target === munged(item.target);
    case "file": {
      const source = files.peek(`${call.from}/${item.path}`);
      const sameTime = other.mtimeMs === item.mtimeMs;
      if (other.size !== item.size || !sameTime) return false;
      return !call.verify || source?.kind !== "file" ||
        other.content === source.content;
    }
  }
}

async function carry(
  item: Listed,
  { from, into }: ModelCall,
  ports: ModelPorts,
): Promise<"done" | "vanished" | Obstacle> {
  const { files, pause, torn } = ports;
  const source = files.peek(`${from}/${item.path}`);
  const target = `${into}/${item.path}`;
  if (item.kind === "file") {
    if (source?.kind !== "file") {
      ports.saw("a source is gone before rsync reads it");
      return "vanished";
    }
    const before = source.content;
    await sawBreak(
      "rsync is broken off within a file",
      ports,
      () => pause("rsync reads", `${from}/${item.path}`),
    );
    const { content: after, size } = source;
    if (after !== before) ports.saw("a source changes while rsync reads it");
    const content = after === before ? before : torn(before, after);
    const obstacle = makeWay(files, target);
    if (obstacle !== undefined) return obstacle;
    files.write(target, { content, size, mtimeMs: item.mtimeMs, mode: 0o600 });
    dropPartial(target, ports);
    return "done";
  }
  const obstacle = makeWay(files, target);
  if (obstacle !== undefined) return obstacle;
  if (item.kind === "link") files.symlink(target, munged(item.target));
  else files.makeDirectory(target, { recursive: true, mode: 0o700 });
  return "done";
}

/** What an earlier call left of a file is what rsync builds on, and goes when the file is whole. */
function dropPartial(target: string, { files, saw }: ModelPorts): void {
  const slash = target.lastIndexOf("/");
  const partials = `${target.slice(0, slash)}/${OWN_NAME}`;
  const partial = `${partials}${target.slice(slash)}`;
  if (files.peek(partial) === undefined) return;
  saw("rsync goes on where an earlier call was broken off");
  files.remove(partial, false);
  const left = files.peek(partials);
  if (left?.kind === "directory" && left.children.size === 0) {
    files.remove(partials, false);
  }
}

/** Counts it when the channel breaks, or a process ends, in a pause. */
async function sawBreak(
  what: string,
  { saw }: ModelPorts,
  pause: () => Promise<void>,
): Promise<void> {
  try {
    await pause();
  } catch (error) {
    saw(what);
    throw error;
  }
}

/** Why nothing can be staged at a path: of the second rsync does not say the name in quotes. */
type Obstacle = "no directory" | "in the way";

/** Makes the directories above; false when something is in the way. */
function makeParent(files: FileSystem, target: string): boolean {
  const parent = target.slice(0, target.lastIndexOf("/"));
  try {
    files.makeDirectory(parent, { recursive: true, mode: 0o700 });
    return true;
  } catch (error) {
    if (isSimulated(error)) return false;
    throw error;
  }
}

/** Makes the directories above, and removes what is there, unless that cannot be. */
function makeWay(files: FileSystem, target: string): Obstacle | undefined {
  if (!makeParent(files, target)) return "no directory";
  try {
    if (files.peek(target) !== undefined) files.remove(target, false);
    return undefined;
  } catch (error) {
    if (isSimulated(error)) return "in the way";
    throw error;
  }
}

function isSimulated(error: unknown): boolean {
  return error instanceof Error && error.message.includes("in the simulation");
}

function munged(target: string): string {
  return target.startsWith(MUNGED) ? target : MUNGED + target;
}
