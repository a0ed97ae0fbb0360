/**
 * Stands in for the server or client behind `start`: holds the pid file, answers on the control
 * socket, stops when asked. With `--jobs 13` it fails at once, as a wrong configuration would.
 *
 * @module
 */
import { openControl } from "../../lib/io/control.ts";
import { lockPidFile, socketPathOf } from "../../lib/io/pid_file.ts";
import { serverReport } from "./reports.ts";

const log = Deno.env.get("SINKD_LOG") ?? "/dev/null";
if (Deno.args.includes("--jobs=13")) {
  await Deno.writeTextFile(log, "sinkd: Cannot run: jobs are unlucky\n", {
    append: true,
  });
  Deno.exit(2);
}
const pidFile = Deno.args.find((argument) => argument.startsWith("--pid="))
  ?.slice("--pid=".length) ?? "";
await using lock = lockPidFile(pidFile);
if (lock === undefined) Deno.exit(1);
const end = Promise.withResolvers<void>();
await using _control = await openControl(socketPathOf(pidFile), (request) => {
  switch (request.command) {
    case "status":
      return Promise.resolve({
        ok: true,
        report: serverReport({ pid: Deno.pid }),
      });
    case "stop":
      end.resolve();
      return Promise.resolve({ ok: true });
    default:
      return Promise.resolve({ ok: true, message: `did ${request.command}` });
  }
});
await end.promise;
