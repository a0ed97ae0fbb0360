/**
 * Tries the very calls that sinkd makes, on a few files of its own, before any on a user's files.
 *
 * @module
 */
import { OWN_NAME, relativePath } from "../core/path.ts";
import {
  callList,
  ownDaemon,
  rsyncArguments,
  type RsyncJob,
  rsyncOutcome,
} from "../core/rsync.ts";
import { MODULE_FILES, MODULE_VARIABLE } from "../core/rsync_module.ts";
import {
  endFault,
  expectedStage,
  INTRUDERS,
  linksOf,
  LIVE,
  munged,
  PARTIAL,
  SENT,
  treeFault,
  TRIAL_PATHS,
  type TrialEnd,
  type TrialItem,
  type TrialTree,
} from "../core/rsync_trial.ts";
import { INCOMING } from "./client_disk.ts";
import { lstatIfAny, makeParents } from "./files.ts";
import {
  RsyncFault,
  rsyncStart,
  runRsync,
  withChildDirectory,
} from "./rsync_child.ts";
import { prepareServing, unmungeLinks } from "./rsync_serve.ts";

/** How long one call may take on a busy machine. */
const CALL_LIMIT_MS = 15_000;
const PASSWORD = "trial";

/**
 * What is wrong with the rsync on the PATH, or `undefined`. Throws when the trial itself cannot be:
 * that says nothing about rsync.
 */
export async function tryRsync(
  runDirectory: string,
  limitMs = CALL_LIMIT_MS,
): Promise<string | undefined> {
  return await withChildDirectory(runDirectory, async (place) => {
    const trial = new Trial(place, limitMs);
    const [start] = await Promise.allSettled([trial.layOut()]);
    // All end before their files go.
    const ends = start.status === "rejected"
      ? [start]
      : await Promise.allSettled([
        trial.pull(),
        trial.push().then((found) => found ?? trial.links()),
        trial.intrude(),
      ]);
    for (const end of ends) {
      if (end.status === "fulfilled") {
        if (end.value !== undefined) return end.value;
      } else if (end.reason instanceof RsyncFault) return end.reason.message;
      else throw end.reason;
    }
    return undefined;
  });
}

class Trial {
  readonly #place: string;
  readonly #limitMs: number;

  constructor(place: string, limitMs: number) {
    this.#place = place;
    this.#limitMs = limitMs;
  }

  /** Makes all that the calls start from. */
  async layOut(): Promise<void> {
    const [pull, push] = [`${this.#place}/pull`, `${this.#place}/push`];
    write(`${pull}/anchor`, SENT);
    write(`${pull}/live`, LIVE);
    write(`${pull}/stage/${OWN_NAME}`, PARTIAL);
    write(`${push}/live`, SENT);
    write(`${push}/anchor`, LIVE);
    write(`${push}/anchor/${INCOMING}/${OWN_NAME}`, PARTIAL);
    Deno.mkdirSync(`${push}/anchor/${OWN_NAME}/links`);
    Deno.mkdirSync(`${this.#place}/intruded/${INCOMING}`, { recursive: true });
    await this.#makeLinks({
      "pull/anchor": linksOf(SENT),
      "push/live": linksOf(munged(SENT)),
    });
  }

  /** As edits come to the server. */
  async pull(): Promise<string | undefined> {
    const place = `${this.#place}/pull`;
    const end = await this.#call(`${place}/anchor`, {
      direction: "edits",
      local: `${place}/stage`,
      remote: "",
      compareDest: `${place}/live`,
      verify: false,
    }, [...Object.keys(SENT), TRIAL_PATHS.gone]);
    return fault(end, TRIAL_PATHS.gone) ??
      treeFault(read(`${place}/stage`), expectedStage({ verified: false }));
  }

  /** As an update comes to a client. */
  async push(): Promise<string | undefined> {
    const place = `${this.#place}/push`;
    const end = await this.#call(`${place}/anchor`, {
      direction: "update",
      local: `${place}/live`,
      remote: INCOMING,
      compareDest: "/",
      verify: true,
    }, Object.keys(SENT));
    return fault(end, undefined) ??
      treeFault(
        read(`${place}/anchor/${INCOMING}`),
        expectedStage({ verified: true }),
      );
  }

  /** As links of an update become true ones. */
  async links(): Promise<string | undefined> {
    const own = `${this.#place}/push/anchor/${OWN_NAME}`;
    const wanted = linksOf(SENT);
    const end = await unmungeLinks({
      from: `${this.#place}/push/anchor/${INCOMING}`,
      to: `${own}/links`,
      runDirectory: this.#place,
      limitMs: this.#limitMs,
    }, Object.keys(wanted).map(relativePath));
    return fault(end, undefined) ?? treeFault(read(`${own}/links`), wanted);
  }

  /** An update that would write beside the staging directory is refused. */
  async intrude(): Promise<string | undefined> {
    const place = `${this.#place}/intruded`;
    const { code } = await this.#call(place, {
      direction: "update",
      local: `${this.#place}/push/live`,
      remote: "",
      compareDest: "/",
      verify: false,
    }, INTRUDERS);
    const there = INTRUDERS.some((path) =>
      lstatIfAny(`${place}/${path}`) !== undefined
    );
    return there || code === 0
      ? "it writes where its configuration forbids it"
      : undefined;
  }

  /** One call to a daemon on pipes that is set up as a client's. */
  async #call(
    root: string,
    job: Pick<
      RsyncJob,
      "direction" | "local" | "remote" | "compareDest" | "verify"
    >,
    paths: readonly string[],
  ): Promise<TrialEnd> {
    return await withChildDirectory(this.#place, async (directory) => {
      const { direction } = job;
      prepareServing(directory, {
        root,
        direction,
        only: undefined,
        password: PASSWORD,
      });
      const transfer = { compress: false, partial: true, checksum: false };
      const end = await runRsync({
        args: [
          ownDaemon(MODULE_FILES.config),
          ...rsyncArguments({ ...job, transfer, port: 1 }),
        ],
        ...rsyncStart(directory, {
          [MODULE_VARIABLE]: root,
          RSYNC_PASSWORD: PASSWORD,
        }),
        list: callList(job, paths.map(relativePath)),
        limitMs: this.#limitMs,
      });
      const known: readonly string[] = Object.values(MODULE_FILES);
      const more = [...Deno.readDirSync(directory)]
        .find(({ name }) => !known.includes(name));
      if (more === undefined) return end;
      throw new RsyncFault(
        `it writes ${JSON.stringify(more.name)} into its working directory`,
      );
    });
  }

  /** Deno may make no links within our permissions; the remote shell of a call to nowhere may. */
  async #makeLinks(trees: Record<string, TrialTree>): Promise<void> {
    const lines = Object.entries(trees).flatMap(([root, tree]) =>
      Object.entries(tree).flatMap(([path, item]) =>
        item.kind === "link"
          ? [`ln -s -- ${quoted(item.target)} ${quoted(`../${root}/${path}`)}`]
          : []
      )
    );
    await withChildDirectory(this.#place, async (directory) => {
      const script = [": >started", ...lines].join("\n");
      Deno.writeTextFileSync(`${directory}/links`, script);
      const { code, stderr } = await runRsync({
        args: ["--rsh=sh links", "own:x", "x"],
        ...rsyncStart(directory),
        list: new Uint8Array(),
        limitMs: this.#limitMs,
      });
      if (lstatIfAny(`${directory}/started`) === undefined) {
        const [said = ""] = stderr.trim().split("\n");
        throw new RsyncFault(
          `it calls no other side and ends with ${code}: ${said}`,
        );
      }
    });
    for (const [root, tree] of Object.entries(trees)) {
      const fault = treeFault(linksOf(read(`${this.#place}/${root}`)), tree);
      if (fault !== undefined) throw new Error(`no links for it: ${fault}`);
    }
  }
}

/** As {@linkcode endFault}; throws for a full disk, of which rsync has no blame. */
function fault(end: TrialEnd, missing: string | undefined): string | undefined {
  const outcome = rsyncOutcome(end.code, end.stderr);
  if (outcome.kind === "hold") throw new Error(outcome.reason);
  return endFault(end, missing);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Writes the files of a tree; links are made otherwise. */
function write(root: string, tree: TrialTree): void {
  for (const [path, item] of Object.entries(tree)) {
    const full = `${root}/${path}`;
    makeParents(full, 0o700);
    if (item.kind !== "file") continue;
    Deno.writeTextFileSync(full, item.text);
    const timeS = item.mtimeMs / 1000;
    Deno.utimeSync(full, timeS, timeS);
  }
}

/** All files and links, without sinkd's own. */
function read(root: string, below = ""): TrialTree {
  const tree: Record<string, TrialItem> = {};
  for (const { name, isDirectory } of Deno.readDirSync(`${root}/${below}`)) {
    const path = `${below}${name}`;
    if (name === OWN_NAME) continue;
    if (isDirectory) Object.assign(tree, read(root, `${path}/`));
    else tree[path] = readItem(`${root}/${path}`);
  }
  return tree;
}

function readItem(full: string): TrialItem {
  const info = Deno.lstatSync(full);
  return info.isSymlink ? { kind: "link", target: Deno.readLinkSync(full) } : {
    kind: "file",
    text: Deno.readTextFileSync(full),
    mtimeMs: info.mtime?.getTime() ?? 0,
  };
}
