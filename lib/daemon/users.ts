/**
 * The server's users: each with journal, tree and accounts, opened when first asked for.
 *
 * @module
 */
import { OWN_NAME } from "../core/path.ts";
import { Accounts } from "../io/accounts.ts";
import { openJournal, type SqliteJournal } from "../io/journal.ts";
import { openServerTree } from "../io/server_tree.ts";
import { randomHex } from "../io/turn_lines.ts";
import type { ServerTree } from "../ports.ts";
import { finishServerIntents } from "../turn/serve_turn.ts";

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
