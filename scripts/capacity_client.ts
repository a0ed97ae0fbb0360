/**
 * A client that scripts/capacity plays: true messages and true turns, without a disk to scan.
 *
 * @module
 */
import type { ClientMessage } from "../lib/core/channel_protocol.ts";
import {
  msgHeadSchema,
  msgReplySchema,
  parsePayload,
  PROTOCOL_VERSION,
} from "../lib/core/protocol.ts";
import type { RelativePath } from "../lib/core/path.ts";
import type { Stamp } from "../lib/core/stamp.ts";
import { clientLink } from "../lib/daemon/client_link.ts";
import { dialChannel } from "../lib/io/channel.ts";
import { splitAddress } from "../lib/io/credentials.ts";
import { type Link, type LinkEvent, openLink } from "../lib/io/mqtt_link.ts";
import { clientLine } from "../lib/io/turn_lines.ts";
import type { ClientLine } from "../lib/ports.ts";

/** Who it is, and where its server is. */
export interface PlayedOptions {
  readonly user: string;
  readonly client: string;
  readonly secret: string;
  readonly address: string;
  readonly certPem: string;
  readonly directory: string;
}

interface Head {
  readonly epoch: string;
  readonly stamp: Stamp;
}

type Invitation = { readonly session: string; readonly token: string };

/** See the module. */
export class PlayedClient implements AsyncDisposable {
  readonly #options: PlayedOptions;
  readonly #link: Link;
  readonly #headCame = Promise.withResolvers<void>();
  #head: Head = { epoch: "", stamp: { date: 0, cycle: 0 } };
  #invited: (invitation: Invitation) => void = () => {};
  #made = 0;

  private constructor(options: PlayedOptions) {
    this.#options = options;
    const { user, client, secret, address, certPem } = options;
    this.#link = openLink(
      clientLink({
        user,
        client,
        secret,
        address,
        certPems: [certPem],
        broker: "",
      }, { address, instance: "played" }),
      (event) => this.#take(event),
    );
    Deno.mkdirSync(this.#files, { recursive: true });
  }

  /** Logs in and says that it is in step. */
  static async open(options: PlayedOptions): Promise<PlayedClient> {
    const played = new PlayedClient(options);
    await played.#headCame.promise;
    played.#announce(0);
    return played;
  }

  /** Hands in one new directory, or one new file of so many bytes. */
  async turn(bytes: number): Promise<void> {
    const { user, client, secret, address, certPem, directory } = this.#options;
    const name = `n${this.#made++}` as RelativePath;
    if (bytes > 0) {
      Deno.writeFileSync(`${this.#files}/${name}`, new Uint8Array(bytes));
    }
    const invitation = await this.#invitation();
    const { host, port } = splitAddress(address);
    const signal = new AbortController().signal;
    await using channel = await dialChannel({
      host,
      port,
      certPems: [certPem],
      signal,
    });
    const version = PROTOCOL_VERSION;
    await channel.send({
      kind: "turn",
      version,
      user,
      client,
      secret,
      ...invitation,
    });
    const line = clientLine(channel, {
      root: this.#files,
      only: undefined,
      runDirectory: `${directory}/run/${user}-${client}`,
      silenceMs: 60_000,
    });
    await this.#handIn(line, name, bytes);
  }

  async #handIn(
    line: ClientLine,
    name: RelativePath,
    bytes: number,
  ): Promise<void> {
    const { epoch } = await expect(line, "welcome");
    const transfer = { compress: false, partial: true, checksum: false };
    const { stamp } = this.#head;
    await line.send({
      kind: "have",
      epoch,
      stamp,
      edits: 1,
      single: false,
      transfer,
    });
    const { count, to } = await expect(line, "changes");
    for (let got = 0; got < count;) {
      got += (await expect(line, "entries")).changes.length;
    }
    await line.send({ kind: "want", plain: [], verify: [], last: true });
    await expect(line, "staged");
    await line.send({ kind: "applied", stamp: to, left: 0 });
    await expect(line, "take");
    await line.send({ kind: "edits", count: 1, more: false });
    await line.send({
      kind: "entries",
      changes: [{ path: name, entry: this.#entry(name, bytes) }],
    });
    if (bytes > 0) {
      const call = await expect(line, "rsync");
      await line.serveRsync(call);
      await expect(line, "rsyncDone");
    }
    await expect(line, "check");
    await line.send({ kind: "checked", changed: [] });
    const committed = await expect(line, "committed");
    if (committed.left.length > 0) throw new Error(committed.left[0]?.reason);
    await line.send({ kind: "agreed", more: false });
    this.#head = { epoch, stamp: (await expect(line, "bye")).stamp };
  }

  #entry(
    name: string,
    bytes: number,
  ): Extract<ClientMessage, { kind: "entries" }>["changes"][number]["entry"] {
    if (bytes === 0) return { kind: "directory", mode: 0o755 };
    const { mtime } = Deno.statSync(`${this.#files}/${name}`);
    return {
      kind: "file",
      size: bytes,
      mtimeMs: mtime?.getTime() ?? 0,
      mode: 0o644,
    };
  }

  async #invitation(): Promise<Invitation> {
    const { promise, resolve } = Promise.withResolvers<Invitation>();
    this.#invited = resolve;
    const repeat = setInterval(() => this.#announce(1), 5000);
    this.#announce(1);
    try {
      return await promise;
    } finally {
      clearInterval(repeat);
    }
  }

  get #files(): string {
    const { directory, user, client } = this.#options;
    return `${directory}/${user}-${client}`;
  }

  #announce(changes: number): void {
    const { user, client } = this.#options;
    const { epoch, stamp } = this.#head;
    const message = {
      status: "Sinkd",
      version: PROTOCOL_VERSION,
      path: `/srv/sinkd/${user}/files`,
      ...stamp,
      epoch,
      changes,
      bytes: changes,
      host: "played",
    };
    this.#link.publish(
      `sinkd/clients/${user}/${client}`,
      JSON.stringify(message),
      { qos: 1, retain: false },
    );
  }

  #take(event: LinkEvent): void {
    if (event.kind !== "message") return;
    const head = parsePayload(msgHeadSchema, event.payload);
    if (head.ok) {
      const { epoch, date, cycle } = head.value;
      if (this.#head.epoch === "") {
        this.#head = { epoch, stamp: { date, cycle } };
      }
      return this.#headCame.resolve();
    }
    const reply = parsePayload(msgReplySchema, event.payload);
    if (reply.ok && reply.value.kind === "Channel") {
      const { session, token } = reply.value;
      this.#invited({ session, token });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }
}

type Said = Awaited<ReturnType<ClientLine["receive"]>>;

async function expect<K extends Said["kind"]>(
  line: ClientLine,
  kind: K,
): Promise<Extract<Said, { kind: K }>> {
  const message = await line.receive();
  if (message.kind === kind) return message as Extract<Said, { kind: K }>;
  throw new Error(`Cannot go on with the turn: got ${JSON.stringify(message)}`);
}
