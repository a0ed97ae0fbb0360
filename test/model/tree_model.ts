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

/** What is at a path: {@linkcode NOTHING}, a {@linkcode DIRECTORY}, or a file by its number. */
export type Content = number;
export const NOTHING: Content = 0;
export const DIRECTORY: Content = 1;

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

/** One path on one machine, as in the model of one file. */
export interface Local {
  readonly value: Content;
  readonly fresh: boolean;
  readonly clean: boolean;
}

/** The whole system: by path; by client and path. */
export interface TreeState {
  readonly server: readonly Content[];
  readonly clients: readonly (readonly Local[])[];
  readonly copies: readonly Content[];
}

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

function hidden(state: TreeState): TreeState[] {
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

function withLocal(
  state: TreeState,
  client: number,
  path: number,
  local: Local,
): TreeState {
  const locals = localsOf(state, client).with(path, local);
  return { ...state, clients: state.clients.with(client, locals) };
}

function localsOf(state: TreeState, client: number): readonly Local[] {
  const found = state.clients[client];
  if (found === undefined) throw new Error(`Cannot find client ${client}`);
  return found;
}

function localAt(locals: readonly Local[], path: number): Local {
  const found = locals[path];
  if (found === undefined) throw new Error(`Cannot find path ${path}`);
  return found;
}
