/**
 * What a comparison found, handed to the ordinary way of edits and updates: that compares bytes, and
 * loses nothing.
 *
 * @module
 */
import type { RelativePath } from "../core/path.ts";
import { isDirty } from "../core/reconcile.ts";
import { ZERO_STAMP } from "../core/stamp.ts";
import type { Agreement, Base, ClientDisk } from "../ports.ts";

/** An anchor's record and files. */
export interface SuspectPorts {
  readonly base: Base;
  readonly disk: ClientDisk;
}

/** Has the bytes of these files compared with the server's, as if they had been touched; gives which. */
export function suspectBytes(
  ports: SuspectPorts,
  paths: readonly RelativePath[],
): RelativePath[] {
  const { base } = ports;
  const agreements: Agreement[] = [];
  for (const path of paths) {
    const known = base.row(path).base;
    if (known?.entry.kind !== "file" || isEdited(ports, path)) continue;
    const untouched = { entry: known.entry, inode: 0, ctimeS: 0 };
    agreements.push({ path, base: untouched });
  }
  if (agreements.length > 0) base.agree(agreements, base.position());
  return agreements.map(({ path }) => path);
}

/**
 * Forgets what was agreed at these paths and has the whole anchor compared: what one side alone has
 * goes to the other, and two versions are both kept. Gives which.
 */
export function suspectRecords(
  ports: SuspectPorts,
  paths: readonly RelativePath[],
): RelativePath[] {
  const { base } = ports;
  const forgotten = paths.filter((path) => !isEdited(ports, path));
  if (forgotten.length > 0) {
    base.agree(
      forgotten.map((path) => ({ path, base: undefined })),
      { ...base.position(), stamp: ZERO_STAMP },
    );
  }
  return forgotten;
}

/**
 * As {@linkcode suspectRecords}, where the way of what the server has is free now: it is known to be
 * missing until the same step of the record that asks for it.
 */
export function fetchApart(
  ports: SuspectPorts,
  paths: readonly RelativePath[],
): RelativePath[] {
  const aparts = ports.base.aparts();
  return suspectRecords(
    ports,
    paths.filter((path) => aparts.get(path)?.entry !== undefined),
  );
}

/** True when the path goes to the server anyhow. */
function isEdited({ base, disk }: SuspectPorts, path: RelativePath): boolean {
  const look = disk.look(path);
  if (look.kind !== "found" && look.kind !== "absent") return true;
  const local = look.kind === "found" ? look.found : undefined;
  return isDirty(local, base.row(path).base);
}
