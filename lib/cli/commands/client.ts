/**
 * `sinkd client`: runs the client in the foreground until SIGTERM or SIGINT; SIGHUP re-reads the
 * configuration.
 *
 * @module
 */
import type { Arguments } from "../arguments.ts";
import { type Context, logPlace } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { clientPlaces, homeDirectory, ownPidFile } from "../places.ts";
import { listenForSignals } from "./signals.ts";

/** See the module. */
export async function client(
  given: Arguments,
  context: Context,
): Promise<number> {
  const options = {
    ...clientPlaces(given, context.around),
    pidFile: ownPidFile(given, context.around),
    home: homeDirectory(context.around),
    log: logPlace(context.around),
  };
  const { runClient } = await import("../../daemon/client.ts");
  using signals = listenForSignals();
  const end = await runClient(options, signals);
  return end === "restart" ? EXIT.restart : EXIT.done;
}
