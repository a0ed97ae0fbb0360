/**
 * What may happen unseen in the model of trees, path by path: uploads, downloads, and what gives way to
 * a directory.
 *
 * @module
 */
import {
  type Content,
  DIRECTORY,
  type Local,
  localAt,
  localsOf,
  NOTHING,
  type TreeState,
  withLocal,
} from "./tree_state.ts";

/** States that one unseen event leads to. */
export function hidden(state: TreeState): TreeState[] {
  return state.clients.flatMap((locals, client) =>
    locals.flatMap((_, path) => {
      const at = new At(state, client, path);
      return [...at.upload(), ...at.download(), ...at.open()];
    })
  );
}

/** What may happen at one path of one client. */
class At {
  readonly #state: TreeState;
  readonly #client: number;
  readonly #path: number;
  readonly #locals: readonly Local[];
  readonly #local: Local;
  readonly #server: Content;

  constructor(state: TreeState, client: number, path: number) {
    this.#state = state;
    this.#client = client;
    this.#path = path;
    this.#locals = localsOf(state, client);
    this.#local = localAt(this.#locals, path);
    this.#server = state.server[path] ?? NOTHING;
  }

  *upload(): Generator<TreeState> {
    const { value, fresh, clean } = this.#local;
    if (clean) return;
    const isSame = value === this.#server;
    const cleaned = this.#set({ value, fresh: fresh || isSame, clean: true });
    if (isSame) return yield cleaned;
    if (fresh || (value !== NOTHING && this.#server === NOTHING)) {
      if (this.#fitsOnServer()) yield this.#publish();
      // One that was removed and made again is as it was.
      if (!fresh && value === DIRECTORY) yield cleaned;
    } else if (value === NOTHING) yield cleaned;
    else if (value !== DIRECTORY) yield this.#keep(cleaned, [value]);
  }

  *download(): Generator<TreeState> {
    const { value, fresh, clean } = this.#local;
    if (fresh || !this.#isAboveOpen()) return;
    const server = this.#server;
    if (value === DIRECTORY && server !== DIRECTORY) {
      return yield* this.#closeDirectory();
    }
    if (!clean) return;
    const isOtherKind = server === DIRECTORY && value !== NOTHING;
    if (isOtherKind) yield this.#set({ ...this.#local, value: NOTHING });
    yield this.#set({ value: server, fresh: true, clean: true });
  }

  /** A file, or nothing, gives way to a directory that the server has something new in. */
  *open(): Generator<TreeState> {
    const { value, fresh, clean } = this.#local;
    if (clean || value === DIRECTORY || this.#server !== DIRECTORY) return;
    if (!this.#isAboveOpen()) return;
    const isAsked = !fresh || this.#state.copies.length > 0 ||
      this.#locals.some((below, path) =>
        path > this.#path && !below.fresh &&
        this.#state.server[path] !== NOTHING
      );
    if (!isAsked) return;
    const opened = { value: DIRECTORY, fresh: true, clean: true };
    const kept = value === NOTHING ? [] : [value];
    // For a moment there is nothing.
    const absent = { value: NOTHING, fresh: false, clean: true };
    yield this.#keep(this.#set(absent), kept);
    yield this.#keep(this.#set(opened), kept);
  }

  /** The server has no directory here: what is in it that nobody saw is kept. */
  *#closeDirectory(): Generator<TreeState> {
    const { clean } = this.#local;
    const below = this.#locals.slice(this.#path + 1);
    const isEmpty = below.every(({ value }) => value === NOTHING);
    if (this.#server === NOTHING) {
      if (clean && isEmpty) {
        yield this.#set({ value: NOTHING, fresh: true, clean: true });
      }
      // Something in it stays, so that it stays, too.
      const isKept = this.#state.copies.length > 0 ||
        below.some(({ value, clean }) => !clean && value !== NOTHING);
      if (clean && isKept) {
        yield this.#set({ ...this.#local, fresh: true, clean: false });
      }
      return;
    }
    const isSeen = below.some((local) =>
      local.clean && local.value !== NOTHING && local.value !== DIRECTORY
    );
    if (isSeen) return; // the server has deleted that: it goes first
    const kept = below.map(({ value }) => value).filter((value) =>
      value !== NOTHING && value !== DIRECTORY
    );
    const gone = { value: NOTHING, fresh: true, clean: true };
    const emptied = below.map(() => gone);
    const absent = { value: NOTHING, fresh: false, clean: true };
    const there = { value: this.#server, fresh: true, clean: true };
    for (const here of [absent, there]) {
      const locals = [...this.#locals.slice(0, this.#path), here, ...emptied];
      const clients = this.#state.clients.with(this.#client, locals);
      yield this.#keep({ ...this.#state, clients }, kept);
    }
  }

  /** True when the directories above are there. */
  #isAboveOpen(): boolean {
    return this.#path === 0 ||
      localAt(this.#locals, this.#path - 1).value === DIRECTORY;
  }

  /** True when the server can have what is here: the directory above, and nothing below a file. */
  #fitsOnServer(): boolean {
    const { server } = this.#state;
    const { value } = this.#local;
    const above = this.#path === 0 || server[this.#path - 1] === DIRECTORY;
    const below = server.slice(this.#path + 1).every((other) =>
      other === NOTHING
    );
    return value === NOTHING ? below : above && (value === DIRECTORY || below);
  }

  #publish(): TreeState {
    const { value } = this.#local;
    const clients = this.#state.clients.map((locals, client) => {
      const local = localAt(locals, this.#path);
      const clean = client === this.#client || local.clean;
      const fresh = clean && local.value === value;
      return locals.with(this.#path, { ...local, clean, fresh });
    });
    const server = this.#state.server.with(this.#path, value);
    return { ...this.#state, server, clients };
  }

  #set(local: Local): TreeState {
    return withLocal(this.#state, this.#client, this.#path, local);
  }

  #keep(state: TreeState, kept: readonly Content[]): TreeState {
    const copies = [...state.copies, ...kept].sort((one, other) => one - other);
    return { ...state, copies };
  }
}
