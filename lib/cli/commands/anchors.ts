/**
 * `sinkd add`, `rm` and `ls`: what is kept in step, in the user's configuration file. A client that
 * runs is told.
 *
 * @module
 */
import { UsageError } from "../../core/fault.ts";
import {
  addAnchor,
  type ConfigFiles,
  loadConfig,
  removeAnchor,
} from "../../io/config_file.ts";
import type { Arguments } from "../arguments.ts";
import { absolute, type Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { ownPlaceFault, ownPlaces, ownPlacesIn } from "../../io/own_places.ts";
import { clientPlaces, homeDirectory, pidFilesToAsk } from "../places.ts";
import { plain } from "../../core/plain_text.ts";
import { columns, painter } from "../render/style.ts";
import { askReload, tryAsk } from "./ask.ts";

/** `sinkd add PATH`. */
export async function add(
  given: Arguments,
  context: Context,
): Promise<number> {
  const path = absolute(given.operands[0] ?? "", context.around);
  await checkAnchor(path);
  const places = ownPlaces({
    ...clientPlaces(given, context.around),
    pidFile: pidFilesToAsk(given, context.around)[0],
    home: homeDirectory(context.around),
  });
  const fault = ownPlaceFault(path, places);
  if (fault !== undefined) throw new UsageError(`Cannot add: ${fault}`);
  addAnchor(configFiles(given, context), {
    path,
    name: given.text("name"),
    excludes: given.list("exclude"),
    added: new Date().toISOString(),
  });
  context.out(`${plain(path)} is synced from now on.\n`);
  const own = ownPlacesIn(path, places);
  if (own.length > 0) {
    const names = own.map(plain).join(", ");
    context.out(`Not synced, as sinkd's own: ${names}\n`);
  }
  return await tellClient(given, context);
}

/** `sinkd rm PATH`. */
export async function remove(
  given: Arguments,
  context: Context,
): Promise<number> {
  const path = absolute(given.operands[0] ?? "", context.around);
  removeAnchor(configFiles(given, context), path);
  context.out(
    `${
      plain(path)
    } is no longer synced; its files stay here and on the server.\n`,
  );
  return await tellClient(given, context);
}

/** `sinkd ls`: one line each, with the name and what is excluded. */
export function list(given: Arguments, context: Context): Promise<number> {
  const config = loadConfig(configFiles(given, context));
  const rows = config.anchors.map((anchor) => [
    { text: plain(anchor.path) },
    { text: anchor.name === undefined ? "" : `name ${plain(anchor.name)}` },
    {
      text: anchor.excludes.length === 0
        ? ""
        : `without ${anchor.excludes.map(plain).join(" ")}`,
    },
  ]);
  for (const line of columns(rows, [], painter(false))) {
    context.out(`${line.trimEnd()}\n`);
  }
  if (rows.length === 0) {
    context.say("Nothing is synced yet; name a directory: sinkd add PATH");
  }
  return Promise.resolve(EXIT.done);
}

function configFiles(given: Arguments, context: Context): ConfigFiles {
  const places = clientPlaces(given, context.around);
  return {
    machineFile: places.machineConfig,
    userFile: places.userConfig,
    home: homeDirectory(context.around),
  };
}

async function checkAnchor(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(
      `Cannot add '${path}': it does not exist; make it first, or check how it is written`,
    );
  }
  if (info.isDirectory || info.isFile) return;
  throw new UsageError(
    `Cannot add '${path}': it is ${
      info.isSymlink
        ? "a symbolic link; add what it leads to"
        : "neither a directory nor a file"
    }`,
  );
}

async function tellClient(
  given: Arguments,
  context: Context,
): Promise<number> {
  const answer = await tryAsk(given, context.around, { command: "status" });
  if (answer?.reply.ok !== true || answer.reply.report?.role !== "client") {
    context.say("No client runs here; start it with 'sinkd client start'.");
    return EXIT.done;
  }
  const reply = await askReload(given, context.around);
  if (!reply.ok) {
    context.say(`sinkd: ${reply.message}`);
    return reply.exitCode;
  }
  return EXIT.done;
}
