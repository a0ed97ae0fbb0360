/**
 * The state of the model of trees: what the server and each client have at each path.
 *
 * @module
 */

/** What is at a path: {@linkcode NOTHING}, a {@linkcode DIRECTORY}, or a file by its number. */
export type Content = number;
export const NOTHING: Content = 0;
export const DIRECTORY: Content = 1;

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

/** The state with something else at one path of one client. */
export function withLocal(
  state: TreeState,
  client: number,
  path: number,
  local: Local,
): TreeState {
  const locals = localsOf(state, client).with(path, local);
  return { ...state, clients: state.clients.with(client, locals) };
}

/** What a client has. */
export function localsOf(state: TreeState, client: number): readonly Local[] {
  const found = state.clients[client];
  if (found === undefined) throw new Error(`Cannot find client ${client}`);
  return found;
}

/** What is at a path, by its depth. */
export function localAt(locals: readonly Local[], path: number): Local {
  const found = locals[path];
  if (found === undefined) throw new Error(`Cannot find path ${path}`);
  return found;
}
