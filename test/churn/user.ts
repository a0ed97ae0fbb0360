/**
 * A user of one client who changes files at random: saves, rewrites, renames, deletes, links, and
 * changes modes and times, also of directories and of what others and sinkd put there.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Hands } from "../model/hands.ts";
import type { Random } from "../sim/random.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import type { WorldClient } from "../support/world_client.ts";
import { idIn, idInTarget, targetOf, textOf, type Values } from "./values.ts";

/** Many paths, and few, where everybody meets and files are directories elsewhere. */
const MANY = {
  directories: ["", "d0/", "d1/", "d1/e0/", "d1/e0/g0/", "d2/"],
  names: ["f0", "f1.txt", "f2", "f3.tar.gz", "f4", "f 5"],
};
const FEW = { directories: ["", "d1/", "d1/e0/"], names: ["f0", "d1", "e0"] };
const FEW_CHANCE = 0.4;
const SIZES = [30, 30, 500, 500, 5000, 50_000, 400_000];
const MODES = [0o644, 0o600, 0o755, 0o640];
const DIRECTORY_MODES = [0o755, 0o700, 0o750];
/** A time that was long ago, in seconds since 1970. */
const LONG_AGO_S = 1_600_000_000;

/** What a user works with. */
export interface UserPorts {
  readonly client: WorldClient;
  readonly hands: Hands;
  readonly random: Random;
  readonly values: Values;
  /** Whoever keeps the book. */
  readonly note: (line: string) => void;
}

type Act = (user: User, full: string, path: string) => string | undefined;

const ACTS: readonly (readonly [weight: number, act: Act])[] = [
  [30, (user, full, path) => user.save(full, path)],
  [12, (user, full, path) => user.rewrite(full, path, "in place")],
  [10, (user, full, path) => user.rewrite(full, path, "anew")],
  [12, (user, full) => user.remove(full)],
  [10, (user, full) => user.rename(full)],
  [6, (user, full, path) => user.link(full, path)],
  [6, (user, full) => user.changeMode(full)],
  [4, (user, full) => user.changeTime(full)],
  [4, (user, full) => user.remove(dirname(full))],
  [3, (user, full) => user.rename(dirname(full))],
  [2, (user, full, path) => user.save(dirname(full), dirname(path))],
];

/** A user; {@linkcode act} is one thing done. */
export class User {
  readonly #ports: UserPorts;
  readonly #spare: string;

  constructor(ports: UserPorts) {
    this.#ports = ports;
    this.#spare = `${ports.client.home}/spare`;
  }

  /** Does something, chosen by chance, unless sinkd takes the place away meanwhile. */
  act(): void {
    const { random, client, note } = this.#ports;
    const path = pathBy(random);
    const act = pickBy(random);
    try {
      const done = act(this, `${client.files}/${path}`, path);
      if (done !== undefined) note(`${client.name} ${done} at ${path}`);
    } catch (error) {
      const gone = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory ||
        error instanceof Deno.errors.AlreadyExists ||
        error instanceof Deno.errors.IsADirectory;
      if (!gone) throw error;
      note(`${client.name} found no place at ${path}`);
    }
  }

  save(full: string, path: string): string | undefined {
    if (full === this.#ports.client.files) return undefined;
    const { random } = this.#ports;
    Deno.mkdirSync(dirname(full), { recursive: true });
    const id = this.#make(path, "save");
    Deno.writeTextFileSync(this.#spare, textOf(id, random.pick(SIZES)));
    this.#put(id, full);
    return `saves ${id}`;
  }

  /** Writes into the file that is there: with one call, as much as it holds, or from empty on. */
  rewrite(
    full: string,
    path: string,
    how: "in place" | "anew",
  ): string | undefined {
    if (itemAt(full, false)?.kind !== "file") return this.save(full, path);
    using file = Deno.openSync(full, { read: true, write: true });
    const { size } = file.statSync();
    const before = new Uint8Array(size);
    file.readSync(before);
    const id = this.#make(path, how);
    if (how === "anew") file.truncateSync(0);
    file.seekSync(0, Deno.SeekMode.Start);
    const wanted = how === "anew" ? this.#ports.random.pick(SIZES) : size;
    const text = textOf(id, wanted);
    file.writeSync(new TextEncoder().encode(text));
    this.#give(idIn(new TextDecoder().decode(before)));
    return `writes ${id} ${how}`;
  }

  link(full: string, path: string): string {
    Deno.mkdirSync(dirname(full), { recursive: true });
    const id = this.#make(path, "link");
    Deno.symlinkSync(targetOf(id), this.#spare);
    this.#put(id, full);
    return `links ${id}`;
  }

  /** Takes a file, link or directory with all in it away. */
  remove(full: string): string | undefined {
    if (full === this.#ports.client.files) return undefined;
    Deno.renameSync(full, this.#spare);
    return `deletes ${this.#giveUp()} values`;
  }

  rename(full: string): string | undefined {
    const { random, client, hands } = this.#ports;
    if (full === client.files) return undefined;
    const to = `${client.files}/${pathBy(random)}`;
    if (`${to}/`.startsWith(`${full}/`)) return undefined;
    Deno.mkdirSync(dirname(to), { recursive: true });
    // Whatever is renamed counts as touched, before: a turn may look at any moment.
    for (const id of this.#idsAt(full)) this.#touch(id);
    if (!hands.move(full, to)) return undefined;
    for (const id of this.#idsAt(to)) this.#touch(id);
    return `renames to ${to}`;
  }

  changeMode(full: string): string | undefined {
    const item = itemAt(full, false);
    if (item?.kind !== "file" && item?.kind !== "directory") return undefined;
    const directory = item.kind === "directory";
    for (const id of this.#idsAt(full)) this.#touch(id);
    const mode = this.#ports.random.pick(directory ? DIRECTORY_MODES : MODES);
    Deno.chmodSync(full, mode);
    return `sets mode ${mode.toString(8)}`;
  }

  changeTime(full: string): string | undefined {
    if (itemAt(full, false)?.kind !== "file") return undefined;
    for (const id of this.#idsAt(full)) this.#touch(id);
    const timeS = LONG_AGO_S + this.#ports.random.between(0, 1_000_000);
    Deno.utimeSync(full, timeS, timeS);
    return `sets the time`;
  }

  #make(path: string, how: string): number {
    const { values, client } = this.#ports;
    return values.make({ client: client.name, path, how }).id;
  }

  /** Gives the spare place's file or link its name. */
  #put(id: number, full: string): void {
    const { hands, values } = this.#ports;
    let put;
    try {
      put = hands.put(this.#spare, full);
    } catch (error) {
      // sinkd took the directory away meanwhile: it was never there.
      if (this.#idsAt(this.#spare).includes(id)) this.#giveUp();
      throw error;
    }
    const { took, isExposed } = put;
    const value = values.get(id);
    if (isExposed && value !== undefined) value.exposed = true;
    if (took) this.#giveUp();
  }

  #touch(id: number | undefined): void {
    const value = this.#ports.values.get(id);
    if (value !== undefined) value.touched = true;
  }

  #give(id: number | undefined): void {
    const value = this.#ports.values.get(id);
    if (value !== undefined) value.given = true;
  }

  /** What the spare place took over was seen, and is given up; how many values that were. */
  #giveUp(): number {
    const ids = this.#idsAt(this.#spare);
    for (const id of ids) this.#give(id);
    Deno.removeSync(this.#spare, { recursive: true });
    return ids.length;
  }

  #idsAt(full: string): (number | undefined)[] {
    const item = itemAt(full, false);
    switch (item?.kind) {
      case "file":
        return [idIn(Deno.readTextFileSync(full))];
      case "link":
        return [idInTarget(item.target)];
      case "directory":
        return [...treeOf(full, { bytes: false })]
          .filter(([, { kind }]) => kind !== "directory")
          .flatMap(([below]) => this.#idsAt(`${full}/${below}`));
      case "other":
      case undefined:
        return [];
    }
  }
}

function pathBy(random: Random): string {
  const { directories, names } = random.chance(FEW_CHANCE) ? FEW : MANY;
  return random.pick(directories) + random.pick(names);
}

function pickBy(random: Random): Act {
  const total = ACTS.reduce((sum, [weight]) => sum + weight, 0);
  let roll = random.next() * total;
  for (const [weight, act] of ACTS) {
    roll -= weight;
    if (roll < 0) return act;
  }
  throw new Error("Cannot choose: the weights are wrong");
}
