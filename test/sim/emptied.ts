/**
 * A user who deletes everything at once, and the person who is asked.
 *
 * @module
 */
import type { ClientNode } from "./client_node.ts";
import type { FileNode, FileSystem } from "./file_system.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Values } from "./values.ts";

const COUNT = 12;
const ASK_EVERY_MS = 1_000;
const ASKED = 40;

/** What this needs of the world. */
export interface EmptiedPorts {
  readonly machine: Machine;
  readonly files: FileSystem;
  readonly values: Values;
  readonly random: Random;
  readonly dropped: Set<string>;
  readonly note: (text: string) => void;
  readonly check: (holds: boolean, what: string) => void;
  readonly later: (ms: number, label: string, work: () => void) => void;
  readonly asUser: (work: () => void) => void;
  readonly node: () => ClientNode | undefined;
}

/** Makes files, deletes them all some time later, and decides when it is asked. */
export function planEmptied(ports: EmptiedPorts, startMs: number): void {
  const { machine, files, values, later, asUser, note, random } = ports;
  const { dropped } = ports;
  const paths = Array.from({ length: COUNT }, (_, index) => `f${index}`);
  later(0, "a user makes files", () =>
    asUser(() => {
      for (const path of paths) {
        const full = `${machine.root}/${path}`;
        const { name } = machine;
        const value = values.make({
          machine: name,
          path,
          size: 10,
          parent: undefined,
        });
        files.write(full, { content: value.id, size: 10, mode: 0o644 });
      }
      note(`user of ${machine.name} makes ${COUNT} files`);
    }));
  later(startMs, "a user deletes everything", () => {
    const agreed = machine.base.count() === COUNT;
    const gone: number[] = [];
    asUser(() => {
      for (const path of paths) {
        const full = `${machine.root}/${path}`;
        gone.push((files.peek(full) as FileNode).content);
        files.remove(full, false);
        dropped.add(path);
      }
    });
    note(`user of ${machine.name} deletes everything`);
    const decision = random.pick(["approve", "reject"] as const);
    if (!agreed || decision === "approve") {
      gone.forEach((id) => values.giveUp(id));
    }
    askOften(ports, {
      decision,
      agreed,
      // What went before there were enough of them to ask about is in the server's history.
      onHeld: (held) =>
        gone.forEach((id, index) => {
          if (!held.has(paths[index] ?? "")) values.giveUp(id);
        }),
    });
  });
}

function askOften(
  { later, node, check }: EmptiedPorts,
  { decision, agreed, onHeld }: {
    readonly decision: "approve" | "reject";
    readonly onHeld: (held: ReadonlySet<string>) => void;
    /** All of it had been agreed with the server. */
    readonly agreed: boolean;
  },
): void {
  let decided = 0;
  const ask = (left: number) => {
    const asked = node();
    const held = asked?.process.alive === true ? asked.heldPaths() : [];
    if (asked !== undefined && held.length > 0) {
      if (decided === 0) onHeld(new Set(held));
      decided++;
      asked.decide(decision);
    }
    if (left > 0) {
      return later(ASK_EVERY_MS, "a person looks", () => ask(left - 1));
    }
    check(
      !agreed || decided > 0,
      "everything was deleted, and no person was asked",
    );
  };
  ask(ASKED);
}
