/**
 * The processes of the demo: a server and clients, started, asked and ended through scripts/sinkd.
 *
 * @module
 */
import { type StatusReport, statusReportSchema } from "../lib/core/status.ts";

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const LOOK_EVERY_MS = 50;
const LOG_LINES = 30;

/** What a command said. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Waits; rejects at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** One sinkd process, by its own directory: pid file, log, and for a client state and docs. */
export class Daemon {
  readonly name: string;
  readonly directory: string;
  readonly #world: World;
  readonly #args: readonly string[];
  #child: Deno.ChildProcess | undefined;
  #ended = false;

  constructor(
    world: World,
    place: { name: string; directory: string },
    args: readonly string[],
  ) {
    this.#world = world;
    this.name = place.name;
    this.directory = place.directory;
    this.#args = [...args, "--pid", this.pidFile];
  }

  get pidFile(): string {
    return `${this.directory}/sinkd.pid`;
  }

  get log(): string {
    return `${this.directory}/log`;
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<StatusReport> {
    const child = new Deno.Command(this.#world.sinkd, {
      args: [...this.#args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
      env: { HOME: this.#world.directory, SINKD_LOG: this.log },
    }).spawn();
    this.#child = child;
    this.#world.note(child.pid, "runs");
    this.#ended = false;
    void child.status.then(() => this.#ended = true);
    const deadline = performance.now() + START_LIMIT_MS;
    for (;;) {
      const report = await this.report();
      if (report !== undefined) return report;
      if (this.#ended) {
        throw new Error(`Cannot start ${this.name}: it ended`);
      }
      if (performance.now() > deadline) {
        throw new Error(`Cannot start ${this.name}: it does not answer`);
      }
      await pause(LOOK_EVERY_MS, this.#world.signal);
    }
  }

  /** Ends it by a signal; the hard way when it does not obey is left to scripts/demo. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    if (!this.#ended) child.kill("SIGTERM");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Cannot stop ${this.name}: it still runs`)),
        STOP_LIMIT_MS,
      );
    });
    try {
      await Promise.race([child.status, late]);
    } finally {
      clearTimeout(timer);
    }
    this.#child = undefined;
    this.#world.note(child.pid, "ended");
  }

  /** Lets the demo end while this one goes on. */
  leave(): void {
    this.#child?.unref();
  }

  /** What it reports; `undefined` when it does not run (yet). */
  async report(): Promise<StatusReport | undefined> {
    const { out } = await this.#world.run([
      "status",
      "--json",
      "--pid",
      this.pidFile,
    ]);
    if (out === "") return undefined;
    return statusReportSchema.parse(JSON.parse(out));
  }

  /** `sinkd status` as text, and its exit code. */
  async status(): Promise<Said> {
    return await this.#world.run(["status", "--pid", this.pidFile]);
  }

  /** The last lines of its log. */
  logTail(): string {
    try {
      return Deno.readTextFileSync(this.log).trimEnd().split("\n")
        .slice(-LOG_LINES).join("\n");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "(it has no log)";
      throw error;
    }
  }
}

/** A client with its directory that is kept in step. */
export class Client extends Daemon {
  get docs(): string {
    return `${this.directory}/docs`;
  }
}

/** Everything of one demo, below one directory. */
export class World {
  readonly sinkd: string;
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly daemons: Daemon[] = [];
  readonly #running = new Set<number>();

  constructor(
    places: { sinkd: string; directory: string },
    signal: AbortSignal,
  ) {
    this.sinkd = places.sinkd;
    this.directory = places.directory;
    this.signal = signal;
  }

  /** Where the server keeps everything. */
  get root(): string {
    return `${this.directory}/server/root`;
  }

  /** Starts the server, at `listen` or at a port that the system chooses. */
  async startServer(
    listen = "127.0.0.1:0",
  ): Promise<{ server: Daemon; address: string }> {
    const directory = `${this.directory}/server`;
    Deno.mkdirSync(directory, { recursive: true });
    const server = new Daemon(this, { name: "server", directory }, [
      "server",
      "--root",
      this.root,
      "--listen",
      listen,
    ]);
    if (this.daemons[0]?.name === server.name) this.daemons.shift();
    this.daemons.unshift(server);
    const report = await server.start();
    if (report.role !== "server") throw new Error("Cannot start the server");
    return { server, address: report.listen };
  }

  /** Prints a join link for one more machine of alice. */
  async joinLink(server: Daemon, address: string): Promise<string> {
    return await this.#must([
      "server",
      "adduser",
      "alice",
      "--root",
      this.root,
      "--address",
      address,
      "--pid",
      server.pidFile,
    ]);
  }

  /** Makes a client's directories. */
  newClient(name: string): Client {
    const directory = `${this.directory}/${name}`;
    const client = new Client(this, { name, directory }, [
      "client",
      "--config",
      `${directory}/no-machine.conf`,
      "--user-config",
      `${directory}/sinkd.conf`,
      "--state",
      `${directory}/state`,
    ]);
    Deno.mkdirSync(client.docs, { recursive: true });
    this.daemons.push(client);
    return client;
  }

  /** Joins a client and has it keep its docs. */
  async join(client: Client, link: string): Promise<void> {
    const own = ["--user-config", `${client.directory}/sinkd.conf`];
    const state = ["--state", `${client.directory}/state`];
    await this.#must(["join", link, ...own, ...state, "--name", client.name]);
    const pid = ["--pid", client.pidFile];
    await this.#must(["add", client.docs, "--name", "docs", ...own, ...pid]);
  }

  /** Runs one command to its end. */
  async run(args: readonly string[]): Promise<Said> {
    this.signal.throwIfAborted();
    const { code, stdout, stderr } = await new Deno.Command(this.sinkd, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { HOME: this.directory },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    return { code, out: text(stdout), error: text(stderr) };
  }

  /** Ends all that run; the first failure is thrown after all were tried. */
  async stopAll(): Promise<void> {
    const ends = await Promise.allSettled(
      this.daemons.map((daemon) => daemon.stop()),
    );
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Keeps the list of process groups that scripts/demo ends when this program could not. */
  note(pid: number, what: "runs" | "ended"): void {
    if (what === "runs") this.#running.add(pid);
    else this.#running.delete(pid);
    Deno.writeTextFileSync(
      `${this.directory}/running`,
      [...this.#running].map((group) => `${group}\n`).join(""),
    );
  }

  async #must(args: readonly string[]): Promise<string> {
    const { code, out, error } = await this.run(args);
    if (code === 0) return out;
    throw new Error(`Cannot run sinkd ${args[0]}: exit code ${code}: ${error}`);
  }
}
