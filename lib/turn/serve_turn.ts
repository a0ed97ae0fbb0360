/**
 * The server's side of a turn: brings one client up to date, then takes its edits.
 *
 * @module
 */
import {
  BATCH_BYTES,
  BATCH_PATHS,
  BATCHES_PER_TURN,
  type ClientMessage,
  type EditChange,
  type IncomingChange,
  inMessages,
  type Transfer,
} from "../core/channel_protocol.ts";
import { sameContent } from "../core/entry.ts";
import {
  ancestorsOf,
  nameOf,
  parentOf,
  type RelativePath,
} from "../core/path.ts";
import { HOLES_FROM_BYTES, type Shortage } from "../core/room.ts";
import { namesFull } from "../core/rsync.ts";
import {
  CHANGED_WHILE_READ,
  needsFetch,
  planServerCommit,
  type ServerPlan,
  type Staged,
} from "../core/server_commit.ts";
import { nextStamp, type Stamp } from "../core/stamp.ts";
import type {
  Journal,
  Room,
  Scope,
  ServerIntent,
  ServerLine,
  ServerTree,
} from "../ports.ts";
import { fetchWhatFits, settle } from "./fetch_edits.ts";

/** What a turn works with. */
export interface ServerTurn {
  /** Path of the anchor in the user's tree. */
  readonly path: RelativePath;
  /** Names the staging directory: the same for all turns of one client's anchor. */
  readonly stageName: string;
  /** True when the client may hand in edits: nobody else of this user has a turn. */
  readonly exclusive: boolean;
  readonly line: ServerLine;
  readonly journal: Journal;
  readonly tree: ServerTree;
  readonly room: Room;
  /** Told of paths that do not fit: on the server's disk, or on the client's. */
  readonly onShort?: (
    whose: "server" | "client",
    paths: readonly Short[],
  ) => void;
  /** Today's date, YYYYMMDD in UTC. */
  readonly today: () => number;
  /**
   * Throws when this server does not serve the user any more: asked right before each commit, and
   * before the client is told of it.
   */
  readonly assertServed?: () => void;
  /** Throws when the client's login does not count any more: asked right before each commit. */
  readonly assertAdmitted?: () => void;
  /** Called after every commit, before the client hears of it. */
  readonly onCommit: (stamp: Stamp) => void;
}

/** A path that does not fit, or fits now. */
export interface Short {
  readonly path: RelativePath;
  readonly room: Shortage | undefined;
}

/** A turn whose client has said whether its anchor is a directory or one file. */
export interface Serving extends ServerTurn {
  readonly scope: Scope;
}

/** How a turn ended: the client's stamp, and whether it still has something to do. */
export interface TurnEnd {
  readonly stamp: Stamp;
  readonly more: boolean;
}

type Message<K extends ClientMessage["kind"]> = Extract<
  ClientMessage,
  { kind: K }
>;

/** Carries out intents that a crash left behind; before anything else of this user. */
export async function finishServerIntents(
  journal: Journal,
  tree: ServerTree,
): Promise<void> {
  for (const intent of journal.pendingIntents()) {
    await tree.apply(intent);
    journal.finish(intent);
  }
}

/** Serves one turn over `turn.line`; throws when the channel breaks or the client does not keep to the protocol. */
export async function serveTurn(turn: ServerTurn): Promise<TurnEnd> {
  const { line, journal } = turn;
  const { epoch, stamp } = journal.head();
  await line.send({ kind: "welcome", epoch, head: stamp });
  const have = await expect(line, "have");
  const serving = { ...turn, scope: scopeOf(turn.path, have.single) };
  const update = await bringUpToDate(serving, have);
  if (update.more || !turn.exclusive) {
    await line.send({ kind: "bye", stamp: update.stamp });
    return { stamp: update.stamp, more: update.more || have.edits > 0 };
  }
  return await takeEdits(serving, have.transfer);
}

/** What part of the user's tree an anchor at `path` is. */
export function scopeOf(path: RelativePath, single: boolean): Scope {
  if (!single) return { prefix: path };
  return { prefix: parentOf(path) ?? "", only: nameOf(path) };
}

async function bringUpToDate(
  turn: Serving,
  have: Message<"have">,
): Promise<{ stamp: Stamp; more: boolean }> {
  const { line, journal } = turn;
  const known = have.epoch === journal.head().epoch;
  const set = journal.changesSince(turn.scope, known ? have.stamp : undefined);
  const { complete, to, more } = set;
  const changes = set.changes.map((change) => withData(turn, change));
  await line.send({
    kind: "changes",
    complete,
    count: changes.length,
    to,
    more,
  });
  for (const some of inMessages(changes)) {
    await line.send({ kind: "entries", changes: some });
  }
  const want = await receiveWant(line, changes.length);
  await sendFiles(turn, { ...want, changes, transfer: have.transfer });
  const applied = await expect(line, "applied");
  turn.onShort?.("client", applied.full ?? []);
  return { stamp: applied.stamp, more };
}

/** Tells of a large file what its bytes take, for it may have holes. */
function withData(
  { tree, scope }: Serving,
  change: IncomingChange,
): IncomingChange {
  const { path, entry } = change;
  if (entry?.kind !== "file" || entry.size < HOLES_FROM_BYTES) return change;
  const data = tree.dataBytes(scope, path);
  return data === undefined ? change : { ...change, data };
}

/** A client asks for each of `count` changes once at most, so that no list grows without end. */
async function receiveWant(
  line: ServerLine,
  count: number,
): Promise<{ plain: number[]; verify: number[] }> {
  const plain: number[] = [];
  const verify: number[] = [];
  for (;;) {
    const want = await expect(line, "want");
    const empty = want.plain.length + want.verify.length === 0;
    if (empty && !want.last) throw new Error("Cannot send nothing: it asks on");
    for (const index of want.plain) plain.push(index);
    for (const index of want.verify) verify.push(index);
    if (plain.length + verify.length > count) {
      throw new Error(`Cannot send more than the ${count} paths of the list`);
    }
    if (want.last) return { plain, verify };
  }
}

async function sendFiles(
  turn: Serving,
  want: {
    plain: number[];
    verify: number[];
    changes: readonly IncomingChange[];
    transfer: Transfer;
  },
): Promise<void> {
  let detail = "";
  let broke: string | undefined;
  const full: number[] = [];
  for (const verify of [false, true]) {
    const paths = (verify ? want.verify : want.plain).map((index) => {
      const change = want.changes[index];
      if (change?.entry === undefined) {
        throw new Error(`Cannot send path ${index}: it is not in the list`);
      }
      return change.path;
    });
    if (paths.length === 0) continue;
    const end = await turn.line.rsync({
      direction: "update",
      local: turn.tree.live(turn.scope),
      remote: `.sinkd/incoming`,
      compareDest: "/",
      verify,
      transfer: want.transfer,
      paths,
    });
    // Whatever broke: the client looks at what came, and says what it lacks.
    const outcome = settle(end.code, end.stderr);
    if (outcome.kind !== "done") detail = end.stderr;
    if (outcome.kind === "retry") broke = outcome.reason;
    if (outcome.kind !== "hold") continue;
    for (const index of verify ? want.verify : want.plain) {
      const path = want.changes[index]?.path;
      if (path !== undefined && namesFull(path, end.stderr)) full.push(index);
    }
  }
  detail = detail.slice(0, 1000);
  await turn.line.send({
    kind: "staged",
    detail,
    ...(broke === undefined ? {} : { broke }),
    ...(full.length === 0 ? {} : { full }),
  });
}

async function takeEdits(
  turn: Serving,
  transfer: Transfer,
): Promise<TurnEnd> {
  const { line, journal } = turn;
  for (let batch = 1;; batch++) {
    await line.send({ kind: "take", paths: BATCH_PATHS, bytes: BATCH_BYTES });
    const offered = await receiveEdits(line);
    let more = offered.more;
    if (!more) {
      const wanted = offered.changes.map(({ path }) => path);
      turn.tree.trimStage(turn.stageName, new Set(wanted));
    }
    if (offered.changes.length > 0) {
      const left = await commitEdits(turn, {
        edits: offered.changes,
        transfer,
      });
      await line.send({ kind: "committed", stamp: journal.head().stamp, left });
      more = (await expect(line, "agreed")).more;
    }
    if (!more || batch === BATCHES_PER_TURN) {
      const { stamp } = journal.head();
      await line.send({ kind: "bye", stamp });
      return { stamp, more };
    }
  }
}

async function receiveEdits(
  line: ServerLine,
): Promise<{ changes: EditChange[]; more: boolean }> {
  const { count, more } = await expect(line, "edits");
  if (count > BATCH_PATHS) {
    throw new Error(`Cannot take ${count} paths: ${BATCH_PATHS} are allowed`);
  }
  const changes: EditChange[] = [];
  while (changes.length < count) {
    const some = (await expect(line, "entries")).changes;
    if (some.length === 0) throw new Error("Cannot take edits: an empty list");
    changes.push(...some);
  }
  if (changes.length > count) throw new Error("Cannot take edits: too many");
  return { changes, more };
}

async function commitEdits(
  turn: Serving,
  { edits, transfer }: { edits: readonly EditChange[]; transfer: Transfer },
): Promise<{ index: number; reason: string }[]> {
  const { line, tree, journal, scope } = turn;
  const outside = edits.find(({ path }) =>
    scope.only !== undefined && path !== scope.only
  );
  if (outside !== undefined) {
    throw new Error(
      `Cannot take ${JSON.stringify(outside.path)}: it is outside the anchor`,
    );
  }
  const barred = barredEdits(turn, edits);
  const stage = await tree.openStage(turn.stageName);
  const entryAt = (path: RelativePath) => journal.entryAt(scope, path);
  const fetched = edits.filter((edit, index) =>
    !barred.has(index) && needsFetch(edit, entryAt(edit.path))
  );
  const fetch = await fetchWhatFits(turn, { fetched, stage, transfer });
  await line.send({ kind: "check" });
  const changed = new Set((await expect(line, "checked")).changed);
  for (const index of barred.keys()) changed.add(index);
  const staged = new Map<RelativePath, Staged>();
  for (const { path, entry, verify } of fetched) {
    if (entry === undefined) continue;
    const waits = fetch.waiting.get(path);
    if (waits !== undefined) {
      staged.set(path, { kind: "left", reason: waits });
      continue;
    }
    const current = entryAt(path);
    const compared = verify === true && current !== undefined &&
      sameContent(current, entry);
    const expected = { entry, verify: compared, stderr: fetch.stderr };
    staged.set(path, await tree.checkStaged(stage, path, expected));
  }
  const moved = {
    kind: "left",
    reason: CHANGED_WHILE_READ,
  } as const;
  leaveBelow(edits, changed);
  const steady = edits.map((edit, index) => ({ edit, index }))
    .filter(({ index }) => !changed.has(index));
  const plan = planServerCommit(steady.map(({ edit }) => edit), {
    entryAt,
    childCount: (path) => journal.childCount(scope, path),
    staged: (path) => staged.get(path) ?? moved,
  });
  await commitPlan(turn, { plan, stage });
  await tree.closeStage(stage);
  turn.onShort?.(
    "server",
    edits.map(({ path }) => ({ path, room: fetch.short.get(path) })),
  );
  return [
    ...[...changed].map((index) => ({
      index,
      reason: barred.get(index) ?? moved.reason,
    })),
    ...plan.left.map(({ index, reason }) => {
      const of = steady[index];
      const room = of === undefined ? undefined : fetch.short.get(of.edit.path);
      return {
        index: of?.index ?? 0,
        reason,
        ...(room === undefined ? {} : { room }),
      };
    }),
  ];
}

/** Edits that cannot be carried out on this disk, whatever is tried: no bytes move for them. */
function barredEdits(
  { tree, scope }: Serving,
  edits: readonly EditChange[],
): Map<number, string> {
  const barred = new Map<number, string>();
  for (const [index, { path, entry }] of edits.entries()) {
    const reason = tree.obstacle(scope, path, entry);
    if (reason !== undefined) barred.set(index, reason);
  }
  return barred;
}

/** What lies in something new that changed meanwhile goes with it the next time, and not into a directory that nobody sent. */
function leaveBelow(edits: readonly EditChange[], changed: Set<number>): void {
  const left = new Set([...changed].map((index) => edits[index]?.path));
  for (const [index, { path, entry }] of edits.entries()) {
    if (entry === undefined) continue;
    if (ancestorsOf(path).some((above) => left.has(above))) changed.add(index);
  }
}

async function commitPlan(
  turn: Serving,
  { plan, stage }: { plan: ServerPlan; stage: string },
): Promise<void> {
  if (plan.rows.length === 0) return;
  const { journal, tree, scope } = turn;
  const intent: ServerIntent = {
    scope,
    stage,
    stamp: nextStamp(journal.head().stamp, turn.today()),
    steps: plan.steps,
    rows: plan.rows,
  };
  turn.assertServed?.();
  turn.assertAdmitted?.();
  journal.prepare(intent);
  await tree.apply(intent);
  journal.finish(intent);
  turn.assertServed?.();
  turn.onCommit(intent.stamp);
}

async function expect<K extends ClientMessage["kind"]>(
  line: ServerLine,
  kind: K,
): Promise<Message<K>> {
  const message = await line.receive();
  if (message.kind === kind) return message as Message<K>;
  if (message.kind === "fail") {
    throw new Error(
      `Cannot go on with the transfer: the client says ${message.message}`,
    );
  }
  throw new Error(
    `Cannot go on with the transfer: got '${message.kind}', not '${kind}'`,
  );
}
