/**
 * A client's word that it is there but must finish something first: the server ends a turn whose
 * client says nothing for its first ten seconds.
 *
 * @module
 */
import type { ClientMessage } from "../core/channel_protocol.ts";
import type { Channel } from "../io/channel.ts";
import { logger } from "../io/log.ts";
import { describe } from "./faults.ts";

const BUSY_AFTER_MS = 2_000;

const log = logger("anchor");

/** Says it when it is not disposed within two seconds. */
export function sayBusyLater(channel: Pick<Channel, "send">): Disposable {
  const timer = setTimeout(() => {
    const busy: ClientMessage = { kind: "busy" };
    // When the channel is gone, the turn finds out by itself.
    channel.send(busy).catch((error) =>
      log.debug`The server could not be told: ${describe(error)}`
    );
  }, BUSY_AFTER_MS);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
