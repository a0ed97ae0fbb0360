/**
 * A client with true credentials that keeps to no rules: it announces what a test likes, and has the
 * data channel in its own hands.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, type TLSSocket } from "node:tls";
import type {
  ClientMessage,
  EditChange,
} from "../../lib/core/channel_protocol.ts";
import { type MsgReply, msgReplySchema } from "../../lib/core/protocol.ts";
import { clientLink } from "../../lib/daemon/client_link.ts";
import { acceptChannel, type Channel } from "../../lib/io/channel.ts";
import { type Link, type LinkEvent, openLink } from "../../lib/io/mqtt_link.ts";
import { waitFor } from "./waiting.ts";
import type { World } from "./world.ts";
import type { WorldClient } from "./world_client.ts";

/** What a turn's channel is opened with. */
export type Invitation = Extract<MsgReply, { kind: "Channel" }>;

/** A raw TLS connection to the server, from an address of the loopback. */
export async function dialRaw(
  world: World,
  localAddress = "127.0.0.1",
): Promise<TLSSocket> {
  const [, port = ""] = world.address.split(":");
  // Declared apart: node takes an address of its own here, its types do not.
  const options = {
    host: "127.0.0.1",
    port: Number(port),
    localAddress,
    rejectUnauthorized: false,
    servername: "sinkd.local",
  };
  const socket = connect(options);
  const ready = Promise.withResolvers<void>();
  socket.once("secureConnect", ready.resolve);
  socket.once("error", ready.reject);
  await ready.promise;
  socket.on("error", () => socket.destroy());
  return socket;
}

/** A data channel to the server, before its hello. */
export async function dialRawChannel(
  world: World,
  localAddress?: string,
): Promise<Channel> {
  const socket = await dialRaw(world, localAddress);
  socket.write("SINKD/1\n");
  return acceptChannel(socket, new Uint8Array());
}

/** See the module. */
export class HostileClient implements AsyncDisposable {
  readonly world: World;
  readonly machine: WorldClient;
  readonly replies: MsgReply[] = [];
  readonly #link: Link;
  #ups = 0;

  private constructor(world: World, machine: WorldClient) {
    this.world = world;
    this.machine = machine;
    const credentials = machine.credentials();
    const link = clientLink(credentials, {
      address: credentials.address,
      instance: "hostile",
    });
    this.#link = openLink(link, (event) => this.#take(event));
  }

  /** Joins a machine that runs no sinkd, and logs in as it. */
  static async open(
    world: World,
    user: string,
    name: string,
  ): Promise<HostileClient> {
    const machine = world.addMachine(user, name);
    await world.join(machine);
    const hostile = new HostileClient(world, machine);
    await waitFor("the hostile client's link", () => hostile.#ups > 0);
    return hostile;
  }

  /** Publishes anything on its own topic. */
  say(message: unknown): void {
    const { user, client } = this.machine.credentials();
    const text = typeof message === "string"
      ? message
      : JSON.stringify(message);
    this.#link.publish(`sinkd/clients/${user}/${client}`, Buffer.from(text), {
      qos: 1,
      retain: false,
    });
  }

  /** An announcement of edits below `name`, with `more` over it. */
  announce(name: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.say({
      status: "Sinkd",
      version: 1,
      path: `/srv/sinkd/${this.machine.user}/${name}`,
      date: 0,
      cycle: 0,
      epoch: "",
      changes: 1,
      bytes: 1,
      host: "hostile",
      ...more,
    });
  }

  /** Announces until it is invited to a turn that was not used yet. */
  async invited(
    name: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Invitation> {
    const from = this.replies.length;
    this.announce(name, more);
    return await waitFor("an invitation", () => {
      const found = this.replies.slice(from)
        .find((reply) => reply.kind === "Channel");
      return found?.kind === "Channel" ? found : undefined;
    }, { limitMs: 30_000 });
  }

  /** The hello of an invitation, with `more` over it. */
  hello(
    { session, token }: Invitation,
    more: Readonly<Record<string, unknown>> = {},
  ): Record<string, unknown> {
    const { user, client, secret } = this.machine.credentials();
    return {
      kind: "turn",
      version: 1,
      user,
      client,
      secret,
      session,
      token,
      ...more,
    };
  }

  /** Opens a turn for the anchor `name` and gives it up to where the server takes edits. */
  async turn(name: string): Promise<HostileTurn> {
    const invitation = await this.invited(name);
    const channel = await dialRawChannel(this.world);
    await channel.send(this.hello(invitation));
    const turn = new HostileTurn(channel);
    await turn.expect("welcome");
    return turn;
  }

  #take(event: LinkEvent): void {
    if (event.kind === "up") this.#ups++;
    if (event.kind !== "message") return;
    const text = new TextDecoder().decode(event.payload);
    const parsed = msgReplySchema.safeParse(JSON.parse(text));
    if (parsed.success) this.replies.push(parsed.data);
  }

  /** Goes as a client should, so that no invitation of its own is waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.say({ status: "Offline", version: 1 });
    await this.#link[Symbol.asyncDispose]();
  }
}

/** A turn after its welcome. */
export class HostileTurn implements Disposable {
  readonly channel: Channel;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** The next message, which must be of this kind; throws what the server says otherwise. */
  async expect(kind: string): Promise<Record<string, unknown>> {
    const message = await this.channel.receive() as
      | Record<string, unknown>
      | undefined;
    if (message?.["kind"] === kind) return message;
    throw new Error(`got ${JSON.stringify(message) ?? "the end"}`);
  }

  /** Says anything. */
  send(message: ClientMessage | Record<string, unknown>): Promise<void> {
    return this.channel.send(message);
  }

  /** Says that nothing of the server's news is wanted, up to where edits are taken. */
  async skipUpdate(more: Record<string, unknown> = {}): Promise<void> {
    await this.have(more);
    const { to } = await this.changes();
    await this.send({ kind: "want", plain: [], verify: [], last: true });
    await this.expect("staged");
    await this.send({ kind: "applied", stamp: to, left: 0 });
    await this.expect("take");
  }

  /** The first message of a client. */
  have(more: Record<string, unknown> = {}): Promise<void> {
    return this.send({
      kind: "have",
      epoch: "",
      stamp: { date: 0, cycle: 0 },
      edits: 1,
      single: false,
      transfer: { compress: false, partial: true, checksum: false },
      ...more,
    });
  }

  /** The list of what changed on the server. */
  async changes(): Promise<{ to: unknown; paths: string[] }> {
    const { count, to } = await this.expect("changes");
    const paths: string[] = [];
    while (paths.length < Number(count)) {
      const { changes } = await this.expect("entries");
      for (const { path } of changes as { path: string }[]) paths.push(path);
    }
    return { to, paths };
  }

  /** Offers edits; gives what the server says next. */
  async offer(
    changes: readonly (EditChange | Record<string, unknown>)[],
  ): Promise<Record<string, unknown> | undefined> {
    await this.send({ kind: "edits", count: changes.length, more: false });
    await this.send({ kind: "entries", changes: [...changes] });
    return await this.channel.receive() as Record<string, unknown> | undefined;
  }

  [Symbol.dispose](): void {
    this.channel.close();
  }
}
