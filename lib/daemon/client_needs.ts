/**
 * What a machine tells its server of itself, so that the server's status knows which of its machines
 * wait for a person or cannot sync everything.
 *
 * @module
 */
import { NO_NEEDS } from "../core/server.ts";
import type { Needs } from "../core/status.ts";
import type { Timers } from "../io/timers.ts";
import type { Anchor } from "./anchor.ts";
import type { Faults } from "./faults.ts";

/** How long changes gather before they are told, in milliseconds. */
const GATHER_MS = 500;

/** What {@linkcode ClientNeeds} works with. */
export interface NeedsPorts {
  readonly anchors: () => Iterable<Anchor>;
  readonly faults: readonly Faults[];
  readonly timers: Timers;
  /** Has the faults say what is wrong now. */
  readonly restate: () => void;
  readonly say: (needs: Needs) => void;
}

/** See the module. */
export class ClientNeeds {
  readonly #ports: NeedsPorts;
  #said: Needs = NO_NEEDS;
  #waiting = false;

  constructor(ports: NeedsPorts) {
    this.#ports = ports;
  }

  /** Something may have changed; it is told soon, if it did. */
  touch(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#ports.timers.set("needs", GATHER_MS, () => {
      this.#waiting = false;
      const now = needsOf(this.#ports);
      if (!same(now, this.#said)) this.#say(now);
    });
  }

  /** The server may know nothing of this machine: it is told now. */
  repeat(): void {
    this.#say(needsOf(this.#ports));
  }

  #say(needs: Needs): void {
    this.#said = needs;
    this.#ports.say(needs);
  }
}

function needsOf({ anchors, faults, restate }: NeedsPorts): Needs {
  restate();
  let { held, paused, decisions, problems } = NO_NEEDS;
  for (const each of faults) {
    decisions += each.count("decision");
    problems += each.count("problem");
  }
  for (const anchor of anchors()) {
    const hold = anchor.hold();
    if (hold?.kind === "paused") paused++;
    else if (hold !== undefined) held++;
    const found = anchor.problems();
    decisions += found.count("decision");
    problems += found.count("problem");
    if (anchor.checks.report().state === "differs") problems++;
  }
  return { held, paused, decisions, problems };
}

function same(one: Needs, other: Needs): boolean {
  return one.held === other.held && one.paused === other.paused &&
    one.decisions === other.decisions && one.problems === other.problems;
}
