/**
 * Kinds of schedules: how many clients and actions, and what goes wrong how often.
 *
 * @module
 */
import type { Weather } from "./network.ts";
import { type Chronicle, type Course, type Random, seeded } from "./random.ts";

/** One schedule; rates are probabilities per call or message. */
export interface Profile {
  readonly kind: string;
  readonly clients: number;
  /** How many of them have a user who does something. */
  readonly writers: number;
  readonly actions: number;
  /** Users change modes, too. Whose file was touched may get a conflict copy that has nothing new. */
  readonly modes: boolean;
  /** How many of the few paths they use. */
  readonly paths: number;
  /** When they begin: before the first turn, or when all is in step. */
  readonly startMs: number;
  /** Time over which the actions are spread, in milliseconds. */
  readonly spanMs: number;
  /** Of a user acting in the middle of a turn, between any two calls. */
  readonly interrupt: number;
  /** How many processes are killed, and after how many calls that change something at most. */
  readonly crashes: number;
  readonly crashSpread: number;
  /** Of a data channel breaking. */
  readonly cut: number;
  /** Of a file that rsync cannot read. */
  readonly unreadable: number;
  /** How many times a client's link is down for a while. */
  readonly outages: number;
  readonly weather: Weather;
}

const FINE: Weather = { lose: 0, double: 0, delay: 0 };
const BAD: Weather = { lose: 0.05, double: 0.05, delay: 0.1 };

const KINDS = [
  "calm",
  "one writer",
  "busy",
  "lossy",
  "cuts",
  "crashes",
  "everything",
] as const;

/** The schedule of a seed. */
export function profileOf(
  seed: number,
  course?: Course,
  chronicle?: Chronicle,
): { profile: Profile; random: Random } {
  const random = seeded(seed, course, chronicle);
  const kind = KINDS[seed % KINDS.length] ?? "calm";
  const clients = random.chance(0.2) ? 3 : 2;
  const everything = kind === "everything";
  const faulty = everything || kind === "cuts" || kind === "crashes";
  const crashing = everything || kind === "crashes";
  const cutting = everything || kind === "cuts";
  const bad = everything || kind === "lossy";
  const calm = kind === "calm" || kind === "one writer";
  return {
    random,
    profile: {
      kind,
      clients,
      writers: kind === "one writer" ? 1 : clients,
      modes: random.chance(0.5),
      paths: random.pick([1, 2, 4, 4]),
      actions: random.between(2, calm ? 14 : 40),
      startMs: random.pick([0, 1500, 3000]),
      spanMs: random.pick([50, 500, 3000, 10_000]),
      interrupt: calm ? 0 : random.pick([0.005, 0.02, 0.06]),
      crashes: crashing ? random.between(1, 8) : 0,
      crashSpread: random.pick([30, 100, 200]),
      cut: cutting ? random.pick([0.002, 0.01, 0.03]) : 0,
      unreadable: faulty ? random.pick([0, 0.02]) : 0,
      outages: bad || cutting ? random.between(0, 3) : 0,
      weather: bad ? BAD : FINE,
    },
  };
}

/** The weather once all is to come to rest. */
export const FINE_WEATHER = FINE;
