/**
 * Histories of one file: users read, save, write in place and delete it.
 *
 * @module
 */
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import type { Random } from "../sim/random.ts";
import type { WorldClient } from "../support/world_client.ts";
import { newText, textFor, valueOf } from "./contents.ts";
import {
  ABSENT,
  fileModel,
  type Observation,
  type State,
  type Value,
} from "./file_model.ts";
import { read, remove, rewrite, take } from "./hands.ts";
import { type Kind, type Place, stemOf } from "./perform.ts";
import { CLIENTS } from "./plan.ts";

/** What a user does. */
export type FileAct =
  | { readonly kind: "read" }
  /** Puts a new file in place. */
  | { readonly kind: "save"; readonly value: Value }
  /** Writes into the file that is there; as `save` when there is none. */
  | { readonly kind: "rewrite"; readonly value: Value }
  | { readonly kind: "delete" };

/** Histories of one file. */
export const FILES: Kind<FileAct, Observation, State> = {
  model: fileModel(CLIENTS),
  actBy,
  mostSteps: 7,
  act,
  rest,
  isIdle: ({ op }) => op !== "write",
};

function actBy(random: Random, fresh: () => number): FileAct {
  const roll = random.next();
  if (roll < 0.25) return { kind: "read" };
  if (roll < 0.4) return { kind: "delete" };
  return { kind: roll < 0.75 ? "save" : "rewrite", value: fresh() };
}

function act(
  { hands, client, machine, name }: Place,
  act: FileAct,
): Observation[] | undefined {
  const full = `${machine.files}/${name}`;
  const spare = `${machine.home}/spare-${name}`;
  const wrote = (value: Value, replaced: string | undefined): Observation[] => [
    { op: "write", client, value, replaced: valueIn(replaced) },
  ];
  const save = (value: Value) => {
    Deno.writeTextFileSync(spare, newText(value));
    const { took, isExposed } = hands.put(spare, full);
    const seen = wrote(value, took ? take(spare) : undefined);
    return isExposed ? undefined : seen;
  };
  switch (act.kind) {
    case "read":
      return [{ op: "read", client, value: valueIn(read(full)) }];
    case "delete":
      return wrote(ABSENT, remove(full, spare));
    case "save":
      return save(act.value);
    case "rewrite": {
      const before = rewrite(full, (size) => textFor(act.value, size));
      return before === undefined ? save(act.value) : wrote(act.value, before);
    }
  }
}

function rest(machines: readonly WorldClient[], name: string): Observation {
  const copies = machines.map(({ files }) =>
    [...Deno.readDirSync(files)].filter((found) =>
      found.name.startsWith(stemOf(name)) && found.name.includes(CONFLICT_MARK)
    ).map((copy) => valueIn(read(`${files}/${copy.name}`)))
      .sort((left, right) => left - right)
  );
  const values = machines.map(({ files }) => valueIn(read(`${files}/${name}`)));
  return { op: "stable", values, copies };
}

function valueIn(text: string | undefined): Value {
  return text === undefined ? ABSENT : valueOf(text);
}
