/**
 * The two brokers that the link must work with, on free loopback ports, for tests.
 *
 * @module
 */
import { loginName } from "../../lib/core/topic_rules.ts";
import { type Broker, openBroker } from "../../lib/io/broker.ts";
import { ensureCertificate } from "../../lib/io/certificate.ts";
import { openFront } from "../../lib/io/front.ts";
import type {
  Link,
  LinkEvent,
  LinkOptions,
  LinkTarget,
} from "../../lib/io/mqtt_link.ts";
import { hashSecret } from "../../lib/io/secret_hash.ts";
import { freePort, MOSQUITTO } from "../support/mosquitto.ts";
import { PATIENCE_MS } from "../support/waiting.ts";

/** The secret of every client of a rig. */
export const SECRET = "correct-horse";

/** A broker that runs, and how to reach it. */
export interface BrokerRig extends AsyncDisposable {
  readonly port: number;
  /** What a client's link needs. */
  client(user: string, client: string, secret?: string): ClientOptions;
  /** What the server's own link needs. */
  server(): ClientOptions;
  /** Stops the broker; its sessions and retained messages are gone. */
  stop(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
}

/** The part of {@linkcode LinkOptions} that a rig decides. */
export type ClientOptions = Pick<
  LinkOptions,
  "target" | "username" | "password" | "clientId"
>;

/** An embedded broker behind the TLS front. */
export interface EmbeddedRig extends BrokerRig {
  readonly certPem: string;
  readonly faults: readonly Error[];
  /** The broker that runs now. */
  broker(): Broker;
  /** Logins that are refused from now on. */
  readonly revoked: Set<string>;
  /** Who is logged in, and what cuts the session. */
  readonly sessions: ReadonlySet<{ name: string; end: () => void }>;
}

/** Starts aedes behind the front. */
export async function embeddedRig(): Promise<EmbeddedRig> {
  const directory = await Deno.makeTempDir({ prefix: "sinkd-broker-" });
  const certificate = await ensureCertificate(directory);
  await Deno.remove(directory, { recursive: true });
  const revoked = new Set<string>();
  const sessions = new Set<{ name: string; end: () => void }>();
  const faults: Error[] = [];
  let port = 0;
  let running = await start();

  async function start() {
    const broker = await openBroker({
      authenticate({ user, client, secret }, { end }) {
        const name = loginName(user, client);
        if (secret !== SECRET || revoked.has(name)) {
          return Promise.resolve("refused");
        }
        const session = { name, end };
        sessions.add(session);
        return Promise.resolve({
          [Symbol.dispose]: () => void sessions.delete(session),
        });
      },
      onTwin: () => {},
      onFault: (error) => faults.push(error),
    });
    const front = await openFront({
      host: "127.0.0.1",
      port,
      ...certificate,
    }, {
      onMqtt: broker.handle,
      onChannel: (channel) => channel.close(),
    });
    port = front.port;
    return { broker, front };
  }

  async function stop(): Promise<void> {
    await running.front[Symbol.asyncDispose]();
    await running.broker[Symbol.asyncDispose]();
  }

  return {
    port,
    certPem: certificate.certPem,
    faults,
    revoked,
    sessions,
    broker: () => running.broker,
    client(user, client, secret = SECRET) {
      return {
        target: {
          kind: "url",
          url: `mqtts://127.0.0.1:${port}`,
          caPems: [certificate.certPem],
          servername: "sinkd.local",
        },
        username: loginName(user, client),
        password: secret,
        clientId: loginName(user, client),
      };
    },
    server() {
      return {
        target: { kind: "stream", open: () => running.broker.connectServer() },
        clientId: "sinkd-server",
      };
    },
    stop,
    async start() {
      running = await start();
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Starts a real mosquitto with a password file. */
export async function mosquittoRig(): Promise<BrokerRig> {
  const directory = await Deno.makeTempDir({ prefix: "sinkd-mosquitto-" });
  const port = freePort();
  const names = ["server", "alice/laptop", "alice/desk", "bob/laptop"];
  await Deno.writeTextFile(
    `${directory}/passwords`,
    names.map((name) => `${name}:${hashSecret(SECRET)}\n`).join(""),
  );
  await Deno.writeTextFile(
    `${directory}/mosquitto.conf`,
    [
      `listener ${port} 127.0.0.1`,
      "set_tcp_nodelay true",
      "allow_anonymous false",
      `password_file ${directory}/passwords`,
      "persistence false",
      "user root",
      "",
    ].join("\n"),
  );
  let child = await start();

  async function start(): Promise<Deno.ChildProcess> {
    const process = new Deno.Command(MOSQUITTO, {
      args: ["-c", `${directory}/mosquitto.conf`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await untilListening(port);
    return process;
  }

  async function stop(): Promise<void> {
    child.kill("SIGKILL");
    await child.status;
  }

  return {
    port,
    client(user, client, secret = SECRET) {
      return {
        target: { kind: "url", url: `mqtt://127.0.0.1:${port}` },
        username: loginName(user, client),
        password: secret,
        clientId: loginName(user, client),
      };
    },
    server() {
      return {
        target: {
          kind: "url",
          url: `mqtt://server:${SECRET}@127.0.0.1:${port}`,
        },
        clientId: "sinkd-server",
      };
    },
    stop,
    async start() {
      child = await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** A line to a local port that can be cut by disposing it. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
}

/** Forwards connections to `port` on loopback, byte by byte, until disposed. */
export function openProxy(port: number): Proxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const cut = new AbortController();
  const pipes: Promise<unknown>[] = [];
  const accepting = (async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      const { signal } = cut;
      pipes.push(
        near.readable.pipeTo(far.writable, { signal }).catch(() => {}),
        far.readable.pipeTo(near.writable, { signal }).catch(() => {}),
      );
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      cut.abort();
      listener.close();
      await accepting;
      await Promise.all(pipes);
    },
  };
}

/** The same target at another port. */
export function moved(target: LinkTarget, port: number): LinkTarget {
  if (target.kind === "stream") throw new Error("Cannot move a stream");
  return { ...target, url: target.url.replace(/:\d+$/, `:${port}`) };
}

/** Keeps what a link reports and lets a test wait for it. */
export class EventLog {
  readonly events: LinkEvent[] = [];
  #check = (): void => {};

  /** For `openLink`. */
  readonly take = (event: LinkEvent): void => {
    this.events.push(event);
    this.#check();
  };

  /** The first event that `matches`, among those after the first `from`; throws when there is none for long. */
  async until(
    matches: (event: LinkEvent) => boolean,
    from = 0,
  ): Promise<LinkEvent> {
    const found = Promise.withResolvers<LinkEvent>();
    this.#check = () => {
      const event = this.events.slice(from).find(matches);
      if (event !== undefined) found.resolve(event);
    };
    this.#check();
    const limit = setTimeout(() =>
      found.reject(
        new Error(`no such event in ${JSON.stringify(this.events)}`),
      ), PATIENCE_MS);
    try {
      return await found.promise;
    } finally {
      clearTimeout(limit);
    }
  }

  /** Waits for an event of this kind. */
  kind(kind: LinkEvent["kind"], from = 0): Promise<LinkEvent> {
    return this.until((event) => event.kind === kind, from);
  }

  /** Waits for a message with this text. */
  message(text: string, from = 0): Promise<LinkEvent> {
    return this.until((event) => textOf(event) === text, from);
  }

  /** Texts of the messages so far. */
  get texts(): (string | undefined)[] {
    return this.events.map(textOf).filter((text) => text !== undefined);
  }
}

function textOf(event: LinkEvent): string | undefined {
  return event.kind === "message"
    ? new TextDecoder().decode(event.payload)
    : undefined;
}

/** Ends links side by side. */
export async function endAll(...links: Link[]): Promise<void> {
  await Promise.all(links.map((link) => link[Symbol.asyncDispose]()));
}
