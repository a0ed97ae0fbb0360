/**
 * What users may see of a path, of one below it, and so on, on several machines: the model of one file
 * for each path, and what directories ask for: whatever stands in the way of something else, or is
 * below it, and was not seen by whoever put that there, becomes a conflict copy.
 *
 * A directory that a conflict copy may lie in cannot go; where copies lie is not followed, so that
 * more is allowed of directories once there are copies.
 *
 * @module
 */
import type { Model } from "./checker.ts";
import { hidden } from "./tree_events.ts";
import {
  type Content,
  DIRECTORY,
  localAt,
  localsOf,
  NOTHING,
  type TreeState,
  withLocal,
} from "./tree_state.ts";

/** What was seen, in its order; paths by their depth. */
export type TreeObservation =
  | {
    readonly op: "read";
    readonly client: number;
    readonly path: number;
    readonly value: Content;
  }
  /** One indivisible step: a file comes, is replaced or goes, or an empty directory comes or goes. */
  | {
    readonly op: "write";
    readonly client: number;
    readonly path: number;
    readonly value: Content;
    readonly replaced: Content;
  }
  /** All is quiet: what each client has at each path, and what its conflict copies hold, sorted. */
  | {
    readonly op: "stable";
    readonly values: readonly (readonly Content[])[];
    readonly copies: readonly (readonly Content[])[];
  };

/** The model for some clients that have seen nothing yet, and paths each of which is in the one before. */
export function treeModel(
  clients: number,
  paths: number,
): Model<TreeState, TreeObservation> {
  const nothing = { value: NOTHING, fresh: true, clean: true };
  const locals = Array.from({ length: paths }, () => nothing);
  const start = {
    server: locals.map(() => NOTHING),
    clients: Array.from({ length: clients }, () => locals),
    copies: [],
  };
  return { start, hidden, observe, ahead, key };
}

function key({ server, clients, copies }: TreeState): string {
  const codes = [
    ...server,
    ...clients.flat().map(({ value, fresh, clean }) =>
      value * 4 + (fresh ? 2 : 0) + (clean ? 1 : 0)
    ),
    ...copies,
  ];
  return String.fromCharCode(...codes);
}

function observe(state: TreeState, observation: TreeObservation): TreeState[] {
  switch (observation.op) {
    case "read": {
      const { client, path, value } = observation;
      return localAt(localsOf(state, client), path).value === value
        ? [state]
        : [];
    }
    case "write": {
      const { client, path, value, replaced } = observation;
      const locals = localsOf(state, client);
      const local = localAt(locals, path);
      const above = path === 0 || localAt(locals, path - 1).value === DIRECTORY;
      const below = locals.slice(path + 1);
      const isEmpty = below.every(({ value }) => value === NOTHING);
      if (local.value !== replaced || !above || !isEmpty) return [];
      return [
        withLocal(state, client, path, { ...local, value, clean: false }),
      ];
    }
    case "stable": {
      const { server, clients, copies } = state;
      const isQuiet =
        clients.flat().every(({ fresh, clean }) => fresh && clean) &&
        observation.values.every((values) => `${values}` === `${server}`) &&
        observation.copies.every((seen) => `${seen}` === `${copies}`);
      return isQuiet ? [state] : [];
    }
  }
}

/** Conflict copies never go: what none holds at rest is in none before. */
function ahead(
  observation: TreeObservation,
): ((state: TreeState) => boolean) | undefined {
  if (observation.op !== "stable") return undefined;
  const [seen = []] = observation.copies;
  return ({ copies }) =>
    copies.length <= seen.length && copies.every((copy) => seen.includes(copy));
}
