/**
 * The client's end of a turn of a single file that has another name on the server. The server sees
 * only its own name: in messages, and in rsync's module, which is a directory of sinkd's own with a
 * copy of the file under that name.
 *
 * @module
 */
import type { ClientMessage } from "../core/channel_protocol.ts";
import { copyPlainFile } from "./copy_file.ts";
import { type TwoNames, twoNames, underOtherName } from "../core/other_name.ts";
import { OWN_NAME } from "../core/path.ts";
import type { ClientLine } from "../ports.ts";
import type { Channel } from "./channel.ts";
import { isOwnPlace, makeOwnDirectory } from "./file_areas.ts";
import {
  isMissing,
  lstatIfAny,
  makeParents,
  removeIfEmpty,
  removeTree,
} from "./files.ts";
import { makeLinks } from "./rsync_serve.ts";
import { clientLine, type LineOptions } from "./turn_lines.ts";

/** For each file a directory with it under its other name, relative to the anchors' root. */
const OTHER_NAME = `${OWN_NAME}/other-name`;
/** Where rsync puts what comes: whole files, and what came of a broken call (`--partial-dir`). */
const STAGES = [`${OWN_NAME}/incoming`, `${OWN_NAME}/incoming/${OWN_NAME}`];
const OUTGOING = `${OWN_NAME}/outgoing`;

/** An anchor's files, and where it lives on the server. */
export interface AnchorFiles extends LineOptions {
  readonly root: string;
  readonly only: string | undefined;
  readonly treePath: string;
}

/** The client's end of a turn of an anchor. */
export async function anchorLine(
  channel: Channel,
  files: AnchorFiles,
): Promise<ClientLine> {
  const names = twoNames(files.only, files.treePath);
  if (names === undefined) return clientLine(channel, files);
  const views = `${files.root}/${OTHER_NAME}`;
  const view = `${views}/${names.here}`;
  const clear = async () => {
    if (!isOwnPlace(views)) return;
    await removeTree(view);
    removeIfEmpty(views);
  };
  await clear();
  const line = clientLine(channel, {
    ...files,
    root: view,
    only: names.there,
  });
  const places = { ...files, view, names };
  let copied = false;
  return {
    send(message) {
      if (message.kind === "entries") {
        copied = message.changes.some(({ snapshot }) => snapshot === true);
      }
      return line.send(renamed(message, names));
    },
    async receive() {
      const message = await line.receive();
      if (message.kind !== "entries") return message;
      return { ...message, changes: underOtherName(names, message.changes) };
    },
    async serveRsync(call) {
      makeOwnDirectory(view);
      try {
        if (call.direction === "edits") await show(places, copied);
        else await prepare(places);
        await line.serveRsync(call);
      } finally {
        if (call.direction === "update") takeStaged(places);
        await clear();
      }
    },
  };
}

interface Places {
  readonly root: string;
  /** What rsync sees. */
  readonly view: string;
  readonly names: TwoNames;
  readonly runDirectory: string;
}

function renamed(message: ClientMessage, names: TwoNames): ClientMessage {
  if (message.kind === "applied" && message.full !== undefined) {
    return { ...message, full: underOtherName(names, message.full) };
  }
  if (message.kind !== "entries") return message;
  // A copy is handed in like any other file: all that the server can fetch is one.
  const changes = message.changes.map(({ snapshot: _, ...change }) => change);
  return { ...message, changes: underOtherName(names, changes) };
}

/** Shows the server what is handed in: the file, a snapshot of it, or a link. */
async function show(places: Places, isCopied: boolean): Promise<void> {
  const { root, view, names: { here, there }, runDirectory } = places;
  const from = isCopied ? `${root}/${OUTGOING}` : root;
  if (lstatIfAny(`${from}/${here}`)?.isSymlink === true) {
    await makeLinks({ from, to: view, runDirectory }, [here]);
    return move(`${view}/${here}`, `${view}/${there}`);
  }
  try {
    await copy(`${from}/${here}`, `${view}/${there}`);
  } catch (error) {
    // The server is told by rsync.
    if (isMissing(error) || error instanceof Deno.errors.PermissionDenied) {
      return;
    }
    throw new Error(
      `Cannot copy '${root}/${here}' to send it under the name '${there}': ${
        error instanceof Error ? error.message : String(error)
      }`,
    );
  }
}

/** Shows what is here already, for rsync to build on, and what came of a broken call. */
async function prepare(places: Places): Promise<void> {
  const { root, view, names: { here, there } } = places;
  for (const stage of STAGES) makeParents(`${view}/${stage}/${there}`, 0o700);
  for (const stage of STAGES) {
    move(`${root}/${stage}/${here}`, `${view}/${stage}/${there}`);
  }
  try {
    await copy(`${root}/${here}`, `${view}/${there}`);
  } catch {
    // Without it rsync sends the whole file.
    await removeTree(`${view}/${there}`);
  }
}

function takeStaged({ root, view, names: { here, there } }: Places): void {
  for (const stage of STAGES) {
    if (lstatIfAny(`${view}/${stage}/${there}`) === undefined) continue;
    makeParents(`${root}/${stage}/${here}`, 0o700);
    move(`${view}/${stage}/${there}`, `${root}/${stage}/${here}`);
  }
}

function move(from: string, to: string): void {
  if (lstatIfAny(from) !== undefined) Deno.renameSync(from, to);
}

/** Copies a file with its time; nothing when no file is there. */
async function copy(from: string, to: string): Promise<void> {
  const info = lstatIfAny(from);
  if (info?.isFile !== true) return;
  if (!await copyPlainFile(from, to)) return;
  Deno.chmodSync(to, 0o600);
  const { mtime, atime } = info;
  if (mtime !== null) Deno.utimeSync(to, atime ?? mtime, mtime);
}
