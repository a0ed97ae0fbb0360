/**
 * Machines of a simulated world: which part of the user's tree each has, and what it leaves out.
 *
 * @module
 */
import { type ExcludeRules, parseExcludes } from "../../lib/core/excludes.ts";
import type { RelativePath } from "../../lib/core/path.ts";
import type { Base } from "../../lib/ports.ts";
import type { Profile } from "./profile.ts";
import { USED_PATHS } from "./users.ts";

/** Path of the anchor that most machines have, in the user's tree. */
export const ANCHOR = "docs" as RelativePath;

const NAMES = ["ann", "bob", "cy", "dan", "eve"];

/** A client's machine: what outlives its process. */
export interface Machine extends MachinePlan {
  readonly root: string;
  readonly base: Base;
}

/** What a machine is like. */
export interface MachinePlan {
  readonly name: string;
  /** A small number of its own, for its clock. */
  readonly number: number;
  /** Path of its anchor in the user's tree. */
  readonly treePath: RelativePath;
  /** Directory in the user's tree that the anchor's root stands for. */
  readonly prefix: string;
  /** The one file of a single-file anchor. */
  readonly only: string | undefined;
  readonly rules: ExcludeRules;
  /** Paths that its user changes. */
  readonly paths: readonly string[];
}

/** All machines of a profile. In a choosy world the first two have everything. */
export function planMachines(
  { clients, choosy, paths }: Profile,
): MachinePlan[] {
  const used = USED_PATHS.slice(0, paths);
  return NAMES.slice(0, clients).map((name, index) => {
    const whole = {
      name,
      number: index + 1,
      treePath: ANCHOR,
      prefix: ANCHOR,
      only: undefined,
      rules: rulesOf([]),
      paths: used,
    };
    if (!choosy) return whole;
    switch (index) {
      case 1:
        return { ...whole, rules: rulesOf(["a/b"]) };
      case 2: {
        const treePath = `${ANCHOR}/a` as RelativePath;
        return { ...whole, treePath, prefix: treePath, paths: ["b", "b/c"] };
      }
      case 3: {
        const treePath = `${ANCHOR}/d` as RelativePath;
        return { ...whole, treePath, only: "d", paths: ["d"] };
      }
      default:
        return whole;
    }
  });
}

function rulesOf(patterns: readonly string[]): ExcludeRules {
  const parsed = parseExcludes(patterns);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.rules;
}
