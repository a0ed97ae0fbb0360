/**
 * The server's rsync daemon as a child: started again when it ends, and gone when this process is.
 *
 * @module
 */
import { networkOf } from "../core/address.ts";
import { MODULE_VARIABLE } from "../core/rsync_module.ts";
import { DAEMON_FILES } from "../core/rsyncd_config.ts";
import { heard, logger } from "./log.ts";
import { keptText } from "./pump.ts";
import { rsyncStart } from "./rsync_child.ts";

/** Where it listens, where it stands with its configuration, and the root of what it shows. */
export interface DaemonOptions {
  readonly directory: string;
  readonly root: string;
  readonly host: string;
  readonly port: number;
}

/** Told when the daemon is down, with its last words, and when it has been up for a while. */
export interface DaemonWatch {
  onDown(reason: string): void;
  onUp(): void;
}

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;
/** How long it must run to count as up; one that cannot have its port ends at once. */
const SETTLED_MS = 1000;

// A killed server must not leave a daemon behind that keeps the port: the shell ends its whole
// process group, transfers included, as soon as its standard input is closed.
const KEEPER = `
exec 3<&0
rsync "$@" </dev/null 3<&- &
daemon=$!
{ cat <&3 >/dev/null; kill -TERM 0; } &
exec 3<&-
wait "$daemon"
code=$?
trap '' TERM
kill -TERM 0
exit "$code"
`;

const log = logger("rsyncd");

/** Runs the daemon until disposed. */
export function keepRsyncDaemon(
  options: DaemonOptions,
  watch: DaemonWatch,
): AsyncDisposable {
  const stop = Promise.withResolvers<void>();
  let stopped = false;

  async function run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopped) {
      const startedMs = performance.now();
      const reason = await runOnce();
      if (stopped) return;
      log.warn`The rsync daemon ended: ${reason}`;
      watch.onDown(reason);
      if (performance.now() - startedMs > LAST_PAUSE_MS) {
        pauseMs = FIRST_PAUSE_MS;
      }
      await pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
    }
  }

  async function runOnce(): Promise<string> {
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        KEEPER,
        "sinkd-rsyncd",
        "--daemon",
        "--no-detach",
        `--config=${DAEMON_FILES.config}`,
        `--address=${options.host}`,
        `--port=${options.port}`,
        "--log-file=/dev/stderr",
      ],
      ...rsyncStart(options.directory, { [MODULE_VARIABLE]: options.root }),
      detached: true,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const [logged, kept] = child.stderr.tee();
    const logging = logLines(logged);
    const words = keptText(kept);
    const settled = setTimeout(() => watch.onUp(), SETTLED_MS);
    await Promise.race([child.status, stop.promise]);
    clearTimeout(settled);
    await child.stdin.close().catch(ignoreGone);
    const { code } = await child.status;
    await logging;
    const said = (await words).trim().split("\n").slice(-2, -1)[0] ?? "";
    return said === "" ? `exit ${code}` : `${said} (exit ${code})`;
  }

  async function pause(durationMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(over.resolve, durationMs);
    await Promise.race([over.promise, stop.promise]);
    clearTimeout(timer);
  }

  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      stop.resolve();
      await running;
    },
  };
}

async function logLines(stream: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(-1000);
    for (const line of lines) {
      const source = networkOf(
        /\(([0-9a-fA-F.:]+)\)/.exec(line)?.[1] ?? "itself",
      );
      heard(log, { kind: "lines of the rsync daemon", source }).info`${line}`;
    }
  }
}

/** The child may have gone first, and the pipe with it. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof Error)) throw error;
}
