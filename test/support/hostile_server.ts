/**
 * A server that a client trusts, but that keeps to no rules: what it invites to and says in a turn is
 * the test's.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  headTopic,
  replyTopic,
  SERVER_TOPIC,
} from "../../lib/core/protocol.ts";
import { openBroker } from "../../lib/io/broker.ts";
import { ensureCertificate } from "../../lib/io/certificate.ts";
import type { Channel } from "../../lib/io/channel.ts";
import { saveCredentials } from "../../lib/io/credentials.ts";
import { openFront } from "../../lib/io/front.ts";
import { type Link, openLink } from "../../lib/io/mqtt_link.ts";
import { helloPinsSchema, servePins } from "../../lib/io/pins.ts";
import { waitFor } from "./waiting.ts";
import type { WorldClient } from "./world_client.ts";

const SESSION = "0123456789abcdef";

/** Where the server says that it stands. */
export const EPOCH = "00000000000000aa";
/** See {@linkcode EPOCH}. */
export const HEAD = { date: 20260102, cycle: 1 } as const;

/** See the module. */
export class HostileServer implements AsyncDisposable {
  /** Announcements that came, as they are. */
  readonly heard: string[] = [];
  /** Turns that the client opened and no test took yet, after their hello. */
  readonly turns: Channel[] = [];
  readonly #stack = new AsyncDisposableStack();
  readonly #victim: WorldClient;
  #link: Link | undefined;
  #known = 0;

  private constructor(victim: WorldClient) {
    this.#victim = victim;
  }

  /** Starts it, and makes `victim` a client of it. */
  static async open(
    victim: WorldClient,
    directory: string,
  ): Promise<HostileServer> {
    const server = new HostileServer(victim);
    const certificate = await ensureCertificate(directory);
    const broker = server.#stack.use(
      await openBroker({
        authenticate: () => Promise.resolve({ [Symbol.dispose]() {} }),
        onTwin: () => {},
        onFault: (error) => {
          throw error;
        },
      }),
    );
    const front = server.#stack.use(
      await openFront({ host: "127.0.0.1", port: 0, ...certificate }, {
        onMqtt: (stream, visitor) => broker.handle(stream, visitor),
        onChannel: (channel) => void server.#greet(channel, certificate),
      }),
    );
    const link = server.#stack.use(openLink({
      target: { kind: "stream", open: () => broker.connectServer() },
      clientId: "server",
      subscriptions: ["sinkd/clients/+/+"],
    }, (event) => {
      if (event.kind === "up") server.#begin();
      if (event.kind !== "message") return;
      server.heard.push(new TextDecoder().decode(event.payload));
    }));
    server.#link = link;
    saveCredentials(victim.state, {
      user: victim.user,
      client: victim.name,
      secret: "as-good-as-any",
      address: `127.0.0.1:${front.port}`,
      certPems: [certificate.certPem],
      broker: "",
    });
    return server;
  }

  /** Waits until the client has announced since the last time. */
  async announced(): Promise<void> {
    await waitFor(
      "the victim to announce",
      () => this.heard.length > this.#known,
      { limitMs: 60_000 },
    );
    this.#known = this.heard.length;
  }

  /** Invites it to a turn of `path`. */
  invite(path: string): void {
    const { user, name } = this.#victim;
    const session = SESSION;
    const token = SESSION + SESSION;
    const message = { kind: "Channel", version: 1, path, session, token };
    this.#say(replyTopic(user, name), message, false);
  }

  /** The next turn that the client opens. */
  async turn(): Promise<Channel> {
    return await waitFor("the victim to open a turn", () => this.turns.shift());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.turns) channel.close();
    await this.#stack.disposeAsync();
  }

  /** What every server says, without which no client speaks. */
  #begin(): void {
    this.#say(SERVER_TOPIC, { version: 1, state: "Sinkd" });
    const head = { version: 1, epoch: EPOCH, ...HEAD };
    this.#say(headTopic(this.#victim.user), head);
  }

  #say(topic: string, message: unknown, retain = true): void {
    const text = Buffer.from(JSON.stringify(message));
    this.#link?.publish(topic, text, { qos: 1, retain });
  }

  async #greet(channel: Channel, { certPem }: { certPem: string }) {
    const hello = await channel.receive();
    if (helloPinsSchema.safeParse(hello).success) {
      await servePins(channel, [certPem]);
    } else this.turns.push(channel);
  }
}
