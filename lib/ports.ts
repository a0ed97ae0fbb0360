/**
 * Ports: what the conversations of a turn need from the world, as narrow interfaces that the
 * adapters in `lib/io` implement and the simulator replaces.
 *
 * @module
 */
import type {
  ClientMessage,
  EditChange,
  IncomingChange,
  ServerMessage,
  Transfer,
} from "./core/channel_protocol.ts";
import type { ClientStep } from "./core/client_commit.ts";
import type { Entry, Found } from "./core/entry.ts";
import type { RelativePath } from "./core/path.ts";
import type { Need, Shortage } from "./core/room.ts";
import type { JournalRow, ServerStep, Staged } from "./core/server_commit.ts";
import type { Stamp } from "./core/stamp.ts";

/** A user's head: the epoch of the database and the stamp of the tree. */
export interface Head {
  readonly epoch: string;
  readonly stamp: Stamp;
}

/**
 * What part of a user's tree an anchor is: below `prefix`, or only the file `only` in it. `prefix` is
 * empty for a file at the top of the tree, which a named single-file anchor is.
 */
export interface Scope {
  readonly prefix: string;
  readonly only?: string | undefined;
}

/** What changed on the server after a stamp, oldest first, whole commits only. */
export interface ChangeSet {
  /** True when it is the whole tree and what it does not name is gone. */
  readonly complete: boolean;
  readonly changes: readonly IncomingChange[];
  readonly to: Stamp;
  readonly more: boolean;
}

/** A commit on the server, written down before anything is moved. */
export interface ServerIntent {
  readonly scope: Scope;
  readonly stage: string;
  readonly stamp: Stamp;
  readonly steps: readonly ServerStep[];
  readonly rows: readonly JournalRow[];
}

/** One user's record on the server. */
export interface Journal {
  head(): Head;
  /** `since` is `undefined` for a client that joins: it gets what is there, and no deletions. */
  changesSince(scope: Scope, since: Stamp | undefined): ChangeSet;
  entryAt(scope: Scope, path: RelativePath): Entry | undefined;
  childCount(scope: Scope, path: RelativePath): number;
  pendingIntents(): readonly ServerIntent[];
  prepare(intent: ServerIntent): void;
  /** Records the intent's rows, raises the head, and drops the intent, in one transaction. */
  finish(intent: ServerIntent): void;
}

/** One user's files on the server. */
export interface ServerTree {
  /** Absolute path of the live directory of a scope. */
  live(scope: Scope): string;
  /** Makes (or finds again, after a broken call) a staging directory; absolute path. */
  openStage(name: string): Promise<string>;
  /** Looks at one staged path: whole as `entry` says, equal to the live one, or left. */
  checkStaged(
    stage: string,
    path: RelativePath,
    expected: { entry: Entry; verify: boolean; stderr: string },
  ): Promise<Staged>;
  /** Why a path cannot become `entry` (or go), whatever is tried, before anything moves. */
  obstacle(
    scope: Scope,
    path: RelativePath,
    entry: Entry | undefined,
  ): string | undefined;
  /** Carries out an intent's steps; may be repeated. */
  apply(intent: ServerIntent): Promise<void>;
  closeStage(stage: string): Promise<void>;
  /** Removes what a broken transfer left in a staging directory of other paths than these. */
  trimStage(name: string, wanted: ReadonlySet<string>): void;
  /** Bytes that a large file takes on the disk, when holes make it less than its size. */
  dataBytes(scope: Scope, path: RelativePath): number | undefined;
}

/** Space on the disk that a transfer stages on. */
export interface Room {
  /** Promises space in a staging directory to as many of the files as fit, until it is released. */
  claim(stage: string, needs: readonly Need[]): RoomClaim;
}

/** See {@linkcode Room}. */
export interface RoomClaim {
  /** What does not fit. */
  readonly left: ReadonlyMap<RelativePath, Shortage>;
  /** Aborted when the disk fills up meanwhile. */
  readonly signal: AbortSignal;
  /** What these lack, which did not fit after all; drops what came of them. */
  overflow(paths: readonly RelativePath[]): Map<RelativePath, Shortage>;
  release(): void;
}

/** How a call of rsync ended. */
export interface RsyncEnd {
  readonly code: number;
  readonly stderr: string;
}

/** The server's end of a turn's data channel. */
export interface ServerLine {
  send(message: ServerMessage): Promise<void>;
  /** The next message; throws when the channel ends, or on a message that does not parse. */
  receive(): Promise<ClientMessage>;
  /** One call of rsync against the client's end of the channel. */
  rsync(
    call: {
      direction: "edits" | "update";
      local: string;
      remote: string;
      compareDest: string;
      verify: boolean;
      transfer: Transfer;
      paths: readonly RelativePath[];
      /** A larger file is left out. */
      maxBytes?: number;
      /** Ends the call in order. */
      signal?: AbortSignal;
    },
  ): Promise<RsyncEnd>;
}

/** The client's end of a turn's data channel. */
export interface ClientLine {
  send(message: ClientMessage): Promise<void>;
  receive(): Promise<ServerMessage>;
  /** Runs rsync's daemon mode on the channel until the server's call ends. */
  serveRsync(
    call: {
      direction: "edits" | "update";
      password: string;
      /** Ends the call in order. */
      signal?: AbortSignal;
    },
  ): Promise<void>;
}

/** A path that a commit could not bring in, and why. */
export interface LeftPath {
  readonly path: RelativePath;
  readonly reason: string;
  /** What a person can do about it. */
  readonly fix?: string | undefined;
  /** Another try would fail as well, until somebody changes something there. */
  readonly lasting?: true | undefined;
  /** Set when it did not fit on a disk. */
  readonly room?: Shortage | undefined;
}

/** What is known of a path between this client and the server. */
export interface BaseRow {
  readonly base: Found | undefined;
  readonly sent: { readonly entry: Entry | undefined } | undefined;
}

/**
 * The server's version of a path where this machine knowingly does not hold it: a file outside of the
 * anchor's size limits, or nothing (`undefined`) where a directory stays here for what it keeps.
 */
export interface Apart {
  readonly entry: Entry | undefined;
  /** Of the directory that is left over; 0 for a file. */
  readonly inode: number;
}

/** New base of a path; `undefined` when nothing is agreed there (any more). */
export interface Agreement {
  readonly path: RelativePath;
  readonly base: Found | undefined;
  /** What the server has there instead; without it, nothing else. */
  readonly apart?: Apart | undefined;
}

/** Where a client's anchor stands with the server; epoch is empty before the first turn. */
export interface Position {
  readonly epoch: string;
  readonly stamp: Stamp;
}

/** A commit on the client, written down before anything is moved. */
export interface ClientIntent {
  readonly stage: string;
  readonly steps: readonly ClientStep[];
  readonly agreements: readonly PlannedAgreement[];
  readonly position: Position;
}

/** What a base becomes once the steps are done: an entry as it lies on the disk, or nothing. */
export interface PlannedAgreement {
  readonly path: RelativePath;
  readonly entry: Entry | undefined;
  /** False when the entry is not (or not surely) what lies there: the path stays dirty. */
  readonly trusted: boolean;
  /** What the server has there that is outside of the anchor's limits. */
  readonly beyond?: Entry;
}

/** One anchor's record on the client. */
export interface Base {
  position(): Position;
  row(path: RelativePath): BaseRow;
  /** The bases at or below `path`, or all. */
  bases(below?: RelativePath): Map<RelativePath, Found>;
  /** Where this machine knowingly does not hold the server's version. */
  aparts(): ReadonlyMap<RelativePath, Apart>;
  /** Changes one of {@linkcode aparts}, between two commits. */
  setApart(path: RelativePath, apart: Apart | undefined): void;
  /** How many paths have a base. */
  count(): number;
  /** Forgets everything: the server's epoch is another one. */
  forget(): void;
  /** Paths that were deleted elsewhere and wait for a person to be deleted here. */
  held(): ReadonlySet<RelativePath>;
  hold(paths: readonly RelativePath[]): void;
  markSent(changes: readonly EditChange[]): void;
  /**
   * Writes bases, drops the sent marks of these paths and any intent, and moves on to `position`. None
   * of these paths waits any more. What is at `refused`, which the server said that it did not take,
   * counts as never sent: a version there that looks the same is another one.
   */
  agree(
    agreements: readonly Agreement[],
    position: Position,
    refused?: readonly RelativePath[],
  ): void;
  intent(): ClientIntent | undefined;
  prepare(intent: ClientIntent): void;
}

/** What came of a client's commit: paths left as they were, and conflict copies made. */
export interface ClientCommitResult {
  readonly left: readonly LeftPath[];
  readonly copies: readonly string[];
  /** Inode of each version that went in, when that was not before a crash. Another one is an edit. */
  readonly placed: ReadonlyMap<RelativePath, number>;
}

/** What is at a path of an anchor now; causes read on after the path. */
export type Look =
  | { readonly kind: "found"; readonly found: Found }
  | { readonly kind: "absent" }
  | { readonly kind: "uncarriable"; readonly cause: string }
  | { readonly kind: "unreadable"; readonly cause: string };

/** What lies directly in a directory: what syncs, and what never leaves this machine. */
export interface Holdings {
  readonly carried: readonly RelativePath[];
  readonly kept: readonly RelativePath[];
}

/** One anchor's files on the client. */
export interface ClientDisk {
  /** Looks at a path now, never through a link. */
  look(path: RelativePath): Look;
  /** True when nothing of `path` may be carried: excluded, or outside the configured sizes. */
  passesOver(path: RelativePath, entry: Entry | undefined): boolean;
  /** True when it is the size alone for which {@linkcode passesOver} passes an entry over. */
  isBeyond(path: RelativePath, entry: Entry): boolean;
  /** What a directory holds now, as the anchor sees it; names are paths in the anchor. */
  holdings(directory: RelativePath): Holdings;
  /** Removes a directory that is empty; true when none is there (any more). */
  removeEmpty(directory: RelativePath): boolean;
  /** Makes (or finds again) the staging directory; relative to the anchor's root. */
  openStage(): Promise<string>;
  /** Removes what a broken transfer left in it of other paths than these. */
  trimStage(wanted: ReadonlySet<string>): void;
  /**
   * Reason why a staged path is not whole, or `undefined`; unmunges links first. What was `verified`
   * and is not staged has the same bytes as the live file.
   */
  checkStaged(
    stage: string,
    expected: readonly {
      path: RelativePath;
      entry: Entry;
      verified: boolean;
    }[],
  ): Promise<Map<RelativePath, string>>;
  /** Why the last commit could not change this path, as long as nothing has changed there. */
  obstacle(path: RelativePath): LeftPath | undefined;
  /** True when the live file has the bytes of the staged one. */
  sameBytes(stage: string, path: RelativePath): Promise<boolean>;
  apply(intent: ClientIntent): Promise<ClientCommitResult>;
  /** Removes what staging and snapshots left in `.sinkd`. */
  closeStage(): Promise<void>;
  /** Bytes that a large file takes on the disk, when holes make it less than its size. */
  dataBytes(path: RelativePath): number | undefined;
  /** Copies a file that never holds still to where `snapshot` edits are fetched from. */
  snapshot(path: RelativePath): Promise<Found | undefined>;
}

/** What a scan found, as far as the comparison with the bases needs it. */
export interface ScanView {
  readonly found: ReadonlyMap<RelativePath, Found>;
  /** Nothing is known of what is at or below these. */
  readonly unreadable: readonly {
    readonly path: string;
    readonly cause: string;
  }[];
  readonly uncarriable: readonly {
    readonly path: string;
    readonly cause: string;
  }[];
}

/** Edits for one commit: what they are, and as the disk showed each of them. */
export interface Batch {
  readonly changes: readonly EditChange[];
  readonly found: readonly (Found | undefined)[];
  readonly more: boolean;
}

/** The client's own changes, as the watcher and the scans found them. */
export interface Edits {
  count(): number;
  /** The next changes to offer, deletions deepest first, then the rest from the top. */
  collect(
    limits: {
      paths: number;
      bytes: number;
      skip: (path: RelativePath) => boolean;
    },
  ): Promise<Batch>;
  /** Paths to look at again: not settled, refused, or changed by a commit. */
  again(paths: readonly LeftPath[]): void;
  /** The record began anew: whatever is here may be an edit that the server does not have. */
  renewed(): void;
  /** Edits of what is at a path whose version on the server is outside of the anchor's limits. */
  clashing(): RelativePath[];
  /** Paths that are now as the server has them. */
  done(paths: readonly RelativePath[]): void;
}
