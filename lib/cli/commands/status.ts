/**
 * `sinkd status`: the report of the server or client that runs, as text or JSON, once or at each
 * change.
 *
 * @module
 */
import type { StatusReport } from "../../core/status.ts";
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT, exitCodeOfReport } from "../exit_codes.ts";
import { renderJson } from "../render/json.ts";
import { renderText } from "../render/text.ts";
import { ask, printReply } from "./ask.ts";

const LOOK_EVERY_MS = 250;
/** "3 s ago" grows old: redraw at least this often on a terminal. */
const REDRAW_MS = 1_000;

/** See the module. */
export async function status(
  given: Arguments,
  context: Context,
): Promise<number> {
  if (given.flag("watch")) return await watch(given, context);
  const { reply } = await ask(given, context.around, { command: "status" });
  if (!reply.ok) return printReply(reply, context);
  const report = reply.report;
  if (report === undefined) {
    throw new Error("Cannot show the status: the answer has no report");
  }
  context.out(render(report, given, context));
  return exitCodeOfReport(report);
}

async function watch(given: Arguments, context: Context): Promise<number> {
  const interrupted = Promise.withResolvers<void>();
  const onSignal = () => interrupted.resolve();
  Deno.addSignalListener("SIGINT", onSignal);
  Deno.addSignalListener("SIGTERM", onSignal);
  const json = given.flag("json");
  let shown = "";
  let shownAtMs = 0;
  let code: number = EXIT.working;
  let done = false;
  try {
    while (!done) {
      const { reply } = await ask(given, context.around, { command: "status" });
      if (!reply.ok) return printReply(reply, context);
      if (reply.report === undefined) return EXIT.working;
      code = exitCodeOfReport(reply.report);
      const facts = JSON.stringify(reply.report);
      const stale = context.isTerminal && !json &&
        Date.now() - shownAtMs >= REDRAW_MS;
      if (facts !== shown || stale) {
        const clear = context.isTerminal && !json ? "\x1b[H\x1b[2J" : "";
        const gap = shown === "" || clear !== "" || json ? "" : "\n";
        context.out(clear + gap + render(reply.report, given, context));
        shown = facts;
        shownAtMs = Date.now();
      }
      done = await endsWithin(LOOK_EVERY_MS, interrupted.promise);
    }
  } finally {
    Deno.removeSignalListener("SIGINT", onSignal);
    Deno.removeSignalListener("SIGTERM", onSignal);
  }
  return code;
}

function render(
  report: StatusReport,
  given: Arguments,
  context: Context,
): string {
  return given.flag("json")
    ? renderJson(report)
    : renderText(report, { nowMs: Date.now(), colour: context.colour });
}

async function endsWithin(ms: number, end: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([late, end.then(() => true)]);
  } finally {
    clearTimeout(timer);
  }
}
