/**
 * Histories of a path, one in it, and one in that: users write, delete and make directories at any of
 * them, and replace whatever is in the way, one indivisible step after another.
 *
 * @module
 */
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import type { Random } from "../sim/random.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import type { WorldClient } from "../support/world_client.ts";
import { newText, valueOf } from "./contents.ts";
import { type Kind, type Place, stemOf } from "./perform.ts";
import { CLIENTS } from "./plan.ts";
import { treeModel, type TreeObservation } from "./tree_model.ts";
import {
  type Content,
  DIRECTORY,
  NOTHING,
  type TreeState,
} from "./tree_state.ts";

/** What a user does at a path, by its depth. */
export type TreeAct =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly path: number; readonly value: Content }
  | { readonly kind: "directory"; readonly path: number }
  | { readonly kind: "delete"; readonly path: number };

const PATHS = 3;
/** Ways to go on when sinkd changes something under the user's hands. */
const MOST_TRIES = 20;

/** Histories of three paths. */
export const TREES: Kind<TreeAct, TreeObservation, TreeState> = {
  model: treeModel(CLIENTS, PATHS),
  actBy,
  mostSteps: 5,
  act,
  rest,
  isIdle: ({ op }) => op !== "write",
};

function actBy(random: Random, fresh: () => number): TreeAct {
  const path = random.between(0, PATHS - 1);
  const roll = random.next();
  if (roll < 0.2) return { kind: "read" };
  if (roll < 0.4) return { kind: "delete", path };
  if (roll < 0.5) return { kind: "directory", path: Math.min(path, 1) };
  return { kind: "write", path, value: fresh() };
}

function act(place: Place, act: TreeAct): TreeObservation[] | undefined {
  const user = new User(place);
  switch (act.kind) {
    case "read":
      return user.read();
    case "delete":
      user.again(() => user.clear(act.path));
      break;
    case "directory":
      user.again(() => user.open(act.path));
      break;
    case "write":
      user.again(() => user.write(act.path, act.value));
      break;
  }
  return user.isLost ? undefined : user.seen;
}

/** One act: steps, each of which is seen. */
class User {
  readonly seen: TreeObservation[] = [];
  /** True when a step replaced more than it knew, or may be lost. */
  isLost = false;
  readonly #place: Place;
  readonly #spare: string;

  constructor(place: Place) {
    this.#place = place;
    this.#spare = `${place.machine.home}/spare-${place.name}`;
  }

  read(): TreeObservation[] {
    const { client, machine, name } = this.#place;
    return Array.from({ length: PATHS }, (_, path) => ({
      op: "read",
      client,
      path,
      value: contentAt(fullOf(machine, name, path)),
    }));
  }

  /** Tries until it is done; gives up what sinkd, or a conflict copy in a directory, stands against. */
  again(work: () => boolean): void {
    for (let tries = 0; tries < MOST_TRIES && !this.isLost; tries++) {
      try {
        if (work()) return;
      } catch (error) {
        const isInTheWay = error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.AlreadyExists ||
          error instanceof Deno.errors.NotADirectory ||
          error instanceof Deno.errors.IsADirectory ||
          String(error).includes("not empty");
        if (!isInTheWay) throw error;
      }
    }
  }

  write(path: number, value: Content): boolean {
    if (path > 0) this.open(path - 1);
    const full = this.#full(path);
    if (itemAt(full, false)?.kind === "directory") this.clear(path);
    Deno.writeTextFileSync(this.#spare, newText(value));
    const { took, isExposed } = this.#place.hands.put(this.#spare, full);
    this.#saw(path, value, took ? this.#taken() : NOTHING);
    if (isExposed) this.isLost = true;
    return true;
  }

  /** Makes directories down to `path`; files in the way go. */
  open(path: number): boolean {
    for (let above = 0; above <= path; above++) {
      const full = this.#full(above);
      const kind = itemAt(full, false)?.kind;
      if (kind === "directory") continue;
      if (kind !== undefined) this.#takeAway(above);
      Deno.mkdirSync(full);
      this.#saw(above, DIRECTORY, NOTHING);
    }
    return true;
  }

  /** Removes what is at `path`, from the bottom up. */
  clear(path: number): boolean {
    for (let below = PATHS - 1; below >= path; below--) {
      const full = this.#full(below);
      const kind = contentAt(full);
      if (kind === NOTHING) continue;
      if (kind === DIRECTORY) {
        Deno.removeSync(full);
        this.#saw(below, NOTHING, DIRECTORY);
      } else this.#takeAway(below);
    }
    return true;
  }

  #takeAway(path: number): void {
    Deno.renameSync(this.#full(path), this.#spare);
    this.#saw(path, NOTHING, this.#taken());
  }

  /** What the spare place holds, which goes. */
  #taken(): Content {
    const content = contentAt(this.#spare);
    if (content === DIRECTORY) this.isLost = true;
    Deno.removeSync(this.#spare, { recursive: true });
    return content;
  }

  #saw(path: number, value: Content, replaced: Content): void {
    const { client } = this.#place;
    this.seen.push({ op: "write", client, path, value, replaced });
  }

  #full(path: number): string {
    return fullOf(this.#place.machine, this.#place.name, path);
  }
}

function rest(machines: readonly WorldClient[], name: string): TreeObservation {
  const values = machines.map((machine) =>
    Array.from(
      { length: PATHS },
      (_, path) => contentAt(fullOf(machine, name, path)),
    )
  );
  const copies = machines.map(({ files }) =>
    [...treeOf(files, { bytes: false })].filter(([path, { kind }]) =>
      kind === "file" && path.startsWith(stemOf(name)) &&
      path.includes(CONFLICT_MARK)
    ).map(([path]) => contentAt(`${files}/${path}`))
      .sort((left, right) => left - right)
  );
  return { op: "stable", values, copies };
}

/** `name`, `name/b`, `name/b/c`. */
function fullOf({ files }: WorldClient, name: string, path: number): string {
  return [files, name, "b", "c"].slice(0, path + 2).join("/");
}

function contentAt(full: string): Content {
  try {
    return valueOf(Deno.readTextFileSync(full));
  } catch (error) {
    if (error instanceof Deno.errors.IsADirectory) return DIRECTORY;
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (!isAbsent) throw error;
    return NOTHING;
  }
}
