/**
 * An anchor, checked: compared with the server's record whenever all is quiet, and read slowly in the
 * background, so that bytes that changed without a trace are found.
 *
 * What differs is handed to the ordinary way of edits and updates, which compares bytes and loses
 * nothing; this only finds it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { type Found, sameFound } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import {
  otherName,
  type TwoNames,
  twoNames,
  underOtherName,
} from "../core/other_name.ts";
import { bucketOf, type Claim, type Recorded } from "../core/proof.ts";
import { passesOver, type Selection } from "../core/selection.ts";
import { compareStamps } from "../core/stamp.ts";
import type { AgreementReport } from "../core/status.ts";
import { type DigestRow, DigestStore, markOf } from "../io/digest_store.ts";
import { findPath } from "../io/look.ts";
import { logger } from "../io/log.ts";
import { ProofSums } from "../io/proof_sums.ts";
import { type BaseRecord, readBases } from "../io/record_pages.ts";
import { Timers } from "../io/timers.ts";
import type { Position } from "../ports.ts";
import { type ProofEnd, type ProofLine, prove } from "../turn/prove.ts";
import { AnchorFindings } from "./anchor_findings.ts";
import { ChecksumWorker, type FileNow } from "./checksum_worker.ts";
import { describe } from "./faults.ts";

/** How long all must be quiet before a comparison, in milliseconds. */
const QUIET_MS = 2_000;
/** Reading the record may take one part in so many of the time. */
const SHARE = 100;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 5 * 60_000;
/** A path is not handed over twice within this time: if it did not help, a person must look. */
const AGAIN_MS = 24 * 60 * 60 * 1000;
/** A ctime in whole seconds tells of changes only after its second is over. */
const TICK_MS = 2_000;
/** How long a file that is being changed is left alone. */
const CHANGING_MS = 60_000;

const BYTES_CHANGED =
  "its bytes changed here although size, time and change time stayed (look after the disk)";
const BYTES_DIFFER =
  "its bytes differ from the server's although size and time agree";
const RECORDS_DIFFER = "the records of client and server differ";

const log = logger("agreement");

/** What {@linkcode AnchorChecks} works with. */
export interface ChecksPorts {
  readonly anchor: {
    /** As the user named it. */
    readonly path: string;
    readonly root: string;
    /** In the user's tree. */
    readonly treePath: string;
    readonly excludes: readonly string[];
    readonly selection: Selection;
  };
  /** The client's state database. */
  readonly file: string;
  readonly digests: DatabaseSync;
  readonly intervalMs: number;
  /** True when the anchor's files may be looked at. */
  readonly usable: () => boolean;
  /** True when nothing of this anchor waits for the server. */
  readonly quiet: () => boolean;
  readonly position: () => Position;
  /** Paths that the server has no more, and this machine for the time being. */
  readonly held: () => ReadonlySet<RelativePath>;
  readonly baseOf: (path: RelativePath) => Found | undefined;
  readonly examine: (path: RelativePath) => void;
  /** Has the bytes of these compared with the server's. */
  readonly suspect: (paths: readonly RelativePath[]) => void;
  /** Has everything compared in full, with nothing agreed at these. */
  readonly rejoin: (paths: readonly RelativePath[]) => void;
  /** Talks to the server over a channel of its own. */
  readonly talk: <T>(work: (line: ProofLine) => Promise<T>) => Promise<T>;
}

/** See the module. */
export class AnchorChecks implements AsyncDisposable {
  readonly #ports: ChecksPorts;
  readonly #names: TwoNames | undefined;
  readonly #store: DigestStore;
  readonly #findings: AnchorFindings;
  readonly #worker: ChecksumWorker;
  readonly #timers = new Timers();
  readonly #stop = new AbortController();
  readonly #handed = new Map<RelativePath, number>();
  #running: Promise<void> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #notBeforeMs = 0;
  #recheck = false;
  #again = false;

  constructor(ports: ChecksPorts) {
    const { anchor, digests, intervalMs, usable } = ports;
    this.#ports = ports;
    this.#names = twoNames(anchor.selection.only, anchor.treePath);
    this.#store = new DigestStore(digests, anchor.path);
    this.#findings = new AnchorFindings(this.#store, anchor.root);
    this.#worker = new ChecksumWorker({
      store: this.#store,
      intervalMs,
      fullPath: (path) => `${anchor.root}/${path}`,
      usable,
      look: (row) => this.#look(row),
      onDigest: (row, digest) => this.#onDigest(row, digest),
      onRest: () => this.touch(),
    });
  }

  report(): AgreementReport {
    return this.#findings.report();
  }

  /** Something changed, or may have: compares once it is quiet. */
  touch(delayMs = QUIET_MS): void {
    if (this.#stop.signal.aborted) return;
    const earliestMs = this.#notBeforeMs - Date.now();
    this.#timers.set(
      "compare",
      Math.max(delayMs, earliestMs),
      () => this.#start(),
    );
  }

  /** A person asks: every file is read again, here and on the server. */
  hurry(): void {
    try {
      this.#store.hurry();
    } catch (error) {
      log.warn`Not every file is read again: ${describe(error)}`;
    }
    this.#handed.clear();
    this.#recheck = true;
    this.#notBeforeMs = 0;
    this.#retryMs = FIRST_RETRY_MS;
    this.#worker.wake(true);
    this.touch(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timers[Symbol.dispose]();
    await this.#worker[Symbol.asyncDispose]();
    await this.#running;
    this.#timers[Symbol.dispose]();
  }

  #start(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    const { usable, quiet, position } = this.#ports;
    // Else the turn that is to come touches again.
    if (!usable() || !quiet() || position().epoch === "") return;
    this.#again = false;
    this.#running = this.#compare().then(() => {
      this.#running = undefined;
      if (this.#again) this.touch();
    });
  }

  async #compare(): Promise<void> {
    try {
      const end = await this.#ports.talk((line) => this.#prove(line));
      this.#conclude(end);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      log.debug`${this.#ports.anchor.path} is not compared: ${describe(error)}`;
      this.#retry();
    }
  }

  async #prove(line: ProofLine): Promise<ProofEnd> {
    const { treePath, excludes, selection } = this.#ports.anchor;
    const sums = new ProofSums();
    const held = this.#ports.held();
    const { epoch, stamp } = await this.#read((page) => {
      for (const { path, found: { entry } } of page) {
        if (passesOver(selection, path, entry) || held.has(path)) continue;
        sums.add(this.#there(path), entry);
      }
      this.#await(page);
    });
    this.#worker.wake();
    const { minSize, maxSize, only } = selection;
    const recheck = this.#recheck;
    const end = await prove(line, {
      kind: "prove",
      path: treePath as RelativePath,
      single: only !== undefined,
      epoch,
      stamp,
      // They are about its name here; the record takes out what they leave out.
      excludes: this.#names === undefined ? [...excludes] : [],
      ...(minSize === undefined ? {} : { minSize }),
      ...(maxSize === undefined ? {} : { maxSize }),
      recheck,
    }, {
      sums: () => Promise.resolve(sums.end()),
      listed: (buckets) => this.#listed(buckets),
      passesOver: (path, entry) =>
        passesOver(selection, this.#there(path), entry),
      unproved: (after, limit) =>
        underOtherName(
          this.#names,
          this.#unproved(this.#there(after as RelativePath), limit),
        ),
      proved: (claims) => this.#proved(underOtherName(this.#names, claims)),
    });
    if (end.kind === "compared") this.#recheck = false;
    return end;
  }

  #conclude(end: ProofEnd): void {
    if (end.kind === "moved") return this.#retry();
    const records = this.#fresh(end.records.map((path) => this.#there(path)));
    const bytes = this.#fresh(end.bytes.map((path) => this.#there(path)));
    if (records.length + bytes.length > 0) this.#notBeforeMs = 0;
    if (end.records.length + end.bytes.length === 0) this.#findings.agreed();
    if (records.length > 0) {
      this.#findings.differ(records, RECORDS_DIFFER);
      this.#ports.rejoin(records);
    }
    if (bytes.length > 0) {
      this.#findings.differ(bytes, BYTES_DIFFER);
      this.#ports.suspect(bytes);
    }
    if (end.unknown > 0) this.#retry();
    else this.#retryMs = FIRST_RETRY_MS;
  }

  #retry(): void {
    this.touch(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  /** Those that were not handed over lately, nor are being edited. */
  #fresh(paths: readonly RelativePath[]): RelativePath[] {
    const nowMs = Date.now();
    const fresh = paths.filter((path) =>
      nowMs - (this.#handed.get(path) ?? -Infinity) > AGAIN_MS
    );
    for (const path of fresh) this.#handed.set(path, nowMs);
    return fresh;
  }

  /** Reads the record; the longer that takes, the later is the next comparison. */
  async #read(
    take: (page: readonly BaseRecord[]) => void,
  ): Promise<Position> {
    const { file, anchor } = this.#ports;
    const from = { file, anchorPath: anchor.path };
    const startMs = performance.now();
    const position = await readBases(from, take, this.#stop.signal);
    const tookMs = performance.now() - startMs;
    this.#notBeforeMs = Date.now() + tookMs * SHARE;
    return position;
  }

  async #listed(buckets: ReadonlySet<number>): Promise<Recorded[]> {
    const listed: Recorded[] = [];
    const held = this.#ports.held();
    const { stamp } = await this.#read((page) => {
      for (const { path, found: { entry } } of page) {
        const told = this.#there(path);
        if (!buckets.has(bucketOf(told)) || held.has(path)) continue;
        listed.push({ path: told, entry });
      }
    });
    if (compareStamps(stamp, this.#ports.position().stamp) === 0) return listed;
    throw new Error("Cannot compare: a turn came in between");
  }

  /** A path as the other side calls it. */
  #there(path: RelativePath): RelativePath {
    return otherName(this.#names, path);
  }

  /** Files that are new, or were changed, wait for their checksums. */
  #await(page: readonly BaseRecord[]): void {
    const [first, last] = [page[0], page.at(-1)];
    if (first === undefined || last === undefined) return;
    const marks = this.#store.marks(first.path, last.path);
    this.#store.putAll(page.flatMap(({ path, found }) => {
      const row = rowOf(path, found);
      const isKnown = row === undefined || found.inode === 0 ||
        marks.get(path) === markOf(row);
      return isKnown ? [] : [row];
    }));
  }

  #look(row: DigestRow): FileNow {
    const { baseOf, examine, anchor } = this.#ports;
    const path = row.path as RelativePath;
    const base = baseOf(path);
    if (base === undefined || !isOf(row, base)) return { kind: "gone" };
    const settledMs = row.ctime * 1000 + TICK_MS;
    if (Math.abs(Date.now() - settledMs) < TICK_MS && Date.now() < settledMs) {
      return { kind: "later", dueMs: settledMs };
    }
    const look = findPath(anchor.root, path);
    if (look.kind === "found" && sameFound(look.found, base)) {
      return { kind: "steady", row };
    }
    examine(path);
    return { kind: "later", dueMs: Date.now() + CHANGING_MS };
  }

  #onDigest(row: DigestRow, digest: string | undefined): DigestRow {
    if (digest === undefined) return row;
    if (row.digest !== "" && row.digest !== digest) {
      const path = row.path as RelativePath;
      this.#findings.differ([path], BYTES_CHANGED, { damage: true });
      this.#ports.suspect([path]);
    } else if (row.digest === digest && row.state === "proved") return row;
    return { ...row, digest, state: "read" };
  }

  #unproved(after: string, limit: number): Claim[] {
    return this.#store.inState("read", after, limit).map((row) => ({
      path: row.path as RelativePath,
      size: row.size,
      mtimeMs: row.mtime,
      digest: row.digest,
    }));
  }

  #proved(claims: readonly Claim[]): void {
    for (const { path, digest } of claims) {
      const row = this.#store.get(path);
      if (row?.state === "read" && row.digest === digest) {
        this.#store.put({ ...row, state: "proved" });
      }
    }
  }
}

/** The row of a file that is yet to be read. */
function rowOf(
  path: RelativePath,
  { entry, inode, ctimeS }: Found,
): DigestRow | undefined {
  if (entry.kind !== "file") return undefined;
  return {
    path,
    size: entry.size,
    mtime: entry.mtimeMs,
    inode,
    ctime: ctimeS,
    version: 0,
    digest: "",
    state: "waiting",
    due: Math.max(ctimeS * 1000 + TICK_MS, 0),
  };
}

/** True when a row tells of a file as it was found. */
function isOf(row: DigestRow, found: Found): boolean {
  const now = rowOf(row.path as RelativePath, found);
  return now !== undefined && markOf(now) === markOf(row);
}
