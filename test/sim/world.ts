/**
 * A simulated world: one server, its clients, their disks, the network between them, users, and
 * fate; all of it from one seed.
 *
 * @module
 */
import type { RelativePath } from "../../lib/core/path.ts";
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import { compareStamps, type Stamp } from "../../lib/core/stamp.ts";
import { ClientNode } from "./client_node.ts";
import { planEmptied } from "./emptied.ts";
import { installFileCalls } from "./fake_deno.ts";
import { justAfter, planFate } from "./fate.ts";
import { type FileEvent, FileSystem } from "./file_system.ts";
import { checkConflictCopy, checkRows, checkWhole } from "./invariants.ts";
import { SimLine } from "./line.ts";
import {
  ANCHOR,
  type Machine,
  type MachinePlan,
  planMachines,
} from "./machine.ts";
import { Network, WORLD } from "./network.ts";
import type { JournalStore } from "./memory_journal.ts";
import { FINE_WEATHER, type Profile } from "./profile.ts";
import { type Random, seeded } from "./random.ts";
import { Killed, type Process, Scheduler } from "./scheduler.ts";
import { ServerNode } from "./server_node.ts";
import type { Stores } from "./stores.ts";
import { Troubles } from "./troubles.ts";
import { act } from "./users.ts";
import { valueOfTarget, Values } from "./values.ts";

/** The one user of the world. */
export const USER = "alice";
/** Path of an anchor as messages name it. */
export function wirePath(path: RelativePath | ""): string {
  return `/srv/sinkd/${USER}/${path}`;
}

const START_MS = Date.UTC(2026, 2, 1, 23, 59, 58);
/** Virtual time by which a world must have come to rest. */
const REST_LIMIT_MS = 15 * 60_000;
const SURE_MS = 5_000;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const IDLE_MS = 120_000;

/** Calls after which something is different. */
const CHANGES: ReadonlySet<string> = new Set([
  ...["rename", "link", "remove", "rmdir", "chmod", "mkdir", "write"],
  ...["rsync opens", "rsync reads"],
  ...["prepare", "agree", "finish", "markSent", "forget", "sends"],
]);

/**
 * The last call of an exchange on a client: a staged version goes over what was just linked aside.
 * Who replaces the file by another one between these two calls (some ten microseconds) loses it:
 * only an atomic exchange could prevent that, and there is no call for one.
 */
function isExchange(call: string, path: string): boolean {
  return call === "rename" && /\/\.sinkd\/(incoming|links)\//.test(path);
}

const NONE: ReadonlySet<string> = new Set();
/** In a choosy world one client has only what is below `a`, and another one only the file `d`. */
const KEPT: ReadonlySet<string> = new Set(["a"]);
const FLAT: ReadonlySet<string> = new Set(["d"]);

/** Calls from the intent of a commit to its record, and most of all those that move a version. */
function isOfCommit(call: string, path: string): boolean {
  switch (call) {
    case "rename":
    case "link":
    case "rmdir":
    case "agree":
    case "finish":
      return true;
    case "remove":
      return /\/\.sinkd\/incoming\/./.test(path);
    default:
      return false;
  }
}

/** The path in a machine's anchor that a call is about, staged or not. */
function pathAt(machine: Machine, about: string): string | undefined {
  if (!about.startsWith(`${machine.root}/`)) return undefined;
  const path = about.slice(machine.root.length + 1)
    .replace(/^\.sinkd\/(incoming|links|outgoing|aside\/[^/]+)\//, "");
  const known = machine.paths.includes(path) || path.includes(CONFLICT_MARK);
  return known ? path : undefined;
}

/** Calls of which there are many: without this most crashes would be at them. */
const COMMON: ReadonlySet<string> = new Set([
  ...["remove", "rmdir", "mkdir", "sends", "agree"],
]);
/** For how many of these each other one counts. */
const RARE_COUNTS = 8;
/** How much more often a user acts while rsync reads a file than at another call. */
const READ_INTERRUPTS = 8;

/** How much more often a process is killed before the last call of an exchange. */
const EXCHANGE_CRASHES = 6;

/** What a user will do, and when; the seed says what. */
interface Planned {
  readonly atMs: number;
  readonly machine: Machine;
  readonly seed: number;
}

/** What was found wrong; the message is for people. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Everything there is. */
export class World implements Disposable {
  readonly scheduler: Scheduler;
  readonly files: FileSystem;
  readonly values = new Values();
  readonly network: Network;
  readonly journal: JournalStore;
  readonly machines: readonly Machine[];
  readonly serverDirectory = `/sim/server/${USER}`;
  readonly trace: string[] = [];
  readonly random: Random;
  /** Turns that the server began. */
  turns = 0;
  /** Contents that were at a final path on the server. */
  readonly served = new Set<number>();
  /** Paths that users deleted or moved away, anywhere. */
  readonly dropped = new Set<string>();
  readonly #profile: Profile;
  readonly #troubles = new Troubles();
  readonly #nodes = new Map<string, ClientNode>();
  readonly #lines = new Set<{ line: SimLine; process: Process }>();
  readonly #resources = new DisposableStack();
  readonly #stores: Stores;
  /** Machines that were killed, or whose channel broke. */
  readonly #broken = new Set<string>();
  readonly #copies = new Set<string>();
  #plan: Planned[] = [];
  #server: ServerNode | undefined;
  #crashes: number;
  /** Calls that change something until the next process is killed. */
  #callsToCrash: number;
  #resting = false;
  #restored = false;
  #inside = false;
  #pending = 0;
  #changes = 0;
  readonly #stamps = new Map<string, Stamp>();
  readonly #written = new Map<string, { tickMs: number; path: string }>();
  #violation: Violation | undefined;

  /** `stores` is the world's from here on, and closed with it. */
  constructor(profile: Profile, random: Random, stores: Stores) {
    this.#stores = this.#resources.use(stores);
    this.#profile = profile;
    this.random = random;
    this.#crashes = profile.crashes;
    this.#callsToCrash = random.between(1, profile.crashSpread);
    this.scheduler = new Scheduler(random, START_MS);
    this.files = new FileSystem((path) => this.#machineTime(path));
    this.network = new Network(
      this.scheduler,
      () => this.#resting ? FINE_WEATHER : profile.weather,
      (text) => this.note(text),
    );
    this.#resources.use(
      installFileCalls(this.files, {
        enter: (name, path) => this.#enter(name, path),
        pause: async (name, path) => {
          this.#enter(name, path);
          await this.scheduler.pause(name);
          this.#enter(name, path);
        },
        // A file that never holds still goes from a copy: what that caught, nobody can tell.
      }),
    );
    this.journal = this.#guarded<JournalStore>(stores.journal);
    this.machines = planMachines(profile).map((plan) => this.#machine(plan));
    this.files.makeDirectory(this.serverDirectory, {
      recursive: true,
      mode: 0o755,
    });
    this.files.onEvent = (event) => this.#onFileEvent(event);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  /** Lives through the schedule, then to rest; the caller looks at what came of it. */
  async run(): Promise<void> {
    this.#server = new ServerNode(this);
    this.#server.start();
    for (const machine of this.machines) this.#startClient(machine);
    this.#planActions();
    this.#planFate();
    this.random.begin();
    await this.#until(() => this.#pending === 0 && this.#plan.length === 0);
    this.#resting = true;
    this.note("world: nothing more happens, all is well");
    if (this.#profile.bars > 0) {
      for (const node of this.#nodes.values()) {
        this.runAs(node.process, () => node.rescan());
      }
    }
    const limitMs = this.scheduler.nowMs + REST_LIMIT_MS;
    for (;;) {
      await this.#until(() => this.#quiet(), limitMs);
      const sureMs = this.scheduler.nowMs + SURE_MS;
      await this.#until(() => this.scheduler.nowMs >= sureMs);
      if (this.#quiet()) break;
    }
    this.note("world: at rest");
  }

  /** Lets time go by, in which nothing may happen. */
  async idle(): Promise<void> {
    const before = this.#activity();
    const endMs = this.scheduler.nowMs + IDLE_MS;
    await this.#until(() => this.scheduler.nowMs >= endMs);
    this.check(
      this.#activity() === before,
      `an idle world did something: ${before} became ${this.#activity()}`,
    );
  }

  note(text: string): void {
    const seconds = (this.scheduler.nowMs - START_MS) / 1000;
    // Names that are new each time would make each run another one.
    const shown = text.replaceAll(UUID, "…");
    this.trace.push(`${seconds.toFixed(3).padStart(9)} ${shown}`);
  }

  check(holds: boolean, what: string): void {
    if (holds) return;
    // Production code may take it for a fault of the disk and go on: it is kept.
    this.#violation ??= new Violation(what);
    throw this.#violation;
  }

  /** A turn broke; when all is well that must not be. */
  turnBroke(who: string, error: unknown): void {
    if (error instanceof Violation) throw error;
    this.note(
      `${who} broke: ${error instanceof Error ? error.message : String(error)}`,
    );
  }

  /** Where the server or a client stands; that never falls. */
  sawStamp(who: string, stamp: Stamp): void {
    const before = this.#stamps.get(who);
    this.#stamps.set(who, stamp);
    this.check(
      before === undefined || compareStamps(before, stamp) <= 0,
      `the stamp of ${who} fell`,
    );
  }

  /** From here on a client may stand anywhere: it compares in full. */
  forgetStamp(who: string): void {
    this.#stamps.delete(who);
  }

  openLine(client: string, server: Process): SimLine {
    const machine = this.machines.find(({ name }) => name === client);
    const line = new SimLine(`line of ${client}`, machine?.root ?? "", {
      scheduler: this.scheduler,
      note: (text) => this.note(text),
      enter: (call, about) => this.#enter(call, about),
      real: this.#stores.real,
      cutRate: (call, about) => this.#cutRate(call, about),
      onCut: () => {
        this.#broken.add(client);
        this.#hurry(machine);
      },
      rsync: {
        files: this.files,
        torn: () => this.values.tear(),
        saw: (what) => this.random.saw(what),
        fails: (path) =>
          this.#troubles.isBarred(path) ||
          !this.#resting &&
            this.random.happens(
              "a file is not readable",
              this.#profile.unreadable,
            ),
        isFull: (path) => this.#troubles.isFull(path.split("/")[2] ?? ""),
      },
    });
    this.joinLine(line, server);
    return line;
  }

  /** When `process` ends, the line breaks. */
  joinLine(line: SimLine, process: Process): void {
    this.#lines.add({ line, process });
  }

  /** A process is done with its end. */
  leaveLine(line: SimLine, process: Process): void {
    for (const joined of this.#lines) {
      if (joined.line === line && joined.process === process) {
        this.#lines.delete(joined);
      }
    }
  }

  /** A broken transfer stays staged until the next turn: it is taken up again then. */
  mayHaveStage(machine: Machine): boolean {
    return this.#broken.has(machine.name);
  }

  runAs<T>(process: Process, work: () => T): T {
    const before = this.scheduler.current;
    this.scheduler.current = process;
    try {
      return work();
    } finally {
      this.scheduler.current = before;
    }
  }

  /** Present time of a machine, in milliseconds since 1970. */
  clockMs(name: string): number {
    return this.scheduler.nowMs + this.#troubles.offsetMs(name);
  }

  /** How often a watcher misses what is made in a directory that is new. */
  get deaf(): number {
    return this.#resting ? 0 : this.#profile.deaf;
  }

  /** True once after the server's record was brought back or lost. */
  takeRestored(): boolean {
    const restored = this.#restored;
    this.#restored = false;
    return restored;
  }

  /** True when users may act between any two calls. */
  get hasLastInstants(): boolean {
    return this.#profile.interrupt > 0;
  }

  /** True when nothing on the server was brought back: its history is complete. */
  get hasHistory(): boolean {
    return this.#profile.restores === 0;
  }

  #machine(plan: MachinePlan): Machine {
    const root = `/sim/${plan.name}/docs`;
    this.files.makeDirectory(root, { recursive: true, mode: 0o755 });
    return { ...plan, root, base: this.#guarded(this.#stores.base(root)) };
  }

  /** Every call of a durable record may be a process's last. */
  #guarded<T extends object>(record: T): T {
    const calls = new Map<string | symbol, unknown>();
    return new Proxy(record, {
      get: (target, name) => {
        const known = calls.get(name);
        if (known !== undefined) return known;
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        const call = member.bind(target);
        const guarded = (...values: unknown[]) => {
          this.#enter(String(name), "");
          if (name === "finish") checkRows(this, values[0]);
          return call(...values);
        };
        calls.set(name, guarded);
        return guarded;
      },
    });
  }

  /**
   * Clocks of machines never agree to the millisecond, and files get the tick before. Two files that
   * users write never have one mtime: that equal size and mtime may hide other bytes is known.
   */
  #machineTime(path: string): number {
    const name = path.split("/")[2] ?? "";
    const index = this.machines?.find((machine) => machine.name === name)
      ?.number ?? 0;
    const { tickMs: lengthMs } = this.#profile;
    const tickMs = () => Math.floor(this.scheduler.nowMs / lengthMs) * lengthMs;
    if (this.#inside) {
      const last = this.#written.get(name);
      if (last?.tickMs === tickMs() && last.path !== path) {
        this.scheduler.nowMs += lengthMs;
      }
      this.#written.set(name, { tickMs: tickMs(), path });
    }
    return tickMs() - lengthMs + index + this.#troubles.offsetMs(name);
  }

  #startClient(machine: Machine): void {
    const node = new ClientNode(this, machine);
    this.#nodes.set(machine.name, node);
    node.start();
  }

  /** At every call of a process: others may act, or it may end here. */
  #enter(call: string, about: string): void {
    const { current } = this.scheduler;
    if (!current.alive) throw new Killed();
    if (current === WORLD || this.#inside || this.#resting) return;
    const { interrupt, commitCrash } = this.#profile;
    const often = call === "rsync reads" ? READ_INTERRUPTS : 1;
    if (
      this.#lines.size > 0 && this.#plan.length > 0 &&
      !isExchange(call, about) &&
      this.random.happens("a user acts in a turn", interrupt * often)
    ) {
      this.#actNow(current, about);
    }
    this.#troubles.meet(current.name, call, about);
    if (this.#crashes <= 0 || !CHANGES.has(call)) return;
    const rate = commitCrash * (isExchange(call, about) ? EXCHANGE_CRASHES : 1);
    const inCommit = isOfCommit(call, about) && this.random.chance(rate);
    this.#callsToCrash -= COMMON.has(call) ? 1 : RARE_COUNTS;
    if (!inCommit && this.#callsToCrash > 0) return;
    this.#crashes--;
    this.#callsToCrash = this.random.between(1, this.#profile.crashSpread);
    if (!this.random.happens("a process is killed")) return;
    // The server runs rsync, and a client serves it: either may end.
    const victim = call.startsWith("rsync")
      ? this.random.pick([...this.#lines]).process
      : current;
    const side = victim.name === "server" ? "the server" : "a client";
    this.random.saw(`${side} is killed before ${call}`);
    this.#crash(victim, `${call} ${about}`);
    if (victim === current) throw new Killed();
  }

  #cutRate(call: string, about: string): number {
    if (this.#resting) return 0;
    const { cut, cutAnswer } = this.#profile;
    const said = about === "committed" || about === "staged";
    return call === "sends" && said ? Math.max(cut, cutAnswer) : cut;
  }

  /** A user acts before their time, most often the one whose client is at work, and where it is. */
  #actNow(current: Process, about: string): void {
    if (this.#plan.length === 0) return;
    const here = this.#plan.findIndex(({ machine }) =>
      machine.name === current.name || about.startsWith(`${machine.root}/`)
    );
    const index = here >= 0 && this.random.chance(0.7) ? here : 0;
    const [next] = this.#plan.splice(index, 1);
    if (next === undefined) return;
    const { machine } = next;
    const near = this.random.chance(0.5) ? pathAt(machine, about) : undefined;
    this.#act(next, near);
  }

  /** After a fault somebody may act very soon. */
  #hurry(machine: Machine | undefined): void {
    if (this.#resting || !this.random.chance(this.#profile.aftermath)) return;
    const mine = this.#plan.filter((planned) =>
      machine === undefined || planned.machine === machine
    );
    if (mine.length === 0) return;
    const next = this.random.pick(mine);
    this.#plan = this.#plan.filter((planned) => planned !== next);
    this.#later(
      this.random.between(0, 2500),
      "a user acts after a fault",
      () => this.#act(next),
    );
  }

  #act({ machine, seed }: Planned, near?: string): void {
    const { habits, sizes, modes, choosy } = this.#profile;
    this.#asUser(() =>
      act(machine, {
        files: this.files,
        values: this.values,
        random: seeded(seed),
        paths: machine.paths,
        habits,
        sizes,
        modes,
        kept: choosy ? KEPT : NONE,
        flat: choosy ? FLAT : NONE,
        nowMs: () => this.clockMs(machine.name),
        dropped: (path) => {
          const below = machine.prefix.slice(ANCHOR.length + 1);
          this.dropped.add(below === "" ? path : `${below}/${path}`);
        },
        note: (text) => this.note(text),
        later: (ms, work) => {
          this.#pending++;
          this.scheduler.after(ms, "a program writes", () => {
            this.#pending--;
            this.#asUser(work);
          });
        },
      }, near)
    );
  }

  #asUser(work: () => void): void {
    this.#inside = true;
    this.files.asUser = true;
    try {
      this.runAs(WORLD, work);
    } finally {
      this.#inside = false;
      this.files.asUser = false;
    }
  }

  #planActions(): void {
    const { actions, writers, spanMs } = this.#profile;
    const writing = this.machines.slice(0, writers);
    const base = START_MS + this.#profile.startMs;
    for (let action = 0; action < actions; action++) {
      const planned = {
        atMs: base + this.random.between(0, spanMs),
        machine: this.random.pick(writing),
        seed: this.random.between(0, 0x7fffffff),
      };
      if (this.random.happens("a user acts")) this.#plan.push(planned);
    }
    this.#plan.sort((left, right) => left.atMs - right.atMs);
    for (const planned of [...this.#plan]) {
      this.#later(planned.atMs - START_MS, "a user acts", () => {
        if (!this.#plan.includes(planned)) return;
        this.#plan = this.#plan.filter((other) => other !== planned);
        this.#act(planned);
      });
    }
  }

  #planFate(): void {
    const { random, machines, network, files, serverDirectory } = this;
    const profile = this.#profile;
    const later = this.#later.bind(this);
    const note = (text: string) => this.note(text);
    planFate({
      ...{ profile, random, machines, network, files, serverDirectory },
      ...{ later, note },
      troubles: this.#troubles,
      cut: (name) => {
        for (const { line, process } of this.#lines) {
          if (process.name === name) line.cut("an outage");
        }
      },
      prune: () => this.journal.prune(justAfter(this.journal.head().stamp)),
      restore: (change) => this.#restore(change),
    });
    const [machine] = machines;
    if (!profile.emptied || machine === undefined) return;
    planEmptied({
      ...{ machine, files, random, later, note },
      values: this.values,
      dropped: this.dropped,
      check: (holds, what) => this.check(holds, what),
      asUser: (work) => this.#asUser(work),
      node: () => this.#nodes.get(machine.name),
    }, profile.startMs);
  }

  /** The server stops, its directory is changed, and it starts again with another record. */
  #restore(change: () => void): void {
    const server = this.#server;
    if (server?.process.alive === true) {
      this.#end(server.process, undefined, "for a restore");
    }
    this.#asUser(change);
    this.#restored = true;
  }

  /** Does something as fate, and counts it as pending until then. */
  #later(ms: number, label: string, work: () => void): void {
    this.#pending++;
    this.runAs(WORLD, () =>
      this.scheduler.after(ms, label, () => {
        this.#pending--;
        work();
      }));
  }

  #crash(process: Process, label: string): void {
    const machine = this.machines.find(({ name }) => name === process.name);
    this.#end(process, machine, `at ${label}`);
  }

  #end(process: Process, machine: Machine | undefined, why: string): void {
    this.note(`${process.name}: KILLED ${why}`);
    this.scheduler.kill(process);
    this.#broken.add(process.name);
    this.#hurry(machine);
    if (machine === undefined) this.network.closeServer();
    else this.network.drop(machine.name);
    for (const joined of this.#lines) {
      if (joined.process !== process) continue;
      this.#lines.delete(joined);
      this.#later(
        this.random.pick([0, 0, 2000]),
        "the peer notices",
        () => joined.line.cut(`${process.name} is dead`),
      );
    }
    this.#later(this.random.between(1, 3000), "a restart", () => {
      if (machine !== undefined) return this.#startClient(machine);
      this.#server = new ServerNode(this);
      this.#server.start();
    });
  }

  #onFileEvent(event: FileEvent): void {
    this.#changes++;
    const { path } = event;
    const live = !path.includes("/.sinkd");
    if (live) checkWhole(this, path);
    if (live && path.startsWith(`${this.serverDirectory}/`)) {
      this.#onServed(path);
    }
    for (const machine of this.machines) {
      if (!path.startsWith(`${machine.root}/`)) continue;
      if (live && !this.files.asUser && event.kind === "written") {
        this.#onCopy(machine, path);
      }
      const node = this.#nodes.get(machine.name);
      if (node === undefined || !node.process.alive) continue;
      node.onFileEvent({ ...event, path: path.slice(machine.root.length + 1) });
    }
  }

  #onServed(path: string): void {
    const node = this.files.peek(path);
    if (node?.kind === "file") this.served.add(node.content);
    if (node?.kind === "link") this.served.add(valueOfTarget(node.target));
  }

  #onCopy(machine: Machine, path: string): void {
    if (!path.includes(`.sinkd-conflict-${machine.name}-`)) return;
    if (this.#copies.has(path)) return;
    this.#copies.add(path);
    this.note(`${machine.name}: conflict copy ${path}`);
    this.random.saw("a conflict copy is made");
    const { modes, restores, prunes, writers } = this.#profile;
    if (this.#nodes.get(machine.name)?.recovering === true) return;
    this.check(
      writers > 1 || restores > 0,
      "a conflict copy, and only one user writes",
    );
    // Who died in a commit cannot know whether a file that looks like the one put in is that one.
    if (this.#broken.has(machine.name)) return;
    // With other modes nobody wrote another value, and what was forgotten cannot be known.
    if (!modes && restores + prunes === 0) {
      checkConflictCopy(this, machine, path);
    }
  }

  #activity(): string {
    const { date, cycle } = this.journal.head().stamp;
    return `${this.turns} turns, ${date}.${cycle}, ${this.#changes} changes of files`;
  }

  #quiet(): boolean {
    return this.#server?.process.alive === true && !this.#server.busy &&
      [...this.#nodes.values()].every((node) =>
        node.process.alive && node.quiet
      );
  }

  async #until(done: () => boolean, limitMs = Infinity): Promise<void> {
    const { scheduler } = this;
    const reached = await scheduler.run({
      done: () => {
        if (this.#violation !== undefined) throw this.#violation;
        return done();
      },
      limitMs,
    });
    if (reached) return;
    const nodes = [...this.#nodes.values()].map((node) => node.describe());
    throw new Violation(
      `the world does not come to rest:\n${
        nodes.join("\n")
      }\n${this.#server?.describe()}`,
    );
  }
}
