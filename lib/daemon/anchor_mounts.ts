/**
 * The file systems in one anchor: one that is gone, replaced or hidden is no deletion. Nothing is sent
 * from below it, put there or taken for deleted, while all else in the anchor goes on; when it is back
 * everything is compared once. What is known of them is durable, so that a disk that is not there
 * after a boot is missed.
 *
 * @module
 */
import {
  type Below,
  judgeMount,
  type MountTrouble,
  type MountVerdict,
  mountWords,
} from "../core/mounts.ts";
import {
  ancestorsOf,
  isWithin,
  parentOf,
  type RelativePath,
} from "../core/path.ts";
import { ZERO_STAMP } from "../core/stamp.ts";
import type { AnchorStore } from "../io/base_store.ts";
import { lstatIfAny } from "../io/files.ts";
import { logger } from "../io/log.ts";
import { findPath } from "../io/look.ts";
import { isMountedOn, lookAtMount } from "../io/mount_points.ts";
import type { KnownMount } from "../io/mount_store.ts";
import type { Look, ScanView } from "../ports.ts";
import type { Hold } from "./anchor_root.ts";

/** Most directories that are remembered. */
const MAX_MET = 10_000;

const log = logger("anchor");

/** What {@linkcode AnchorMounts} work with. */
export interface MountsPorts {
  readonly root: string;
  readonly store: AnchorStore;
  /** A file system counts here from now on: what a crash left of sinkd's own there is looked after. */
  readonly onMount: (path: RelativePath) => void;
  /** Nothing is to be done at and below this path until {@linkcode onChange}. */
  readonly onTrouble: (path: RelativePath) => void;
  /** The anchor stands where it is to be compared in full. */
  readonly onReset: () => void;
  /** What is mounted changed: everything is to be watched and scanned anew. */
  readonly onChange: (cause: string) => void;
}

/** See the module. */
export class AnchorMounts {
  readonly #ports: MountsPorts;
  readonly #known: Map<RelativePath, KnownMount>;
  readonly #troubles = new Map<RelativePath, MountTrouble>();
  /** Directories that nothing unknown was mounted above, with their device and inode then. */
  readonly #met = new Map<RelativePath, string>();

  constructor(ports: MountsPorts) {
    this.#ports = ports;
    this.#known = ports.store.mounts.all();
    for (const [path, known] of this.#known) {
      const verdict = this.#judge(path, known, nothingFound);
      if (verdict.kind === "wait") this.#mark(path, verdict.trouble);
      // What happened there while it was waited for is compared by the scan that the start makes.
      else if (known.waits) this.#troubles.set(path, "gone");
    }
  }

  /** Mounts that are there and count. */
  present(): RelativePath[] {
    return [...this.#known.keys()].filter((path) => !this.#troubles.has(path));
  }

  /** True when nothing may be done at a path. */
  masks(path: string): boolean {
    if (this.#troubles.size === 0) return false;
    return [...this.#troubles.keys()].some((above) => isWithin(path, above));
  }

  /** True when something in the anchor waits. */
  get waiting(): boolean {
    return this.#troubles.size > 0;
  }

  /**
   * Why what a look found at a path says nothing, as things are this very moment. A file system that
   * was mounted since the last scan is found, too: the directory that is seen there is another one
   * than that on record.
   */
  blocks(path: RelativePath, look: Look | undefined): string | undefined {
    for (const [above, known] of this.#known) {
      if (!isWithin(path, above)) continue;
      const was = this.#troubles.get(above);
      if (was !== undefined) return this.#cause(above, was);
      const verdict = this.#judge(above, known, nothingFound);
      if (verdict.kind === "wait") return this.#wait(above, verdict.trouble);
    }
    if (look?.kind === "found") {
      const cause = this.#meetNew(path);
      if (cause !== undefined) return cause;
      return look.found.entry.kind === "directory"
        ? this.#meet(path, look.found.inode)
        : undefined;
    }
    if (look?.kind !== "absent") return undefined;
    const cover = this.#coverOf(path);
    return cover === undefined ? undefined : this.#wait(cover, "hidden");
  }

  /** Looks from time to time: neither a mount nor an unmount makes an event. */
  check(): void {
    for (const [path, known] of this.#known) {
      const verdict = this.#judge(path, known, nothingFound);
      const was = this.#troubles.get(path);
      if (verdict.kind === "wait") {
        if (was !== verdict.trouble) this.#wait(path, verdict.trouble);
      } else if (was !== undefined) {
        this.#ports.onChange(`what is mounted on ${path} changed`);
      }
    }
  }

  /** After a scan: takes what is new. One of everything also ends the waiting for what is back. */
  settle(scan: ScanView, below: RelativePath | undefined): void {
    const complete = below === undefined;
    const all = (path: RelativePath) => this.#below(path);
    if (below !== undefined) this.#meetAbove(below);
    for (const path of this.#unknownIn(scan, below)) {
      this.#take(path, this.#judge(path, undefined, all), complete);
    }
    const count = complete ? all : nothingFound;
    for (const [path, known] of [...this.#known]) {
      if (!complete && !isWithin(path, below)) continue;
      this.#take(path, this.#judge(path, known, count), complete);
    }
  }

  hold(): Hold | undefined {
    const troubles = [...this.#troubles];
    const [first] = troubles;
    if (first === undefined) return undefined;
    const { root } = this.#ports;
    const [path, trouble] = first;
    const { cause, fix } = mountWords(trouble, `${root}/${path}`);
    const others = troubles.length === 1
      ? ""
      : ` (and ${troubles.length - 1} more)`;
    return {
      kind: "root",
      reason: `${root}/${path}: ${cause}${others}; nothing is synced below it`,
      fix,
      paths: troubles.map(([waiting]) => `${root}/${waiting}`),
    };
  }

  /** True when `full` is a directory that waits. */
  waitsAt(full: string): boolean {
    const { root } = this.#ports;
    return [...this.#troubles.keys()].some((path) =>
      `${root}/${path}` === full
    );
  }

  /** Takes what is there now: nothing is deleted anywhere, and both sides are put together. */
  approve(): string | undefined {
    if (!this.waiting) return undefined;
    const { root, store } = this.#ports;
    const paths = [...this.#troubles.keys()];
    for (const path of paths) {
      const now = lookAtMount(`${root}/${path}`);
      const gone = [...store.bases(path).keys()];
      store.agree(
        gone.map((known) => ({ path: known, base: undefined })),
        { ...store.position(), stamp: ZERO_STAMP },
      );
      if (now.kind === "mounted") this.#adopt(path, now.identity);
      else this.#forget(path);
    }
    this.#ports.onReset();
    this.#ports.onChange("approved");
    const named = paths.map((path) => `${root}/${path}`).join(", ");
    return `${named}: synced as it is now; nothing is deleted anywhere`;
  }

  #judge(
    path: RelativePath,
    known: KnownMount | undefined,
    below: (path: RelativePath) => Below,
  ): MountVerdict {
    const now = lookAtMount(`${this.#ports.root}/${path}`);
    const isCover = known !== undefined && known.identity === undefined;
    if (isCover && now.kind !== "mounted") return { kind: "ordinary" };
    return judgeMount(known?.identity, now, () => below(path));
  }

  #take(path: RelativePath, verdict: MountVerdict, complete: boolean): void {
    const waited = this.#known.get(path)?.waits === true;
    if (verdict.kind === "wait") {
      if (this.#troubles.get(path) !== verdict.trouble) {
        this.#wait(path, verdict.trouble);
      }
      return;
    }
    if (waited && !complete) return;
    switch (verdict.kind) {
      case "present":
        if (waited) this.#adopt(path, this.#known.get(path)?.identity);
        break;
      case "adopt": {
        const now = lookAtMount(`${this.#ports.root}/${path}`);
        if (now.kind === "mounted") this.#adopt(path, now.identity);
        break;
      }
      case "forget":
      case "ordinary":
        if (this.#known.has(path)) this.#forget(path);
        break;
    }
    if (waited) this.#compareAll();
  }

  /** What was passed over meanwhile is asked for by a comparison in full. */
  #compareAll(): void {
    const { store, onReset } = this.#ports;
    store.agree([], { ...store.position(), stamp: ZERO_STAMP });
    onReset();
  }

  #adopt(path: RelativePath, identity: KnownMount["identity"]): void {
    const known = { identity, waits: false };
    this.#ports.store.mounts.set(path, known);
    this.#known.set(path, known);
    this.#troubles.delete(path);
    this.#ports.onMount(path);
  }

  #forget(path: RelativePath): void {
    this.#ports.store.mounts.drop(path);
    this.#known.delete(path);
    this.#troubles.delete(path);
  }

  /** From now on nothing is done there; gives the cause. */
  #wait(path: RelativePath, trouble: MountTrouble): string {
    this.#mark(path, trouble);
    this.#ports.onTrouble(path);
    return this.#cause(path, trouble);
  }

  /** Durable: what is passed over from now on is compared when it is back, however often it restarts. */
  #mark(path: RelativePath, trouble: MountTrouble): void {
    const identity = this.#known.get(path)?.identity;
    const known = { identity, waits: true };
    this.#ports.store.mounts.set(path, known);
    this.#known.set(path, known);
    this.#troubles.set(path, trouble);
    log.warn`${this.#ports.root}/${path}: ${this.#cause(path, trouble)}`;
  }

  #cause(path: RelativePath, trouble: MountTrouble): string {
    return mountWords(trouble, `${this.#ports.root}/${path}`).cause;
  }

  /** Directories of a scan that are on another file system than their parent, and not known yet. */
  #unknownIn(
    scan: ScanView,
    below: RelativePath | undefined,
  ): RelativePath[] {
    const { root, store } = this.#ports;
    const inodes = store.mounts.directories(below);
    const found: RelativePath[] = [];
    for (const [path, { entry, inode }] of scan.found) {
      if (entry.kind !== "directory" || this.#known.has(path)) continue;
      if (inodes.get(path) === inode) continue;
      if (lookAtMount(`${root}/${path}`).kind === "mounted") found.push(path);
    }
    return found;
  }

  /**
   * What is new at a path may be new because a file system was mounted above it, of which no event
   * tells: that one counts before anything below it does, or its going would be a deletion.
   */
  #meetNew(path: RelativePath): string | undefined {
    const parent = parentOf(path);
    if (parent === undefined) return undefined;
    const seen = lstatIfAny(`${this.#ports.root}/${parent}`);
    const identity = `${seen?.dev} ${seen?.ino}`;
    // One lstat for each look; the record is asked only where a directory is another one.
    if (this.#met.get(parent) === identity) return undefined;
    const cause = this.#meetAbove(path);
    if (cause !== undefined) return cause;
    if (this.#met.size >= MAX_MET) this.#met.clear();
    this.#met.set(parent, identity);
    return undefined;
  }

  #meetAbove(path: RelativePath): string | undefined {
    for (const above of ancestorsOf(path)) {
      const info = lstatIfAny(`${this.#ports.root}/${above}`);
      if (info === undefined) return undefined;
      const cause = this.#meet(above, info.ino ?? 0);
      if (cause !== undefined) return cause;
    }
    return undefined;
  }

  /** A directory that is not the one on record: before that records it, whether it is a mount. */
  #meet(path: RelativePath, inode: number): string | undefined {
    const { root, store } = this.#ports;
    if (this.#known.has(path) || store.row(path).base?.inode === inode) {
      return undefined;
    }
    if (lookAtMount(`${root}/${path}`).kind !== "mounted") return undefined;
    const all = (directory: RelativePath) => this.#below(directory);
    this.#take(path, this.#judge(path, undefined, all), false);
    const trouble = this.#troubles.get(path);
    return trouble === undefined ? undefined : this.#cause(path, trouble);
  }

  /** The nearest directory above an absent path on record that a file system hides which is not known. */
  #coverOf(path: RelativePath): RelativePath | undefined {
    const { root, store } = this.#ports;
    if (store.row(path).base === undefined) return undefined;
    for (
      let above = parentOf(path);
      above !== undefined;
      above = parentOf(above)
    ) {
      const info = lstatIfAny(`${root}/${above}`);
      if (info?.isDirectory !== true) continue;
      const isSame = store.row(above).base?.inode === info.ino;
      if (isSame || this.#known.has(above)) return undefined;
      const parent = parentOf(above);
      const outside = parent === undefined ? root : `${root}/${parent}`;
      if (isMountedOn(outside, `${root}/${above}`)) return above;
    }
    return undefined;
  }

  /** How much of what is on record below a directory is there. */
  #below(path: RelativePath): Below {
    const { root, store } = this.#ports;
    let known = 0;
    let found = 0;
    for (const [below, { entry }] of store.bases(path)) {
      if (below === path) continue;
      known++;
      const look = findPath(root, below);
      if (look.kind === "found" && look.found.entry.kind === entry.kind) {
        found++;
      }
    }
    return { known, found };
  }
}

/** For a look that must not take long: what is not the known file system waits for the next scan. */
function nothingFound(): Below {
  return { known: 1, found: 0 };
}
