/**
 * Edits: which paths of an anchor differ from their base, and the next batch of them for the server.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import type { EditChange } from "../core/channel_protocol.ts";
import { type Entry, type Found, sameContent } from "../core/entry.ts";
import {
  ancestorsOf,
  comparePaths,
  isWithin,
  parentOf,
  type RelativePath,
} from "../core/path.ts";
import { isDirty, isSuspect } from "../core/reconcile.ts";
import { HOLES_FROM_BYTES, type Shortage } from "../core/room.ts";
import { CHANGED_WHILE_READ, WAITS_FOR_SPACE } from "../core/server_commit.ts";
import { ZERO_STAMP } from "../core/stamp.ts";
import { isLeftOver, keptIn } from "./apart.ts";
import { DeletionGuard } from "./deletion_guard.ts";
import { Newcomers } from "./newcomers.ts";
import type {
  Base,
  Batch,
  ClientDisk,
  Edits,
  LeftPath,
  Look,
  ScanView,
} from "../ports.ts";

/** Age in milliseconds from which a later write surely gives a file another mtime. */
const SETTLED_MS = 20;
const BEING_WRITTEN = "it is being written";
/** Reasons to wait that are no faults: the next try will most likely do. */
const PASSING: ReadonlySet<string> = new Set([
  BEING_WRITTEN,
  CHANGED_WHILE_READ,
  WAITS_FOR_SPACE,
]);
/** Least time until a file is offered again that did not fit on the server. */
const SHORT_MS = 15_000;
/** Tries after which a file that never holds still goes from a copy. */
const TRIES_BEFORE_SNAPSHOT = 3;

/** What the edits of one anchor need. */
export interface EditsPorts {
  readonly base: Base;
  readonly disk: ClientDisk;
  /** The clock that gives files their times, in milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that does not jump. */
  readonly steadyMs: () => number;
  /** Waits; for files that were written this very moment. */
  readonly rest: (ms: number) => Promise<void>;
  /** Asks to have a path examined again later, with growing delay, not before `leastMs`. */
  readonly defer: (path: RelativePath, leastMs?: number) => void;
  /** Asks for a scan of a directory that has no base. */
  readonly scan: (path: RelativePath) => void;
  /** Asks for a scan of everything, for this reason. */
  readonly scanAll: (cause: string) => void;
  /** Asks for the server's version: what was in its way is gone. */
  readonly fetch: (path: RelativePath) => void;
}

/** What is dirty at a path; `bytes` of a file as it was last looked at; `isNew` without a base. */
type Dirty = {
  readonly kind: "put";
  readonly bytes: number;
  readonly isNew: boolean;
} | {
  readonly kind: "delete";
};

/** {@linkcode Edits} of one anchor: what examinations and scans found dirty. */
export class AnchorEdits implements Edits {
  /** Why paths cannot be carried or read now; shown in status. */
  readonly faults = new Map<RelativePath, string>();
  /** Why edits could not be taken when they were last offered; shown in status until they are. */
  readonly refused = new Map<RelativePath, string>();
  /** Files outside of the anchor's size limits, as they were last looked at. */
  readonly outside = new Set<RelativePath>();
  /** What those of them lack that did not fit on the server. */
  readonly short = new Map<RelativePath, Shortage>();
  readonly #dirty = new Map<RelativePath, Dirty>();
  readonly #newcomers = new Newcomers();
  readonly #deletions = new DeletionGuard((path, nowMs) =>
    this.#newcomers.has(path, nowMs)
  );
  readonly #waiting = new Set<RelativePath>();
  readonly #tries = new Map<RelativePath, number>();
  readonly #ports: EditsPorts;
  #puts = 0;
  #news = 0;
  #bytes = 0;

  constructor(ports: EditsPorts) {
    this.#ports = ports;
  }

  /** Edits that could go now. */
  count(): number {
    const nowMs = this.#ports.steadyMs();
    return this.#puts + this.#deletions.readyCount(nowMs, () => this.#total());
  }

  /** All that is not on the server yet. */
  pending(): number {
    return this.#dirty.size + this.#waiting.size;
  }

  /** Bytes of the files that {@linkcode count} counts, for the announcement. */
  bytes(): number {
    return this.#bytes;
  }

  /** Deletions that wait for a person. */
  heldPaths(): RelativePath[] {
    return this.#deletions.held(this.#ports.steadyMs(), () => this.#total());
  }

  /** Deletions that wait for a person, with how long ago each was found, in milliseconds. */
  heldAges(): Map<RelativePath, number> {
    const nowMs = this.#ports.steadyMs();
    this.heldPaths();
    return new Map(
      [...this.#deletions.heldSince()].map(([path, atMs]) => [
        path,
        nowMs - atMs,
      ]),
    );
  }

  /** When many deletions will be judged, or `undefined`. */
  judgeAtMs(): number | undefined {
    const judgeAtMs = this.#deletions.judgeAtMs();
    return judgeAtMs === undefined || judgeAtMs < this.#ports.steadyMs()
      ? undefined
      : judgeAtMs;
  }

  /** Lets go of what is at and below a path: it is passed over from now on. */
  release(directory: RelativePath): void {
    const known = [
      ...this.#dirty.keys(),
      ...this.#waiting,
      ...this.faults.keys(),
      ...this.refused.keys(),
    ];
    for (const path of known) {
      if (!isWithin(path, directory)) continue;
      this.#clear(path);
      this.refused.delete(path);
    }
  }

  /** Lets held deletions go. */
  approve(): void {
    this.#deletions.approve();
  }

  /** Gives held deletions up: their bases are forgotten, so the server's versions come back. */
  reject(): RelativePath[] {
    const paths = this.heldPaths();
    const { base } = this.#ports;
    base.agree(
      paths.map((path) => ({ path, base: undefined })),
      { ...base.position(), stamp: ZERO_STAMP },
    );
    for (const path of paths) this.#clear(path);
    return paths;
  }

  /** Keeps what was deleted elsewhere and waits here: it goes to the server as new. */
  keepHeld(): RelativePath[] {
    const { base } = this.#ports;
    const paths = [...base.held()];
    base.agree(
      paths.map((path) => ({ path, base: undefined })),
      base.position(),
    );
    this.examine(paths);
    return paths;
  }

  /** Scans; many deletions are not judged meanwhile, for the scan may find where they went. */
  async whileScanning<T>(scan: () => Promise<T>): Promise<T> {
    this.#deletions.scanBegins();
    try {
      return await scan();
    } finally {
      this.#deletions.scanEnds(this.#ports.steadyMs());
    }
  }

  /** Looks at single paths; asks for a scan of directories that are new. */
  examine(paths: Iterable<RelativePath>): void {
    const { disk, base } = this.#ports;
    for (const path of paths) {
      if (disk.passesOver(path, undefined)) continue;
      const look = disk.look(path);
      const row = base.row(path).base;
      const wasShut = this.faults.has(path);
      this.#judge(path, look, row);
      const found = foundOf(look);
      const isDirectory = found?.entry.kind === "directory";
      if (isDirectory && disk.passesOver(path, found.entry)) continue;
      if (isDirectory && (wasShut || row?.entry.kind !== "directory")) {
        this.#ports.scan(path);
      } else if (isDirectory) this.#judgeFaultsAt(path);
      const above = parentOf(path);
      if (look.kind === "unreadable" && above && !this.faults.has(above)) {
        // It may be the directory that may not be looked into, which is told once for all in it.
        this.#ports.scan(above);
      }
      if (look.kind !== "found" && look.kind !== "absent") continue;
      if (!isDirectory) this.#examineBelow(path, row);
    }
  }

  /** Compares a scan of everything, or of what is at and below `below`, with the bases. */
  applyScan(scan: ScanView, below?: RelativePath): void {
    const { base, disk } = this.#ports;
    const bases = base.bases(below);
    if (below === undefined) this.outside.clear();
    const unknown = scan.unreadable.map(({ path }) => path);
    for (const [path, found] of scan.found) {
      if (disk.passesOver(path, found.entry)) {
        if (disk.isBeyond(path, found.entry)) this.outside.add(path);
        continue;
      }
      const known = bases.get(path);
      if (isDirty(found, known)) {
        this.#judge(path, { kind: "found", found }, known);
      } else if (this.#dirty.has(path)) {
        // It was edited after the scan had passed, or put back: only a look tells.
        this.#judge(path, disk.look(path), base.row(path).base);
      } else this.faults.delete(path);
    }
    for (const [path, known] of bases) {
      if (scan.found.has(path) || disk.passesOver(path, known.entry)) continue;
      if (unknown.some((directory) => isWithin(path, directory))) continue;
      this.#judge(path, disk.look(path), known);
    }
    for (const path of [...base.aparts().keys()]) {
      if (below !== undefined && !isWithin(path, below)) continue;
      if (scan.found.has(path) || bases.has(path)) continue;
      this.#judge(path, disk.look(path), undefined);
    }
    for (const path of [...this.#waiting]) {
      if (below !== undefined && !isWithin(path, below)) continue;
      this.#judge(path, disk.look(path), base.row(path).base);
    }
    this.#judgeFaultsAt(below);
    // One that was found was looked at above; another scan of it would ask for the next.
    if (below !== undefined && !scan.found.has(below)) this.examine([below]);
    this.tidy();
    // At the end: a directory that cannot be listed was found, too.
    for (const { path, cause } of [...scan.unreadable, ...scan.uncarriable]) {
      this.faults.set(path as RelativePath, cause);
    }
    for (const path of [...this.faults.keys()]) {
      if (unknown.some((shut) => path !== shut && isWithin(path, shut))) {
        this.faults.delete(path);
      }
    }
  }

  /** Forgets the faults at and below a path, or everywhere, whose cause is gone. */
  #judgeFaultsAt(directory: RelativePath | undefined): void {
    const { base, disk } = this.#ports;
    for (const path of [...this.faults.keys()]) {
      if (directory !== undefined && !isWithin(path, directory)) continue;
      const look = disk.look(path);
      if (look.kind === "found" || look.kind === "absent") {
        this.#judge(path, look, base.row(path).base);
      }
    }
  }

  /** Removes directories that were left over for something that is gone as well. */
  tidy(): void {
    const { base, disk } = this.#ports;
    if (base.aparts().size === 0) return;
    const paths = [...base.aparts().keys()].sort(comparePaths).reverse();
    for (const path of paths) {
      const apart = base.aparts().get(path);
      const found = foundOf(disk.look(path));
      if (apart === undefined || found?.entry.kind !== "directory") continue;
      if (apart.inode !== found.inode) continue;
      if (disk.removeEmpty(path)) this.examine([path]);
    }
  }

  renewed(): void {
    this.#ports.scanAll("the record starts again");
  }

  clashing(): RelativePath[] {
    const aparts = this.#ports.base.aparts();
    return [...aparts.keys()].filter((path) => this.#clashes(path));
  }

  async collect(
    limits: {
      paths: number;
      bytes: number;
      skip: (path: RelativePath) => boolean;
    },
  ): Promise<Batch> {
    await this.#restIfFresh(limits.paths);
    const changes: EditChange[] = [];
    const found: (Found | undefined)[] = [];
    let bytes = 0;
    let more = false;
    for (const path of this.#ordered()) {
      if (limits.skip(path)) continue;
      if (changes.length >= limits.paths || bytes >= limits.bytes) {
        more = true;
        break;
      }
      const edit = await this.#edit(path);
      if (edit === undefined) continue;
      changes.push(edit.change);
      found.push(edit.found);
      if (edit.change.entry?.kind === "file") bytes += edit.change.entry.size;
    }
    return { changes, found, more };
  }

  again(paths: readonly LeftPath[]): void {
    for (const { path, reason, room } of paths) {
      if (reason === "") {
        this.examine([path]);
        continue;
      }
      this.#clear(path);
      if (room !== undefined) {
        this.refused.set(path, reason);
        this.short.set(path, room);
        this.#waiting.add(path);
        this.#ports.defer(path, SHORT_MS);
        continue;
      }
      this.short.delete(path);
      if (PASSING.has(reason)) this.refused.delete(path);
      else this.refused.set(path, reason);
      this.#tries.set(path, (this.#tries.get(path) ?? 0) + 1);
      this.#waiting.add(path);
      this.#ports.defer(path);
    }
  }

  done(paths: readonly RelativePath[]): void {
    for (const path of paths) {
      this.#tries.delete(path);
      this.#accept(path);
      this.#noteNewcomer(path);
      this.#deletions.went(path, this.#ports.steadyMs());
      this.#clear(path);
      this.examine([path]);
    }
  }

  async #edit(
    path: RelativePath,
  ): Promise<{ change: EditChange; found: Found | undefined } | undefined> {
    const { disk, base } = this.#ports;
    const look = disk.look(path);
    const row = base.row(path).base;
    this.#judge(path, look, row);
    if (!this.#dirty.has(path) || this.#clashes(path)) return undefined;
    const local = foundOf(look);
    if (local === undefined) {
      const isNewcomer = this.#newcomers.has(path, this.#ports.steadyMs());
      const newcomer = isNewcomer ? { newcomer: true as const } : {};
      return { change: { path, ...newcomer }, found: undefined };
    }
    if (disk.passesOver(path, local.entry)) return undefined;
    if (
      (this.#tries.get(path) ?? 0) >= TRIES_BEFORE_SNAPSHOT &&
      local.entry.kind === "file"
    ) {
      return await this.#copy(path);
    }
    if (this.#isFresh(local)) {
      this.again([{ path, reason: BEING_WRITTEN }]);
      return undefined;
    }
    const { entry } = local;
    const verify = isSuspect(local, row) ? { verify: true as const } : {};
    const change = { path, entry, ...verify, ...this.#dataOf(path, entry) };
    return { change, found: local };
  }

  /** Tells of a large file what its bytes take, for it may have holes. */
  #dataOf(path: RelativePath, entry: Entry): { data?: number } {
    if (entry.kind !== "file" || entry.size < HOLES_FROM_BYTES) return {};
    const data = this.#ports.disk.dataBytes(path);
    return data === undefined ? {} : { data };
  }

  /** One file that cannot be copied, for whatever reason, must not keep the others here. */
  async #copy(
    path: RelativePath,
  ): Promise<{ change: EditChange; found: Found } | undefined> {
    let reason = this.refused.get(path) ?? "it cannot be copied";
    try {
      const copy = await this.#ports.disk.snapshot(path);
      if (copy !== undefined) {
        const change = { path, entry: copy.entry, snapshot: true } as const;
        return { change, found: copy };
      }
    } catch (error) {
      reason = `it cannot be copied: ${errorText(error)}`;
    }
    this.again([{ path, reason }]);
    return undefined;
  }

  /** Waits once when something was written this very moment: it is most likely complete after that. */
  async #restIfFresh(limit: number): Promise<void> {
    const { disk, rest } = this.#ports;
    for (const path of this.#ordered().slice(0, limit)) {
      const found = foundOf(disk.look(path));
      if (found !== undefined && this.#isFresh(found)) {
        return await rest(SETTLED_MS + 5);
      }
    }
  }

  #isFresh(found: Found): boolean {
    if (found.entry.kind !== "file") return false;
    const ageMs = this.#ports.nowMs() - found.entry.mtimeMs;
    return ageMs >= 0 && ageMs < SETTLED_MS;
  }

  /** What had been below a directory that is gone or is another kind of thing now. */
  #examineBelow(path: RelativePath, row: Found | undefined): void {
    if (row !== undefined && row.entry.kind !== "directory") return;
    const { base, disk } = this.#ports;
    for (const [below, known] of base.bases(path)) {
      if (below === path || disk.passesOver(below, known.entry)) continue;
      this.#judge(below, disk.look(below), known);
    }
  }

  #judge(path: RelativePath, look: Look, row: Found | undefined): void {
    // Whatever the look says: it came to be passed over while it was looked at.
    if (this.#ports.disk.passesOver(path, undefined)) return this.release(path);
    switch (look.kind) {
      case "uncarriable":
      case "unreadable":
        this.#clear(path);
        this.faults.set(path, look.cause);
        return;
      case "found":
      case "absent": {
        const found = foundOf(look);
        // What is gone was what its base says.
        const entry = (found ?? row)?.entry;
        const left = entry !== undefined &&
          this.#ports.disk.passesOver(path, entry);
        this.#noteSize(path, found);
        if (
          !left && !this.#staysApart(path, found, row) && isDirty(found, row)
        ) {
          if (found === undefined) {
            this.#newcomers.gone(path, row, this.#ports.steadyMs());
          }
          this.#set(path, dirtyAs(found, row));
        } else {
          this.#clear(path);
          this.#accept(path);
        }
      }
    }
  }

  #noteSize(path: RelativePath, found: Found | undefined): void {
    const outside = found !== undefined &&
      this.#ports.disk.isBeyond(path, found.entry);
    if (outside) this.outside.add(path);
    else this.outside.delete(path);
  }

  /** True when what is here, or is not, is no edit of what the server has and this machine does not. */
  #staysApart(
    path: RelativePath,
    found: Found | undefined,
    row: Found | undefined,
  ): boolean {
    const { base, disk, fetch } = this.#ports;
    const apart = base.aparts().get(path);
    if (apart === undefined) return false;
    const directory = found?.entry.kind === "directory";
    if (apart.entry === undefined) {
      if (directory && apart.inode === found.inode) return true;
      base.setApart(path, undefined); // it went, and what is here is another thing
      return false;
    }
    if (found === undefined) {
      const aparts = base.aparts();
      const barred = ancestorsOf(path).some((above) =>
        aparts.get(above)?.entry !== undefined
      );
      if (!barred && !disk.isBeyond(path, apart.entry)) fetch(path);
      return true;
    }
    if (directory) return keptIn(disk, path) !== undefined;
    return row !== undefined && sameContent(found.entry, row.entry);
  }

  /** True when an edit would take the place of what the server has and this machine does not. */
  #clashes(path: RelativePath): boolean {
    return this.#dirty.get(path)?.kind === "put" &&
      this.#ports.base.aparts().get(path)?.entry !== undefined;
  }

  /** Something new in a directory that was left over makes that new, too. */
  #reviveAbove(path: RelativePath): void {
    const { base, disk } = this.#ports;
    if (base.aparts().size === 0) return;
    for (const above of ancestorsOf(path)) {
      if (!isLeftOver(base.aparts().get(above))) continue;
      base.setApart(above, undefined);
      this.#judge(above, disk.look(above), base.row(above).base);
    }
  }

  #set(path: RelativePath, dirty: Dirty): void {
    if (dirty.kind === "put" && dirty.isNew) this.#reviveAbove(path);
    if (this.#dirty.get(path)?.kind !== dirty.kind) this.#clear(path);
    else this.#uncount(path);
    if (dirty.kind === "put") {
      this.#deletions.returned(path);
      this.#keepAbove(path);
    }
    if (dirty.kind === "delete") {
      this.#deletions.add(path, this.#ports.steadyMs());
    } else {
      this.#puts++;
      if (dirty.isNew) this.#news++;
      this.#bytes += dirty.bytes;
    }
    this.#dirty.set(path, dirty);
    this.#waiting.delete(path);
    this.faults.delete(path);
  }

  #noteNewcomer(path: RelativePath): void {
    const was = this.#dirty.get(path);
    if (was?.kind !== "put" || !was.isNew) return;
    const { base, steadyMs } = this.#ports;
    this.#newcomers.sent(path, base.row(path).base, steadyMs());
  }

  /** A directory that waits to be deleted here is wanted again by what is put below it. */
  #keepAbove(path: RelativePath): void {
    const { base } = this.#ports;
    const held = base.held();
    if (held.size === 0) return;
    const above = ancestorsOf(path).filter((directory) => held.has(directory));
    if (above.length === 0) return;
    base.agree(
      above.map((directory) => ({ path: directory, base: undefined })),
      base.position(),
    );
    this.examine(above);
  }

  #clear(path: RelativePath): void {
    this.#waiting.delete(path);
    this.faults.delete(path);
    this.#uncount(path);
    if (this.#dirty.delete(path)) this.#deletions.remove(path);
  }

  #accept(path: RelativePath): void {
    this.refused.delete(path);
    this.short.delete(path);
  }

  #uncount(path: RelativePath): void {
    const was = this.#dirty.get(path);
    if (was?.kind !== "put") return;
    this.#puts--;
    if (was.isNew) this.#news--;
    this.#bytes -= was.bytes;
  }

  /** All paths there were, with those that are new: a renamed directory is no loss. */
  #total(): number {
    return this.#ports.base.count() + this.#news;
  }

  /** Deletions deepest first, unless they wait; then the rest from the top. */
  #ordered(): RelativePath[] {
    const { steadyMs } = this.#ports;
    return [
      ...this.#deletions.ready(steadyMs(), () => this.#total()),
      ...this.#puttable().sort(comparePaths),
    ];
  }

  #puttable(): RelativePath[] {
    return [...this.#dirty].filter(([, { kind }]) => kind === "put").map((
      [path],
    ) => path);
  }
}

function dirtyAs(found: Found | undefined, row: Found | undefined): Dirty {
  if (found === undefined) return { kind: "delete" };
  return {
    kind: "put",
    bytes: found.entry.kind === "file" ? found.entry.size : 0,
    isNew: row === undefined,
  };
}

function foundOf(look: Look): Found | undefined {
  return look.kind === "found" ? look.found : undefined;
}
