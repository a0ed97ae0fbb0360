/**
 * rsync on the client: its own daemon mode on pipes, with one module that confines the server to
 * the anchor, or that makes true links of staged ones.
 *
 * @module
 */
import process from "node:process";
import { OWN_NAME, type RelativePath } from "../core/path.ts";
import {
  linkArguments,
  MODULE_ACCOUNT,
  receivedList,
  rsyncOutcome,
} from "../core/rsync.ts";
import {
  literalPattern,
  MODULE_FILES,
  MODULE_VARIABLE,
  type ModuleRules,
  moduleText,
} from "../core/rsync_module.ts";
import type { RsyncEnd } from "../ports.ts";
import type { Channel } from "./channel.ts";
import { keptText, pipesEnd, pump } from "./pump.ts";
import { stopOn } from "./rsync_call.ts";
import {
  killIfRunning,
  rsyncStart,
  runRsync,
  withChildDirectory,
} from "./rsync_child.ts";

/** What the server may do in one call, and where. */
export interface Serving {
  /** The anchor's root; absolute. */
  readonly root: string;
  /** The one file of a single-file anchor. */
  readonly only: string | undefined;
  /** `edits`: the server reads; `update`: it writes into `.sinkd/incoming` and nowhere else. */
  readonly direction: "edits" | "update";
  readonly password: string;
  /** Where each call has a private working directory, with its configuration, until its end. */
  readonly runDirectory: string;
  /** Ends the call in order. */
  readonly signal?: AbortSignal | undefined;
}

/** Serves one call over `channel`; throws when the channel breaks. */
export async function serveRsync(
  channel: Channel,
  serving: Serving,
): Promise<void> {
  await withChildDirectory(serving.runDirectory, async (directory) => {
    prepareServing(directory, serving);
    const rsync = new Deno.Command("rsync", {
      args: ["--server", "--daemon", `--config=${MODULE_FILES.config}`, "."],
      ...rsyncStart(directory, { [MODULE_VARIABLE]: serving.root }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    using _stop = stopOn(serving.signal, rsync);
    const stderr = keptText(rsync.stderr);
    try {
      await pump(channel, pipesEnd(rsync));
    } finally {
      killIfRunning(rsync);
      await rsync.status;
      await stderr;
    }
  });
}

/** Writes the configuration of a daemon that serves one call, into its working directory. */
export function prepareServing(
  directory: string,
  serving: Omit<Serving, "runDirectory">,
): void {
  const { direction, password } = serving;
  const allowed = allowedPatterns(serving);
  writePrivate(
    `${directory}/${MODULE_FILES.secrets}`,
    `${MODULE_ACCOUNT}:${password}\n`,
  );
  if (allowed !== undefined) {
    writePrivate(
      `${directory}/${MODULE_FILES.rules}`,
      allowed.join("\n") + "\n",
    );
  }
  writeConfig(directory, {
    serves: direction,
    password: true,
    selective: allowed !== undefined,
  });
}

/** Where munged links are, where true ones are to be made, and where the call may stand. */
export interface LinkPlaces {
  /** Absolute, as is `to`. */
  readonly from: string;
  readonly to: string;
  readonly runDirectory: string;
  /** How long it may take; no limit by default, as rsync has one for silence. */
  readonly limitMs?: number;
  /** The links stay munged. */
  readonly munged?: true;
}

/** Makes true links below `to` of the munged ones below `from`; gives how rsync ended. */
export async function unmungeLinks(
  { from, to, runDirectory, limitMs, munged }: LinkPlaces,
  paths: readonly RelativePath[],
): Promise<RsyncEnd> {
  return await withChildDirectory(runDirectory, async (directory) => {
    writeConfig(directory, {
      serves: "links",
      password: false,
      selective: false,
    });
    return await runRsync({
      args: linkArguments(MODULE_FILES.config, to, { munged }),
      ...rsyncStart(directory, { [MODULE_VARIABLE]: from }),
      list: receivedList(paths),
      limitMs,
    });
  });
}

/** The same; throws with rsync's words when it cannot. Links that are missing are found by looking. */
export async function makeLinks(
  places: LinkPlaces,
  paths: readonly RelativePath[],
): Promise<void> {
  const { code, stderr } = await unmungeLinks(places, paths);
  if (rsyncOutcome(code, stderr).kind === "done" || code === 23) return;
  throw new Error(
    `Cannot make links in '${places.to}': rsync ended with exit ${code}: ${stderr.trim()}`,
  );
}

function writeConfig(
  directory: string,
  rules: Omit<ModuleRules, "asRoot">,
): void {
  const text = moduleText({ ...rules, asRoot: process.geteuid?.() === 0 });
  writePrivate(`${directory}/${MODULE_FILES.config}`, text);
}

/** What alone may pass, as rsync patterns, or `undefined` for everything. */
function allowedPatterns(
  serving: Pick<Serving, "only" | "direction">,
): string[] | undefined {
  if (serving.direction === "update") {
    return [
      `/${OWN_NAME}/`,
      // rsync asks for the directory itself with and without a slash at its end.
      `/${OWN_NAME}/incoming**`,
    ];
  }
  if (serving.only === undefined) return undefined;
  const name = literalPattern(serving.only);
  return [
    `/${name}`,
    `/${OWN_NAME}/`,
    `/${OWN_NAME}/outgoing/`,
    `/${OWN_NAME}/outgoing/${name}`,
  ];
}

function writePrivate(file: string, text: string): void {
  Deno.writeTextFileSync(file, text, { mode: 0o600 });
}
