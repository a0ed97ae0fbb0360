/**
 * Retention: how long the server keeps replaced versions, tombstones, and broken transfers.
 *
 * @module
 */
import { OWN_NAME } from "../core/path.ts";
import { utcDate } from "../core/stamp.ts";
import { lstatIfAny } from "../io/files.ts";
import { dropOldest, type Leftover, leftoverAt } from "../io/leftovers.ts";
import { logger } from "../io/log.ts";
import { describe } from "./faults.ts";
import { stagePrefix } from "./server_turns.ts";
import type { User } from "./users.ts";

const JOURNAL_DAYS = 90;
const BROKEN_TRANSFER_DAYS = 7;
const DAY_MS = 24 * 60 * 60 * 1000;

const log = logger("retention");

/**
 * Removes what is too old from a user's history, journal and staging; `inUse` names stages of turns.
 * True when anything was removed from the history.
 */
export function prune(
  user: User,
  { historyDays, inUse }: {
    readonly historyDays: number;
    readonly inUse: readonly string[];
  },
): boolean {
  const nowMs = Date.now();
  let isLess = false;
  try {
    pruneBroken(user, inUse);
    isLess = removeOldHistory(user, utcDate(nowMs - historyDays * DAY_MS));
    user.journal.prune({
      date: utcDate(nowMs - JOURNAL_DAYS * DAY_MS),
      cycle: 0,
    });
  } catch (error) {
    log.error`Old versions of ${user.name} could not be removed: ${
      describe(error)
    }`;
  }
  return isLess;
}

/** Frees space on a device: broken transfers of all users, oldest first; gives how many bytes. */
export function reclaim(
  users: readonly User[],
  wanted: { readonly device: number; readonly bytes: number },
  inUse: (user: string) => readonly string[],
): number {
  const all = users.flatMap((user) =>
    leftovers(user, inUse(user.name)).map(({ left }) => left)
  );
  const freed = dropOldest(all, wanted);
  if (freed > 0) log.info`${freed} bytes of broken transfers were removed`;
  return freed;
}

/** Nobody waits for the transfers of a machine that was revoked, or of one long away. */
function pruneBroken(user: User, inUse: readonly string[]): void {
  const machines = new Set(
    user.accounts.clients().filter(({ revoked }) => !revoked)
      .map(({ client }) => stagePrefix(client)),
  );
  const oldestMs = Date.now() - BROKEN_TRANSFER_DAYS * DAY_MS;
  for (const { name, left } of leftovers(user, inUse)) {
    const isWanted = machines.has(name.slice(0, name.lastIndexOf("-")));
    if (isWanted && left.changedMs >= oldestMs) continue;
    Deno.removeSync(left.directory, { recursive: true });
  }
}

/** What broken transfers of a user left; nothing that a turn or an unfinished commit uses. */
function leftovers(
  { directory, journal }: User,
  inUse: readonly string[],
): { readonly name: string; readonly left: Leftover }[] {
  const incoming = `${directory}/${OWN_NAME}/incoming`;
  const busy = new Set([
    ...journal.pendingIntents().map(({ stage }) => stage),
    ...inUse.map((name) => `${incoming}/${name}`),
  ]);
  return namesIn(incoming).flatMap((name) => {
    if (busy.has(`${incoming}/${name}`)) return [];
    const left = leftoverAt(`${incoming}/${name}`);
    return left === undefined ? [] : [{ name, left }];
  });
}

function removeOldHistory({ directory }: User, oldest: number): boolean {
  const history = `${directory}/${OWN_NAME}/history`;
  let isLess = false;
  for (const name of namesIn(history)) {
    if (Number.parseInt(name) >= oldest) continue;
    Deno.removeSync(`${history}/${name}`, { recursive: true });
    isLess = true;
  }
  return isLess;
}

function namesIn(directory: string): string[] {
  if (lstatIfAny(directory) === undefined) return [];
  return [...Deno.readDirSync(directory)].map(({ name }) => name);
}
