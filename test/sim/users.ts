/**
 * Users of a simulated world: they create, edit, truncate, rename, delete, chmod, and replace files
 * by directories by links, on few overlapping paths.
 *
 * @module
 */
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import type { Habits } from "./profile.ts";
import {
  EMPTY,
  type FileNode,
  type FileSystem,
  type Node,
  parentPath,
} from "./file_system.ts";
import type { Random } from "./random.ts";
import { targetOf, valueOfTarget, type Values } from "./values.ts";

/** The few paths that users change; they overlap. */
export const USED_PATHS = ["a", "a/b", "a/b/c", "d"] as const;
const FILE_MODES = [0o644, 0o600, 0o755, 0o444];
const DIRECTORY_MODES = [0o755, 0o700, 0o555];

/** What users need from the world. */
export interface UserPorts {
  readonly files: FileSystem;
  readonly values: Values;
  readonly random: Random;
  readonly habits: Habits;
  readonly paths: readonly string[];
  readonly sizes: readonly number[];
  readonly modes: boolean;
  /** Present time of the machine, in milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly note: (text: string) => void;
  /** What was here is deleted or moved away. */
  readonly dropped: (path: string) => void;
  /** Paths where users put nothing but a directory, and where they never put one. */
  readonly kept: ReadonlySet<string>;
  readonly flat: ReadonlySet<string>;
  /** Does something a little later, as a user. */
  readonly later: (ms: number, work: () => void) => void;
}

/** One action of the user of a machine, chosen by chance; `path` is where, if that is given. */
export function act(
  machine: { name: string; root: string },
  ports: UserPorts,
  path?: string,
): void {
  new Act(machine, ports).run(path);
}

class Act {
  readonly #name: string;
  readonly #root: string;
  readonly #ports: UserPorts;

  constructor(machine: { name: string; root: string }, ports: UserPorts) {
    this.#name = machine.name;
    this.#root = machine.root;
    this.#ports = ports;
  }

  run(given: string | undefined): void {
    const path = given ?? this.#path();
    if (this.#ports.kept.has(path)) return this.#makeDirectory(path);
    switch (this.#habit()) {
      case "edit":
        return this.#edit(path);
      case "hurry":
        return this.#hurry(path);
      case "save":
        return this.#save(path);
      case "disguise":
        return this.#disguise(path);
      case "touch":
        return this.#touch(path);
      case "truncate":
        return this.#truncate(path);
      case "remove":
        return this.#remove(path);
      case "makeDirectory":
        return this.#makeDirectory(path);
      case "link":
        return this.#makeLink(path);
      case "rename":
        return this.#rename(path, this.#path());
      case "changeMode":
        return this.#changeMode(path);
      case "hold":
        return this.#writeLater(path);
    }
  }

  /** One of the user's habits, by its weight. */
  #habit(): keyof Habits {
    const weights = Object.entries(this.#ports.habits) as [
      keyof Habits,
      number,
    ][];
    const all = weights.reduce((sum, [, weight]) => sum + weight, 0);
    let rest = this.#ports.random.next() * all;
    for (const [habit, weight] of weights) {
      rest -= weight;
      if (rest < 0) return habit;
    }
    return "edit";
  }

  /** A path of the few, or a conflict copy that is there. */
  #path(): string {
    const { random, files, paths } = this.#ports;
    const copies = [...files.tree(this.#root).keys()].filter((path) =>
      path.includes(CONFLICT_MARK)
    );
    return copies.length > 0 && random.chance(0.1)
      ? random.pick(copies)
      : random.pick(paths);
  }

  #edit(path: string): void {
    if (!this.#openWay(path)) return;
    const there = this.#at(path);
    if (there !== undefined && there.kind !== "file") {
      if (!this.#ports.random.chance(0.4)) return;
      this.#drop(path);
    }
    this.#say(`writes ${path}`, this.#write(path));
    const { random, later } = this.#ports;
    if (!random.chance(0.15)) return;
    later(random.between(0, 6), () => {
      if (this.#at(path)?.kind !== "file") return;
      this.#say(`writes ${path} again`, this.#write(path));
    });
  }

  /** Writes several times, so fast that the file's times may stay the same. */
  #hurry(path: string): void {
    if (!this.#openWay(path)) return;
    const there = this.#at(path);
    if (there !== undefined && there.kind !== "file") return;
    this.#say(`writes ${path}`, this.#write(path));
    const { random, later } = this.#ports;
    for (let again = random.between(0, 2); again > 0; again--) {
      later(random.between(0, 4), () => {
        if (this.#at(path)?.kind !== "file") return;
        this.#say(`writes ${path} again`, this.#write(path));
      });
    }
  }

  /**
   * Other bytes of the same size with the same mtime: by another file, or in place when that gives
   * another ctime, which sinkd sees in whole seconds.
   */
  #disguise(path: string): void {
    const { files, random, values, nowMs } = this.#ports;
    const there = this.#at(path);
    if (there?.kind !== "file" || there.content === EMPTY) return;
    const { size, mtimeMs, mode } = there;
    const value = values.make({
      machine: this.#name,
      path,
      size,
      parent: there.content,
    });
    this.#giveUp(there);
    const version = { content: value.id, size, mtimeMs, mode };
    const later = Math.floor(nowMs() / 1000) - 1 >
      Math.floor(there.ctimeMs / 1000);
    if (later && random.chance(0.5)) {
      files.writeInto(there, this.#full(path), version);
    } else {
      files.write(this.#full(`${path}~`), version);
      files.rename(this.#full(`${path}~`), this.#full(path));
    }
    this.#say(`disguises ${path}`, value.id);
  }

  /** A save by temporary file and rename. */
  #save(path: string): void {
    const { files, random } = this.#ports;
    if (!this.#openWay(path)) return;
    const there = this.#at(path);
    if (there?.kind === "directory") return;
    const value = this.#value(path);
    files.write(this.#full(`${path}~`), {
      content: value.id,
      size: value.size,
      mode: random.pick(FILE_MODES),
    });
    this.#giveUp(there);
    files.rename(this.#full(`${path}~`), this.#full(path));
    this.#say(`saves ${path}`, value.id);
  }

  #touch(path: string): void {
    const there = this.#at(path);
    if (there?.kind !== "file") return;
    const { content, size } = there;
    this.#ports.values.touch(content);
    this.#ports.files.writeInto(there, this.#full(path), { content, size });
    this.#say(`touches ${path}`);
  }

  #truncate(path: string): void {
    const there = this.#at(path);
    if (there?.kind !== "file") return;
    this.#giveUp(there);
    this.#ports.files.writeInto(there, this.#full(path), {
      content: EMPTY,
      size: 0,
    });
    this.#say(`truncates ${path}`);
  }

  #remove(path: string): void {
    if (this.#at(path) === undefined) return;
    this.#drop(path);
    this.#say(`deletes ${path}`);
  }

  #makeDirectory(path: string): void {
    const { files, random, flat } = this.#ports;
    if (flat.has(path)) return this.#edit(path);
    if (!this.#openWay(path)) return;
    const there = this.#at(path);
    if (there?.kind === "directory") return;
    if (there !== undefined) this.#drop(path);
    files.makeDirectory(this.#full(path), {
      recursive: false,
      mode: random.pick(DIRECTORY_MODES),
    });
    this.#say(`makes directory ${path}`);
  }

  #makeLink(path: string): void {
    const { files, random } = this.#ports;
    if (!this.#openWay(path)) return;
    const there = this.#at(path);
    if (there?.kind === "directory" && !random.chance(0.3)) return;
    const value = this.#value(path);
    if (there !== undefined) this.#drop(path);
    files.symlink(this.#full(path), targetOf(value.id));
    this.#say(`links ${path}`, value.id);
  }

  #rename(from: string, to: string): void {
    const { files } = this.#ports;
    const source = this.#at(from);
    const { kept, flat } = this.#ports;
    if (kept.has(from) || kept.has(to)) return;
    if (flat.has(to) && source?.kind === "directory") return;
    const within = to === from || to.startsWith(`${from}/`) ||
      from.startsWith(`${to}/`);
    if (source === undefined || within) return;
    if (!this.#openWay(to) || this.#at(from) === undefined) return;
    if (this.#at(to) !== undefined) this.#drop(to);
    this.#ports.dropped(from);
    for (const leaf of files.leaves(this.#full(from))) {
      this.#ports.values.move(contentOf(leaf));
    }
    files.rename(this.#full(from), this.#full(to));
    this.#say(`renames ${from} to ${to}`);
  }

  #changeMode(path: string): void {
    const { files, random } = this.#ports;
    const there = this.#at(path);
    if (there === undefined || there.kind === "link") return;
    if (!this.#ports.modes) return;
    const modes = there.kind === "file" ? FILE_MODES : DIRECTORY_MODES;
    const mode = random.pick(modes);
    files.changeMode(this.#full(path), mode);
    this.#say(`changes the mode of ${path} to ${mode.toString(8)}`);
  }

  /** A program that has the file open, and writes to it some time later, wherever it is by then. */
  #writeLater(path: string): void {
    const { files, random, values } = this.#ports;
    const there = this.#at(path);
    if (there?.kind !== "file") return;
    const seen = there.content;
    this.#say(`opens ${path}`, seen);
    this.#ports.later(random.between(1, 1500), () => {
      if (there.links === 0) return;
      const value = values.make({
        machine: this.#name,
        path,
        size: random.pick(this.#ports.sizes),
        parent: there.content,
      });
      this.#giveUp(there);
      files.writeInto(there, this.#nameOf(there), {
        content: value.id,
        size: value.size,
      });
      this.#say(
        `writes to what was ${path}, now ${this.#nameOf(there)}`,
        value.id,
      );
    });
  }

  #write(path: string): number {
    const { files, random } = this.#ports;
    const there = this.#at(path);
    const value = this.#value(path);
    this.#giveUp(there);
    files.write(this.#full(path), {
      content: value.id,
      size: value.size,
      mode: random.pick(FILE_MODES),
    });
    return value.id;
  }

  #value(path: string) {
    const there = this.#at(path);
    const parent = there === undefined ? undefined : contentOf(there);
    const size = this.#ports.random.pick(this.#ports.sizes);
    return this.#ports.values.make({ machine: this.#name, path, size, parent });
  }

  /** Makes the directories above; replaces what is in the way now and then. */
  #openWay(path: string): boolean {
    const above = parentPath(this.#full(path));
    if (above === this.#root) return true;
    const directory = above.slice(this.#root.length + 1);
    if (!this.#openWay(directory)) return false;
    const there = this.#at(directory);
    if (there?.kind === "directory") return true;
    if (there !== undefined) {
      if (!this.#ports.random.chance(0.4)) return false;
      this.#drop(directory);
    }
    this.#ports.files.makeDirectory(above, { recursive: false, mode: 0o755 });
    this.#say(`makes directory ${directory}`);
    return true;
  }

  /** Deletes; whoever deletes has seen what was there. */
  #drop(path: string): void {
    const { files } = this.#ports;
    this.#ports.dropped(path);
    for (const leaf of files.leaves(this.#full(path))) this.#giveUp(leaf);
    files.remove(this.#full(path), true);
  }

  #giveUp(node: Node | undefined): void {
    if (node !== undefined) this.#ports.values.giveUp(contentOf(node));
  }

  #at(path: string): Node | undefined {
    return this.#ports.files.peek(this.#full(path));
  }

  #full(path: string): string {
    return `${this.#root}/${path}`;
  }

  /** Some name of a file that is open. */
  #nameOf(node: FileNode): string {
    const walk = (path: string): string | undefined => {
      const here = this.#ports.files.peek(path);
      if (here === node) return path;
      if (here?.kind !== "directory") return undefined;
      for (const name of here.children.keys()) {
        const found = walk(`${path}/${name}`);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return walk(this.#root) ?? `${this.#root}/.sinkd/nowhere`;
  }

  #say(what: string, value?: number): void {
    const shown = value === undefined ? "" : ` (value ${value})`;
    this.#ports.note(`user of ${this.#name} ${what}${shown}`);
  }
}

function contentOf(node: Node): number {
  if (node.kind === "file") return node.content;
  return node.kind === "link" ? valueOfTarget(node.target) : EMPTY;
}
