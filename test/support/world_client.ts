/**
 * One client of a world: its machine's files, its process, and what it reports.
 *
 * @module
 */
import type {
  AnchorReport,
  ClientReport,
  Fault,
} from "../../lib/core/status.ts";
import { type Credentials, loadCredentials } from "../../lib/io/credentials.ts";
import { DaemonProcess, runSinkd, type Said } from "./daemon_process.ts";
import { problemsOf } from "./in_step.ts";

/** Where a client lives. */
export interface ClientPlan {
  readonly user: string;
  readonly name: string;
  /** Directory of this machine: configuration, state, anchor. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** What goes before its commands, when it is on a host of its own. */
  readonly via?: readonly string[];
}

/** A client, running or not. */
export class WorldClient {
  readonly user: string;
  readonly name: string;
  readonly home: string;
  /** The directory that it keeps in step under the name `files`. */
  readonly files: string;
  readonly config: string;
  readonly state: string;
  readonly process: DaemonProcess;
  readonly #env: Readonly<Record<string, string>>;
  readonly #via: readonly string[];

  constructor({ user, name, home, env, via = [] }: ClientPlan) {
    this.user = user;
    this.name = name;
    this.home = home;
    this.files = `${home}/files`;
    this.config = `${home}/sinkd.conf`;
    this.state = `${home}/state`;
    this.#env = env;
    this.#via = via;
    Deno.mkdirSync(this.files, { recursive: true });
    this.process = new DaemonProcess({
      args: ["client", ...this.places(), "--pid", `${home}/client.pid`],
      env,
      via,
      pidFile: `${home}/client.pid`,
      log: `${home}/client.log`,
    });
    this.configure(this.anchorText(this.files, "files"));
  }

  /** Writes the configuration. */
  configure(text: string): void {
    Deno.writeTextFileSync(this.config, text);
  }

  /** An anchor for {@linkcode configure}. */
  anchorText(path: string, name: string, more = ""): string {
    return `[[anchors]]\npath = "${path}"\nname = "${name}"\n${more}\n`;
  }

  /** Trades a join link for credentials, as `sinkd join` does. */
  join(link: string): Promise<Said> {
    return runSinkd(
      [
        "join",
        link,
        "--user-config",
        this.config,
        "--state",
        this.state,
        "--name",
        this.name,
      ],
      this.#env,
      this.#via,
    );
  }

  /** Runs a small command against this client: `status`, `pause`, `approve` and so on. */
  sinkd(...args: string[]): Promise<Said> {
    return runSinkd([...args, "--pid", this.process.pidFile], this.#env);
  }

  /** Runs `add`, `rm` or `ls`. */
  anchors(...args: string[]): Promise<Said> {
    const where = ["--user-config", this.config];
    const pid = args[0] === "ls" ? [] : ["--pid", this.process.pidFile];
    return runSinkd([...args, ...where, ...pid], this.#env);
  }

  /** Its report; throws when it does not run. */
  async report(): Promise<ClientReport> {
    const report = await this.process.report();
    if (report?.role === "client") return report;
    throw new Error(`Cannot ask ${this.user}/${this.name}: no answer`);
  }

  /** All faults that its status names, of the client and of its anchors, but notes. */
  async faults(): Promise<Fault[]> {
    const report = await this.report();
    return [report, ...report.anchors].flatMap(problemsOf);
  }

  /** The report of one anchor. */
  async anchor(path: string = this.files): Promise<AnchorReport> {
    const { anchors } = await this.report();
    const found = anchors.find((anchor) => anchor.path === path);
    if (found !== undefined) return found;
    throw new Error(`Cannot find anchor ${path} of ${this.user}/${this.name}`);
  }

  /** What it got when it joined. */
  credentials(): Credentials {
    const found = loadCredentials(this.state);
    if (found !== undefined) return found;
    throw new Error(`Cannot find credentials in ${this.state}`);
  }

  /** Options that say where its files are. */
  places(): string[] {
    return [
      "--config",
      `${this.home}/machine.conf`,
      "--user-config",
      this.config,
      "--state",
      this.state,
    ];
  }
}
