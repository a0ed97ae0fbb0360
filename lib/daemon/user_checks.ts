/**
 * One user's files on the server, checked: sums of the record for clients that compare, and the
 * background checksum, which finds bytes that changed without a commit.
 *
 * @module
 */
import { OWN_NAME, type RelativePath } from "../core/path.ts";
import { type Claim, MAX_DIFFERING, type Recorded } from "../core/proof.ts";
import { bucketOf } from "../core/proof.ts";
import { passesOver } from "../core/selection.ts";
import type { ChecksReport } from "../core/status.ts";
import {
  type DigestRow,
  DigestStore,
  openDigests,
} from "../io/digest_store.ts";
import { lstatIfAny } from "../io/files.ts";
import { treePath } from "../io/journal.ts";
import { logger } from "../io/log.ts";
import { ProofSums } from "../io/proof_sums.ts";
import {
  EntryLookup,
  type JournalRecord,
  readEntries,
} from "../io/record_pages.ts";
import type { Head, Scope } from "../ports.ts";
import type { Chosen, ServerRecord } from "../turn/answer_proof.ts";
import { ChecksumWorker, type FileNow } from "./checksum_worker.ts";
import { describe } from "./faults.ts";
import type { User } from "./users.ts";

/** A commit renames before it records: what does not fit is looked at again after this. */
const DOUBT_MS = 5_000;
const MAX_TOLD = 100;

const log = logger("checksum");

/** What is needed of a user. */
export type CheckedUser = Pick<User, "directory" | "journal">;

/** See the module. */
export class UserChecks implements ServerRecord, AsyncDisposable {
  readonly #user: CheckedUser;
  readonly #database: ReturnType<typeof openDigests>;
  readonly #store: DigestStore;
  readonly #lookup: EntryLookup;
  readonly #worker: ChecksumWorker;
  readonly #stop = new AbortController();
  readonly #doubted = new Set<string>();
  #reading: Promise<unknown> = Promise.resolve();

  constructor(
    user: CheckedUser,
    options: { readonly intervalMs: number; readonly usable: () => boolean },
  ) {
    const own = `${user.directory}/${OWN_NAME}`;
    this.#user = user;
    this.#database = openDigests(`${own}/checks.db`);
    this.#store = new DigestStore(this.#database, "");
    this.#lookup = new EntryLookup(`${own}/state.db`);
    this.#worker = new ChecksumWorker({
      store: this.#store,
      intervalMs: options.intervalMs,
      fullPath: (path) => `${user.directory}/${path}`,
      usable: options.usable,
      look: (row) => this.#look(row),
      onDigest: (row, digest) => this.#onDigest(row, digest),
      onRest: () => {},
    });
  }

  /** Goes on where it was when the server stopped. */
  start(): void {
    this.#worker.wake();
  }

  /** Reads every file again now. */
  hurry(): void {
    void this.#read({ prefix: "" }, () => {}).then(() => {
      this.#store.hurry();
      this.#worker.wake(true);
    }, (error) => log.warn`Not all is read again: ${describe(error)}`);
  }

  /** A commit may have mended what was damaged. */
  onCommit(): void {
    const damaged = this.#store.inState("damaged", "", MAX_TOLD);
    if (damaged.length === 0) return;
    try {
      this.#store.putAll(damaged.map((row) => ({ ...row, due: 0 })));
      this.#worker.wake(true);
    } catch (error) {
      log.warn`What is damaged is looked at later: ${describe(error)}`;
    }
  }

  report(): ChecksReport {
    const paths = (state: "damaged" | "mended") =>
      this.#store.inState(state, "", MAX_TOLD).map(({ path }) => path);
    return {
      ...this.#store.counts(),
      damaged: paths("damaged"),
      mended: paths("mended"),
    };
  }

  head(): Head {
    return this.#user.journal.head();
  }

  async sums({ scope, selection }: Chosen): Promise<string[]> {
    const sums = new ProofSums();
    await this.#read(scope, (page) => {
      for (const { path, entry } of page) {
        if (!passesOver(selection, path, entry)) sums.add(path, entry);
      }
    });
    this.#worker.wake();
    return sums.end();
  }

  async listed(
    { scope }: Chosen,
    buckets: ReadonlySet<number>,
    limit: number,
  ): Promise<Recorded[]> {
    const listed: Recorded[] = [];
    await this.#read(scope, (page) => {
      for (const { path, entry } of page) {
        if (listed.length < limit && buckets.has(bucketOf(path))) {
          listed.push({ path, entry });
        }
      }
    });
    return listed;
  }

  damaged(scope: Scope): RelativePath[] {
    const start = treePath(scope, "");
    const only = scope.only === undefined
      ? undefined
      : treePath(scope, scope.only);
    return this.#store.inState("damaged", "", MAX_DIFFERING)
      .map(({ path }) => path)
      .filter((path) =>
        only === undefined ? path.startsWith(start) : path === only
      )
      .map((path) => path.slice(start.length) as RelativePath);
  }

  recheck(scope: Scope): void {
    if (scope.only === undefined) {
      this.#store.hurry(`${scope.prefix}/`, `${scope.prefix}0`);
    } else {
      const path = treePath(scope, scope.only);
      this.#store.hurry(path, `${path}\0`);
    }
    this.#worker.wake(true);
  }

  judge(scope: Scope, claim: Claim): "same" | "different" | "unknown" {
    const path = treePath(scope, claim.path);
    const found = this.#lookup.at(path);
    if (found?.entry.kind !== "file") return "unknown";
    const { size, mtimeMs } = found.entry;
    if (size !== claim.size || mtimeMs !== claim.mtimeMs) return "unknown";
    const row = this.#store.get(path);
    const isKnown = row !== undefined && row.state !== "waiting" &&
      row.version === found.stamp && row.digest !== "";
    if (isKnown) return row.digest === claim.digest ? "same" : "different";
    if (row?.due !== 0) {
      this.#store.put({ ...this.#rowOf(path, found), due: 0 });
    }
    this.#worker.wake(true);
    return "unknown";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#worker[Symbol.asyncDispose]();
    await this.#reading.catch(() => {}); // whoever asked for it has the error
    this.#lookup[Symbol.dispose]();
    this.#database.close();
  }

  /** Reads the record; a file that is new in it waits for its checksum from then on. */
  #read(
    scope: Scope,
    take: (page: readonly JournalRecord[]) => void,
  ): Promise<void> {
    const file = `${this.#user.directory}/${OWN_NAME}/state.db`;
    const read = this.#reading.catch(() => {}).then(() =>
      readEntries({ file, scope }, (page) => {
        this.#await(scope, page);
        take(page);
      }, this.#stop.signal)
    );
    this.#reading = read;
    return read;
  }

  #await(scope: Scope, page: readonly JournalRecord[]): void {
    const [first, last] = [page[0], page.at(-1)];
    if (first === undefined || last === undefined) return;
    const marks = this.#store.marks(
      treePath(scope, first.path),
      treePath(scope, last.path),
    );
    this.#store.putAll(
      page.filter(({ path, entry }) =>
        entry.kind === "file" && !marks.has(treePath(scope, path))
      ).map((record) => this.#rowOf(treePath(scope, record.path), record)),
    );
  }

  /** The row of a file as it is recorded now; what is known of the same version stays. */
  #rowOf(
    path: string,
    { entry, stamp }: { entry: Recorded["entry"]; stamp: number },
  ): DigestRow {
    const row = this.#store.get(path);
    const file = entry.kind === "file" ? entry : { size: 0, mtimeMs: 0 };
    const { size, mtimeMs: mtime } = file;
    if (row?.version === stamp) return row;
    const state = row?.state === "damaged" ? "damaged" : "waiting";
    return {
      path,
      size,
      mtime,
      inode: 0,
      ctime: 0,
      version: stamp,
      digest: "",
      state,
      due: Date.now(),
    };
  }

  #look({ path }: DigestRow): FileNow {
    // In the middle of a commit, disk and record do not fit.
    if (this.#user.journal.pendingIntents().length > 0) {
      return { kind: "busy", restMs: DOUBT_MS };
    }
    const found = this.#lookup.at(path);
    if (found?.entry.kind !== "file") return { kind: "gone" };
    const row = this.#rowOf(path, found);
    if (this.#isAsRecorded(path, found.entry)) this.#doubted.delete(path);
    else if (row.state !== "damaged" && !this.#doubted.has(path)) {
      this.#doubted.add(path);
      return { kind: "later", dueMs: Date.now() + DOUBT_MS };
    }
    return { kind: "steady", row };
  }

  #isAsRecorded(
    path: string,
    entry: { readonly size: number; readonly mtimeMs: number },
  ): boolean {
    const info = lstatIfAny(`${this.#user.directory}/${path}`);
    return info?.isFile === true && info.size === entry.size &&
      info.mtime?.getTime() === entry.mtimeMs;
  }

  #onDigest(row: DigestRow, digest: string | undefined): DigestRow {
    const { path, size, mtime: mtimeMs } = row;
    const isSame = digest !== undefined &&
      this.#isAsRecorded(path, { size, mtimeMs }) &&
      (row.digest === "" || row.digest === digest);
    if (isSame) {
      if (row.state === "damaged") log.info`${path} is whole again`;
      return {
        ...row,
        digest,
        state: row.state === "damaged" ? "mended" : "read",
      };
    }
    if (row.state !== "damaged") {
      log
        .error`${this.#user.directory}/${path} is not what came here: its bytes changed without a commit`;
    }
    return { ...row, state: "damaged" };
  }
}
