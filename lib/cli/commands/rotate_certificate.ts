/**
 * `sinkd server rotate-certificate`: makes the server's next certificate, and has it take over later,
 * or now.
 *
 * @module
 */
import { UsageError } from "../../core/fault.ts";
import {
  nextCertificate,
  prepareCertificate,
  switchCertificate,
} from "../../io/certificate_rotation.ts";
import { assertServerRoot, serverOwnDirectory } from "../../io/server_root.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { serverRoot } from "../places.ts";
import { tryAskServer } from "./ask.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_DAYS = 30;

/** See the module. */
export async function rotateCertificate(
  given: Arguments,
  context: Context,
): Promise<number> {
  const root = serverRoot(given, context.around);
  await assertServerRoot(root);
  const directory = serverOwnDirectory(root);
  const before = nextCertificate(directory);
  if (given.flag("now")) {
    if (before === undefined) {
      throw new UsageError(
        "Cannot change the certificate now: no machine knows the next one yet; run 'sinkd server rotate-certificate' first, and this when they have been connected",
      );
    }
    switchCertificate(directory);
    await tellServer(given, context);
    context.out(
      `The certificate is now ${before.fingerprint}.\nA machine that has not been connected since it was made must join again with a new link; links made before no longer work.\n`,
    );
    return EXIT.done;
  }
  const days = given.text("days");
  const next = before !== undefined && days === undefined
    ? before
    : await prepareCertificate(
      directory,
      Date.now() + Number(days ?? DEFAULT_DAYS) * DAY_MS,
    );
  await tellServer(given, context);
  const due = new Date(next.dueMs).toISOString().slice(0, 16);
  context.out(
    `The next certificate is ${next.fingerprint}.\nMachines learn it when they are connected, and the server shows it from ${due}Z on, or after 'sinkd server rotate-certificate --now'.\nA machine that is away all that time must join again with a new link.\n`,
  );
  return EXIT.done;
}

/** The files are what counts; a server that runs reads them again. */
async function tellServer(given: Arguments, context: Context): Promise<void> {
  const running = await tryAskServer(given, context.around, {
    command: "status",
  });
  if (running?.reply.ok !== true || running.reply.report?.role !== "server") {
    return;
  }
  const told = await tryAskServer(given, context.around, { command: "reload" });
  if (told?.reply.ok === false) {
    context.say(
      `sinkd: done, but the server that runs did not take it: ${told.reply.message}; restart it`,
    );
  }
}
