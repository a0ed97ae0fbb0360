/**
 * Data channels that come in: each a turn, a join, or a question for the certificates, told apart by
 * its hello.
 *
 * @module
 */
import { networkOf } from "../core/address.ts";
import { sentenceText } from "../core/said.ts";
import type { Channel } from "../io/channel.ts";
import type { Visitor } from "../io/front.ts";
import { helloJoinSchema, serveJoin } from "../io/join.ts";
import { heard, logger } from "../io/log.ts";
import { type HelloPins, helloPinsSchema, servePins } from "../io/pins.ts";
import { describe } from "./faults.ts";
import type { Logins } from "./logins.ts";
import { parseHelloProof, type ServerChecks } from "./server_checks.ts";
import type { Serving } from "./serving.ts";
import { parseHelloTurn, type ServerTurns } from "./server_turns.ts";

const HELLO_LIMIT_MS = 10_000;

const ELSEWHERE =
  "this server does not serve that user; another one may: its 'sinkd server status' tells";

const log = logger("server");

/** What channels need from the server; `broker` is the URL for clients, or empty. */
export interface ChannelPorts {
  readonly turns: ServerTurns;
  readonly checks: ServerChecks;
  readonly logins: Logins;
  readonly serving: Serving;
  readonly broker: string;
  readonly brokerCa: string | undefined;
}

/** Channels that are open. */
export class ServerChannels {
  readonly #ports: ChannelPorts;
  readonly #open = new Set<Promise<void>>();

  constructor(ports: ChannelPorts) {
    this.#ports = ports;
  }

  /** Answers a new channel; `certPems` are what one who joins shall pin. */
  async take(
    channel: Channel,
    visitor: Visitor,
    certPems: readonly string[],
  ): Promise<void> {
    const work = this.#serve(channel, visitor, certPems).catch((error) => {
      const source = networkOf(visitor.address);
      heard(log, { kind: "broken data channels", source })
        .warn`A data channel of ${visitor.address} broke: ${describe(error)}`;
      channel.close();
    });
    this.#open.add(work);
    await work;
    this.#open.delete(work);
  }

  /** Waits until every channel was answered to its end. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #serve(
    channel: Channel,
    visitor: Visitor,
    certPems: readonly string[],
  ): Promise<void> {
    const hello = await receiveHello(channel);
    const turn = parseHelloTurn(hello);
    const { turns, logins, serving, broker, brokerCa } = this.#ports;
    if (turn !== undefined) {
      if (serving.serves(turn.user)) {
        return await turns.serve(channel, turn, visitor);
      }
      return await refuse(
        channel,
        "this user is not served here at the moment",
      );
    }
    const proof = parseHelloProof(hello);
    if (proof !== undefined) {
      return await this.#ports.checks.serve(channel, proof, visitor);
    }
    const pins = helloPinsSchema.safeParse(hello);
    if (pins.success) {
      return await this.#servePins(channel, pins.data, { visitor, certPems });
    }
    const join = helloJoinSchema.safeParse(hello);
    if (!join.success) {
      return await refuse(
        channel,
        "this server speaks another version of sinkd",
      );
    }
    await serveJoin(channel, join.data, {
      redeem: (hello) =>
        Promise.resolve(
          serving.mayJoin(hello.user)
            ? logins.redeem(hello, visitor.address)
            : { kind: "refused", reason: ELSEWHERE },
        ),
      certPems,
      broker,
      ...(brokerCa === undefined ? {} : { brokerCa }),
    });
  }

  async #servePins(
    channel: Channel,
    hello: HelloPins,
    { visitor, certPems }: {
      readonly visitor: Visitor;
      readonly certPems: readonly string[];
    },
  ): Promise<void> {
    const { logins, serving } = this.#ports;
    if (!serving.serves(hello.user)) return channel.close();
    using admission = logins.admit(hello, channel, visitor);
    if (admission === undefined) return channel.close();
    await servePins(channel, certPems);
  }
}

async function refuse(channel: Channel, message: string): Promise<void> {
  await channel.send({ kind: "fail", message: sentenceText(message) });
  channel.close();
}

async function receiveHello(channel: Channel): Promise<unknown> {
  const timer = setTimeout(() => channel.close(), HELLO_LIMIT_MS);
  try {
    return await channel.receive();
  } finally {
    clearTimeout(timer);
  }
}
