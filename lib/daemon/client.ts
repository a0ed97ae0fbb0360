/**
 * The client process: lock, control socket, and one session after another, each with its
 * configuration.
 *
 * @module
 */
import { type Config, ConfigError } from "../core/config.ts";
import type { ControlReply, ControlRequest } from "../core/control.ts";
import { RESTARTING, STARTING_REPLY } from "../core/control_reply.ts";
import { UsageError } from "../core/fault.ts";
import { randomHex } from "../io/turn_lines.ts";
import { loadConfig } from "../io/config_file.ts";
import { clientRsyncFile, clientRunDirectory } from "../io/client_state.ts";
import { holdFile } from "../io/directory_lock.ts";
import { type Credentials, loadCredentials } from "../io/credentials.ts";
import { configureLog, endLog, logger, type LogPlace } from "../io/log.ts";
import { othersFault } from "../io/own_account.ts";
import { ownPlaceFault, ownPlaces } from "../io/own_places.ts";
import { trustRsync } from "../io/rsync_trust.ts";
import { ClientSession } from "./client_session.ts";
import { mayReach, mayUse } from "./own_permissions.ts";
import { keepCredentials } from "./client_pins.ts";
import { describe, Faults } from "./faults.ts";
import { Reachable } from "./reachable.ts";
import { type Life, liveOn, Requests } from "./requests.ts";
import { noteUntried } from "./rsync_fault.ts";
import { SpaceWait } from "./space_wait.ts";
import { waitingClientReport } from "./waiting_reports.ts";

/** Where a client's files are. */
export interface ClientOptions {
  readonly machineConfig: string;
  readonly userConfig: string;
  readonly stateDirectory: string;
  readonly pidFile: string;
  /** The user's home directory, for `~`. */
  readonly home: string;
  readonly log: LogPlace;
}

/** How the surroundings reach a running client. */
export interface ClientSignals {
  readonly shutdown: AbortSignal;
  onReload(handler: () => void): void;
}

const log = logger("client");

/**
 * Runs until told to stop. `restart`: the new configuration needs permissions that this process
 * does not have. Throws when it cannot start.
 */
export async function runClient(
  options: ClientOptions,
  signals: ClientSignals,
): Promise<"stopped" | "restart"> {
  await using _log = { [Symbol.asyncDispose]: endLog };
  await using reachable = Reachable.hold(options.pidFile);
  if (reachable === undefined) {
    throw new UsageError(
      `Cannot start the client: the pid file ${options.pidFile} is held by another sinkd; stop that one, or name another file with --pid`,
    );
  }
  const fault = othersFault(options.stateDirectory);
  if (fault !== undefined) {
    throw new UsageError(
      `Cannot use the state directory ${options.stateDirectory}: ${fault}, or name another one with --state`,
    );
  }
  const credentials = loadCredentials(options.stateDirectory);
  if (credentials === undefined) {
    throw new UsageError(
      `Cannot start the client: it has not joined a server yet (no credentials in ${options.stateDirectory}); run 'sinkd join -' with a link from 'sinkd server adduser NAME'`,
    );
  }
  const { stateDirectory } = options;
  const wait = new SpaceWait(stateDirectory, "this machine");
  const early = new Requests();
  let client: Client | undefined;
  await reachable.answer(async (request) => {
    if (client !== undefined && !wait.isWaiting) {
      return await client.control(request);
    }
    if (request.command === "stop") {
      early.ask("stop");
      client?.stop();
      return { ok: true, message: "stopping" };
    }
    return wait.answer(
      request,
      (fault) => waitingClientReport(credentials, fault),
    ) ?? STARTING_REPLY;
  });
  signals.onReload(() => client?.reloadQuietly());
  signals.shutdown.addEventListener("abort", () => client?.stop(), {
    once: true,
  });
  const stopped = AbortSignal.any([signals.shutdown, early.stopped]);
  const end = await wait.through(async () => {
    using _state = holdState(options);
    const config = read(options);
    await configureLog(config.logLevel, options.log);
    const rsync = await trustRsync({
      runDirectory: clientRunDirectory(stateDirectory),
      memory: clientRsyncFile(stateDirectory),
    });
    if (rsync.warning !== undefined) log.warn`${rsync.warning}`;
    client = new Client(options, credentials, config, () => wait.end());
    noteUntried(client.faults, rsync);
    if (stopped.aborted) client.stop();
    await client.run();
    return client.end;
  }, stopped) ?? "stopped";
  // From here on nothing can be asked any more.
  await reachable.close();
  if (end === "restart") reachable.leaveToSuccessor();
  return end;
}

/** One state directory, one client: two with the same credentials would end each other's connection. */
function holdState({ stateDirectory, pidFile }: ClientOptions): Disposable {
  const hold = holdFile(`${stateDirectory}/client.lock`, pidFile);
  if (hold.kind === "held") return hold;
  throw new UsageError(
    `Cannot start the client: another one runs on ${stateDirectory}; ask or stop it with --pid ${hold.says}, or name another state directory with --state`,
  );
}

class Client {
  readonly #options: ClientOptions;
  /** A session could be made. */
  readonly #onBegun: () => void;
  #credentials: Credentials;
  readonly faults = new Faults();
  #config: Config;
  /** Read since the session began. */
  #next: Config[] = [];
  #session: ClientSession | undefined;
  readonly #instance = randomHex(8);
  readonly #requests = new Requests();

  constructor(
    options: ClientOptions,
    credentials: Credentials,
    config: Config,
    onBegun: () => void,
  ) {
    this.#onBegun = onBegun;
    this.#options = options;
    this.#credentials = credentials;
    this.#config = config;
  }

  /** How it ends once it has run: a stop counts even when it came last. */
  get end(): "stopped" | "restart" {
    return this.#requests.stopped.aborted ? "stopped" : "restart";
  }

  /** One session for each configuration, until a stop or a restart is asked for. */
  async run(): Promise<void> {
    const end = await liveOn(this.#requests, () => this.#begin());
    if (end === "stop") log.info`The client stopped`;
  }

  async #begin(): Promise<Life> {
    await configureLog(this.#config.logLevel, this.#options.log);
    const session = new ClientSession({
      config: this.#config,
      credentials: this.#credentials,
      stateDirectory: this.#options.stateDirectory,
      ownPlaces: ownPlaces(this.#options),
      faults: this.faults,
      onPins: (renewed) => this.#renewPins(renewed),
      onMoved: (address) => this.#moved(address),
      instance: this.#instance,
      onRestart: () => this.#requests.ask("restart"),
    });
    this.#session = session;
    this.#onBegun();
    return {
      open: () => session.open(),
      close: async (finishTurns) => {
        await session.close({ finishTurns, next: this.#next });
        this.#session = undefined;
        this.#next = [];
      },
    };
  }

  /** Kept first, then used: a new session pins them. */
  #renewPins(renewed: Credentials): void {
    keepCredentials(this.#options.stateDirectory, renewed);
    this.#credentials = renewed;
    log.info`The server's new certificates are pinned`;
    this.#requests.ask("reload");
  }

  /** This process may reach the servers that it knew at its start: for another one it starts again. */
  #moved(address: string): void {
    if (address === this.#credentials.movedTo || mayReach(address)) return;
    const renewed = { ...this.#credentials, movedTo: address };
    keepCredentials(this.#options.stateDirectory, renewed);
    this.#credentials = renewed;
    log.info`The files of this user are at ${address} now; starting again`;
    this.#requests.ask("restart");
  }

  /** Wins over a reload that is going on. */
  stop(): void {
    this.#requests.ask("stop");
  }

  /** Reads the configuration again; a bad one leaves the old in force. */
  reload(): string {
    try {
      const config = read(this.#options);
      this.faults.clear("config");
      this.#config = config;
      this.#next.push(config);
      this.#session?.retire();
      const restart = config.anchors.some(({ path }) => !mayUse(path));
      this.#requests.ask(restart ? "restart" : "reload");
      log.info`The configuration was read again`;
      return restart ? RESTARTING : "the configuration was read again";
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      log.error`The new configuration is not used: ${error.message}`;
      this.faults.note("config", {
        level: "decision",
        path: this.#options.userConfig,
        cause: `the new configuration is not used: ${error.message}`,
        fix: "fix it, then run: sinkd client reload",
      });
      throw error;
    }
  }

  /** The same after a signal, which nobody hears an answer of: status tells what is wrong. */
  reloadQuietly(): void {
    try {
      this.reload();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }

  async control(request: ControlRequest): Promise<ControlReply> {
    const session = this.#session;
    switch (request.command) {
      case "status":
        if (session === undefined) return STARTING_REPLY;
        return {
          ok: true,
          report: session.report(),
          ...(this.#requests.stopped.aborted ? { phase: "ending" } : {}),
        };
      case "stop":
        this.stop();
        return { ok: true, message: "stopping" };
      case "reload":
        try {
          return { ok: true, message: this.reload() };
        } catch (error) {
          return { ok: false, message: describe(error), exitCode: 2 };
        }
      case "revoked":
        return {
          ok: false,
          message: "Cannot revoke here: this is a client",
          exitCode: 2,
        };
      case "approve":
      case "reject":
      case "pause":
      case "resume":
      case "rescan":
        if (session === undefined) return STARTING_REPLY;
        return await session.command(request.command, request.path);
    }
  }
}

function read(options: ClientOptions): Config {
  const { machineConfig: machineFile, userConfig: userFile, home } = options;
  for (const file of [machineFile, userFile]) {
    const fault = othersFault(file, { isRoots: file.startsWith("/etc/") });
    if (fault !== undefined) throw new ConfigError({ file }, fault);
  }
  const config = loadConfig({ machineFile, userFile, home });
  const places = ownPlaces(options);
  for (const { path } of config.anchors) {
    const fault = ownPlaceFault(path, places);
    if (fault !== undefined) throw new ConfigError({ file: userFile }, fault);
  }
  return config;
}
