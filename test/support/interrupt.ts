/**
 * Processes that end or stand still for a while.
 *
 * @module
 */
import { readPid } from "../../lib/io/pid_file.ts";
import type { DaemonProcess } from "./daemon_process.ts";
import { signalIfAlive } from "./detached.ts";
import { pause } from "./waiting.ts";

/** Kills a process, and starts it again `ms` later. */
export async function killFor(
  process: DaemonProcess,
  ms: number,
): Promise<void> {
  await process.kill();
  try {
    await pause(ms);
  } finally {
    await process.start();
  }
}

/** Has a process stand still for `ms`, as on a machine that sleeps. */
export async function standStillFor(
  process: DaemonProcess,
  ms: number,
): Promise<void> {
  const pid = readPid(process.pidFile);
  if (pid === undefined) throw new Error("Cannot pause: it does not run");
  signalIfAlive(pid, "SIGSTOP");
  try {
    await pause(ms);
  } finally {
    signalIfAlive(pid, "SIGCONT");
  }
}
