/**
 * What the server says through the broker: its state, the users' heads, answers to clients.
 *
 * @module
 */
import { accountOf, SERVER_ACCOUNT } from "../core/broker_acl.ts";
import {
  leaseTopic,
  type MsgLease,
  type ServerRef,
  serverStatusTopic,
} from "../core/fleet_protocol.ts";
import {
  ALL_CLIENTS_TOPIC,
  headTopic,
  type MsgHead,
  type MsgPins,
  type MsgReply,
  PROTOCOL_VERSION,
  replyTopic,
  SERVER_TOPIC,
  type ServerState as StateName,
} from "../core/protocol.ts";
import type { Broker } from "../io/broker.ts";
import { ensureBrokerLogin } from "../io/broker_login.ts";
import { type Link, type LinkEvent, openLink } from "../io/mqtt_link.ts";
import { serverOwnDirectory } from "../io/server_root.ts";
import type { ServerOptions } from "./server_options.ts";
import type { User } from "./users.ts";

const TOPICS_AT_ONCE = 200;

/** Which broker, and how to know it. */
export interface ServerLinkOptions {
  readonly options: Pick<ServerOptions, "broker" | "root">;
  /** The embedded one. */
  readonly broker: Broker | undefined;
  readonly brokerCa: string | undefined;
  /** Who this server is, among others on a broker that is not embedded. */
  readonly me: ServerRef | undefined;
  /** The server's state now. */
  readonly state: () => StateName;
  /** The number of a user's lease. */
  readonly lease: (user: string) => number;
}

/** The server's own link; closed by its disposal. What is said while it is down is dropped. */
export class ServerLink implements AsyncDisposable {
  readonly #link: Link;
  readonly #options: ServerLinkOptions;

  constructor(options: ServerLinkOptions, onEvent: (event: LinkEvent) => void) {
    const { me } = options;
    this.#options = options;
    this.#link = openLink({
      target: targetOf(options),
      ...loginOf(options),
      will: { ...statusOf(options, "Offline", 0), retain: true },
      subscriptions: [
        me === undefined ? ALL_CLIENTS_TOPIC : serverStatusTopic(me.id),
      ],
    }, onEvent);
  }

  /** Says the state to all; a server among others says it with a {@linkcode beat}. */
  state(state: StateName, qos: 0 | 1 = 1): void {
    this.#retain(statusOf(this.#options, state, 0), qos);
  }

  /** Says the state, and that this server lives. */
  beat(beat: number): void {
    this.#retain(statusOf(this.#options, this.#options.state(), beat), 1);
  }

  head(user: User, qos: 0 | 1 = 1): void {
    const { me, lease } = this.#options;
    const server = me === undefined ? {} : {
      server: { id: me.id, lease: lease(user.name), address: me.address },
    };
    this.#retain(headOf(user, server), qos);
  }

  /** Says to the user's clients that no server serves them for the moment. */
  moving(user: User): void {
    this.#retain(headOf(user, { server: null }), 1);
  }

  /** Says who serves a user. */
  lease(user: string, message: MsgLease): void {
    this.#retain({ topic: leaseTopic(user), payload: text(message) }, 1);
  }

  /** Subscribes to more, until the link goes down. */
  listen(topics: readonly string[]): void {
    for (let at = 0; at < topics.length; at += TOPICS_AT_ONCE) {
      this.#link.subscribe(topics.slice(at, at + TOPICS_AT_ONCE));
    }
  }

  unlisten(topics: readonly string[]): void {
    this.#link.unsubscribe(topics);
  }

  reply(
    to: { readonly user: string; readonly client: string },
    message: MsgReply | MsgPins,
  ): void {
    const topic = replyTopic(to.user, to.client);
    this.#link.publish(topic, text(message), { qos: 1, retain: false });
  }

  #retain(message: Outgoing, qos: 0 | 1): void {
    this.#link.publish(message.topic, message.payload, { qos, retain: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }
}

interface Outgoing {
  readonly topic: string;
  readonly payload: string;
}

function statusOf(
  { me }: ServerLinkOptions,
  state: StateName,
  beat: number,
): Outgoing {
  const version = PROTOCOL_VERSION;
  if (me === undefined) {
    return { topic: SERVER_TOPIC, payload: text({ version, state }) };
  }
  const { id, boot } = me;
  const payload = text({ version, state, boot, beat });
  return { topic: serverStatusTopic(id), payload };
}

function headOf(
  { name, journal }: User,
  more: Pick<MsgHead, "server">,
): Outgoing {
  const { epoch, stamp } = journal.head();
  const message = { version: PROTOCOL_VERSION, epoch, ...stamp, ...more };
  return { topic: headTopic(name), payload: text(message) };
}

function text(message: object): string {
  return JSON.stringify(message);
}

function targetOf({ options, broker, brokerCa }: ServerLinkOptions) {
  if (broker === undefined) {
    return {
      kind: "url" as const,
      url: options.broker ?? "",
      caPems: brokerCa === undefined ? [] : [brokerCa],
    };
  }
  return { kind: "stream" as const, open: () => broker.connectServer() };
}

/**
 * What `--broker` does not say of the server's own login is in a file that only the server reads. Of
 * several servers each has a login of its own, which is its client id too: a broker ends the older of
 * two connections with one client id.
 */
function loginOf(
  { options, me }: ServerLinkOptions,
): { clientId: string; username?: string; password?: string } {
  const { broker, root } = options;
  if (broker === undefined || me === undefined) {
    return { clientId: SERVER_ACCOUNT };
  }
  if (new URL(broker).username !== "") return { clientId: accountOf(me.id) };
  const { name, secret } = ensureBrokerLogin(serverOwnDirectory(root));
  return { clientId: name, username: name, password: secret };
}

/** For clients and for status: the name and password in the URL are the server's own. */
export function withoutLogin(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}
