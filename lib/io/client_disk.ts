/**
 * One anchor's files on a client: looking, staging, snapshots, and the bytes of two versions.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Entry, Found } from "../core/entry.ts";
import { sameContent } from "../core/entry.ts";
import { MUNGED_PREFIX, OWN_NAME, type RelativePath } from "../core/path.ts";
import type {
  ClientCommitResult,
  ClientDisk,
  ClientIntent,
  Holdings,
  LeftPath,
  Look,
} from "../ports.ts";
import { applySteps } from "./client_steps.ts";
import { Asides } from "./asides.ts";
import { copyPlainFile, openReadable } from "./copy_file.ts";
import {
  assertOwnPlace,
  FileAreas,
  isOwnPlace,
  makeOwnDirectory,
} from "./file_areas.ts";
import {
  dataBytes,
  flushFiles,
  inWritableParent,
  lstatIfAny,
  makeParents,
  removeIfEmpty,
  removeTree,
} from "./files.ts";
import { holdingsOf } from "./holdings.ts";
import {
  distrustStage,
  type Leftover,
  leftoverAt,
  trimStage,
} from "./leftovers.ts";
import { findPath } from "./look.ts";
import { Obstacles } from "./obstacles.ts";
import { bringOver, stagedHere, stagedPlace, stagedThere } from "./staged.ts";
import { stepFault } from "./step_faults.ts";

/** Where staged files lie, relative to the anchor's root. */
export const INCOMING = `${OWN_NAME}/incoming`;
const LINKS = `${OWN_NAME}/links`;
const OUTGOING = `${OWN_NAME}/outgoing`;
const COMPARE_BYTES = 1024 * 1024;

/** What the disk of an anchor must know. */
export interface DiskOptions {
  /** Absolute path of the anchor, or of the directory that a single file lies in. */
  readonly root: string;
  /** True for what is excluded; `entry` is `undefined` when only the name is known. */
  readonly passesOver: (
    path: RelativePath,
    entry: Entry | undefined,
  ) => boolean;
  /** See `ClientDisk.isBeyond`. */
  readonly isBeyond?: (path: RelativePath, entry: Entry) => boolean;
  /** A free conflict name for a path. */
  readonly copyName: (path: RelativePath) => string;
  /** Milliseconds of a clock that does not jump. */
  readonly nowMs: () => number;
  /** Throws when the root is not there, or not the one that was scanned. */
  readonly assertRoot: () => void;
  /** Why what was found at a path says nothing, and nothing may be done there, if so. */
  readonly blocks?: (
    path: RelativePath,
    look: Look | undefined,
  ) => string | undefined;
  /** Makes true links below `to` of the staged, munged ones below `from`; both are absolute. */
  readonly makeLinks: (
    places: { readonly from: string; readonly to: string },
    paths: readonly RelativePath[],
  ) => Promise<void>;
}

/** {@linkcode ClientDisk} on real files. */
export class AnchorDisk implements ClientDisk {
  readonly asides: Asides;
  readonly areas: FileAreas;
  readonly obstacles: Obstacles;
  readonly #options: DiskOptions;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.areas = new FileAreas(options.root);
    this.asides = new Asides({ ...options, areas: this.areas });
    this.obstacles = new Obstacles(options.root, options.nowMs);
  }

  look(path: RelativePath): Look {
    const look = findPath(this.#options.root, path);
    const cause = this.#options.blocks?.(path, look);
    return cause === undefined ? look : { kind: "unreadable", cause };
  }

  passesOver(path: RelativePath, entry: Entry | undefined): boolean {
    return this.#options.passesOver(path, entry);
  }

  obstacle(path: RelativePath): LeftPath | undefined {
    return this.obstacles.at(path);
  }

  isBeyond(path: RelativePath, entry: Entry): boolean {
    return this.#options.isBeyond?.(path, entry) ?? false;
  }

  holdings(directory: RelativePath): Holdings {
    return holdingsOf(this.#options, directory);
  }

  removeEmpty(directory: RelativePath): boolean {
    const look = this.look(directory);
    if (look.kind !== "found") return look.kind === "absent";
    const full = `${this.#options.root}/${directory}`;
    return inWritableParent(full, () => removeIfEmpty(full));
  }

  openStage(): Promise<string> {
    this.#makeOwn(INCOMING);
    distrustStage(`${this.#options.root}/${INCOMING}`);
    this.#clearAreas();
    return Promise.resolve(INCOMING);
  }

  trimStage(wanted: ReadonlySet<string>): void {
    const stage = `${this.#options.root}/${INCOMING}`;
    if (isOwnPlace(stage)) trimStage(stage, wanted);
  }

  /** What a broken turn left, when no turn is under way. */
  leftover(): Leftover | undefined {
    const stage = `${this.#options.root}/${INCOMING}`;
    return isOwnPlace(stage) ? leftoverAt(stage) : undefined;
  }

  async checkStaged(
    stage: string,
    expected: readonly {
      path: RelativePath;
      entry: Entry;
      verified: boolean;
    }[],
  ): Promise<Map<RelativePath, string>> {
    const { root } = this.#options;
    const broken = new Map<RelativePath, string>();
    const elsewhere = new Set(
      expected.map(({ path }) => path).filter((path) =>
        this.#isElsewhere(path, broken)
      ),
    );
    await this.#makeLinks(stage, expected, elsewhere);
    const places = this.#places(stage);
    for (const { path, entry, verified } of expected) {
      const item = { path, kind: entry.kind };
      const full = stagedPlace(item, places);
      const whole = isWhole(full, entry) ||
        (verified && this.#isEqualLive(full, path, entry));
      if (whole) await this.#bring(item, stage, broken);
      else if (!broken.has(path)) {
        broken.set(path, "it was not whole after the transfer");
      }
    }
    await flushFiles(
      expected.filter(({ entry }) => entry.kind === "file")
        .map(({ path }) => `${root}/${stage}/${path}`),
    );
    return broken;
  }

  async sameBytes(stage: string, path: RelativePath): Promise<boolean> {
    const { root } = this.#options;
    const full = stagedPlace({ path, kind: "file" }, this.#places(stage));
    if (lstatIfAny(full) === undefined) return true;
    // rsync gives a staged file the mode of the live one, which may forbid reading.
    Deno.chmodSync(full, 0o600);
    using staged = await Deno.open(full);
    using live = await openReadable(`${root}/${path}`);
    if (live === undefined) return false;
    const left = new Uint8Array(COMPARE_BYTES);
    const right = new Uint8Array(COMPARE_BYTES);
    for (;;) {
      const count = await readFully(staged, left);
      if (count !== await readFully(live, right)) return false;
      if (
        Buffer.compare(left.subarray(0, count), right.subarray(0, count)) !== 0
      ) {
        return false;
      }
      if (count < COMPARE_BYTES) return true;
    }
  }

  apply(intent: ClientIntent): Promise<ClientCommitResult> {
    const { copyName, assertRoot } = this.#options;
    assertRoot();
    assertOwnPlace(`${this.#options.root}/${OWN_NAME}`);
    const result = applySteps(intent.steps, {
      ...this.#places(intent.stage),
      copyName,
      asides: this.asides,
      assertThere: (path) => {
        const cause = this.#options.blocks?.(path, undefined);
        if (cause !== undefined) throw new Error(cause);
      },
    });
    this.obstacles.note(intent.steps.map(({ path }) => path), result.left);
    return Promise.resolve(result);
  }

  async closeStage(): Promise<void> {
    const { root } = this.#options;
    if (isOwnPlace(`${root}/${OWN_NAME}`)) {
      for (const name of [INCOMING, LINKS, OUTGOING]) {
        await removeTree(`${root}/${name}`);
      }
    }
    this.#clearAreas();
    this.asides.tidy();
  }

  dataBytes(path: RelativePath): number | undefined {
    return dataBytes(`${this.#options.root}/${path}`);
  }

  async snapshot(path: RelativePath): Promise<Found | undefined> {
    const { root } = this.#options;
    const copy = `${root}/${OUTGOING}/${path}`;
    this.#makeOwn(OUTGOING);
    makeParents(copy, 0o700);
    if (!await copyPlainFile(`${root}/${path}`, copy)) return undefined;
    const info = Deno.lstatSync(copy);
    return {
      entry: {
        kind: "file",
        size: info.size,
        mtimeMs: info.mtime?.getTime() ?? 0,
        mode: (info.mode ?? 0) & 0o777,
      },
      inode: 0,
      ctimeS: 0,
    };
  }

  #places(stage: string) {
    const { root } = this.#options;
    const stages = { files: stage, links: LINKS };
    return { root, stages, areas: this.areas };
  }

  /** True when a path is on another file system; `broken` hears when nothing can be put there. */
  #isElsewhere(path: RelativePath, broken: Map<RelativePath, string>): boolean {
    try {
      return this.areas.isElsewhere(path);
    } catch (error) {
      const fault = stepFault(error);
      this.obstacles.note([], [{ path, ...fault }]);
      broken.set(path, fault.reason);
      return false;
    }
  }

  /** Makes true links of the staged ones, each where a rename can take it to its path. */
  async #makeLinks(
    stage: string,
    expected: readonly { path: RelativePath; entry: Entry }[],
    elsewhere: ReadonlySet<RelativePath>,
  ): Promise<void> {
    const { root } = this.#options;
    const from = `${root}/${stage}`;
    const byPlace = new Map<string, RelativePath[]>();
    for (const { path, entry } of expected) {
      if (entry.kind !== "link") continue;
      if (!isMunged(`${from}/${path}`, entry.target)) continue;
      const to = elsewhere.has(path)
        ? `${this.areas.own(path)}/links`
        : `${root}/${LINKS}`;
      byPlace.set(to, [...byPlace.get(to) ?? [], path]);
    }
    for (const [to, links] of byPlace) {
      this.#options.assertRoot();
      makeOwnDirectory(to);
      await this.#options.makeLinks({ from, to }, links);
    }
  }

  /** Takes a whole staged file to the file system of its path. */
  async #bring(
    item: { path: RelativePath; kind: Entry["kind"] },
    stage: string,
    broken: Map<RelativePath, string>,
  ): Promise<void> {
    const places = this.#places(stage);
    const here = stagedHere(item, places);
    const there = stagedThere(item, places);
    if (item.kind !== "file" || there === here) return;
    if (lstatIfAny(here) === undefined) return;
    try {
      await bringOver(here, there);
    } catch (error) {
      const fault = stepFault(error);
      this.obstacles.note([], [{ path: item.path, ...fault }]);
      broken.set(item.path, fault.reason);
    }
  }

  /** Removes what is staged on other file systems; what an old turn left must not pass for new. */
  #clearAreas(): void {
    this.areas.each((own) => {
      if (!isOwnPlace(own)) return;
      for (const name of ["incoming", "links", "part"]) {
        removeNow(`${own}/${name}`);
      }
    });
  }

  /** Makes a directory of sinkd's own; refuses when something else has that name. */
  #makeOwn(name: string): void {
    this.#options.assertRoot();
    makeOwnDirectory(`${this.#options.root}/${name}`);
  }

  /** A file that rsync compared and found equal to the live one is not staged, and whole. */
  #isEqualLive(full: string, path: RelativePath, entry: Entry): boolean {
    if (lstatIfAny(full) !== undefined || entry.kind !== "file") return false;
    const live = this.look(path);
    return live.kind === "found" && sameContent(live.found.entry, entry);
  }
}

function removeNow(full: string): void {
  if (lstatIfAny(full) !== undefined) {
    Deno.removeSync(full, { recursive: true });
  }
}

function isWhole(full: string, entry: Entry): boolean {
  const info = lstatIfAny(full);
  if (info === undefined) return false;
  if (entry.kind === "link") {
    return info.isSymlink && Deno.readLinkSync(full) === entry.target;
  }
  return entry.kind === "file" && info.isFile && info.size === entry.size &&
    info.mtime?.getTime() === entry.mtimeMs;
}

function isMunged(full: string, target: string): boolean {
  const info = lstatIfAny(full);
  return info?.isSymlink === true &&
    Deno.readLinkSync(full) === MUNGED_PREFIX + target;
}

async function readFully(
  file: Deno.FsFile,
  buffer: Uint8Array,
): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const count = await file.read(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}
