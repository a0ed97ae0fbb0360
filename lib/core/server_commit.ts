/**
 * The plan of a server's commit: from a client's staged edits to ordered, repeatable steps and the
 * rows that the journal gets.
 *
 * The client was brought up to date in the same turn and nobody else commits meanwhile, so its
 * edits apply to the server's entries as they are; what does not fit is left and goes again.
 *
 * @module
 */
import type { EditChange } from "./channel_protocol.ts";
import { type Entry, sameContent, sameEntry } from "./entry.ts";
import { ancestorsOf, parentOf, type RelativePath } from "./path.ts";

/** What came of staging one edit: `equal` means that rsync found the live bytes the same. */
export type Staged =
  | { readonly kind: "staged" }
  | { readonly kind: "equal" }
  | { readonly kind: "left"; readonly reason: string };

/** Why an edit waits that was only not yet at rest: it goes with the next batch. */
export const CHANGED_WHILE_READ = "it changed while it was read";
/** Why an edit waits that does not fit on the server's disk. */
export const NO_SPACE = "it does not fit on the server's disk";
/** Why an edit waits that is over its user's quota. */
export const OVER_QUOTA = "it is over the quota on the server";
/** Why an edit waits that another one kept back: it goes with the next batch. */
export const WAITS_FOR_SPACE = "the server's disk became full before its turn";

/** What the server has around the edited paths. */
export interface Known {
  readonly entryAt: (path: RelativePath) => Entry | undefined;
  /** How many live entries lie directly in a directory. */
  readonly childCount: (path: RelativePath) => number;
  readonly staged: (path: RelativePath) => Staged;
}

/** One step on the server's tree; paths are relative to the anchor; every step may be repeated. */
export type ServerStep =
  /** Moves a file or link into history. */
  | {
    readonly do: "archive";
    readonly path: RelativePath;
    readonly entry: Entry;
  }
  | { readonly do: "removeDirectory"; readonly path: RelativePath }
  | {
    readonly do: "makeDirectory";
    readonly path: RelativePath;
    readonly mode: number;
  }
  /** Puts the staged file or link in place; `replaces` goes into history first. */
  | {
    readonly do: "place";
    readonly path: RelativePath;
    readonly entry: Entry;
    readonly replaces?: Entry | undefined;
  }
  | {
    readonly do: "mode";
    readonly path: RelativePath;
    readonly mode: number;
    readonly directory: boolean;
  };

/**
 * A row for the journal; no `entry` makes a tombstone. `before` is the version that it ends.
 * `rewritten`: other bytes came in, of the same size and mtime. `newcomer`: of a deletion, whoever
 * did it had made it not long ago.
 */
export interface JournalRow {
  readonly path: RelativePath;
  readonly entry: Entry | undefined;
  readonly before: Entry | undefined;
  readonly rewritten?: true | undefined;
  readonly newcomer?: true | undefined;
}

/** The plan: nothing to do when `rows` is empty. `left` holds indexes into the edits. */
export interface ServerPlan {
  readonly steps: readonly ServerStep[];
  readonly rows: readonly JournalRow[];
  readonly left: readonly { readonly index: number; readonly reason: string }[];
}

/** True when an edit's bytes (or link) must be fetched, given what the server has there. */
export function needsFetch(
  edit: EditChange,
  current: Entry | undefined,
): boolean {
  const { entry } = edit;
  if (entry === undefined || entry.kind === "directory") return false;
  return current === undefined || !sameContent(current, entry) ||
    edit.verify === true;
}

/** Plans `edits` in their order: deletions deepest first, then the rest from the top. */
export function planServerCommit(
  edits: readonly EditChange[],
  known: Known,
): ServerPlan {
  const plan = new Plan(known);
  edits.forEach((edit, index) => plan.add(edit, index));
  return { steps: plan.steps, rows: [...plan.rows.values()], left: plan.left };
}

class Plan {
  readonly steps: ServerStep[] = [];
  readonly rows = new Map<RelativePath, JournalRow>();
  readonly left: { index: number; reason: string }[] = [];
  readonly #edited = new Set<RelativePath>();
  readonly #children = new Map<RelativePath, number>();
  readonly #known: Known;

  constructor(known: Known) {
    this.#known = known;
  }

  add(edit: EditChange, index: number): void {
    const reason = this.#apply(edit);
    if (reason !== undefined) this.left.push({ index, reason });
  }

  #apply(edit: EditChange): string | undefined {
    const { path, entry } = edit;
    // One change of a path in a commit: done again after a crash, each step then finds its own doing.
    const again = this.#edited.has(path) ||
      (entry === undefined && this.rows.has(path));
    if (again) return "it changed twice; the next batch takes it";
    this.#edited.add(path);
    const current = this.#entryAt(path);
    if (entry === undefined) return this.#remove(edit, current);
    const staged = needsFetch(edit, current)
      ? this.#known.staged(path)
      : { kind: "equal" as const };
    if (staged.kind === "left") return staged.reason;
    const blocked = this.#blockedAbove(path);
    if (blocked !== undefined) return blocked;
    if (entry.kind === "directory") {
      return this.#directory(path, { entry, current });
    }
    return this.#place(path, { entry, current, staged });
  }

  #remove(
    { path, newcomer }: EditChange,
    current: Entry | undefined,
  ): string | undefined {
    if (current === undefined) return undefined;
    if (current.kind === "directory") {
      if (this.#childCount(path) > 0) {
        return "the server has more in this directory";
      }
      this.steps.push({ do: "removeDirectory", path });
    } else this.steps.push({ do: "archive", path, entry: current });
    this.#record(path, undefined);
    const row = this.rows.get(path);
    if (newcomer === true && row !== undefined) {
      this.rows.set(path, { ...row, newcomer });
    }
    return undefined;
  }

  #directory(
    path: RelativePath,
    { entry, current }: {
      entry: Extract<Entry, { kind: "directory" }>;
      current: Entry | undefined;
    },
  ): string | undefined {
    if (current?.kind === "directory") {
      if (current.mode === entry.mode) return undefined;
      this.steps.push({ do: "mode", path, mode: entry.mode, directory: true });
    } else {
      if (current !== undefined) {
        this.steps.push({ do: "archive", path, entry: current });
      }
      this.steps.push({ do: "makeDirectory", path, mode: entry.mode });
    }
    this.#record(path, entry);
    return undefined;
  }

  #place(
    path: RelativePath,
    { entry, current, staged }: {
      entry: Exclude<Entry, { kind: "directory" }>;
      current: Entry | undefined;
      staged: Staged;
    },
  ): string | undefined {
    if (current?.kind === "directory") {
      if (this.#childCount(path) > 0) {
        return "the server has more in the directory at this path";
      }
      this.steps.push({ do: "removeDirectory", path });
      this.steps.push({ do: "place", path, entry });
    } else if (staged.kind === "staged") {
      this.steps.push({ do: "place", path, entry, replaces: current });
    } else {
      if (current !== undefined && sameEntry(current, entry)) return undefined;
      if (entry.kind === "file") {
        this.steps.push({
          do: "mode",
          path,
          mode: entry.mode,
          directory: false,
        });
      }
    }
    this.#record(path, entry);
    if (staged.kind === "staged") this.#recordRewritten(path);
    return undefined;
  }

  /**
   * Why nothing can go below the directories above `path`. One that is missing is not made here: it
   * would be the server's alone, and stay when the client, which never sent it, deletes it.
   */
  #blockedAbove(path: RelativePath): string | undefined {
    const missing = ancestorsOf(path).some((above) =>
      this.#entryAt(above)?.kind !== "directory"
    );
    return missing ? "the directory above it goes first" : undefined;
  }

  #entryAt(path: RelativePath): Entry | undefined {
    const row = this.rows.get(path);
    return row === undefined ? this.#known.entryAt(path) : row.entry;
  }

  #childCount(path: RelativePath): number {
    const counted = this.#children.get(path);
    if (counted !== undefined) return counted;
    const stored = this.#known.childCount(path);
    this.#children.set(path, stored);
    return stored;
  }

  #record(path: RelativePath, entry: Entry | undefined): void {
    const current = this.#entryAt(path);
    const parent = parentOf(path);
    if (
      parent !== undefined && (current === undefined) !== (entry === undefined)
    ) {
      const change = entry === undefined ? -1 : 1;
      this.#children.set(parent, this.#childCount(parent) + change);
    }
    const before = this.rows.get(path)?.before ?? this.#known.entryAt(path);
    this.rows.set(path, { path, entry, before });
  }

  /** Tells who has the version before that equal size and mtime do not mean equal bytes. */
  #recordRewritten(path: RelativePath): void {
    const row = this.rows.get(path);
    const { entry, before } = row ?? {};
    if (row === undefined || entry?.kind !== "file") return;
    if (before === undefined || !sameContent(before, entry)) return;
    this.rows.set(path, { ...row, rewritten: true });
  }
}
