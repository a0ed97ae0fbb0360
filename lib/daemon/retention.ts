/**
 * Retention: how long the server keeps replaced versions, tombstones, and broken transfers.
 *
 * @module
 */
import { OWN_NAME } from "../core/path.ts";
import { utcDate } from "../core/stamp.ts";
import { lstatIfAny } from "../io/files.ts";
import { logger } from "../io/log.ts";
import { describe } from "./faults.ts";
import type { User } from "./users.ts";

const JOURNAL_DAYS = 90;
const BROKEN_TRANSFER_DAYS = 7;
const DAY_MS = 24 * 60 * 60 * 1000;

const log = logger("retention");

/** Removes what is too old from a user's history, journal and staging. */
export function prune(user: User, historyDays: number): void {
  const nowMs = Date.now();
  try {
    user.journal.prune({
      date: utcDate(nowMs - JOURNAL_DAYS * DAY_MS),
      cycle: 0,
    });
    const oldest = utcDate(nowMs - historyDays * DAY_MS);
    removeNames(
      `${user.directory}/${OWN_NAME}/history`,
      (name) => Number.parseInt(name) < oldest,
    );
    const broken = `${user.directory}/${OWN_NAME}/incoming`;
    const busy = new Set(
      user.journal.pendingIntents().map(({ stage }) => stage),
    );
    removeNames(broken, (name) => {
      const madeMs = lstatIfAny(`${broken}/${name}`)?.mtime?.getTime() ?? nowMs;
      return !busy.has(`${broken}/${name}`) &&
        nowMs - madeMs > BROKEN_TRANSFER_DAYS * DAY_MS;
    });
  } catch (error) {
    log.error`Old versions of ${user.name} could not be removed: ${
      describe(error)
    }`;
  }
}

function removeNames(
  directory: string,
  isOld: (name: string) => boolean,
): void {
  if (lstatIfAny(directory) === undefined) return;
  for (const { name } of Deno.readDirSync(directory)) {
    if (isOld(name)) {
      Deno.removeSync(`${directory}/${name}`, { recursive: true });
    }
  }
}
