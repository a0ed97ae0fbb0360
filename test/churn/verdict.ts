/**
 * What must hold when churn is over: all trees are equal, and nothing is lost, torn, or in a conflict
 * copy that nobody asked for.
 *
 * @module
 */
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import { differences, itemAt, treeOf } from "../support/tree_view.ts";
import type { World } from "../support/world.ts";
import { idIn, idInTarget, type Value, type Values } from "./values.ts";

/** What was found; all lists are empty when all is well. */
export interface Verdict {
  /** How trees differ, byte by byte. */
  readonly differences: readonly string[];
  /** Values that are nowhere. */
  readonly lost: readonly string[];
  /** Files whose content nobody wrote. */
  readonly torn: readonly string[];
  /** Conflict copies of what somebody had seen and replaced, and copies of copies. */
  readonly unexpected: readonly string[];
  readonly counts: {
    readonly values: number;
    readonly paths: number;
    readonly copies: number;
    /** Not given up by anybody, yet in history only. */
    readonly inHistoryOnly: number;
    /** Put in place in the microseconds in which a client may lose them, and not asked for. */
    readonly exposed: number;
  };
}

/** Looks at a world at rest. */
export function judge(world: World, values: Values): Verdict {
  const [first, ...others] = world.clients();
  if (first === undefined) throw new Error("Cannot judge: no client");
  const tree = treeOf(first.files);
  const live = contentsOf(first.files);
  const user = `${world.root}/${first.user}`;
  const history = new Set(contentsOf(`${user}/.sinkd/history`).values());
  const kept = new Set(live.values());
  const wanted = values.all().filter(({ given, exposed }) =>
    !given && !exposed
  );
  const missing = wanted.filter(({ id }) => !kept.has(id));
  const copies = [...live].filter(([path]) => path.includes(CONFLICT_MARK));
  return {
    differences: others.flatMap(({ name, files }) =>
      differences(tree, treeOf(files)).map((line) => `${name}: ${line}`)
    ),
    lost: missing.filter(({ id }) => !history.has(id)).map(describe),
    torn: [...live].filter(([, id]) => values.get(id) === undefined)
      .map(([path]) => path),
    unexpected: unexpectedOf(copies, values),
    counts: {
      values: values.all().length,
      paths: tree.size,
      copies: copies.length,
      exposed: values.all().filter(({ exposed }) => exposed).length,
      inHistoryOnly: missing.filter(({ id }) => history.has(id)).length,
    },
  };
}

/** The value that each file and link below a directory holds. */
function contentsOf(root: string): Map<string, number | undefined> {
  if (itemAt(root) === undefined) return new Map();
  const found = new Map<string, number | undefined>();
  for (const [path, item] of treeOf(root, { bytes: false })) {
    if (path.startsWith("ballast")) continue;
    if (item.kind === "file") {
      found.set(path, idIn(Deno.readTextFileSync(`${root}/${path}`)));
    }
    if (item.kind === "link") found.set(path, idInTarget(item.target));
  }
  return found;
}

function unexpectedOf(
  copies: readonly (readonly [path: string, id: number | undefined])[],
  values: Values,
): string[] {
  const seen = new Set<number>();
  const found: string[] = [];
  for (const [path, id] of copies) {
    const value = values.get(id);
    if (value === undefined || value.touched) continue;
    if (value.given) found.push(`${path}: ${describe(value)}`);
    if (seen.has(value.id)) found.push(`${path}: again, ${describe(value)}`);
    seen.add(value.id);
  }
  return found;
}

function describe({ id, client, path, how }: Value): string {
  return `value ${id} of ${client} (${how}) at ${path}`;
}
