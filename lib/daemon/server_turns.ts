/**
 * Turns on the server: invites a client to open its data channel, checks who comes, and serves.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { networkOf } from "../core/address.ts";
import { type HelloTurn, helloTurnSchema } from "../core/channel_protocol.ts";
import type { MsgReply } from "../core/protocol.ts";
import { PROTOCOL_VERSION } from "../core/protocol.ts";
import { sentenceText } from "../core/said.ts";
import type { Turn } from "../core/server.ts";
import { type Stamp, utcDate } from "../core/stamp.ts";
import type { Channel } from "../io/channel.ts";
import { withDeadline } from "../io/deadline.ts";
import type { DiskRooms } from "../io/disk_room.ts";
import type { Visitor } from "../io/front.ts";
import { heard, logger } from "../io/log.ts";
import { randomHex, serverLine } from "../io/turn_lines.ts";
import { serveTurn, type Short } from "../turn/serve_turn.ts";
import {
  meteredServerLine,
  type Progress,
  TransferMeter,
} from "../turn/transfer_meter.ts";
import { meteredChannel } from "./metered_channel.ts";
import { describe } from "./faults.ts";
import type { Admission } from "./admissions.ts";
import type { Logins } from "./logins.ts";
import type { Quotas } from "./quotas.ts";
import type { User, Users } from "./users.ts";

/** How long an invited client may take to come. */
const OPEN_LIMIT_MS = 10_000;
/** How long one that has come may take to say where it stands, or that it is busy. */
const FIRST_MS = 10_000;
/** How long a client may think between two messages: it may be scanning or comparing. */
const SILENCE_MS = 180_000;
/** How long a client may take to take the last word. */
const LAST_MS = 10_000;

const log = logger("turn");

/** What turns need from the daemon. */
export interface TurnPorts {
  readonly users: Users;
  /** Where each rsync has a working directory of its own. */
  readonly runDirectory: string;
  readonly logins: Logins;
  readonly rooms: DiskRooms;
  readonly quotas: Quotas;
  /** Told of what does not fit on a disk, and of what does again. */
  readonly onShort: (
    turn: Turn,
    whose: "server" | "client",
    paths: readonly Short[],
  ) => void;
  readonly reply: (turn: Turn, message: MsgReply) => void;
  /** Path of an anchor as messages name it. */
  readonly wirePath: (turn: Turn) => string;
  /** Throws when this server does not serve the user. */
  readonly assertServed: (user: string) => void;
  readonly onCommit: (user: User) => void;
  readonly onEnded: (
    turn: Turn,
    stamp: Stamp | undefined,
    failure: string | undefined,
  ) => void;
}

interface Invitation {
  readonly turn: Turn;
  readonly token: string;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Turns that were begun. */
export class ServerTurns implements AsyncDisposable {
  readonly #ports: TurnPorts;
  readonly #invited = new Map<string, Invitation>();
  readonly #running = new Map<
    number,
    { channel: Channel; turn: Turn; meter: TransferMeter; done: Promise<void> }
  >();

  constructor(ports: TurnPorts) {
    this.#ports = ports;
  }

  /** Invites the client whose turn it is. */
  start(turn: Turn): void {
    const session = randomHex(8);
    const token = randomHex(16);
    const timer = setTimeout(() => {
      this.#invited.delete(session);
      this.#ports.onEnded(
        turn,
        undefined,
        "the client did not open its data channel",
      );
    }, OPEN_LIMIT_MS);
    this.#invited.set(session, { turn, token, timer });
    const path = this.#ports.wirePath(turn);
    const version = PROTOCOL_VERSION;
    if (turn.behind) this.#ports.reply(turn, { kind: "Cache", version, path });
    this.#ports.reply(turn, { kind: "Channel", version, path, session, token });
  }

  /** Ends a turn whose client is gone. */
  cancel(turn: Turn): void {
    for (const [session, invitation] of this.#invited) {
      if (invitation.turn.id !== turn.id) continue;
      clearTimeout(invitation.timer);
      this.#invited.delete(session);
      this.#ports.onEnded(turn, undefined, "the client is gone");
    }
    this.#running.get(turn.id)?.channel.close();
  }

  /** Serves the turn that `hello` was invited to; anything else is refused. */
  async serve(
    channel: Channel,
    hello: HelloTurn,
    visitor: Visitor,
  ): Promise<void> {
    const { logins, users } = this.#ports;
    const user = users.get(hello.user);
    using admission = logins.admit(hello, channel, visitor);
    const invitation = this.#invited.get(hello.session);
    const invited = invitation !== undefined &&
      invitation.token === hello.token &&
      invitation.turn.user === hello.user &&
      invitation.turn.client === hello.client;
    if (!invited || user === undefined || admission === undefined) {
      const source = networkOf(visitor.address);
      heard(log, { kind: "refused data channels", source })
        .warn`A data channel of ${visitor.address} for ${hello.user}/${hello.client} was refused: no such invitation`;
      await channel.send({
        kind: "fail",
        message: "this session is not yours or is over",
      });
      channel.close();
      return;
    }
    clearTimeout(invitation.timer);
    this.#invited.delete(hello.session);
    const { turn } = invitation;
    const meter = new TransferMeter(() => performance.now());
    const metered = meteredChannel(channel, meter, "server");
    const done = this.#run(metered, meter, { turn, user, admission });
    this.#running.set(turn.id, { channel, turn, meter, done });
    await done;
  }

  /** What is under way of a user. */
  transfers(user: string): { turn: Turn; progress: Progress }[] {
    return [...this.#running.values()].flatMap(({ turn, meter }) => {
      const progress = turn.user === user ? meter.progress() : undefined;
      return progress === undefined ? [] : [{ turn, progress }];
    });
  }

  /** Names of the staging directories that turns of the user may use now. */
  stages(user: string): string[] {
    return [...this.#running.values()].flatMap(({ turn }) =>
      turn.user === user ? [stageName(turn)] : []
    );
  }

  /** Resolves when no turn of the user runs. */
  async ended(user: string): Promise<void> {
    const running = [...this.#running.values()];
    await Promise.all(
      running.filter(({ turn }) => turn.user === user).map(({ done }) => done),
    );
  }

  /** The turn is over, for the queue, as soon as its last word is said: the client may ask again at once. */
  async #run(
    channel: Channel,
    meter: TransferMeter,
    { turn, user, admission }: {
      turn: Turn;
      user: User;
      admission: Admission;
    },
  ): Promise<void> {
    let stamp: Stamp | undefined;
    let failure: string | undefined;
    const assertServed = () => this.#ports.assertServed(turn.user);
    try {
      assertServed();
      await this.#ports.users.recover(user);
      const end = await serveTurn({
        path: turn.path,
        stageName: stageName(turn),
        exclusive: turn.exclusive,
        line: meteredServerLine(
          serverLine(channel, {
            runDirectory: this.#ports.runDirectory,
            silenceMs: SILENCE_MS,
            firstMs: FIRST_MS,
          }),
          meter,
        ),
        journal: user.journal,
        tree: user.tree,
        room: this.#ports.rooms.below(user.directory),
        allowance: this.#ports.quotas.allowance(user),
        onShort: (whose, paths) => this.#ports.onShort(turn, whose, paths),
        today: () => utcDate(Date.now()),
        assertServed,
        assertAdmitted: () => assertCounts(admission),
        onCommit: () => this.#ports.onCommit(user),
      });
      stamp = end.stamp;
    } catch (error) {
      failure = describe(error);
      const source = `${turn.user}/${turn.client}`;
      heard(log, { kind: "broken turns", source })
        .warn`The turn of ${source} on ${turn.path} broke: ${failure}`;
    }
    this.#running.delete(turn.id);
    this.#ports.onEnded(turn, stamp, failure);
    await sayLast(channel, failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#invited.values()) clearTimeout(timer);
    this.#invited.clear();
    const running = [...this.#running.values()];
    for (const { channel } of running) channel.close();
    await Promise.all(running.map(({ done }) => done));
  }
}

function assertCounts(admission: Admission): void {
  if (admission.counts()) return;
  throw new Error("Cannot go on with the transfer: the client was revoked");
}

/** Reads a turn's hello; `undefined` when it is none. */
export function parseHelloTurn(value: unknown): HelloTurn | undefined {
  const parsed = helloTurnSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** The same for all turns of one client's anchor, so that a broken transfer is taken up again. */
function stageName({ client, path }: Turn): string {
  const digest = createHash("sha256").update(path).digest("hex").slice(0, 16);
  return `${stagePrefix(client)}-${digest}`;
}

/** What the names of a client's staging directories have before the last hyphen. */
export function stagePrefix(client: string): string {
  return encodeURIComponent(client).replaceAll("%", "=");
}

/** Tells the client why its turn broke, if it still listens, and closes the channel. */
async function sayLast(
  channel: Channel,
  failure: string | undefined,
): Promise<void> {
  const late = "it takes nothing";
  try {
    await withDeadline(channel, { limitMs: LAST_MS, late }, async () => {
      if (failure !== undefined) {
        await channel.send({ kind: "fail", message: sentenceText(failure) });
      }
      await channel[Symbol.asyncDispose]();
    });
  } catch (error) {
    log.debug`The client could not be told: ${describe(error)}`;
  } finally {
    channel.close();
  }
}
