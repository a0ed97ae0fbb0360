/**
 * What the server says through the broker: its state, the users' heads, answers to clients.
 *
 * @module
 */
import { SERVER_ACCOUNT } from "../core/broker_acl.ts";
import {
  ALL_CLIENTS_TOPIC,
  headTopic,
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

/** Which broker, and how to know it. */
export interface ServerLinkOptions {
  readonly options: Pick<ServerOptions, "broker" | "root">;
  readonly broker: Broker | undefined;
  readonly brokerCa: string | undefined;
}

/** The server's own link; closed by its disposal. What is said while it is down is dropped. */
export class ServerLink implements AsyncDisposable {
  readonly #link: Link;

  constructor(options: ServerLinkOptions, onEvent: (event: LinkEvent) => void) {
    this.#link = openLink({
      target: targetOf(options),
      ...loginOf(options),
      clientId: SERVER_ACCOUNT,
      will: {
        topic: SERVER_TOPIC,
        payload: statusText("Offline"),
        retain: true,
      },
      subscriptions: [ALL_CLIENTS_TOPIC],
    }, onEvent);
  }

  state(state: StateName, qos: 0 | 1 = 1): void {
    this.#link.publish(SERVER_TOPIC, statusText(state), { qos, retain: true });
  }

  head(user: User, qos: 0 | 1 = 1): void {
    const { epoch, stamp } = user.journal.head();
    const text = JSON.stringify({ version: PROTOCOL_VERSION, epoch, ...stamp });
    this.#link.publish(headTopic(user.name), text, { qos, retain: true });
  }

  reply(
    to: { readonly user: string; readonly client: string },
    message: MsgReply | MsgPins,
  ): void {
    const text = JSON.stringify(message);
    const topic = replyTopic(to.user, to.client);
    this.#link.publish(topic, text, { qos: 1, retain: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }
}

function statusText(state: StateName): string {
  return JSON.stringify({ version: PROTOCOL_VERSION, state });
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

/** What `--broker` does not say of the server's own login is in a file that only the server reads. */
function loginOf(
  { options }: ServerLinkOptions,
): { username: string; password: string } | undefined {
  const { broker, root } = options;
  if (broker === undefined || new URL(broker).username !== "") return;
  const { name, secret } = ensureBrokerLogin(serverOwnDirectory(root));
  return { username: name, password: secret };
}

/** For clients and for status: the name and password in the URL are the server's own. */
export function withoutLogin(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}
