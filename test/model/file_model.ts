/**
 * What users may see of one file on several machines: the model of "Mysteries of Dropbox" (Hughes,
 * Pierce, Arts, Norell 2016), with sinkd's rules where they differ.
 *
 * @module
 */
import type { Model } from "./checker.ts";

/** What the file holds; 0 when there is none. */
export type Value = number;

/** There is no file. */
export const ABSENT: Value = 0;

/** What was seen, in its order. */
export type Observation =
  | { readonly op: "read"; readonly client: number; readonly value: Value }
  /** A deletion writes {@linkcode ABSENT}. */
  | {
    readonly op: "write";
    readonly client: number;
    readonly value: Value;
    readonly replaced: Value;
  }
  /** All is quiet: what each client has, and what its conflict copies hold, sorted. */
  | {
    readonly op: "stable";
    readonly values: readonly Value[];
    readonly copies: readonly (readonly Value[])[];
  };

/** One machine: `fresh` when it has what the server has; `clean` when the server had what it has. */
export interface Local {
  readonly value: Value;
  readonly fresh: boolean;
  readonly clean: boolean;
}

/** The whole system. */
export interface State {
  readonly server: Value;
  /** What the conflict copies hold, sorted. */
  readonly copies: readonly Value[];
  readonly clients: readonly Local[];
}

/** The model for some number of clients that have seen nothing yet. */
export function fileModel(clients: number): Model<State, Observation> {
  const start = {
    server: ABSENT,
    copies: [],
    clients: Array.from(
      { length: clients },
      () => ({ value: ABSENT, fresh: true, clean: true }),
    ),
  };
  return { start, hidden, observe, key };
}

function key({ server, copies, clients }: State): string {
  const locals = clients.map(({ value, fresh, clean }) =>
    `${value}${fresh ? "f" : ""}${clean ? "c" : ""}`
  );
  return `${server}/${copies}/${locals}`;
}

/** An upload or a download of any client. */
function hidden(state: State): State[] {
  return state.clients.flatMap((local, client) => {
    if (!local.clean) return [upload(state, client, local)];
    return local.fresh ? [] : [download(state, client)];
  });
}

function upload(state: State, client: number, local: Local): State {
  const { server, copies } = state;
  const { value, fresh } = local;
  const cleaned = change(state, client, { ...local, clean: true });
  if (value === server) return cleaned;
  if (fresh) return publish(cleaned, client);
  // A deletion gives way to an edit, whoever comes first.
  if (value === ABSENT) return cleaned;
  if (server === ABSENT) return publish(cleaned, client);
  return { ...cleaned, copies: sorted([...copies, value]) };
}

/** The client's value is the server's now, and nobody else has it. */
function publish(state: State, client: number): State {
  const clients = state.clients.map((local, index) => ({
    ...local,
    fresh: index === client,
  }));
  return { ...state, clients, server: state.clients[client]?.value ?? ABSENT };
}

function download(state: State, client: number): State {
  return change(state, client, {
    value: state.server,
    fresh: true,
    clean: true,
  });
}

function observe(state: State, observation: Observation): State[] {
  switch (observation.op) {
    case "read":
      return state.clients[observation.client]?.value === observation.value
        ? [state]
        : [];
    case "write": {
      const { client, value, replaced } = observation;
      const local = state.clients[client];
      if (local?.value !== replaced) return [];
      return [change(state, client, { ...local, value, clean: false })];
    }
    case "stable": {
      const { server, copies, clients } = state;
      const isQuiet = clients.every(({ fresh, clean }) => fresh && clean) &&
        observation.values.every((value) => value === server) &&
        observation.copies.every((seen) => `${seen}` === `${copies}`);
      return isQuiet ? [state] : [];
    }
  }
}

function change(state: State, client: number, local: Local): State {
  return { ...state, clients: state.clients.with(client, local) };
}

function sorted(values: readonly Value[]): Value[] {
  return values.toSorted((left, right) => left - right);
}
