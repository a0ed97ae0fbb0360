/**
 * The server's users: each with journal, tree and accounts, opened when first asked for.
 *
 * @module
 */
import { nameFault, OWN_NAME } from "../core/path.ts";
import { nextStamp, utcDate } from "../core/stamp.ts";
import { hasState, readDirectory } from "../io/account_files.ts";
import { Accounts } from "../io/accounts.ts";
import { differences, readTree } from "../io/adopt_tree.ts";
import { openJournal, type SqliteJournal } from "../io/journal.ts";
import { logger } from "../io/log.ts";
import { makeLinks } from "../io/rsync_serve.ts";
import { serverRunDirectory } from "../io/server_root.ts";
import { openServerTree } from "../io/server_tree.ts";
import { placeOf, setAsideIfDamaged } from "../io/state_file.ts";
import { randomHex } from "../io/turn_lines.ts";
import type { ServerTree } from "../ports.ts";
import { finishServerIntents } from "../turn/serve_turn.ts";
import { describe } from "./faults.ts";

const log = logger("users");

/** One user, open. */
export interface User {
  readonly name: string;
  readonly directory: string;
  readonly journal: SqliteJournal;
  readonly tree: ServerTree;
  readonly accounts: Accounts;
}

/** All users below a root. */
export class Users implements Disposable {
  readonly #root: string;
  readonly #open = new Map<string, User>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Names of all users, sorted. */
  names(): string[] {
    return Accounts.listUsers(this.#root);
  }

  /** Before anything else: {@linkcode prepare} for everybody. */
  start(): string[] {
    const names = readDirectory(this.#root)
      .filter(({ name, isDirectory }) => isDirectory && name !== OWN_NAME);
    return names.flatMap(({ name }) => this.prepare(name, { keepEpoch: true }));
  }

  /**
   * Before a user is served: sets a damaged database aside, and begins a new epoch when it is new,
   * or another one than it was, with the record as the tree really is. Without `keepEpoch` a new one
   * begins in any case; with `copied` a copy that agrees with its tree keeps its epoch. Gives what was
   * done, as sentences.
   */
  prepare(
    name: string,
    { keepEpoch, copied = false }: {
      readonly keepEpoch: boolean;
      readonly copied?: boolean;
    },
  ): string[] {
    const said = this.#setAside(name);
    const user = this.get(name);
    if (user === undefined) return said;
    const place = placeOf(databaseOf(this.#root, name));
    const same = user.journal.place() === place;
    if (keepEpoch && (same || (copied && this.#moveIn(user, place)))) {
      return said;
    }
    if (this.#adopt(user, place)) {
      said.push(
        `The record of ${name} was rebuilt from the tree; nothing is deleted`,
      );
    }
    return said;
  }

  /** The user, after a damaged database was set aside. */
  sound(name: string): User | undefined {
    for (const text of this.#setAside(name)) log.warn`${text}`;
    return this.get(name);
  }

  /** Names of all directories that look like a user's, whether or not removed; quick, in any order. */
  likelyNames(): string[] {
    return readDirectory(this.#root).map(({ name }) => name)
      .filter((name) =>
        nameFault(name) === undefined && hasState(this.#root, name)
      );
  }

  /** Lets go of what is open of a user, so that its directory can be copied. */
  close(name: string): void {
    const user = this.#open.get(name);
    user?.journal[Symbol.dispose]();
    user?.accounts[Symbol.dispose]();
    this.#open.delete(name);
  }

  #setAside(name: string): string[] {
    if (this.#open.has(name)) return [];
    const file = databaseOf(this.#root, name);
    const aside = setAsideIfDamaged(file, Date.now());
    return aside === undefined
      ? []
      : [`The database of ${name} was damaged; it is kept as ${aside}`];
  }

  /** True when a copied directory is whole: its database is at home here from now on. */
  #moveIn({ directory, journal }: User, place: string): boolean {
    if (journal.place() === undefined) return false;
    // What lies above an anchor is in no record.
    const wrong = [...differences(journal.liveEntries(), readTree(directory))]
      .filter(([, entry]) => entry?.kind !== "directory");
    if (wrong.length > 0) return false;
    journal.setPlace(place);
    return true;
  }

  /** True when there was anything to adopt. */
  #adopt({ directory, journal }: User, place: string): boolean {
    const { stamp, epoch } = journal.head();
    const isNew = journal.place() === undefined;
    const changes = differences(journal.liveEntries(), readTree(directory));
    const isEmpty = isNew && changes.size === 0;
    journal.renew({
      epoch: isNew ? epoch : randomHex(8),
      stamp: isEmpty ? stamp : nextStamp(stamp, utcDate(Date.now())),
      place,
      changes,
    });
    return !isEmpty;
  }

  /** The database was rolled back while it was in use: a client knows a later head. */
  renewEpoch({ name, journal }: User): void {
    log
      .warn`The database of ${name} is older than what its clients know: a new epoch begins`;
    journal.renew({
      epoch: randomHex(8),
      stamp: journal.head().stamp,
      place: undefined,
      changes: new Map(),
    });
  }

  /** The user, or `undefined` when there is none of that name. */
  get(name: string): User | undefined {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const accounts = Accounts.open(this.#root, name);
    if (accounts === undefined) return undefined;
    const directory = `${this.#root}/${name}`;
    const file = databaseOf(this.#root, name);
    const journal = openOr(
      () => openJournal(file, () => randomHex(8)),
      () => accounts[Symbol.dispose](),
    );
    const user = {
      name,
      directory,
      journal,
      accounts,
      tree: openServerTree(directory, (places, paths) =>
        makeLinks(
          {
            ...places,
            runDirectory: serverRunDirectory(this.#root),
            munged: true,
          },
          paths,
        )),
    };
    if (journal.place() === undefined && isUntouched(user)) {
      journal.setPlace(placeOf(file));
    }
    this.#open.set(name, user);
    return user;
  }

  /** Carries out what a crash left half done; at a start, and again before each turn. */
  async recover(user: User): Promise<void> {
    await finishServerIntents(user.journal, user.tree);
  }

  /**
   * {@linkcode recover} for everybody, at a start: nobody may ever take a turn again. Gives what could
   * not be done, as sentences; the user's next turn tries it again.
   */
  async recoverAll(): Promise<string[]> {
    const said: string[] = [];
    for (const name of this.names()) {
      const user = this.get(name);
      try {
        if (user !== undefined) await this.recover(user);
      } catch (error) {
        said.push(`A commit of ${name} is half done: ${describe(error)}`);
      }
    }
    return said;
  }

  [Symbol.dispose](): void {
    for (const { journal, accounts } of this.#open.values()) {
      journal[Symbol.dispose]();
      accounts[Symbol.dispose]();
    }
    this.#open.clear();
  }
}

/** What is opened, or, where that fails, what was opened before is closed. */
function openOr<T>(open: () => T, close: () => void): T {
  try {
    return open();
  } catch (error) {
    close();
    throw error;
  }
}

function databaseOf(root: string, name: string): string {
  return `${root}/${name}/${OWN_NAME}/state.db`;
}

/** True for a user that was just added: nothing recorded, nothing on the disk. */
function isUntouched({ directory, journal }: User): boolean {
  return journal.liveEntries().size === 0 &&
    [...Deno.readDirSync(directory)].every(({ name }) => name === OWN_NAME);
}
