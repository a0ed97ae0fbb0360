/**
 * The embedded MQTT broker: aedes with authentication, the topic rules and size bounds around it.
 *
 * @module
 */
import { Aedes, type AedesOptions, type AuthenticateError } from "aedes";
import { Buffer } from "node:buffer";
import { type Duplex, duplexPair } from "node:stream";
import { PacketLimit } from "../core/packet_limit.ts";
import { Pace } from "../core/pace.ts";
import { MAX_PAYLOAD_BYTES } from "../core/protocol.ts";
import {
  mayPublish,
  maySubscribe,
  parseLoginName,
  type Peer,
} from "../core/topic_rules.ts";
import type { Visitor } from "./front.ts";

/** What the broker asks of its owner. */
export interface BrokerOptions {
  /**
   * What is disposed when the session ends, if the secret is that client's; `later` when too many logins
   * have failed. `end` cuts the session.
   */
  authenticate(
    login: {
      readonly user: string;
      readonly client: string;
      readonly secret: string;
    },
    from: { readonly address: string; readonly end: () => void },
  ): Promise<Disposable | "refused" | "later">;
  /** Told of a second machine with a login whose first one is connected; the second is refused. */
  onTwin(user: string, client: string, address: string): void;
  /** Told of faults that are nobody's refusal: a check that failed, an error inside aedes. */
  onFault(error: Error): void;
}

/** The running broker. Disposing cuts every connection. */
export interface Broker extends AsyncDisposable {
  /** Takes a connection over; a good login admits the visitor. */
  handle(stream: Duplex, visitor?: Visitor): void;
  /** A connection with the server's own rights, which nobody outside of this process can have. */
  connectServer(): Duplex;
  /** Publishes and subscriptions that the rules refused, and connections cut for a packet too large. */
  readonly dropped: number;
}

const MAX_PACKET_BYTES = MAX_PAYLOAD_BYTES + 1024;
const CONNECT_LIMIT_MS = 10_000;
const SLOW_READER_LIMIT_MS = 10_000;
const MAX_HALF_DONE = 16;
/** What a client may publish: a machine that is busy says a few things in a second. */
const PUBLISH_PACE = { burst: 500, intervalMs: 10 };
// Nobody may subscribe to it. A refused publish goes here, because refusing it would make
// the client send it again for ever.
const DEAD_TOPIC = "refused";
const IDENTIFIER_REJECTED = 2;
const BAD_CREDENTIALS = 4;
const UNAVAILABLE = 3;

type AedesClient = ReturnType<Aedes["handle"]>;

/** Starts the broker. */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const peers = new WeakMap<AedesClient, Peer>();
  const serverStreams = new WeakSet<object>();
  const visitors = new WeakMap<object, Visitor>();
  const streams = new Set<Duplex>();
  /** Who is connected, by login. */
  const clients = new Map<string, AedesClient>();
  const paces = new Paces();
  let dropped = 0;

  const settings: AedesOptions = {
    connectTimeout: CONNECT_LIMIT_MS,
    drainTimeout: SLOW_READER_LIMIT_MS,
    maxInflightInbound: MAX_HALF_DONE,
    preConnect(_client, packet, done) {
      packet.clean = true; // nothing is kept for clients that are away
      done(null, true);
    },
    authenticate(client, username, password, done) {
      if (serverStreams.has(client.conn)) {
        peers.set(client, { kind: "server" });
        done(null, true);
        return;
      }
      const login = parseLoginName(username ?? "");
      if (login === undefined || !isIdOf(client.id, username ?? "")) {
        done(refusal(BAD_CREDENTIALS), false);
        return;
      }
      const visitor = visitors.get(client.conn);
      const secret = String(password ?? "");
      const address = visitor?.address ?? "";
      const end = () => client.close();
      options.authenticate({ ...login, secret }, { address, end })
        .then(
          (session) => {
            if (typeof session === "string") {
              const code = session === "later" ? UNAVAILABLE : BAD_CREDENTIALS;
              return done(refusal(code), false);
            }
            onceClosed(client.conn as Duplex, () => session[Symbol.dispose]());
            visitor?.admit();
            const connected = clients.get(username ?? "");
            if (
              connected !== undefined && connected.id !== client.id &&
              isLive(connected)
            ) {
              options.onTwin(login.user, login.client, address);
              return done(refusal(IDENTIFIER_REJECTED), false);
            }
            clients.set(username ?? "", client);
            peers.set(client, { kind: "client", ...login });
            done(null, true);
          },
          (cause) => {
            options.onFault(
              new Error(`Cannot check the login of ${username}`, { cause }),
            );
            done(refusal(UNAVAILABLE), false);
          },
        );
    },
    authorizePublish(client, packet, done) {
      const peer = client === null ? undefined : peers.get(client);
      if (peer === undefined || !mayPublish(peer, packet.topic)) {
        dropped++;
        packet.topic = DEAD_TOPIC;
        packet.payload = "";
        packet.retain = false;
      }
      if (client === null || peer?.kind === "server") return done(null);
      // aedes reads no more of a connection while a packet of it waits.
      paces.wait(client, () => done(null));
    },
    authorizeSubscribe(client, subscription, done) {
      const peer = peers.get(client);
      if (peer !== undefined && maySubscribe(peer, subscription.topic)) {
        done(null, subscription);
      } else {
        dropped++;
        done(null, null);
      }
    },
  };
  const aedes = await Aedes.createBroker(settings);
  aedes.on("clientDisconnect", (client) => {
    for (const [name, connected] of clients) {
      if (connected === client) clients.delete(name);
    }
    paces.forget(client);
  });
  (aedes as NodeJS.EventEmitter).on("error", options.onFault);

  function handle(stream: Duplex, visitor?: Visitor): void {
    streams.add(stream);
    if (visitor !== undefined) visitors.set(stream, visitor);
    stream.once("close", () => streams.delete(stream));
    guardReads(stream, () => {
      dropped++;
      stream.destroy();
    });
    aedes.handle(stream);
  }

  return {
    handle,
    connectServer() {
      const [near, far] = duplexPair();
      near.once("close", () => far.destroy());
      far.once("close", () => near.destroy());
      serverStreams.add(far);
      handle(far);
      return near;
    },
    get dropped() {
      return dropped;
    },
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      aedes.close(() => closed.resolve());
      await closed.promise;
      paces[Symbol.dispose]();
      for (const stream of streams) stream.destroy();
    },
  };
}

/** How fast each connection may publish, and what of it waits. */
class Paces implements Disposable {
  readonly #paces = new WeakMap<AedesClient, Pace>();
  readonly #waiting = new Map<
    AedesClient,
    Set<ReturnType<typeof setTimeout>>
  >();

  wait(client: AedesClient, go: () => void): void {
    const pace = this.#paces.get(client) ?? new Pace(PUBLISH_PACE);
    this.#paces.set(client, pace);
    const delayMs = pace.delayMs(performance.now());
    if (delayMs === 0) return go();
    const timers = this.#waiting.get(client) ??
      new Set<ReturnType<typeof setTimeout>>();
    this.#waiting.set(client, timers);
    const timer = setTimeout(() => {
      timers.delete(timer);
      go();
    }, delayMs);
    timers.add(timer);
  }

  /** What waits of a connection that is gone is dropped. */
  forget(client: AedesClient): void {
    for (const timer of this.#waiting.get(client) ?? []) clearTimeout(timer);
    this.#waiting.delete(client);
  }

  [Symbol.dispose](): void {
    for (const client of [...this.#waiting.keys()]) this.forget(client);
  }
}

/** A login's own id, or one with the process's number behind it, which tells two copies of a machine apart. */
function isIdOf(id: string, login: string): boolean {
  return id === login || id.startsWith(`${login}/`);
}

function onceClosed(stream: Duplex, act: () => void): void {
  if (stream.destroyed) act();
  else stream.once("close", act);
}

function isLive({ conn, closed }: AedesClient): boolean {
  return !closed && !(conn as Duplex).destroyed;
}

function refusal(returnCode: number): AuthenticateError {
  return Object.assign(new Error("Cannot log in: refused"), { returnCode });
}

/**
 * Makes aedes's `read()` give all that has come, since Deno does not say `readable` again for a
 * rest that was left, and looks at the packet sizes on the way.
 */
function guardReads(stream: Duplex, onTooLarge: () => void): void {
  const read = stream.read.bind(stream);
  const limit = new PacketLimit(MAX_PACKET_BYTES);
  stream.read = (size?: number | null) => {
    if (typeof size === "number") return read(size); // node's own nudges
    const chunks: Uint8Array[] = [];
    for (;;) {
      const chunk = read();
      if (chunk === null) break;
      if (!limit.accepts(chunk)) {
        onTooLarge();
        return null;
      }
      chunks.push(chunk);
    }
    return chunks.length === 0 ? null : Buffer.concat(chunks);
  };
}
