/**
 * The plan of a client's commit: from decided paths to ordered, repeatable steps.
 *
 * Order keeps every intermediate state whole: what goes away first (deepest first), what stands in
 * the way moves aside, directories from the top, then files and links, then modes from the bottom,
 * so that a directory without write permission is closed last.
 *
 * @module
 */
import { type Entry, type Found, sameContent } from "./entry.ts";
import { ancestorsOf, comparePaths, type RelativePath } from "./path.ts";
import type { Decision } from "./reconcile.ts";

/** A decided path: `compare` has been resolved by looking at the bytes. */
export interface Decided {
  readonly path: RelativePath;
  readonly incoming: Entry | undefined;
  readonly local: Found | undefined;
  readonly decision: Exclude<Decision, { kind: "compare" }>;
}

/** One step; every step looks again before it acts and may be repeated after a crash. */
export type ClientStep =
  /** Deletes a file or link that still is what the plan saw. */
  | { readonly do: "remove"; readonly path: RelativePath; readonly saw: Found }
  /** Deletes a directory when it is empty; with `copy`, one that is not moves there instead. */
  | {
    readonly do: "removeDirectory";
    readonly path: RelativePath;
    readonly copy?: string;
  }
  /** Moves a file or link that stands in the way of a directory to its conflict name. */
  | {
    readonly do: "moveAside";
    readonly path: RelativePath;
    readonly copy: string;
  }
  | { readonly do: "makeDirectory"; readonly path: RelativePath }
  /**
   * Puts the staged file or link at its path; with `copy`, the local version is kept there. `renew`:
   * although what is there has the same size and mtime.
   */
  | {
    readonly do: "put";
    readonly path: RelativePath;
    readonly entry: Entry;
    readonly saw?: Found;
    readonly copy?: string;
    readonly renew?: true;
  }
  | { readonly do: "mode"; readonly path: RelativePath; readonly mode: number };

/** What {@linkcode planClientCommit} needs to know beside the decided paths. */
export interface Surroundings {
  /** What is at a path of the local tree now; asked for ancestors too. */
  readonly localKind: (path: RelativePath) => Entry["kind"] | undefined;
  /** A free conflict name for a path. */
  readonly copyName: (path: RelativePath) => string;
}

/** Mode of a directory that sinkd makes and that nobody gave one. */
export const DEFAULT_DIRECTORY_MODE = 0o755;

/** Orders the steps that carry out all decisions. */
export function planClientCommit(
  decided: readonly Decided[],
  surroundings: Surroundings,
): ClientStep[] {
  const plan = new Plan(surroundings, decided);
  for (const item of decided) plan.add(item);
  return plan.steps();
}

class Plan {
  readonly #removals: ClientStep[] = [];
  readonly #emptied: Extract<ClientStep, { do: "removeDirectory" }>[] = [];
  readonly #aside: ClientStep[] = [];
  readonly #made = new Map<RelativePath, ClientStep>();
  readonly #puts: ClientStep[] = [];
  readonly #modes = new Map<RelativePath, number>();
  readonly #cleared = new Set<RelativePath>();
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings, decided: readonly Decided[]) {
    this.#surroundings = surroundings;
    for (const { path, incoming, decision } of decided) {
      if (incoming?.kind !== "directory") continue;
      if (decision.kind === "take" || decision.kind === "conflict") {
        this.#modes.set(path, incoming.mode);
      }
    }
  }

  add({ path, incoming, local, decision }: Decided): void {
    if (decision.kind === "renew") return this.#renew(path, incoming, local);
    if (decision.kind !== "take" && decision.kind !== "conflict") return;
    const conflict = decision.kind === "conflict";
    if (incoming === undefined) this.#remove(path, local);
    else if (incoming.kind === "directory") {
      this.#directory(path, local, conflict);
    } else this.#put({ path, entry: incoming, local, conflict });
  }

  steps(): ClientStep[] {
    const byPath = (left: { path: string }, right: { path: string }) =>
      comparePaths(left.path, right.path);
    const modes = [...this.#modes].map(([path, mode]): ClientStep => ({
      do: "mode",
      path,
      mode,
    }));
    return [
      ...this.#removals,
      ...this.#emptied.sort(byPath).reverse(),
      ...this.#aside.sort(byPath),
      ...[...this.#made.values()].sort(byPath),
      ...this.#puts.sort(byPath),
      ...modes.sort(byPath).reverse(),
    ];
  }

  #remove(path: RelativePath, local: Found | undefined): void {
    if (local === undefined) return;
    if (local.entry.kind === "directory") {
      this.#emptied.push({ do: "removeDirectory", path });
    } else this.#removals.push({ do: "remove", path, saw: local });
  }

  #directory(
    path: RelativePath,
    local: Found | undefined,
    conflict: boolean,
  ): void {
    if (local?.entry.kind === "directory") return;
    this.#openWay(path);
    if (local !== undefined) {
      if (conflict) this.#moveAside(path);
      else this.#removals.push({ do: "remove", path, saw: local });
    }
    this.#made.set(path, { do: "makeDirectory", path });
  }

  #put(
    item: {
      path: RelativePath;
      entry: Entry;
      local: Found | undefined;
      conflict: boolean;
    },
  ): void {
    const { path, entry, local, conflict } = item;
    this.#openWay(path);
    if (local === undefined) {
      this.#puts.push({ do: "put", path, entry });
    } else if (
      entry.kind === "file" && !conflict && sameContent(local.entry, entry)
    ) {
      this.#modes.set(path, entry.mode);
    } else if (local.entry.kind === "directory") {
      const copy = this.#surroundings.copyName(path);
      this.#emptied.push({ do: "removeDirectory", path, copy });
      this.#puts.push({ do: "put", path, entry });
    } else {
      const copy = conflict ? { copy: this.#surroundings.copyName(path) } : {};
      this.#puts.push({ do: "put", path, entry, saw: local, ...copy });
    }
  }

  #renew(
    path: RelativePath,
    entry: Entry | undefined,
    saw: Found | undefined,
  ): void {
    if (entry === undefined || saw === undefined) return;
    this.#puts.push({ do: "put", path, entry, saw, renew: true });
  }

  /** Makes sure that everything above `path` is a directory when the steps get there. */
  #openWay(path: RelativePath): void {
    for (const above of ancestorsOf(path)) {
      if (this.#cleared.has(above)) continue;
      this.#cleared.add(above);
      const kind = this.#surroundings.localKind(above);
      if (kind === "directory" || this.#made.has(above)) continue;
      const decidedHere = this.#modes.has(above);
      if (decidedHere) continue;
      if (kind !== undefined) this.#moveAside(above);
      this.#made.set(above, { do: "makeDirectory", path: above });
      this.#modes.set(above, DEFAULT_DIRECTORY_MODE);
    }
  }

  #moveAside(path: RelativePath): void {
    const copy = this.#surroundings.copyName(path);
    this.#aside.push({ do: "moveAside", path, copy });
  }
}
