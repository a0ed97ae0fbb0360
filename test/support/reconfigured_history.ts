/**
 * A history of two machines whose configuration changes, and what must hold of their files. What a
 * user did is all that is known here: nothing of records or journals.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { DatabaseSync } from "node:sqlite";
import type { AnchorConfig } from "../../lib/core/config.ts";
import { settleRecords } from "../../lib/daemon/anchor_records.ts";
import { parentDirectory } from "../../lib/daemon/anchor_root.ts";
import { ClientStore } from "../../lib/io/base_store.ts";
import { openDigests } from "../../lib/io/digest_store.ts";
import { IncomingGuard } from "../../lib/turn/incoming_guard.ts";
import { DirectAnchor, DirectServer } from "./direct_turn.ts";
import { tempDirectory } from "./temp.ts";

const LIMIT = 100;
const FILES = ["k1", "k2", "o1.o", "build/b1", "build/deep/b2", "large"];
const EXCLUDES = [[], ["*.o"], ["build/"], ["+ k*", "*"]];
const NAMES = ["x", "y", "z"];
const USERS = ["alice", "bob"];
const START_MS = Date.UTC(2026, 0, 1);

/** What a configuration says of one of a machine's two directories; numbers of what there is. */
export interface Choice {
  readonly on: boolean;
  readonly name: number;
  readonly excludes: number;
  readonly limited: boolean;
}

/** What happens; `stopped`: the client is not running, and sees the configuration at its next start. */
export type Step =
  | {
    readonly do: "write" | "remove";
    readonly machine: number;
    readonly anchor: number;
    readonly file: number;
  }
  | {
    readonly do: "configure";
    readonly machine: number;
    readonly anchor: number;
    readonly choice: Choice;
    readonly stopped: boolean;
  }
  /** `sinkd rm` and `sinkd add`; or the directory moves, with its configuration. */
  | {
    readonly do: "add" | "move";
    readonly machine: number;
    readonly anchor: number;
  }
  | { readonly do: "join"; readonly machine: number; readonly user: number }
  | { readonly do: "sync"; readonly machine: number };

/** One directory of a machine, an anchor or not. */
interface Place {
  choice: Choice;
  added: number;
  moved: boolean;
  /** Files that the user left there, and that must stay. */
  readonly has: Set<string>;
  /** Files that were synced since they last left the selection: deleting one deletes it everywhere. */
  readonly synced: Set<string>;
}

/** What is in force: of each directory that is an anchor, all that makes it the anchor that it is. */
type InForce = (Anchored | undefined)[];
interface Anchored {
  readonly place: string;
  readonly added: number;
  readonly excludes: number;
  readonly limited: boolean;
}

interface Machine {
  readonly name: string;
  readonly home: string;
  readonly store: ClientStore;
  readonly digests: DatabaseSync;
  readonly places: readonly Place[];
  user: number;
  inForce: InForce;
}

/** See the module. */
export class History implements AsyncDisposable {
  readonly #temp = tempDirectory();
  readonly #servers: DirectServer[];
  readonly #machines: Machine[];
  /** Files that somebody deleted where they were synced, by place. */
  readonly #deleted = new Set<string>();
  readonly #written = new Map<string, string>();
  readonly #waived = new Set<string>();
  readonly #served = new Set<string>();
  #count = 0;

  private constructor() {
    const { path } = this.#temp;
    this.#servers = USERS.map((user) =>
      new DirectServer(`${path}/server/${user}`, `epoch of ${user}`)
    );
    this.#machines = ["m", "n"].map((name) => {
      const home = `${path}/${name}`;
      const places = [0, 1].map((name): Place => ({
        choice: { on: name === 0, name, excludes: 0, limited: false },
        added: 0,
        moved: false,
        has: new Set(),
        synced: new Set(),
      }));
      const machine = {
        name,
        home,
        places,
        store: new ClientStore(":memory:"),
        digests: openDigests(":memory:"),
        user: 0,
        inForce: [],
      };
      for (const anchor of [0, 1]) {
        Deno.mkdirSync(directoryOf(machine, anchor), { recursive: true });
      }
      Deno.mkdirSync(`${home}/moved`);
      return machine;
    });
    for (const machine of this.#machines) this.#settle(machine);
  }

  static begin(): History {
    return new History();
  }

  async take(step: Step): Promise<void> {
    const machine = this.#machines[step.machine];
    assert.ok(machine);
    switch (step.do) {
      case "write":
        return this.#write(machine, step);
      case "remove":
        return this.#remove(machine, step);
      case "configure":
        placeOf(machine, step.anchor).choice = step.choice;
        if (!step.stopped) this.#settle(machine);
        return;
      case "add":
        placeOf(machine, step.anchor).added++;
        return this.#settle(machine);
      case "move": {
        const from = directoryOf(machine, step.anchor);
        const place = placeOf(machine, step.anchor);
        place.moved = !place.moved;
        Deno.renameSync(from, directoryOf(machine, step.anchor));
        return this.#settle(machine);
      }
      case "join":
        machine.user = step.user;
        return this.#settle(machine);
      case "sync":
        return await this.#sync(machine);
    }
  }

  /** Nothing changes any more: all that is synced becomes alike, and no value was lost. */
  async end(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      for (const machine of this.#machines) await this.#sync(machine);
    }
    for (const machine of this.#machines) this.#checkAlike(machine);
    const there = new Set(filesBelow(this.#temp.path).map(({ text }) => text));
    for (const [text, what] of this.#written) {
      assert.ok(there.has(text) || this.#waived.has(text), `lost: ${what}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server[Symbol.dispose]();
    for (const { store, digests } of this.#machines) {
      store[Symbol.dispose]();
      digests.close();
    }
    await this.#temp[Symbol.asyncDispose]();
  }

  #write(
    machine: Machine,
    { anchor, file }: { anchor: number; file: number },
  ): void {
    const name = FILES[file] ?? "";
    const full = `${directoryOf(machine, anchor)}/${name}`;
    this.#waive(full);
    const number = ++this.#count;
    const what = `${number}: ${name} of ${machine.name}`;
    const text = what.padEnd(name === "large" ? 2 * LIMIT : LIMIT / 2);
    this.#written.set(text, what);
    Deno.mkdirSync(parentDirectory(full), { recursive: true });
    Deno.writeTextFileSync(full, text);
    // Long ago, so that no turn waits for it to be whole.
    const at = new Date(START_MS + number * 1_000);
    Deno.utimeSync(full, at, at);
    placeOf(machine, anchor).has.add(name);
  }

  #remove(
    machine: Machine,
    { anchor, file }: { anchor: number; file: number },
  ): void {
    const directory = directoryOf(machine, anchor);
    const there = FILES.filter((name) =>
      textAt(`${directory}/${name}`) !== undefined
    );
    const name = there[file % there.length];
    if (name === undefined) return;
    const full = `${directory}/${name}`;
    const place = placeOf(machine, anchor);
    this.#waive(full);
    Deno.removeSync(full);
    place.has.delete(name);
    const inForce = machine.inForce[anchor];
    if (inForce !== undefined && place.synced.has(name)) {
      this.#deleted.add(`${inForce.place}/${name}`);
    }
  }

  /** Whoever writes over a value or deletes it had it before their eyes. */
  #waive(full: string): void {
    const text = textAt(full);
    if (text !== undefined) this.#waived.add(text);
  }

  /** The client reads its configuration. */
  #settle(machine: Machine): void {
    const user = USERS[machine.user] ?? "";
    const { store, digests } = machine;
    settleRecords(store, configsOf(machine), { user, digests });
    const next = inForceOf(machine);
    for (const [index, place] of machine.places.entries()) {
      const [before, now] = [machine.inForce[index], next[index]];
      const isSame = before?.place === now?.place &&
        before?.added === now?.added;
      for (const name of [...place.synced]) {
        if (!isSame || now === undefined || !selects(now, name, sizeOf(name))) {
          place.synced.delete(name);
        }
      }
    }
    machine.inForce = next;
  }

  async #sync(machine: Machine): Promise<void> {
    this.#settle(machine);
    const server = this.#servers[machine.user];
    assert.ok(server);
    for (const config of configsOf(machine)) {
      const record = machine.store.anchor(config.path);
      const anchor = new DirectAnchor(config, record, {
        client: machine.name,
        guard: new IncomingGuard(() => performance.now()),
      });
      const end = await anchor.sync(server);
      assert.ok(end, `${config.path} is not there`);
      assert.deepEqual(anchor.edits.heldPaths(), []);
    }
    this.#checkKept(machine);
  }

  /** No file went that nobody deleted. */
  #checkKept(machine: Machine): void {
    for (const [index, place] of machine.places.entries()) {
      const inForce = machine.inForce[index];
      for (const name of FILES) {
        const isThere =
          textAt(`${directoryOf(machine, index)}/${name}`) !== undefined;
        if (place.has.has(name) && !isThere) {
          const was = `${inForce?.place ?? "nowhere"}/${name}`;
          assert.ok(
            this.#deleted.has(was),
            `${name} of ${machine.name} went, which nobody deleted (${was})`,
          );
        }
        if (isThere) place.has.add(name);
        else place.has.delete(name);
        const isSynced = inForce !== undefined && isThere &&
          selects(inForce, name, sizeOf(name));
        if (isSynced) place.synced.add(name);
        else place.synced.delete(name);
      }
    }
    for (const user of USERS) {
      for (const name of NAMES) {
        for (const file of FILES) {
          const at = `${user}/${name}/${file}`;
          const isThere =
            textAt(`${this.#temp.path}/server/${at}`) !== undefined;
          assert.ok(
            isThere || !this.#served.has(at) || this.#deleted.has(at),
            `${at} went from the server, which nobody deleted`,
          );
          if (isThere) this.#served.add(at);
          else this.#served.delete(at);
        }
      }
    }
  }

  #checkAlike(machine: Machine): void {
    for (const [index, inForce] of machine.inForce.entries()) {
      if (inForce === undefined) continue;
      const ofSelection = (root: string) =>
        filesBelow(root).filter(({ path, text }) =>
          !path.startsWith(".sinkd/") && selects(inForce, path, text.length)
        ).map(({ path, text }) => `${path}: ${text.trim()}`);
      assert.deepEqual(
        ofSelection(directoryOf(machine, index)),
        ofSelection(`${this.#temp.path}/server/${inForce.place}`),
        `${machine.name} and the server differ in ${inForce.place}`,
      );
    }
  }
}

function placeOf(machine: Machine, anchor: number): Place {
  const place = machine.places[anchor];
  assert.ok(place);
  return place;
}

function directoryOf(
  { home, places }: Pick<Machine, "home" | "places">,
  anchor: number,
): string {
  return `${home}/${places[anchor]?.moved === true ? "moved/" : ""}d${anchor}`;
}

/** Two anchors of a machine have different names. */
function nameOf({ places }: Machine, anchor: number): string {
  const names = places.map(({ choice }) => choice.name);
  const other = anchor === 1 && names[0] === names[1];
  return NAMES[((names[anchor] ?? 0) + (other ? 1 : 0)) % NAMES.length] ?? "";
}

function configsOf(machine: Machine): AnchorConfig[] {
  return machine.places.flatMap(({ choice, added }, anchor) => {
    if (!choice.on) return [];
    return [{
      path: directoryOf(machine, anchor),
      name: nameOf(machine, anchor),
      excludes: EXCLUDES[choice.excludes] ?? [],
      intervalMs: 0,
      trustsOthers: false,
      added: `${added}`,
      rsync: {
        compress: false,
        bwlimit: undefined,
        partial: false,
        checksum: false,
        maxSize: choice.limited ? LIMIT : undefined,
        minSize: undefined,
      },
    }];
  });
}

function inForceOf(machine: Machine): InForce {
  return machine.places.map(({ choice, added }, anchor) => {
    if (!choice.on) return undefined;
    const { excludes, limited } = choice;
    const place = `${USERS[machine.user]}/${nameOf(machine, anchor)}`;
    return { place, added, excludes, limited };
  });
}

/** What {@linkcode EXCLUDES} and the limit mean, said another way. */
function selects(
  { excludes, limited }: Anchored,
  path: string,
  size: number,
): boolean {
  if (limited && size > LIMIT) return false;
  switch (excludes) {
    case 1:
      return !path.endsWith(".o");
    case 2:
      return !path.startsWith("build/");
    case 3:
      return path.startsWith("k");
    default:
      return true;
  }
}

function sizeOf(name: string): number {
  return name === "large" ? 2 * LIMIT : LIMIT / 2;
}

function textAt(full: string): string | undefined {
  try {
    return Deno.readTextFileSync(full);
  } catch {
    return undefined;
  }
}

/** All files below a directory, by their path; those in `.sinkd` are the server's history. */
function filesBelow(
  root: string,
  below = "",
): { path: string; text: string }[] {
  const found: { path: string; text: string }[] = [];
  for (const { name, isDirectory } of list(`${root}/${below}`)) {
    const path = `${below}${name}`;
    if (isDirectory) found.push(...filesBelow(root, `${path}/`));
    else found.push({ path, text: Deno.readTextFileSync(`${root}/${path}`) });
  }
  return found.sort((left, right) => left.path < right.path ? -1 : 1);
}

/** The server makes a directory with the first thing in it. */
function list(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
