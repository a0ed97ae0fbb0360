/**
 * Hosts of a test as network namespaces: each has an address of its own, and what goes between them
 * can be delayed, reordered, lost, throttled or cut; some may sit behind a router that translates
 * addresses. Nothing of it touches this machine's own network, and it all goes with the test, even
 * with one that is killed. Needs root, iproute2, nftables and python3 on Linux.
 *
 * @module
 */
import { type Detached, signalIfAlive, spawnDetached } from "./detached.ts";
import { isThere, PLACES, program, runToEnd } from "./network_programs.ts";
import type { HostSaid } from "./network_programs.ts";
import { tempDirectory } from "./temp.ts";
import { waitFor } from "./waiting.ts";

/** What a link does to packets; what is left out is as on a perfect one. Applies to each direction. */
export interface LinkState {
  readonly delayMs?: number;
  /** At most so much more, at random; packets keep their order. */
  readonly jitterMs?: number;
  /** So many packets come after later ones. */
  readonly reorderPercent?: number;
  readonly lossPercent?: number;
  readonly megabits?: number;
  /** Nothing goes through, and nobody is told: a cable pulled further away. */
  readonly isCut?: boolean;
}

/** Which hosts there are, by name: on the common network, and behind the router. */
export interface NetworkPlan {
  readonly hosts: readonly string[];
  readonly behindRouter?: readonly string[];
}

/** Name of the host that translates addresses, for {@linkcode Network.link}. */
export const ROUTER = "router";

// Documentation ranges, which nobody routes (RFC 5737).
const COMMON = "192.0.2.";
const BEHIND = "198.51.100.";
const RELAY = new URL("relay.py", import.meta.url).pathname;

interface Port {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly device: string;
  readonly segment: "common" | "behind";
  readonly isGateway: boolean;
}

/** Hosts and the links between them, until disposed. */
export class Network implements AsyncDisposable {
  /** What the names of its namespaces begin with; files of tests that run side by side share the pid. */
  readonly id = `sinkd-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  readonly #stack = new AsyncDisposableStack();
  readonly #control: string;
  readonly #directory: string;
  readonly #ports: readonly Port[];

  private constructor({ hosts, behindRouter = [] }: NetworkPlan) {
    this.#directory = this.#stack.use(tempDirectory("sinkd-network-")).path;
    this.#control = `${this.#directory}/control`;
    this.#ports = [
      ...hosts.map((name, at) => this.#port(name, `${COMMON}${at + 1}`)),
      ...(behindRouter.length === 0 ? [] : [
        this.#port(ROUTER, `${COMMON}254`),
        this.#port(ROUTER, `${BEHIND}254`),
      ]),
      ...behindRouter.map((name, at) => this.#port(name, `${BEHIND}${at + 1}`)),
    ];
  }

  /** Makes the hosts and connects them. */
  static async open(plan: NetworkPlan): Promise<Network> {
    const network = new Network(plan);
    try {
      await network.#begin();
      return network;
    } catch (cause) {
      await network[Symbol.asyncDispose]();
      throw new Error("Cannot make a network of namespaces", { cause });
    }
  }

  /** The address of a host; hosts behind the router have one that only their neighbours reach. */
  address(host: string): string {
    return this.#of(host).address;
  }

  /** What goes before a command so that it runs on that host; its pid stays the command's. */
  on(host: string): string[] {
    return [
      program("nsenter"),
      `--net=/run/netns/${this.#of(host).namespace}`,
      "--",
    ];
  }

  /** Runs a command on a host to its end. */
  async run(host: string, args: readonly string[]): Promise<HostSaid> {
    return await runToEnd([...this.on(host), ...args]);
  }

  /** Sets what a host's link does from now on, both ways. */
  async link(host: string, link: LinkState): Promise<void> {
    this.#of(host);
    using connection = await Deno.connect({
      transport: "unix",
      path: this.#control,
    });
    const order = `${JSON.stringify({ host, link })}\n`;
    await connection.write(new TextEncoder().encode(order));
    const said = await new Response(connection.readable).text();
    if (said.trim() !== "ok") {
      throw new Error(`Cannot change the link of '${host}': ${said}`);
    }
  }

  /** Lets nothing through any more; nobody is told. */
  cut(host: string): Promise<void> {
    return this.link(host, { isCut: true });
  }

  /** A perfect link again. */
  heal(host: string): Promise<void> {
    return this.link(host, {});
  }

  /** Pulls the cable out of the host itself, which notices. */
  async unplug(host: string): Promise<void> {
    await this.#ip(host, `link set ${this.#of(host).device} down`);
  }

  /** Puts it in again. */
  async plug(host: string): Promise<void> {
    await this.#ip(host, `link set ${this.#of(host).device} up`);
    await this.#route(this.#of(host));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #begin(): Promise<void> {
    for (const namespace of this.#namespaces()) {
      // Before the relay runs nobody else would remove it.
      this.#stack.defer(() => removeNamespace(namespace));
      await ip(`netns add ${namespace}`);
    }
    const relay = await this.#startRelay();
    this.#stack.defer(async () => {
      signalIfAlive(relay.pid, "SIGTERM");
      await relay.ended();
    });
    for (const port of this.#ports) await this.#bringUp(port);
    if (this.#ports.some(({ name }) => name === ROUTER)) {
      await this.#masquerade();
    }
  }

  async #startRelay(): Promise<Detached> {
    const plan = `${this.#directory}/plan.json`;
    const log = `${this.#directory}/relay.log`;
    const { pid: owner } = Deno;
    await Deno.writeTextFile(
      plan,
      JSON.stringify({
        control: this.#control,
        owner,
        ip: program("ip"),
        ports: this.#ports,
      }),
    );
    const relay = await spawnDetached(
      [
        "sh",
        "-c",
        'exec "$@" >"$0" 2>&1',
        log,
        program("python3"),
        RELAY,
        plan,
      ],
      { PATH: PLACES.join(":") },
      `${this.#directory}/relay.end`,
    );
    await waitFor("the relay to run", () => {
      if (relay.exitCode() === undefined) return isThere(this.#control);
      throw new Error(`Cannot run it: ${Deno.readTextFileSync(log)}`);
    });
    return relay;
  }

  async #bringUp(port: Port): Promise<void> {
    const { name: host, address, device } = port;
    await this.#ip(host, "link set lo up");
    await this.#ip(host, `address add ${address}/24 dev ${device}`);
    await this.#ip(host, `link set ${device} up`);
    await this.#route(port);
  }

  /** Whoever is behind the router goes through it. */
  async #route({ segment, device, name: host }: Port): Promise<void> {
    if (segment === "common" || host === ROUTER) return;
    await this.#ip(host, `route replace default dev ${device}`);
  }

  async #masquerade(): Promise<void> {
    const rules = `echo 1 >/proc/sys/net/ipv4/ip_forward && ${
      program("nft")
    } -f - <<END
table ip nat {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "common" masquerade
  }
}
END`;
    const { code, err } = await this.run(ROUTER, ["sh", "-c", rules]);
    if (code !== 0) throw new Error(`Cannot translate addresses: ${err}`);
  }

  async #ip(host: string, words: string): Promise<void> {
    await ip(words, this.on(host));
  }

  #of(host: string): Port {
    const found = this.#ports.find(({ name }) => name === host);
    if (found === undefined) throw new Error(`Cannot find host '${host}'`);
    return found;
  }

  #port(name: string, address: string): Port {
    const segment = address.startsWith(COMMON) ? "common" : "behind";
    return {
      name,
      namespace: `${this.id}-${name}`,
      address,
      device: segment,
      segment,
      isGateway: name === ROUTER,
    };
  }

  #namespaces(): Set<string> {
    return new Set(this.#ports.map(({ namespace }) => namespace));
  }
}

async function removeNamespace(namespace: string): Promise<void> {
  if (isThere(`/run/netns/${namespace}`)) await ip(`netns delete ${namespace}`);
}

async function ip(words: string, before: readonly string[] = []) {
  const args = [...before, program("ip"), ...words.split(" ")];
  const { code, err } = await runToEnd(args);
  if (code !== 0) throw new Error(`Cannot ip ${words}: ${err}`);
}
