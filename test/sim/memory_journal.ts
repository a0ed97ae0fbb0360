/**
 * The journal in memory: what {@linkcode SqliteJournal} keeps, without a database. Both pass
 * `test/contract/journal_test.ts`.
 *
 * @module
 */
import type { IncomingChange } from "../../lib/core/channel_protocol.ts";
import { type Entry, sameContent } from "../../lib/core/entry.ts";
import type { RelativePath } from "../../lib/core/path.ts";
import { NO_USAGE, plus, type Usage, usageOf } from "../../lib/core/quota.ts";
import {
  type Stamp,
  stampFromNumber,
  stampNumber,
  ZERO_STAMP,
} from "../../lib/core/stamp.ts";
import {
  cameBack,
  type SqliteJournal,
  treePath,
} from "../../lib/io/journal.ts";
import type { ChangeSet, Head, Scope, ServerIntent } from "../../lib/ports.ts";

/** A journal as the daemon uses it, whatever keeps it. */
export type JournalStore = Pick<SqliteJournal, keyof SqliteJournal>;

/** Where an update is cut at the end of a commit, as in the real one. */
const UPDATE_PATHS = 2_000;
const UPDATE_BYTES = 256 * 1024 * 1024;
const MOST_VERSIONS = 1000;

interface Row {
  readonly path: string;
  readonly entry: Entry | undefined;
  readonly stamp: number;
  /** Stamp of the last commit that brought other bytes of the same size and mtime; 0 for none. */
  readonly rewritten: number;
  readonly newcomer?: true | undefined;
}

interface Version {
  readonly path: string;
  readonly entry: Entry;
  readonly ended: number;
}

/** {@linkcode JournalStore} without a database; it lives as long as the world. */
export class MemoryJournal implements JournalStore {
  readonly #entries = new Map<string, Row>();
  #versions: Version[] = [];
  #intents: ServerIntent[] = [];
  #head: Head;
  #floor = 0;
  #place: string | undefined;
  #usage: Usage = NO_USAGE;

  constructor(epoch: string) {
    this.#head = { epoch, stamp: ZERO_STAMP };
  }

  head(): Head {
    return this.#head;
  }

  changesSince(scope: Scope, since: Stamp | undefined): ChangeSet {
    const from = since === undefined ? 0 : stampNumber(since);
    const complete = since !== undefined && this.#isForgotten(from);
    const living = complete || since === undefined;
    const rows = this.#rowsSince(scope, complete ? -1 : from)
      .filter(({ entry }) => !living || entry !== undefined)
      .sort(complete ? byPath : byStamp);
    const changes: IncomingChange[] = [];
    let bytes = 0;
    let last = from;
    for (const { path, entry, stamp, rewritten, newcomer } of rows) {
      const full = changes.length >= UPDATE_PATHS || bytes >= UPDATE_BYTES;
      if (!complete && full && stamp !== last) {
        return { complete, changes, to: stampFromNumber(last), more: true };
      }
      last = stamp;
      if (entry?.kind === "file") bytes += entry.size;
      const versions = since === undefined
        ? []
        : this.#versionsSince(path, from);
      changes.push({
        path: relativeTo(scope, path),
        ...(entry === undefined ? {} : { entry }),
        ...(versions.length === 0 ? {} : { versions }),
        ...(entry?.kind === "file" &&
            (rewritten > from || cameBack(entry, versions))
          ? { rewritten: true }
          : {}),
        ...(newcomer === true ? { newcomer } : {}),
      });
    }
    return { complete, changes, to: this.#head.stamp, more: false };
  }

  hasChanges(path: RelativePath, since: Stamp): boolean {
    const from = stampNumber(since);
    if (from === stampNumber(this.#head.stamp)) return false;
    if (this.#isForgotten(from)) return true;
    for (const row of this.#entries.values()) {
      const below = row.path === path || row.path.startsWith(`${path}/`);
      if (row.stamp > from && below) return true;
    }
    return false;
  }

  entryAt(scope: Scope, path: RelativePath): Entry | undefined {
    return this.#entries.get(treePath(scope, path))?.entry;
  }

  childCount(scope: Scope, path: RelativePath): number {
    const start = `${treePath(scope, path)}/`;
    const names = new Set<string>();
    for (const row of this.#entries.values()) {
      if (row.entry === undefined || !row.path.startsWith(start)) continue;
      names.add(row.path.slice(start.length).split("/", 1)[0] ?? "");
    }
    return names.size;
  }

  pendingIntents(): readonly ServerIntent[] {
    return [...this.#intents];
  }

  prepare(intent: ServerIntent): void {
    this.#intents.push(intent);
  }

  finish(intent: ServerIntent, growth: Usage = NO_USAGE): void {
    const { bytes, files } = plus(this.#usage, growth);
    this.#usage = { bytes: Math.max(bytes, 0), files: Math.max(files, 0) };
    const ended = stampNumber(intent.stamp);
    for (const { path: below, entry, before, ...row } of intent.rows) {
      const path = treePath(intent.scope, below);
      const looksLikeDeleted = before === undefined &&
        entry?.kind === "file" &&
        this.#versions.some((version) =>
          version.path === path && sameContent(version.entry, entry)
        );
      const rewritten = row.rewritten === true || looksLikeDeleted
        ? ended
        : this.#entries.get(path)?.rewritten ?? 0;
      this.#entries.set(path, {
        path,
        entry,
        stamp: ended,
        rewritten,
        newcomer: row.newcomer,
      });
      const known = this.#versions.some((version) =>
        version.path === path && version.ended === ended
      );
      if (before === undefined || known) continue;
      this.#versions.push({ path, entry: before, ended });
    }
    this.#head = { ...this.#head, stamp: intent.stamp };
    if (this.#intents.length === 0) return;
    if (this.#intents.length === 1 && this.#intents[0] === intent) {
      this.#intents = [];
      return;
    }
    const text = JSON.stringify(intent);
    this.#intents = this.#intents.filter((other) =>
      JSON.stringify(other) !== text
    );
  }

  prune(limit: Stamp): void {
    const bound = stampNumber(limit);
    const pruned: number[] = [];
    for (const { path, entry, stamp } of [...this.#entries.values()]) {
      if (entry !== undefined || stamp >= bound) continue;
      pruned.push(stamp);
      this.#entries.delete(path);
    }
    this.#versions = this.#versions.filter(({ ended }) => {
      if (ended < bound) pruned.push(ended);
      return ended >= bound;
    });
    this.#floor = Math.max(this.#floor, ...pruned);
  }

  liveEntries(): Map<string, Entry> {
    const found = new Map<string, Entry>();
    for (const { path, entry } of this.#entries.values()) {
      if (entry !== undefined) found.set(path, entry);
    }
    return found;
  }

  place(): string | undefined {
    return this.#place;
  }

  setPlace(place: string): void {
    this.#place = place;
  }

  renew(next: Parameters<SqliteJournal["renew"]>[0]): void {
    const { epoch, stamp: head, place, changes } = next;
    const stamp = stampNumber(head);
    for (const [path, entry] of changes) {
      const rewritten = this.#entries.get(path)?.rewritten ?? 0;
      this.#entries.set(path, { path, entry, stamp, rewritten });
    }
    this.#head = { epoch, stamp: head };
    this.#place = place ?? this.#place;
    this.#usage = [...this.#entries.values()].reduce(
      (sum, { entry }) =>
        entry === undefined ? sum : plus(sum, usageOf(entry, undefined)),
      NO_USAGE,
    );
  }

  usage(): Usage {
    return this.#usage;
  }

  setUsage(usage: Usage): void {
    this.#usage = usage;
  }

  [Symbol.dispose](): void {}

  #isForgotten(stamp: number): boolean {
    return stamp === 0 || stamp < this.#floor;
  }

  #rowsSince(scope: Scope, from: number): Row[] {
    const only = scope.only === undefined
      ? undefined
      : treePath(scope, scope.only);
    const start = `${scope.prefix}/`;
    return [...this.#entries.values()].filter(({ path, stamp }) =>
      stamp > from &&
      (only === undefined ? path.startsWith(start) : path === only)
    );
  }

  #versionsSince(path: string, from: number): Entry[] {
    return this.#versions
      .filter((version) => version.path === path && version.ended > from)
      .sort((left, right) => left.ended - right.ended)
      .slice(0, MOST_VERSIONS)
      .map(({ entry }) => entry);
  }
}

function relativeTo(scope: Scope, path: string): RelativePath {
  const start = scope.prefix === "" ? 0 : scope.prefix.length + 1;
  return path.slice(start) as RelativePath;
}

function byPath(left: Row, right: Row): number {
  return left.path < right.path ? -1 : 1;
}

function byStamp(left: Row, right: Row): number {
  return left.stamp - right.stamp || byPath(left, right);
}
