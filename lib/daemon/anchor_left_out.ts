/**
 * What of an anchor is knowingly not the same here and on the server, for status: no fault, but
 * something that its user wants to know.
 *
 * @module
 */
import type { RsyncSettings } from "../core/config.ts";
import type { RelativePath } from "../core/path.ts";
import type { LeftOut } from "../core/status.ts";
import type { Apart, ClientDisk } from "../ports.ts";
import { keptIn } from "../turn/apart.ts";

/** Most paths of one cause that are named, and of directories that are looked into. */
const NAMED = 100;
const LOOKED_INTO = 10;

/** What {@linkcode leftOutOf} looks at. */
export interface LeftOutPorts {
  readonly root: string;
  readonly limits: Pick<RsyncSettings, "maxSize" | "minSize">;
  readonly aparts: ReadonlyMap<RelativePath, Apart>;
  /** Files here that are outside of the limits. */
  readonly outside: ReadonlySet<RelativePath>;
  readonly disk: Pick<ClientDisk, "look" | "holdings" | "isBeyond">;
}

/** One entry for each cause that there is. */
export function leftOutOf(ports: LeftOutPorts): LeftOut[] {
  const { aparts, outside, disk, limits } = ports;
  const sizes = new Set(outside);
  const over: RelativePath[] = [];
  const barred: RelativePath[] = [];
  for (const [path, { entry }] of aparts) {
    if (entry === undefined) over.push(path);
    else if (disk.isBeyond(path, entry)) sizes.add(path);
    else barred.push(path);
  }
  return [
    told(ports, [...sizes], `not synced, ${limitText(limits)}`),
    told(
      ports,
      over,
      "deleted elsewhere, still here because of what never syncs",
    ),
    told(
      ports,
      barred,
      "cannot come in: what is here in its place never syncs",
    ),
  ].filter(({ count }) => count > 0);
}

function told(
  { root, aparts, disk }: LeftOutPorts,
  paths: readonly RelativePath[],
  cause: string,
): LeftOut {
  const named = [...paths].sort().slice(0, NAMED).map((path, index) => {
    const apart = aparts.get(path);
    const isDirectory = apart !== undefined && apart.inode !== 0 &&
      !(apart.entry !== undefined && disk.isBeyond(path, apart.entry));
    const kept = isDirectory && index < LOOKED_INTO
      ? keptIn(disk, path)
      : undefined;
    return `${root}/${path}${kept === undefined ? "" : ` (keeps ${kept})`}`;
  });
  return { cause, count: paths.length, paths: named };
}

function limitText({ maxSize, minSize }: LeftOutPorts["limits"]): string {
  const limits = [
    ...(maxSize === undefined
      ? []
      : [`larger than max_size (${maxSize} bytes)`]),
    ...(minSize === undefined
      ? []
      : [`smaller than min_size (${minSize} bytes)`]),
  ];
  return limits.join(" or ");
}
