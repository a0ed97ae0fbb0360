/**
 * Which server serves this client's user, where there are several: what the head tells, and the
 * subscription that goes with it.
 *
 * @module
 */
import { serverStatusTopic } from "../core/fleet_protocol.ts";
import type { MsgHead } from "../core/protocol.ts";
import type { Link } from "../io/mqtt_link.ts";

/** What a head says of the server: as before, another one, none for the moment, or one that is not it any more. */
export type Move = "same" | "moved" | "moving" | "outdated";

/** See the module. */
export class ClientHome {
  readonly #joined: string;
  #server: NonNullable<MsgHead["server"]> | undefined;
  #moving = false;

  /** `joined` is the `host:port` that this client joined at. */
  constructor(joined: string) {
    this.#joined = joined;
  }

  /** `host:port` of the data channel. */
  get address(): string {
    const address = this.#server?.address ?? "";
    return address === "" ? this.#joined : address;
  }

  /** Where the server says its state; `undefined` for the one server of an embedded broker. */
  get statusTopic(): string | undefined {
    return this.#server === undefined
      ? undefined
      : serverStatusTopic(this.#server.id);
  }

  /** Takes what a head says. */
  take(server: MsgHead["server"], link: Link | undefined): Move {
    if (server === undefined) return "same";
    if (server === null) {
      this.#moving = true;
      return "moving";
    }
    const known = this.#server;
    if (known !== undefined && server.lease < known.lease) return "outdated";
    this.#server = server;
    // A server that took its user anew heard nothing meanwhile: all is to be said again.
    const same = known?.id === server.id && known.lease === server.lease &&
      !this.#moving;
    this.#moving = false;
    if (same) return "same";
    if (known !== undefined && known.id !== server.id) {
      link?.unsubscribe([serverStatusTopic(known.id)]);
    }
    this.listen(link);
    return "moved";
  }

  /** Subscribes to the server's state, which comes at once; to be said again at each connect. */
  listen(link: Link | undefined): void {
    if (this.statusTopic !== undefined) link?.subscribe([this.statusTopic]);
  }
}
