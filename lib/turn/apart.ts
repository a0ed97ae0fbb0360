/**
 * Where this machine knowingly does not hold the server's version: files outside of the anchor's size
 * limits, what cannot come in because something that never syncs is in the way, and directories that
 * were deleted elsewhere and stay here for such things.
 *
 * Nothing that never syncs is moved, renamed or deleted, and no older copy becomes the next version.
 *
 * @module
 */
import type { ClientStep } from "../core/client_commit.ts";
import { type Entry, type Found, sameContent } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import type { Apart, Base, ClientDisk, PlannedAgreement } from "../ports.ts";

/** What {@linkcode apartPlan} and the rest look at. */
export interface ApartPorts {
  readonly base: Pick<Base, "row" | "aparts" | "setApart">;
  readonly disk: Pick<
    ClientDisk,
    "look" | "passesOver" | "isBeyond" | "holdings"
  >;
  readonly copyName: (path: RelativePath) => string;
}

/** Steps of a commit and what is agreed then. */
export interface ApartPlan {
  readonly steps: ClientStep[];
  readonly agreement: PlannedAgreement;
}

/**
 * The server's version of `path` is a file that this anchor's limits leave out. The older copy here
 * stays; an edit of it, which would take the place of what its user never saw, becomes a conflict copy.
 */
export function planBeyond(
  { base, disk, copyName }: ApartPorts,
  path: RelativePath,
  beyond: Entry,
): ApartPlan {
  const known = base.row(path).base;
  const look = disk.look(path);
  const plan = (kept: Entry | undefined, ...steps: ClientStep[]) => ({
    steps,
    agreement: { path, entry: kept, trusted: true, beyond },
  });
  if (look.kind !== "found") return plan(undefined);
  const { entry } = look.found;
  if (disk.passesOver(path, entry)) return plan(undefined);
  if (entry.kind === "directory") {
    return plan(undefined, { do: "removeDirectory", path });
  }
  if (known !== undefined && sameContent(entry, known.entry)) {
    return plan(known.entry);
  }
  return plan(undefined, { do: "moveAside", path, copy: copyName(path) });
}

/** Puts aside what was edited here where the server has what does not come here. */
export function planClash(
  { base, disk, copyName }: ApartPorts,
  path: RelativePath,
): ApartPlan | undefined {
  const beyond = base.aparts().get(path)?.entry;
  const look = disk.look(path);
  if (beyond === undefined || look.kind !== "found") return undefined;
  const copy = copyName(path);
  const agreement = { path, entry: undefined, trusted: true, beyond };
  if (look.found.entry.kind !== "directory") {
    return { steps: [{ do: "moveAside", path, copy }], agreement };
  }
  if (keptIn(disk, path) !== undefined) return undefined;
  return { steps: [{ do: "removeDirectory", path, copy }], agreement };
}

/** True when what is at `path` never syncs, or holds such a thing, and `incoming` would take its place. */
export function isInTheWay(
  disk: ApartPorts["disk"],
  path: RelativePath,
  { incoming, local }: {
    incoming: Entry | undefined;
    local: Found | undefined;
  },
): boolean {
  if (incoming === undefined || local === undefined) return false;
  if (incoming.kind === local.entry.kind) return false;
  if (disk.passesOver(path, local.entry)) {
    return !disk.isBeyond(path, local.entry);
  }
  return local.entry.kind === "directory" && keptIn(disk, path) !== undefined;
}

/** What the server has and cannot come in is remembered as such; a directory in its way stays. */
export function planInTheWay(
  path: RelativePath,
  beyond: Entry,
): ApartPlan {
  const agreement = { path, entry: undefined, trusted: true, beyond };
  return { steps: [], agreement };
}

/** Something in a directory that never syncs, or `undefined`. */
export function keptIn(
  disk: Pick<ClientDisk, "look" | "holdings">,
  directory: RelativePath,
): RelativePath | undefined {
  const { carried, kept } = disk.holdings(directory);
  if (kept.length > 0) return kept[0];
  for (const path of carried) {
    const look = disk.look(path);
    if (look.kind !== "found" || look.found.entry.kind !== "directory") {
      continue;
    }
    const below = keptIn(disk, path);
    if (below !== undefined) return below;
  }
  return undefined;
}

/** Directories that were to be removed, and hold nothing but what never syncs, or did until this moment. */
export function leftOver(
  { base, disk }: Pick<ApartPorts, "base" | "disk">,
  steps: readonly ClientStep[],
): ReadonlyMap<RelativePath, Apart> {
  const left = new Map<RelativePath, Apart>();
  // Deepest first, as the steps are.
  for (const step of steps) {
    if (step.do !== "removeDirectory") continue;
    const look = disk.look(step.path);
    if (look.kind !== "found" || look.found.entry.kind !== "directory") {
      continue;
    }
    const staying = disk.holdings(step.path).carried.every((path) =>
      left.has(path) || isLeftOver(base.aparts().get(path))
    );
    if (!staying) continue;
    left.set(step.path, { entry: undefined, inode: look.found.inode });
  }
  return left;
}

/** True for a directory whose deletion was agreed on and that is still here. */
export function isLeftOver(apart: Apart | undefined): boolean {
  return apart !== undefined && apart.entry === undefined;
}

/** The server has nothing new at a path, or nothing at all: what was apart there is so no more. */
export function rejoined(
  { base, disk }: Pick<ApartPorts, "base" | "disk">,
  path: RelativePath,
  incoming: Entry | undefined,
): void {
  const apart = base.aparts().get(path);
  if (apart?.entry === undefined) return;
  const look = disk.look(path);
  const stays = incoming === undefined && look.kind === "found" &&
    look.found.entry.kind === "directory" &&
    keptIn(disk, path) !== undefined;
  base.setApart(
    path,
    stays ? { entry: undefined, inode: look.found.inode } : undefined,
  );
}
