/**
 * The client's side of a turn: takes in what the server has, then hands in its own edits.
 *
 * @module
 */
import {
  type EditChange,
  type IncomingChange,
  INDEXES_PER_MESSAGE,
  inMessages,
  type ServerMessage,
  TOLD_SHORTAGES,
  type Transfer,
} from "../core/channel_protocol.ts";
import { type Decided, planClientCommit } from "../core/client_commit.ts";
import {
  type Entry,
  type Found,
  sameContent,
  sameFound,
  sameOrBothAbsent,
} from "../core/entry.ts";
import { ancestorsOf, isWithin, type RelativePath } from "../core/path.ts";
import {
  decide,
  type Decision,
  isSuspect,
  needsTransfer,
} from "../core/reconcile.ts";
import { type Need, needOf, type Shortage } from "../core/room.ts";
import { compareStamps, type Stamp, ZERO_STAMP } from "../core/stamp.ts";
import {
  type ApartPlan,
  isInTheWay,
  leftOver,
  planBeyond,
  planClash,
  planInTheWay,
  rejoined,
} from "./apart.ts";
import type { IncomingGuard } from "./incoming_guard.ts";
import type {
  Agreement,
  Base,
  BaseRow,
  Batch,
  ClientDisk,
  ClientIntent,
  ClientLine,
  Edits,
  LeftPath,
  PlannedAgreement,
  Position,
  Room,
  RoomClaim,
} from "../ports.ts";

/** What a turn works with. */
export interface ClientTurn {
  readonly line: ClientLine;
  readonly base: Base;
  readonly disk: ClientDisk;
  readonly edits: Edits;
  readonly guard: IncomingGuard;
  /** Space where the server's versions are staged. */
  readonly room: Room;
  readonly transfer: Transfer;
  /** True when the anchor is one file. */
  readonly single: boolean;
  /** A free conflict name for a path. */
  readonly copyName: (path: RelativePath) => string;
}

/** How a turn ended: where the anchor stands, what could not be brought in, which copies were made. */
export interface ClientTurnEnd {
  readonly position: Position;
  readonly behind: boolean;
  readonly left: readonly LeftPath[];
  readonly copies: readonly string[];
  /** The server's words when a transfer was not whole. */
  readonly detail: string;
}

type Message<K extends ServerMessage["kind"]> = Extract<
  ServerMessage,
  { kind: K }
>;

interface Candidate {
  readonly change: IncomingChange;
  readonly row: BaseRow;
  readonly local: Found | undefined;
  readonly decision: Decision;
}

/** Carries out an intent that a crash left behind; before anything else of this anchor. */
export async function finishClientIntent(
  base: Base,
  disk: ClientDisk,
  edits: Edits,
): Promise<void> {
  const intent = base.intent();
  if (intent !== undefined) await commit({ base, disk, edits }, intent);
}

/** Takes one turn over `turn.line`; throws when the channel breaks or the server gives up. */
export async function takeTurn(turn: ClientTurn): Promise<ClientTurnEnd> {
  const { line, base, edits } = turn;
  const welcome = await expect(line, "welcome");
  if (mustJoin(base.position(), welcome)) {
    const hadRecord = base.position().epoch !== "";
    base.forget();
    // What was agreed with another tree may be missing in this one, and no event tells of it.
    if (hadRecord) edits.renewed();
  }
  const { epoch, stamp } = base.position();
  await line.send({
    kind: "have",
    epoch,
    stamp,
    edits: edits.count(),
    single: turn.single,
    transfer: turn.transfer,
  });
  const update = await takeUpdate(turn, welcome.epoch);
  const full = update.left.flatMap(({ path, room }) =>
    room === undefined ? [] : [{ path, room }]
  ).slice(0, TOLD_SHORTAGES);
  await line.send({
    kind: "applied",
    stamp: base.position().stamp,
    left: update.left.length,
    ...(full.length === 0 ? {} : { full }),
  });
  const inStep = !update.more && update.left.length === 0;
  for (;;) {
    const message = await line.receive();
    if (message.kind === "take") {
      await handIn(turn, { limits: message, left: update.left, inStep });
    } else if (message.kind === "bye") {
      return { ...update, behind: !inStep, position: base.position() };
    } else throw unexpected(message, "take");
  }
}

/** A server with another epoch, or with less than this client had from it, is joined as at first. */
function mustJoin(position: Position, welcome: Message<"welcome">): boolean {
  return position.epoch !== welcome.epoch ||
    compareStamps(position.stamp, welcome.head) > 0;
}

async function takeUpdate(
  turn: ClientTurn,
  epoch: string,
): Promise<
  { left: LeftPath[]; copies: readonly string[]; more: boolean; detail: string }
> {
  const { line } = turn;
  const header = await expect(line, "changes");
  const changes = await receiveChanges(turn, header);
  const considered = consider(turn, changes);
  const { barred, apart } = considered;
  const candidates = guarded(turn, considered.candidates);
  const fetch = await fetchWhatFits(turn, { changes, candidates });
  const position = { epoch, stamp: header.to };
  const update = { candidates, barred, apart, fetch, position };
  const { intent, left } = await planUpdate(turn, update);
  const result = await commit(turn, intent);
  for (const { change, decision } of candidates) {
    if (decision.kind === "ignore") rejoined(turn, change.path, change.entry);
  }
  await turn.disk.closeStage();
  left.push(...result.left);
  return {
    left,
    copies: result.copies,
    more: header.more,
    detail: fetch.detail,
  };
}

/** The server's list; of a complete one, what has a base and is not named was deleted. */
async function receiveChanges(
  turn: ClientTurn,
  header: Message<"changes">,
): Promise<IncomingChange[]> {
  const changes: IncomingChange[] = [];
  while (changes.length < header.count) {
    const some = (await expect(turn.line, "entries")).changes;
    if (some.length === 0 || changes.length + some.length > header.count) {
      throw new Error(
        "Cannot go on with the transfer: the server's list is not as long as it said",
      );
    }
    changes.push(...some);
  }
  if (!header.complete) return changes;
  const named = new Set(changes.map(({ path }) => path));
  const gone = [...turn.base.bases().keys()].filter((path) => !named.has(path));
  return [...changes, ...gone.map((path) => ({ path }))];
}

/** Deletes what was deleted elsewhere and waited for a person; gives what could not be. */
export async function deleteHeld(
  work: Pick<ClientTurn, "base" | "disk" | "edits" | "copyName">,
): Promise<readonly LeftPath[]> {
  const { base } = work;
  const changes = [...base.held()].map((path) => ({ path }));
  const { intent, left } = await planUpdate(work, {
    ...consider(work, changes),
    fetch: NOTHING_FETCHED,
    position: base.position(),
  });
  const result = await commit(work, intent);
  return [...left, ...result.left];
}

/** What may go on: without deletions that wait for a person, with those that need not wait any more. */
function guarded(
  turn: ClientTurn,
  candidates: readonly Candidate[],
): readonly Candidate[] {
  const { base, guard } = turn;
  const held = base.held();
  const losses = candidates.filter((candidate) =>
    isLoss(candidate) && !held.has(candidate.change.path)
  );
  const counted = losses.filter(({ change }) => change.newcomer !== true);
  const paths = counted.map(({ change }) => change.path);
  const { hold, release } = guard.judge({
    paths,
    known: base.count() - (losses.length - counted.length),
    held,
    news: candidates.filter(({ change, row }) =>
      change.entry !== undefined && row.base === undefined
    ).length,
  });
  base.hold(hold);
  const released = new Set(release);
  const staying = [...base.held()].filter((path) => !released.has(path));
  // One that still holds something cannot go, and would come to the server as new.
  const above = new Set(staying.flatMap(ancestorsOf));
  const around = losses.map(({ change }) => change.path)
    .filter((path) => above.has(path) && !base.held().has(path));
  base.hold(around);
  guard.holdAround(around);
  const waiting = base.held();
  const going = candidates.filter((candidate) => {
    const { path } = candidate.change;
    return !isLoss(candidate) || !waiting.has(path) || released.has(path);
  });
  const named = new Set(candidates.map(({ change }) => change.path));
  const more = release.filter((path) => !named.has(path));
  return [
    ...going,
    ...consider(turn, more.map((path) => ({ path }))).candidates,
  ];
}

/** True when what is here as it was agreed is to be deleted. */
function isLoss({ change, local, decision }: Candidate): boolean {
  return change.entry === undefined && local !== undefined &&
    decision.kind === "take";
}

/** Looks at every changed path; one that cannot be read or carried here is left as it is. */
function consider(
  turn: Pick<ClientTurn, "base" | "disk" | "copyName">,
  changes: readonly IncomingChange[],
): { candidates: Candidate[]; barred: LeftPath[]; apart: ApartPlan[] } {
  const candidates: Candidate[] = [];
  const barred: LeftPath[] = [];
  const apart: ApartPlan[] = [];
  const blocked = new Set<RelativePath>();
  for (const change of changes) {
    const { path, entry: incoming, versions = [], rewritten } = change;
    const row = turn.base.row(path);
    // What is gone there was what was agreed.
    if (turn.disk.passesOver(path, incoming ?? row.base?.entry)) {
      if (incoming !== undefined && turn.disk.isBeyond(path, incoming)) {
        apart.push(planBeyond(turn, path, incoming));
      }
      continue;
    }
    const look = turn.disk.look(path);
    if (look.kind === "unreadable" || look.kind === "uncarriable") {
      barred.push({ path, reason: `what is here ${look.cause}` });
      continue;
    }
    const local = look.kind === "found" ? look.found : undefined;
    if (
      incoming !== undefined && isInTheWay(turn.disk, path, { incoming, local })
    ) {
      apart.push(planInTheWay(path, incoming));
      if (incoming.kind === "directory") blocked.add(path);
      continue;
    }
    const { base, sent } = row;
    const decision = decide({
      incoming,
      versions,
      base,
      local,
      sent,
      rewritten: rewritten === true,
    });
    const obstacle = changesFiles(decision)
      ? turn.disk.obstacle(path)
      : undefined;
    if (obstacle !== undefined) {
      barred.push(obstacle);
      continue;
    }
    candidates.push({ change, row, local, decision });
  }
  if (blocked.size === 0) return { candidates, barred, apart };
  const isBelow = ({ change: { path } }: Candidate) =>
    ancestorsOf(path).some((above) => blocked.has(above));
  for (const { change: { path, entry } } of candidates.filter(isBelow)) {
    if (entry !== undefined) apart.push(planInTheWay(path, entry));
  }
  return {
    candidates: candidates.filter((candidate) => !isBelow(candidate)),
    barred,
    apart,
  };
}

/** True when a decision is carried out by steps. */
function changesFiles({ kind }: Decision): boolean {
  switch (kind) {
    case "take":
    case "renew":
    case "compare":
    case "conflict":
      return true;
    case "ignore":
    case "adopt":
    case "rebase":
    case "keep":
      return false;
  }
}

/** What came of fetching an update: the stage, what bytes were compared, and what does not fit. */
interface Fetch {
  readonly stage: string;
  readonly verified: ReadonlySet<RelativePath>;
  readonly short: ReadonlyMap<RelativePath, Shortage>;
  /** The server's words, and why a call broke, if one did. */
  readonly detail: string;
  readonly broke: string | undefined;
}

const NOTHING_FETCHED: Fetch = {
  stage: "",
  verified: new Set(),
  short: new Map(),
  detail: "",
  broke: undefined,
};

/** Fetches what there is space for; one file that does not fit keeps back no other, and no deletion. */
async function fetchWhatFits(
  turn: ClientTurn,
  { changes, candidates }: {
    changes: readonly IncomingChange[];
    candidates: readonly Candidate[];
  },
): Promise<Fetch> {
  const { line, disk, room } = turn;
  const wanted = candidates.filter(({ change, decision, local }) =>
    needsTransfer(decision, { incoming: change.entry, local })
  );
  const stage = wanted.length > 0 ? await disk.openStage() : "";
  disk.trimStage(new Set(wanted.map(({ change }) => change.path)));
  const needs = wanted.map(({ change: { path, entry, data } }) => ({
    path,
    bytes: entry === undefined ? 0 : needOf(entry, data),
  }));
  const claim = room.claim(stage, needs);
  try {
    const paths = new Set(
      needs.map(({ path }) => path).filter((path) => !claim.left.has(path)),
    );
    const { verified, stopped } = await requestFiles(turn, {
      changes,
      candidates,
      paths,
      claim,
    });
    const { detail, broke, full = [] } = await expect(line, "staged");
    const lacking = full.flatMap((index) => changes[index]?.path ?? [])
      .filter((path) => paths.has(path));
    if (stopped && lacking.length === 0) lacking.push(...largest(needs, paths));
    const short = new Map([...claim.left, ...claim.overflow(lacking)]);
    return { stage, verified, short, detail, broke };
  } finally {
    claim.release();
  }
}

/** The path that needs most. */
function largest(
  needs: readonly Need[],
  among: ReadonlySet<RelativePath>,
): RelativePath[] {
  const [first] = needs.filter(({ path }) => among.has(path))
    .toSorted((one, other) => other.bytes - one.bytes);
  return first === undefined ? [] : [first.path];
}

/** Asks for the files and links of `paths` and lets the server's rsync put them in the stage. */
async function requestFiles(
  turn: ClientTurn,
  { changes, candidates, paths, claim }: {
    changes: readonly IncomingChange[];
    candidates: readonly Candidate[];
    paths: ReadonlySet<RelativePath>;
    claim: RoomClaim;
  },
): Promise<{ verified: ReadonlySet<RelativePath>; stopped: boolean }> {
  const { line } = turn;
  const indexes = [...changes.keys()].filter((index) => {
    const change = changes[index];
    return change !== undefined && paths.has(change.path);
  });
  const verify = new Set(
    candidates.filter(({ change: { entry }, local, row }) =>
      local !== undefined &&
      (isSuspect(local, row.base) ||
        entry !== undefined && sameContent(local.entry, entry))
    ).map(({ change }) => change.path),
  );
  const isVerified = (index: number) =>
    verify.has(changes[index]?.path ?? "" as RelativePath);
  for (let start = 0;; start += INDEXES_PER_MESSAGE) {
    const end = start + INDEXES_PER_MESSAGE;
    const some = indexes.slice(start, end);
    const last = end >= indexes.length;
    await line.send({
      kind: "want",
      plain: some.filter((index) => !isVerified(index)),
      verify: some.filter(isVerified),
      last,
    });
    if (last) break;
  }
  let code = 0;
  for (
    const some of [
      indexes.filter((i) => !isVerified(i)),
      indexes.filter(isVerified),
    ]
  ) {
    if (some.length === 0) continue;
    const { direction, password } = await expect(line, "rsync");
    await line.serveRsync({ direction, password, signal: claim.signal });
    code = (await expect(line, "rsyncDone")).code;
  }
  // The call that compares bytes is the last: after a fault in it, nothing counts as compared.
  const stopped = claim.signal.aborted;
  return { verified: code === 0 && !stopped ? verify : new Set(), stopped };
}

async function planUpdate(
  turn: Pick<ClientTurn, "base" | "disk" | "copyName">,
  { candidates, barred, apart, fetch, position }: {
    candidates: readonly Candidate[];
    barred: readonly LeftPath[];
    apart: readonly ApartPlan[];
    fetch: Fetch;
    position: Position;
  },
): Promise<{ intent: ClientIntent; left: LeftPath[] }> {
  const { disk, base } = turn;
  const { stage, verified, short, broke } = fetch;
  const fetched = candidates.flatMap((
    { change: { path, entry }, local, decision },
  ) =>
    entry !== undefined && !short.has(path) &&
      needsTransfer(decision, { incoming: entry, local })
      ? [{ path, entry, verified: verified.has(path) }]
      : []
  );
  const broken = fetched.length === 0
    ? new Map<string, string>()
    : await disk.checkStaged(stage, fetched);
  const decided: Decided[] = [];
  const left: LeftPath[] = [...barred];
  const agreements: PlannedAgreement[] = [];
  for (const candidate of candidates) {
    const { path, entry: incoming } = candidate.change;
    const room = short.get(path);
    if (room !== undefined) {
      left.push({ path, reason: "it does not fit on this disk", room });
      continue;
    }
    const reason = broken.get(path);
    if (reason !== undefined) {
      left.push(
        disk.obstacle(path) ?? { path, reason: broke ?? reason },
      );
      continue;
    }
    const decision = await settled(
      candidate.decision,
      () => disk.sameBytes(stage, path),
    );
    const compared = candidate.decision.kind === "compare" &&
      decision.kind === "conflict";
    if (compared && !sameFound(foundAt(disk, path), candidate.local)) {
      left.push({ path, reason: "it changed while it was compared" });
      continue;
    }
    decided.push({ path, incoming, local: candidate.local, decision });
    agreements.push(...agreementFor({ ...candidate, decision }));
  }
  const steps = planClientCommit(decided, {
    localKind: (path) => foundAt(disk, path)?.entry.kind,
    copyName: turn.copyName,
  });
  for (const plan of apart) {
    steps.push(...plan.steps);
    agreements.push(plan.agreement);
  }
  const reached = left.length === 0 ? position : notYet(base, position);
  return { intent: { stage, steps, agreements, position: reached }, left };
}

/** What was to be decided by the bytes. */
async function settled(
  decision: Decision,
  sameBytes: () => Promise<boolean>,
): Promise<Decided["decision"]> {
  if (decision.kind === "compare") {
    return { kind: await sameBytes() ? "take" : "conflict" };
  }
  const isSame = decision.kind === "renew" && await sameBytes();
  return isSame ? { kind: "take" } : decision;
}

/**
 * Where an anchor stands when something was left: its old stamp, but of the new epoch, so that it
 * does not join (and bring deleted files back) again and again.
 */
function notYet(base: Base, { epoch }: Position): Position {
  return { epoch, stamp: base.position().stamp };
}

function agreementFor(candidate: Candidate): PlannedAgreement[] {
  const { change: { path, entry }, decision } = candidate;
  switch (decision.kind) {
    case "ignore":
      return [];
    case "adopt":
      return [{ path, entry, trusted: !decision.verify }];
    case "rebase":
      return [{ path, entry, trusted: false }];
    case "take":
    case "renew":
    case "conflict":
      return [{ path, entry, trusted: true }];
    case "keep":
      return [{ path, entry: undefined, trusted: true }];
    case "compare":
      throw new Error(`Cannot plan '${path}': it was not compared`);
  }
}

/** Intent, steps, bases: in this order, so that a crash anywhere is finished at the next start. */
async function commit(
  { base, disk, edits }: Pick<ClientTurn, "base" | "disk" | "edits">,
  intent: ClientIntent,
): Promise<{ left: readonly LeftPath[]; copies: readonly string[] }> {
  if (intent.steps.length > 0) base.prepare(intent);
  const result = await disk.apply(intent);
  const failed = new Set(result.left.map(({ path }) => path));
  const agreements: Agreement[] = [];
  const over = leftOver({ base, disk }, intent.steps);
  for (const planned of intent.agreements) {
    if (failed.has(planned.path)) continue;
    const { path, beyond } = planned;
    if (beyond !== undefined) {
      agreements.push(agreementBeyond({ base, disk }, planned, beyond));
      continue;
    }
    const inode = result.placed.get(path);
    const apart = planned.entry === undefined ? over.get(path) : undefined;
    agreements.push({ ...agreementOn(disk, planned, inode), apart });
  }
  agreements.push(...stillAgreed({ base, disk }, intent.steps, failed));
  const position = failed.size === 0
    ? intent.position
    : notYet(base, intent.position);
  base.agree(agreements, position);
  edits.again([
    ...intent.agreements.map(({ path }) => ({ path, reason: "" })),
    ...result.copies.map((path) => ({
      path: path as RelativePath,
      reason: "",
    })),
  ]);
  return result;
}

/**
 * A put that failed may have given what is there a second name for a moment, and so another ctime:
 * what was clean before is clean still.
 */
function stillAgreed(
  { base, disk }: Pick<ClientTurn, "base" | "disk">,
  steps: ClientIntent["steps"],
  failed: ReadonlySet<string>,
): Agreement[] {
  const agreements: Agreement[] = [];
  for (const step of steps) {
    if (step.do !== "put" || !failed.has(step.path)) continue;
    const known = base.row(step.path).base;
    const now = foundAt(disk, step.path);
    if (known === undefined || now === undefined) continue;
    const clean = step.saw !== undefined && sameFound(known, step.saw) &&
      now.inode === known.inode && sameOrBothAbsent(now.entry, known.entry);
    if (clean) agreements.push({ path: step.path, base: now });
  }
  return agreements;
}

/** The server has what does not come here; a copy that was agreed on before it is still known as such. */
function agreementBeyond(
  { base, disk }: Pick<ClientTurn, "base" | "disk">,
  { path, entry }: PlannedAgreement,
  beyond: Entry,
): Agreement {
  return {
    path,
    base: entry === undefined ? undefined : base.row(path).base,
    apart: { entry: beyond, inode: foundAt(disk, path)?.inode ?? 0 },
  };
}

/**
 * A base holds what was agreed; only what lies on the disk just so lends it inode and ctime. When a
 * version went in with an `inode`, another file in its place may have other bytes for all its looks.
 */
function agreementOn(
  disk: ClientDisk,
  { path, entry, trusted }: PlannedAgreement,
  inode: number | undefined,
): Agreement {
  if (entry === undefined) return { path, base: undefined };
  const found = foundAt(disk, path);
  const own = inode === undefined || found?.inode === inode;
  if (trusted && own && sameOrBothAbsent(found?.entry, entry)) {
    return { path, base: found };
  }
  return { path, base: { entry, inode: 0, ctimeS: 0 } };
}

async function handIn(
  turn: ClientTurn,
  { limits, left, inStep }: {
    limits: Message<"take">;
    left: readonly LeftPath[];
    inStep: boolean;
  },
): Promise<void> {
  const { line, base, edits } = turn;
  const clashing = edits.clashing();
  if (clashing.length > 0) await setAside(turn, clashing);
  const skip = (path: RelativePath) =>
    left.some((other) =>
      isWithin(path, other.path) || isWithin(other.path, path)
    );
  const batch = await edits.collect({
    paths: limits.paths,
    bytes: limits.bytes,
    skip,
  });
  const { changes, more } = batch;
  if (changes.length > 0) base.markSent(changes);
  await line.send({ kind: "edits", count: changes.length, more });
  for (const some of inMessages(changes)) {
    await line.send({ kind: "entries", changes: some });
  }
  if (changes.length === 0) return await turn.disk.closeStage();
  await serveUntilCheck(line);
  await line.send({ kind: "checked", changed: movedSince(turn, batch) });
  const committed = await expect(line, "committed");
  agreeOn(turn, {
    batch,
    committed,
    stamp: inStep ? committed.stamp : undefined,
  });
  await turn.disk.closeStage(); // snapshots are fetched by now
  await line.send({ kind: "agreed", more: more || edits.count() > 0 });
}

/** Keeps edits beside where the server has what does not come here; as copies they go to it like any. */
async function setAside(
  turn: ClientTurn,
  paths: readonly RelativePath[],
): Promise<void> {
  const { base } = turn;
  const plans = paths.map((path) => planClash(turn, path))
    .filter((plan) => plan !== undefined);
  await commit(turn, {
    stage: "",
    steps: plans.flatMap(({ steps }) => steps),
    agreements: plans.map(({ agreement }) => agreement),
    position: base.position(),
  });
}

async function serveUntilCheck(line: ClientLine): Promise<void> {
  for (;;) {
    const message = await line.receive();
    if (message.kind === "check") return;
    if (message.kind !== "rsync") throw unexpected(message, "check");
    const { direction, password } = message;
    await line.serveRsync({ direction, password });
    await expect(line, "rsyncDone");
  }
}

/** Indexes of the edits whose path is not as it was when the list was made. */
function movedSince(turn: ClientTurn, batch: Batch): number[] {
  return [...batch.changes.entries()].filter(([index, { path, snapshot }]) =>
    snapshot !== true &&
    !sameFound(foundAt(turn.disk, path), batch.found[index])
  ).map(([index]) => index);
}

function foundAt(disk: ClientDisk, path: RelativePath): Found | undefined {
  const look = disk.look(path);
  return look.kind === "found" ? look.found : undefined;
}

function agreeOn(
  turn: ClientTurn,
  { batch, committed, stamp }: {
    batch: Batch;
    committed: Message<"committed">;
    stamp: Stamp | undefined;
  },
): void {
  const { base, edits } = turn;
  const lefts = new Map(
    committed.left.map((left) => [left.index, left]),
  );
  const agreements: Agreement[] = [];
  const again: LeftPath[] = [];
  const done: RelativePath[] = [];
  for (const [index, change] of batch.changes.entries()) {
    const left = lefts.get(index);
    if (left !== undefined) {
      const { reason, room } = left;
      again.push({ path: change.path, reason, room });
      continue;
    }
    agreements.push({
      path: change.path,
      base: baseFor(change, batch.found[index]),
    });
    done.push(change.path);
  }
  const position = base.position();
  base.agree(
    agreements,
    stamp === undefined ? position : { ...position, stamp },
    again.map(({ path }) => path),
  );
  edits.done(done);
  edits.again(again);
}

function baseFor(
  change: EditChange,
  found: Found | undefined,
): Found | undefined {
  if (change.entry === undefined) return undefined;
  if (change.snapshot === true || found === undefined) {
    return { entry: change.entry, inode: 0, ctimeS: 0 };
  }
  return found;
}

/** The position of an anchor that never had a turn. */
export const NO_POSITION: Position = { epoch: "", stamp: ZERO_STAMP };

async function expect<K extends ServerMessage["kind"]>(
  line: ClientLine,
  kind: K,
): Promise<Message<K>> {
  const message = await line.receive();
  if (message.kind === kind) return message as Message<K>;
  throw unexpected(message, kind);
}

function unexpected(message: ServerMessage, wanted: string): Error {
  return new Error(
    message.kind === "fail"
      ? `the server says: ${message.message}`
      : `Cannot go on with the transfer: got '${message.kind}', not '${wanted}'`,
  );
}
