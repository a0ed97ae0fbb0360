/**
 * A server, a broker and clients as real processes in a temporary directory, started as users start
 * them, with real rsync.
 *
 * @module
 */
import { Accounts } from "../../lib/io/accounts.ts";
import type { ServerReport } from "../../lib/core/status.ts";
import { DaemonProcess, runSinkd, type Said } from "./daemon_process.ts";
import { signalIfAlive } from "./detached.ts";
import { waitInStep } from "./in_step.ts";
import { freePort, type Mosquitto, openMosquitto } from "./mosquitto.ts";
import { Network } from "./namespaces.ts";
import { openSecuredMosquitto } from "./secured_mosquitto.ts";
import { Outside } from "./outside.ts";
import { processesWith } from "./processes.ts";
import { tempDirectory } from "./temp.ts";
import { ownDirectories } from "./tree_view.ts";
import { waitFor } from "./waiting.ts";
import { WorldClient } from "./world_client.ts";

/** Which broker a world has; `secured` is mosquitto with TLS, passwords, and the ACL that sinkd prints. */
export type BrokerKind = "embedded" | "mosquitto" | "secured";

/** What a world starts with. */
export interface WorldOptions {
  readonly broker?: BrokerKind;
  /**
   * Gives each process a host of its own on a network: `server`, `broker` (where it is mosquitto),
   * and the clients, whose names must differ; those named here sit behind the router.
   */
  readonly network?: { readonly behindRouter: readonly string[] };
  /** Clients by user; each keeps its `files` directory in step under the name `files`. */
  readonly clients: Readonly<Record<string, readonly string[]>>;
  /** More options of the server, which may depend on the `host:port` that it listens at. */
  readonly serverOptions?:
    | readonly string[]
    | ((address: string) => readonly string[]);
  /** What to put into the clients' directories before they start. */
  readonly prepare?: (world: World) => void;
}

/** Environment variable that all processes of a world have. */
const MARK = "SINKD_TEST_WORLD";

/** A world that runs until disposed. */
export class World implements AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly server: DaemonProcess;
  /** `host:port` that the server listens at, after each start. */
  readonly address: string;
  readonly broker: Mosquitto | undefined;
  /** The hosts' network, if they have one. */
  readonly network: Network | undefined;
  readonly #clients = new Map<string, WorldClient>();
  readonly #stack: AsyncDisposableStack;
  readonly #more: NonNullable<WorldOptions["serverOptions"]>;
  readonly #outside: Outside;

  private constructor(
    options: {
      readonly more: NonNullable<WorldOptions["serverOptions"]>;
      readonly directory: string;
      readonly env: Readonly<Record<string, string>>;
      readonly outside: Outside;
      readonly broker: Mosquitto | undefined;
      readonly network: Network | undefined;
      readonly stack: AsyncDisposableStack;
    },
  ) {
    const { directory, env, outside, broker, network, stack } = options;
    this.directory = directory;
    this.root = `${directory}/root`;
    this.env = env;
    this.broker = broker;
    this.network = network;
    this.#stack = stack;
    this.#outside = outside;
    this.#more = options.more;
    this.address = network === undefined
      ? `127.0.0.1:${freePort()}`
      : `${network.address("server")}:8883`;
    this.server = stack.use(
      new DaemonProcess({
        args: ["server", ...this.serverOptions()],
        env: { ...env, ...outside.around("server") },
        via: network?.on("server") ?? [],
        pidFile: `${directory}/server.pid`,
        log: `${directory}/server.log`,
      }),
    );
  }

  /** Starts broker, server and clients. */
  static async open(options: WorldOptions): Promise<World> {
    const stack = new AsyncDisposableStack();
    const directory = stack.use(tempDirectory("sinkd-world-")).path;
    const outside = new Outside(`${directory}/outside`);
    const env = { ...environment(directory), ...outside.around("commands") };
    stack.defer(() => outside.assertUntouched());
    stack.defer(() => noneLeft(directory));
    let world: World | undefined;
    try {
      const network = options.network === undefined
        ? undefined
        : stack.use(await openNetwork(options));
      const broker = options.broker === "mosquitto"
        ? stack.use(
          await openMosquitto(
            directory,
            env,
            network && {
              address: network.address("broker"),
              via: network.on("broker"),
            },
          ),
        )
        : options.broker === "secured"
        ? stack.use(await openSecuredMosquitto(directory, env))
        : undefined;
      const more = options.serverOptions ?? [];
      world = new World({
        directory,
        env,
        outside,
        broker,
        network,
        stack,
        more,
      });
      await world.#start(options);
      return world;
    } catch (cause) {
      const seen = await world?.describe() ?? "";
      await stack.disposeAsync();
      throw new Error(`Cannot start a world. ${seen}`, { cause });
    }
  }

  /** A client by name; `user` where two users have clients of the same name. */
  client(name: string, user?: string): WorldClient {
    const found = this.clients().find((client) =>
      client.name === name && (user === undefined || client.user === user)
    );
    if (found === undefined) throw new Error(`Cannot find client '${name}'`);
    return found;
  }

  clients(): WorldClient[] {
    return [...this.#clients.values()];
  }

  /** Makes the machine of another client; it has not joined yet. */
  addMachine(user: string, name: string): WorldClient {
    const home = `${this.directory}/${user}-${name}`;
    const via = this.network?.on(name) ?? [];
    const env = { ...this.env, ...this.#outside.around(`${user}-${name}`) };
    const client = new WorldClient({ user, name, home, env, via });
    this.#stack.use(client.process);
    this.#clients.set(`${user}/${name}`, client);
    return client;
  }

  /** Leaves a machine out of what is compared from now on. */
  forget({ user, name }: WorldClient): void {
    this.#clients.delete(`${user}/${name}`);
  }

  /** Makes the user if need be, and joins the client. */
  async join(client: WorldClient): Promise<void> {
    const joined = await client.join(await this.link(client.user));
    if (joined.code !== 0) throw new Error(`Cannot join: ${joined.err}`);
    await this.allowClients();
  }

  /** A fresh join link, as `sinkd server adduser` prints it. */
  async link(user: string): Promise<string> {
    const made = await this.accounts(
      "adduser",
      user,
      "--address",
      this.address,
    );
    if (made.code !== 0) throw new Error(`Cannot add ${user}: ${made.err}`);
    return made.out.trim();
  }

  /** Runs `sinkd server adduser` and its like. */
  accounts(...args: string[]): Promise<Said> {
    return runSinkd(["server", ...args, "--root", this.root], this.env);
  }

  /** Runs any command. */
  sinkd(...args: string[]): Promise<Said> {
    return runSinkd(args, this.env);
  }

  /** Options of the server, as of its start. */
  serverOptions(): string[] {
    return [
      "--root",
      this.root,
      "--listen",
      this.address,
      "--pid",
      `${this.directory}/server.pid`,
      ...(this.broker === undefined ? [] : ["--broker", this.broker.url]),
      ...(this.broker?.caFile === undefined
        ? []
        : ["--broker-ca", this.broker.caFile]),
      ...(typeof this.#more === "function"
        ? this.#more(this.address)
        : this.#more),
    ];
  }

  /** Tells mosquitto, if there is one, who may log in. */
  async allowClients(): Promise<void> {
    if (this.broker?.caFile !== undefined) {
      const acl = await this.accounts("broker-acl");
      const passwords = await this.accounts("broker-acl", "--passwords");
      await this.broker.allow(
        passwords.out.trim().split("\n"),
        acl.out.trim().split("\n"),
      );
      return;
    }
    const lines = Accounts.listUsers(this.root).flatMap((user) => {
      using accounts = Accounts.open(this.root, user);
      return accounts?.passwordLines(user) ?? [];
    });
    await this.broker?.allow(lines);
  }

  /** The server's report; throws when it does not run. */
  async serverReport(): Promise<ServerReport> {
    const report = await this.server.report();
    if (report?.role === "server") return report;
    throw new Error("Cannot ask the server: no answer");
  }

  /** Where the server keeps what is named `files`. */
  stored(user: string): string {
    return `${this.root}/${user}/files`;
  }

  /** Waits until these clients (all that run, by default) are in step. */
  async waitInStep(
    options: { clients?: readonly WorldClient[]; limitMs?: number } = {},
  ): Promise<void> {
    await waitInStep({
      clients: this.clients(),
      server: () => this.serverReport(),
      stored: (user) => this.stored(user),
      ...options,
    });
  }

  /** Waits until nothing of sinkd's own is left in any anchor. */
  async waitTidy(): Promise<void> {
    const left = () =>
      this.clients().flatMap(({ files }) => ownDirectories(files));
    await waitFor("anchors without .sinkd", () => left().length === 0, {
      tell: () => left().join(", "),
    });
  }

  /** rsync calls so far, each by its arguments. */
  rsyncCalls(): string[] {
    return readIfAny(`${this.directory}/rsync.calls`).split("\n").slice(0, -1);
  }

  /** Literal bytes (not found on the other side) of each call that moved files. */
  literalBytes(): number[] {
    const stats = readIfAny(`${this.directory}/rsync.stats`);
    return [...stats.matchAll(/^Literal data: ([\d,]+)/gm)]
      .map(([, count = ""]) => Number(count.replaceAll(",", "")));
  }

  /** What everything says of itself, for the report of a failed test. */
  async describe(): Promise<string> {
    const parts: string[] = [];
    for (
      const process of [
        this.server,
        ...this.clients().map((c) => c.process),
      ]
    ) {
      parts.push(JSON.stringify(await process.report() ?? "does not run"));
      parts.push(process.logTail());
    }
    return `\n${parts.join("\n")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #start({ clients, prepare }: WorldOptions): Promise<void> {
    await this.server.start();
    // A secured broker is told of the server, which is refused until then.
    if (this.broker?.caFile !== undefined) await this.allowClients();
    for (const [user, names] of Object.entries(clients)) {
      for (const name of names) this.addMachine(user, name);
    }
    prepare?.(this);
    // One after another: mosquitto is told of each.
    for (const client of this.clients()) await this.join(client);
    await Promise.all(this.clients().map(({ process }) => process.start()));
    if (prepare === undefined) await this.waitInStep();
  }
}

/** A network with a host for each process. */
function openNetwork(
  { broker, clients, network }: WorldOptions,
): Promise<Network> {
  const behindRouter = network?.behindRouter ?? [];
  const names = Object.values(clients).flat();
  return Network.open({
    hosts: [
      "server",
      ...(broker === "mosquitto" ? ["broker"] : []),
      ...names.filter((name) => !behindRouter.includes(name)),
    ],
    behindRouter,
  });
}

/** The environment of all processes: rsync is a wrapper that keeps count. */
function environment(directory: string): Record<string, string> {
  const path = Deno.env.get("PATH") ?? "/usr/bin:/bin";
  const bin = `${directory}/bin`;
  Deno.mkdirSync(bin);
  const real = path.split(":").map((place) => `${place}/rsync`)
    .find((file) => isFile(file));
  if (real === undefined) throw new Error("Cannot find rsync on PATH");
  Deno.writeTextFileSync(
    `${bin}/rsync`,
    `#!/bin/sh
echo "$*" >>'${directory}/rsync.calls'
case "$*" in
  *rsync://*) exec '${real}' --stats "$@" >>'${directory}/rsync.stats' ;;
  # A daemon of ours would refuse what only this wrapper asks for.
  *--daemon*) sed -i 's/^refuse options = [*]/& !stats/' rsyncd.conf ;;
esac
exec '${real}' "$@"
`,
    { mode: 0o755 },
  );
  return {
    PATH: `${bin}:${path}`,
    NO_COLOR: "1",
    [MARK]: directory,
  };
}

/** Ends by pid what is left of a world, and fails when there is any. */
async function noneLeft(directory: string): Promise<void> {
  const left = () => processesWith(MARK, directory);
  try {
    await waitFor("all processes to end", () => left().length === 0, {
      tell: () => JSON.stringify(left()),
    });
  } finally {
    for (const { pid } of left()) signalIfAlive(pid, "SIGKILL");
  }
}

function isFile(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function readIfAny(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
