/**
 * Whom a server would serve: everybody in its root, or those that its options name.
 *
 * @module
 */
import { readUserList } from "../io/user_list.ts";
import type { UserSelection } from "./server_options.ts";
import type { Users } from "./users.ts";

/** See the module. */
export class UserChoice {
  readonly #selection: UserSelection;
  readonly #users: Pick<Users, "likelyNames">;
  #listed: readonly string[];

  constructor(selection: UserSelection, users: Pick<Users, "likelyNames">) {
    this.#selection = selection;
    this.#users = users;
    this.#listed = selection.kind === "listed"
      ? readUserList(selection.file)
      : [];
  }

  names(): readonly string[] {
    switch (this.#selection.kind) {
      case "all":
        return this.#users.likelyNames();
      case "named":
        return this.#selection.names;
      case "listed":
        return this.#listed;
    }
  }

  /** Reads the list again; throws, and keeps the old one, when it cannot be used. */
  reload(): void {
    if (this.#selection.kind !== "listed") return;
    this.#listed = readUserList(this.#selection.file);
  }
}
