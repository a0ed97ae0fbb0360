/**
 * Fetching what a client's edits need: as far as there is space, by a call of rsync for each kind.
 *
 * @module
 */
import type { EditChange, Transfer } from "../core/channel_protocol.ts";
import type { RelativePath } from "../core/path.ts";
import { needOf, type Shortage } from "../core/room.ts";
import { namesFull, type Outcome, rsyncOutcome } from "../core/rsync.ts";
import { NO_SPACE, WAITS_FOR_SPACE } from "../core/server_commit.ts";
import type { Serving } from "./serve_turn.ts";

/** What came of fetching: rsync's words, what does not fit, and why paths wait that were not fetched. */
interface Fetch {
  readonly stderr: string;
  readonly short: ReadonlyMap<RelativePath, Shortage>;
  readonly waiting: ReadonlyMap<RelativePath, string>;
}

/** Fetches what there is space for; one file that does not fit keeps back no other. */
export async function fetchWhatFits(
  turn: Serving,
  { fetched, stage, transfer }: {
    fetched: readonly EditChange[];
    stage: string;
    transfer: Transfer;
  },
): Promise<Fetch> {
  const claim = turn.room.claim(
    stage,
    fetched.map(({ path, entry, data }) => ({
      path,
      bytes: entry === undefined ? 0 : needOf(entry, data),
    })),
  );
  try {
    const going = fetched.filter(({ path }) => !claim.left.has(path));
    const { signal } = claim;
    const call = await fetchFiles(turn, { going, stage, transfer, signal });
    const short = new Map(claim.left);
    const waiting = new Map(
      [...claim.left.keys()].map((path) => [path, NO_SPACE]),
    );
    if (call.full) {
      const lacking = await missingOf(turn, { going, stage });
      const culprits = tooLarge(lacking, call.stderr);
      for (const { path } of lacking) waiting.set(path, WAITS_FOR_SPACE);
      for (const [path, room] of claim.overflow(culprits)) {
        short.set(path, room);
        waiting.set(path, NO_SPACE);
      }
    }
    return { stderr: call.stderr, short, waiting };
  } finally {
    claim.release();
  }
}

async function fetchFiles(
  turn: Serving,
  { going, stage, transfer, signal }: {
    going: readonly EditChange[];
    stage: string;
    transfer: Transfer;
    signal: AbortSignal;
  },
): Promise<{ stderr: string; full: boolean }> {
  let stderr = "";
  for (const remote of ["", ".sinkd/outgoing"]) {
    for (const verify of [false, true]) {
      const some = going.filter((edit) =>
        (edit.verify === true) === verify &&
        (edit.snapshot === true) === (remote !== "")
      );
      const paths = some.map(({ path }) => path);
      if (paths.length === 0) continue;
      const end = await turn.line.rsync({
        direction: "edits",
        local: stage,
        remote,
        compareDest: turn.tree.live(turn.scope),
        verify,
        transfer,
        paths,
        // What is left out of a comparison would pass for equal.
        ...(verify ? {} : { maxBytes: largestOf(some) }),
        signal,
      });
      stderr += end.stderr;
      if (signal.aborted) return { stderr, full: true };
      const outcome = settle(end.code, end.stderr);
      if (outcome.kind === "hold" && outcome.full) {
        return { stderr, full: true };
      }
      if (outcome.kind === "retry") {
        throw new Error(`Cannot transfer: ${outcome.reason}`);
      }
    }
  }
  return { stderr, full: false };
}

function largestOf(edits: readonly EditChange[]): number {
  return edits.reduce(
    (most, { entry }) =>
      entry?.kind === "file" ? Math.max(most, entry.size) : most,
    0,
  );
}

/** What is not whole in the stage. */
async function missingOf(
  { tree }: Serving,
  { going, stage }: { going: readonly EditChange[]; stage: string },
): Promise<EditChange[]> {
  const lacking: EditChange[] = [];
  for (const edit of going) {
    if (edit.entry === undefined) continue;
    const expected = { entry: edit.entry, verify: false, stderr: "" };
    const { kind } = await tree.checkStaged(stage, edit.path, expected);
    if (kind === "left") lacking.push(edit);
  }
  return lacking;
}

/** Which of them filled the disk: those that rsync names, else the largest. */
function tooLarge(
  lacking: readonly EditChange[],
  stderr: string,
): RelativePath[] {
  const named = lacking.filter(({ path }) => namesFull(path, stderr));
  if (named.length > 0) return named.map(({ path }) => path);
  const size = ({ entry, data }: EditChange) =>
    entry === undefined ? 0 : needOf(entry, data);
  const [largest] = lacking.toSorted((one, other) => size(other) - size(one));
  return largest === undefined ? [] : [largest.path];
}

/** Throws when nothing can be built on the call. */
export function settle(
  code: number,
  stderr: string,
): Exclude<Outcome, { kind: "fault" }> {
  const outcome = rsyncOutcome(code, stderr);
  const lost = outcome.kind === "retry" && !outcome.begun;
  if (!lost && outcome.kind !== "fault") return outcome;
  throw new Error(`Cannot transfer: ${outcome.reason}`);
}
