/**
 * A second server beside a world's own, on the same broker: each serves those that its list names.
 *
 * @module
 */
import type { ServerReport } from "../../lib/core/status.ts";
import { askControl } from "../../lib/io/ask_control.ts";
import { readPid, socketPathOf } from "../../lib/io/pid_file.ts";
import { DaemonProcess, runSinkd } from "./daemon_process.ts";
import { signalIfAlive } from "./detached.ts";
import { waitInStep } from "./in_step.ts";
import { freePort, missingForBroker } from "./mosquitto.ts";
import { testUnless } from "./needs.ts";
import { tempDirectory } from "./temp.ts";
import { PATIENCE_MS, waitFor } from "./waiting.ts";
import { World } from "./world.ts";
import type { WorldClient } from "./world_client.ts";

/** One server of a fleet. */
export interface FleetServer {
  readonly process: DaemonProcess;
  readonly root: string;
  readonly address: string;
  readonly list: string;
}

/** Two servers, one mosquitto with TLS, passwords and ACL. The first one begins with all users. */
export class Fleet implements AsyncDisposable {
  readonly world: World;
  readonly first: FleetServer;
  readonly second: FleetServer;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: {
      readonly world: World;
      readonly first: FleetServer;
      readonly second: FleetServer;
      readonly stack: AsyncDisposableStack;
    },
  ) {
    this.world = parts.world;
    this.first = parts.first;
    this.second = parts.second;
    this.#stack = parts.stack;
  }

  static async open(
    clients: Readonly<Record<string, readonly string[]>>,
  ): Promise<Fleet> {
    await using opening = new AsyncDisposableStack();
    const lists = opening.use(tempDirectory("sinkd-fleet-")).path;
    Deno.writeTextFileSync(
      `${lists}/first`,
      `# all begin here\n${Object.keys(clients).join("\n")}\n`,
    );
    Deno.writeTextFileSync(`${lists}/second`, "# nobody yet\n");
    const world = opening.use(
      await World.open({
        broker: "secured",
        clients,
        serverOptions: (address) => [
          "--users-from",
          `${lists}/first`,
          "--address",
          address,
        ],
      }),
    );
    const first = {
      process: world.server,
      root: world.root,
      address: world.address,
      list: `${lists}/first`,
    };
    const second = await addServer(world, `${lists}/second`);
    const stack = opening.move();
    stack.use(second.process);
    const fleet = new Fleet({ world, first, second, stack });
    await second.process.start();
    await fleet.allow();
    return fleet;
  }

  /** The report of one server; throws when it does not run. */
  async report(server: FleetServer): Promise<ServerReport> {
    const report = await server.process.report();
    if (report?.role === "server") return report;
    throw new Error("Cannot ask the server: no answer");
  }

  /** Writes a server's list and has it read again. */
  async serve(server: FleetServer, users: readonly string[]): Promise<void> {
    Deno.writeTextFileSync(server.list, `${users.join("\n")}\n`);
    const socket = socketPathOf(server.process.pidFile);
    const reply = await askControl(socket, { command: "reload" });
    if (reply?.ok !== true) {
      throw new Error(`Cannot reload: ${reply?.message ?? "no answer"}`);
    }
  }

  /** Waits until a server serves just these users. */
  async waitServing(
    server: FleetServer,
    users: readonly string[],
    limitMs = PATIENCE_MS,
  ): Promise<void> {
    let seen = "";
    const wanted = users.toSorted().join();
    await waitFor(`${wanted} to be served`, async () => {
      const { users: served, elsewhere, errors } = await this.report(server);
      seen = JSON.stringify({ served, elsewhere, errors });
      return served.map(({ user }) => user).toSorted().join() === wanted;
    }, { limitMs, tell: () => seen });
  }

  /** Copies a user's directory from one server to the other, as `cp -a` does, in place of what is there. */
  async copy(user: string, from: FleetServer, to: FleetServer): Promise<void> {
    await run("rm", ["-rf", `${to.root}/${user}`]);
    await run("cp", ["-a", `${from.root}/${user}`, `${to.root}/${user}`]);
  }

  /** The tree that a server has of a user. */
  stored(server: FleetServer, user: string): string {
    return `${server.root}/${user}/files`;
  }

  /** Waits until these clients are in step with that server. */
  async waitInStep(
    server: FleetServer,
    clients: readonly WorldClient[],
    limitMs = PATIENCE_MS,
  ): Promise<void> {
    await waitInStep({
      clients,
      server: () => this.report(server),
      stored: (user) => this.stored(server, user),
      limitMs,
    });
  }

  /** Sends a signal to the program itself, not to what started it. */
  signal(server: FleetServer, name: Deno.Signal): void {
    const pid = readPid(server.process.pidFile);
    if (pid === undefined) throw new Error("Cannot signal: it does not run");
    signalIfAlive(pid, name);
  }

  /** Tells mosquitto of all servers' logins and users, as the README has it: one file after the other. */
  async allow(): Promise<void> {
    const said = async (...more: string[]) => {
      const texts = [this.first, this.second].map(({ root }) =>
        runSinkd(
          ["server", "broker-acl", "--root", root, ...more],
          this.world.env,
        )
      );
      return (await Promise.all(texts)).flatMap(({ out }) =>
        out.trim().split("\n")
      );
    };
    await this.world.broker?.allow(await said("--passwords"), await said());
  }

  /** What everything says of itself, for the report of a failed test. */
  async describe(): Promise<string> {
    const { process } = this.second;
    const report = JSON.stringify(await process.report() ?? "does not run");
    return `${await this.world.describe()}\n${report}\n${process.logTail()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Another root with the first one's certificate: clients pin it. */
async function addServer(world: World, list: string): Promise<FleetServer> {
  const root = `${world.directory}/root2`;
  const address = `127.0.0.1:${freePort()}`;
  await Deno.mkdir(`${root}/.sinkd`, { recursive: true, mode: 0o700 });
  for (const name of ["certificate.pem", "key.pem"]) {
    await Deno.copyFile(
      `${world.root}/.sinkd/${name}`,
      `${root}/.sinkd/${name}`,
    );
  }
  const pidFile = `${world.directory}/server2.pid`;
  const process = new DaemonProcess({
    args: [
      "server",
      "--root",
      root,
      "--listen",
      address,
      "--address",
      address,
      "--pid",
      pidFile,
      "--broker",
      world.broker?.url ?? "",
      "--broker-ca",
      world.broker?.caFile ?? "",
      "--users-from",
      list,
    ],
    env: world.env,
    pidFile,
    log: `${world.directory}/server2.log`,
  });
  return { process, root, address, list };
}

/** One test with a fleet of its own. */
export function testWithFleet(
  name: string,
  clients: Readonly<Record<string, readonly string[]>>,
  test: (fleet: Fleet) => Promise<void>,
): void {
  testUnless(missingForBroker("secured"))(name, async () => {
    await using fleet = await Fleet.open(clients);
    try {
      await test(fleet);
    } catch (cause) {
      throw new Error(`${name}: ${await fleet.describe()}`, { cause });
    }
  });
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args })
    .output();
  if (success) return;
  throw new Error(
    `Cannot run ${command}: ${new TextDecoder().decode(stderr)}`,
  );
}
