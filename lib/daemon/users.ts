/**
 * The server's users: each with journal, tree and accounts, opened when first asked for.
 *
 * @module
 */
import { OWN_NAME } from "../core/path.ts";
import { nextStamp, utcDate } from "../core/stamp.ts";
import { Accounts } from "../io/accounts.ts";
import { differences, readTree } from "../io/adopt_tree.ts";
import { openJournal, type SqliteJournal } from "../io/journal.ts";
import { logger } from "../io/log.ts";
import { openServerTree } from "../io/server_tree.ts";
import { placeOf, setAsideIfDamaged } from "../io/state_file.ts";
import { randomHex } from "../io/turn_lines.ts";
import type { ServerTree } from "../ports.ts";
import { finishServerIntents } from "../turn/serve_turn.ts";

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

  /**
   * Before anything else: sets damaged databases aside, and begins a new epoch for users whose
   * database is new, or another one than it was, with the record as the tree really is. Gives what
   * was done, as sentences.
   */
  start(): string[] {
    const said: string[] = [];
    for (const { name, isDirectory } of Deno.readDirSync(this.#root)) {
      const file = `${this.#root}/${name}/${OWN_NAME}/state.db`;
      if (!isDirectory || name === OWN_NAME) continue;
      const aside = setAsideIfDamaged(file, Date.now());
      if (aside !== undefined) {
        said.push(
          `The database of ${name} was damaged; it is kept as ${aside}`,
        );
      }
      const user = this.get(name);
      if (user === undefined || user.journal.place() === placeOf(file)) {
        continue;
      }
      if (this.#adopt(user, file)) {
        said.push(
          `The record of ${name} was made anew from the tree; nothing is deleted`,
        );
      }
    }
    return said;
  }

  /** True when there was anything to adopt. */
  #adopt({ directory, journal }: User, file: string): boolean {
    const { stamp, epoch } = journal.head();
    const isNew = journal.place() === undefined;
    const changes = differences(journal.liveEntries(), readTree(directory));
    const isEmpty = isNew && changes.size === 0;
    journal.renew({
      epoch: isNew ? epoch : randomHex(8),
      stamp: isEmpty ? stamp : nextStamp(stamp, utcDate(Date.now())),
      place: placeOf(file),
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
    const journal = openJournal(
      `${directory}/${OWN_NAME}/state.db`,
      () => randomHex(8),
    );
    const user = {
      name,
      directory,
      journal,
      accounts,
      tree: openServerTree(directory),
    };
    if (journal.place() === undefined && isUntouched(user)) {
      journal.setPlace(placeOf(`${directory}/${OWN_NAME}/state.db`));
    }
    this.#open.set(name, user);
    return user;
  }

  /** Carries out what a crash left half done; before a user's first turn and again before each. */
  async recover(user: User): Promise<void> {
    await finishServerIntents(user.journal, user.tree);
  }

  [Symbol.dispose](): void {
    for (const { journal, accounts } of this.#open.values()) {
      journal[Symbol.dispose]();
      accounts[Symbol.dispose]();
    }
    this.#open.clear();
  }
}

/** True for a user that was just added: nothing recorded, nothing on the disk. */
function isUntouched({ directory, journal }: User): boolean {
  return journal.liveEntries().size === 0 &&
    [...Deno.readDirSync(directory)].every(({ name }) => name === OWN_NAME);
}
