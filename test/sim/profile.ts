/**
 * Kinds of schedules: how many clients and actions, what their users do, and what goes wrong how
 * often.
 *
 * @module
 */
import type { Weather } from "./network.ts";
import { type Chronicle, type Course, type Random, seeded } from "./random.ts";

/** What a user may do; the numbers are weights. */
export interface Habits {
  readonly edit: number;
  /** Writes again and again, most of the time in the same tick of the clock. */
  readonly hurry: number;
  /** Saves by temporary file and rename. */
  readonly save: number;
  /** Other bytes of the same size, with the mtime that was there before. */
  readonly disguise: number;
  /** The same bytes with a new mtime. */
  readonly touch: number;
  readonly truncate: number;
  readonly remove: number;
  readonly makeDirectory: number;
  readonly link: number;
  readonly rename: number;
  readonly changeMode: number;
  /** Keeps a file open, and writes to it later, wherever it is by then. */
  readonly hold: number;
}

/** One schedule; rates are probabilities per call or message, the rest are counts. */
export interface Profile {
  readonly kind: string;
  readonly clients: number;
  /** How many of them have a user who does something. */
  readonly writers: number;
  readonly actions: number;
  readonly habits: Habits;
  /** Users change modes, too. Whose file was touched may get a conflict copy that has nothing new. */
  readonly modes: boolean;
  /** How many of the few paths they use. */
  readonly paths: number;
  /** Sizes of the files that they write. */
  readonly sizes: readonly number[];
  /** How often the kernel's clock for files goes on, in milliseconds. */
  readonly tickMs: number;
  /** When they begin: before the first turn, or when all is in step. */
  readonly startMs: number;
  /** Time over which the actions are spread, in milliseconds. */
  readonly spanMs: number;
  /** Of a user acting in the middle of a turn, between any two calls. */
  readonly interrupt: number;
  /** How many processes are killed, and after how many calls that change something at most. */
  readonly crashes: number;
  readonly crashSpread: number;
  /** Of a process being killed at a call of a commit, as long as there are crashes left. */
  readonly commitCrash: number;
  /** Of a data channel breaking; and when the server is about to say that all is staged or taken in. */
  readonly cut: number;
  readonly cutAnswer: number;
  /** Of a user acting soon after a process was killed or a channel broke. */
  readonly aftermath: number;
  /** Of a file that rsync cannot read. */
  readonly unreadable: number;
  /** How many times a file or directory of a client cannot be read for a while. */
  readonly bars: number;
  /** How many times a disk is full for a while. */
  readonly fullDisks: number;
  /** How many times a clock goes forward or back by up to two days. */
  readonly clockJumps: number;
  /** How many times the server forgets what it knows of deletions. */
  readonly prunes: number;
  /** How many times the server's root is brought back from an older copy, or its record is lost. */
  readonly restores: number;
  /** How many times the broker is away, and comes back empty. */
  readonly brokerOutages: number;
  /** How many times a client's link is down for a while. */
  readonly outages: number;
  /** Of a watcher missing what is made in a directory that is new. */
  readonly deaf: number;
  /** Clients that leave something out, or that have only a part of the tree. */
  readonly choosy: boolean;
  /** A user deletes everything, and a person decides. */
  readonly emptied: boolean;
  readonly weather: Weather;
}

const FINE: Weather = { lose: 0, double: 0, delay: 0 };
const BAD: Weather = { lose: 0.05, double: 0.05, delay: 0.1 };

const HABITS: Habits = {
  edit: 30,
  hurry: 0,
  save: 12,
  disguise: 0,
  touch: 4,
  truncate: 4,
  remove: 12,
  makeDirectory: 6,
  link: 8,
  rename: 12,
  changeMode: 10,
  hold: 6,
};

type Kind =
  | "calm"
  | "one writer"
  | "busy"
  | "lossy"
  | "cuts"
  | "crashes"
  | "everything"
  | "crashes in commits"
  | "answers lost"
  | "broken calls"
  | "touches"
  | "open files"
  | "same looks"
  | "in a hurry"
  | "no access"
  | "clocks"
  | "long away"
  | "restored"
  | "full disks"
  | "broker"
  | "deaf"
  | "choosy"
  | "emptied";

const KINDS: readonly Kind[] = [
  "calm",
  "one writer",
  "busy",
  "lossy",
  "cuts",
  "crashes",
  "everything",
  "crashes in commits",
  "answers lost",
  "open files",
  "same looks",
  "in a hurry",
  "no access",
  "clocks",
  "long away",
  "restored",
  "full disks",
  "broker",
  "deaf",
  "choosy",
  "emptied",
  "broken calls",
  "touches",
];

/** The schedule of a seed. */
export function profileOf(
  seed: number,
  course?: Course,
  chronicle?: Chronicle,
): { profile: Profile; random: Random } {
  const random = seeded(seed, course, chronicle);
  const kind = KINDS[seed % KINDS.length] ?? "calm";
  return {
    random,
    profile: { ...usual(kind, random), ...special(kind, random) },
  };
}

function usual(kind: Kind, random: Random): Profile {
  const clients = random.pick([2, 2, 2, 2, 2, 2, 2, 3, 3, 4, 5]);
  const everything = kind === "everything";
  const some = (most: number) =>
    everything && random.chance(0.25) ? random.between(1, most) : 0;
  const faulty = everything || kind === "cuts" || kind === "crashes";
  const crashing = everything || kind === "crashes";
  const cutting = everything || kind === "cuts";
  const bad = everything || kind === "lossy";
  const calm = kind === "calm" || kind === "one writer";
  return {
    kind,
    clients,
    writers: kind === "one writer" ? 1 : clients,
    habits: HABITS,
    modes: random.chance(0.5),
    paths: random.pick([1, 2, 4, 4]),
    sizes: [10, 10, 20, 30],
    tickMs: 4,
    actions: random.between(2, calm ? 14 : 40),
    startMs: random.pick([0, 1500, 3000]),
    spanMs: random.pick([50, 500, 3000, 10_000]),
    interrupt: calm ? 0 : random.pick([0.005, 0.02, 0.06]),
    crashes: crashing ? random.between(1, 8) : 0,
    crashSpread: random.pick([30, 100, 200]),
    commitCrash: everything ? random.pick([0, 0.05]) : 0,
    cut: cutting ? random.pick([0.002, 0.01, 0.03]) : 0,
    cutAnswer: cutting ? random.pick([0, 0.1]) : 0,
    aftermath: faulty ? random.pick([0, 0.5]) : 0,
    unreadable: faulty ? random.pick([0, 0.02]) : 0,
    bars: some(3),
    fullDisks: some(2),
    clockJumps: some(2),
    prunes: some(2),
    restores: 0,
    brokerOutages: some(2),
    outages: bad || cutting ? random.between(0, 3) : 0,
    deaf: everything && random.chance(0.25) ? 0.5 : 0,
    choosy: false,
    emptied: false,
    weather: bad ? BAD : FINE,
  };
}

/** What is different in the schedules that look for one thing. */
function special(kind: Kind, random: Random): Partial<Profile> {
  switch (kind) {
    case "calm":
    case "one writer":
    case "busy":
    case "lossy":
    case "cuts":
    case "crashes":
    case "everything":
      return {};
    case "crashes in commits":
      return {
        paths: random.pick([1, 1, 2, 4]),
        spanMs: random.pick([50, 500, 3000]),
        crashes: random.between(1, 5),
        commitCrash: random.pick([0.02, 0.05, 0.15]),
        aftermath: 0.8,
      };
    case "answers lost":
      return {
        paths: random.pick([1, 1, 2]),
        modes: false,
        cut: 0.002,
        cutAnswer: random.pick([0.3, 0.7]),
        aftermath: 0.8,
      };
    case "broken calls":
      return {
        paths: random.pick([1, 1, 2]),
        sizes: [10],
        cut: random.pick([0.01, 0.03]),
        cutAnswer: 0.3,
        unreadable: random.pick([0.1, 0.3]),
        aftermath: 0.8,
      };
    case "touches":
      return {
        habits: { ...HABITS, touch: 100 },
        interrupt: 0,
        paths: random.pick([1, 1, 2]),
        modes: false,
        startMs: random.pick([1500, 3000]),
        spanMs: random.pick([500, 3000]),
      };
    case "open files":
      return {
        habits: { ...HABITS, hold: 60 },
        paths: random.pick([1, 2, 2]),
        crashes: random.between(0, 6),
        crashSpread: 400,
        commitCrash: random.pick([0, 0.05, 0.1]),
        spanMs: random.pick([3000, 10_000]),
      };
    case "same looks":
      return {
        habits: { ...HABITS, disguise: 60, changeMode: 2 },
        paths: random.pick([1, 2, 4]),
        startMs: random.pick([1500, 3000]),
        spanMs: random.pick([3000, 10_000]),
        // In the milliseconds of a commit a disguised edit is taken for what that put there.
        interrupt: 0,
      };
    case "in a hurry":
      return {
        habits: { ...HABITS, hurry: 200 },
        paths: random.pick([1, 1, 2]),
        sizes: [10],
        tickMs: 8,
        interrupt: random.pick([0.06, 0.15]),
        startMs: random.pick([1500, 3000]),
      };
    case "no access":
      return {
        bars: random.between(1, 6),
        startMs: random.pick([0, 1500]),
        spanMs: random.pick([3000, 10_000]),
      };
    case "clocks":
      return {
        clockJumps: random.between(1, 4),
        crashes: random.pick([0, 0, 2]),
        spanMs: random.pick([3000, 10_000]),
      };
    case "long away":
      return {
        prunes: random.between(1, 4),
        outages: random.between(1, 4),
        spanMs: random.pick([3000, 10_000]),
        habits: { ...HABITS, remove: 30 },
      };
    case "restored":
      return {
        restores: random.between(1, 2),
        outages: random.between(0, 2),
        spanMs: random.pick([3000, 10_000]),
      };
    case "full disks":
      return {
        fullDisks: random.between(1, 4),
        spanMs: random.pick([3000, 10_000]),
      };
    case "broker":
      return {
        brokerOutages: random.between(1, 4),
        spanMs: random.pick([3000, 10_000]),
        weather: BAD,
      };
    case "deaf":
      return {
        deaf: random.pick([0.5, 1]),
        paths: 4,
        habits: { ...HABITS, makeDirectory: 20, rename: 20 },
      };
    case "choosy":
      return {
        choosy: true,
        clients: random.between(3, 5),
        writers: 5,
        paths: 4,
      };
    case "emptied":
      return {
        emptied: true,
        actions: 0,
        crashes: random.pick([0, 2]),
        cut: random.pick([0, 0.01]),
        outages: random.pick([0, 1]),
        startMs: random.pick([3000, 6000]),
      };
  }
}

/** The weather once all is to come to rest. */
export const FINE_WEATHER = FINE;
