/**
 * The identity of an anchor's directory: whether it is there, and the one that it was.
 *
 * @module
 */
import { DEFAULT_DIRECTORY_MODE } from "../core/client_commit.ts";
import type { Found } from "../core/entry.ts";
import type { RelativePath } from "../core/path.ts";
import {
  judgeRoot,
  rootEvidence,
  type RootIdentity,
} from "../core/root_identity.ts";
import { isMissing, lstatIfAny } from "../io/files.ts";
import { setMode } from "../io/modes.ts";
import { logger } from "../io/log.ts";
import { lookAtRoot } from "../io/scan.ts";
import type { AnchorStore } from "../io/base_store.ts";

const log = logger("anchor");

/** Why an anchor waits for a person, and what that person can do. */
export interface Hold {
  /**
   * `asking`: the server is to say what it is; nobody has to decide anything. `shared`: others can
   * write there, which only the configuration or a change of modes can settle.
   */
  readonly kind: "paused" | "root" | "shared" | "asking" | "deletions";
  readonly reason: string;
  readonly fix: string;
  readonly paths: readonly string[];
  /** Of deletions: how long ago each path was found to be gone, in milliseconds. */
  readonly ages?: ReadonlyMap<string, number>;
}

/** What {@linkcode AnchorRoot} works with. */
export interface RootPorts {
  readonly root: string;
  /** The anchor as the user named it. */
  readonly path: string;
  readonly store: AnchorStore;
  /** True when what was never here is known to be a directory. */
  readonly isDirectory: () => boolean;
  /** Why nothing may be done in the directory although it is there: others can write to it. */
  readonly shared: () => { cause: string; fix: string } | undefined;
  /** The directory became usable, or stopped being so. */
  readonly onChange: () => void;
}

/** The directory of one anchor, as it was last looked at. */
export class AnchorRoot {
  readonly #ports: RootPorts;
  #trouble: Hold | undefined;
  #acceptAny = false;
  /** Why the directory of a new anchor could not be made. */
  #unmade: Hold | undefined;
  /** What the last scan saw, while it has been there since. */
  #judged: RootIdentity | undefined;

  constructor(ports: RootPorts) {
    this.#ports = ports;
  }

  /** Why the directory cannot be trusted, as the last look told. */
  get trouble(): Hold | undefined {
    return this.#trouble;
  }

  /** The next scan takes whatever directory is there. */
  acceptAny(): void {
    this.#acceptAny = true;
  }

  /** Makes a directory that was never there before: a new machine starts with what the server has. */
  makeFirst(): void {
    const { root, path, store } = this.#ports;
    this.#unmade = undefined;
    if (path !== root || store.root() !== undefined) return;
    const now = lookAtRoot(root);
    if (now.kind !== "missing") return;
    if (lstatIfAny(root) === undefined && !this.#ports.isDirectory()) {
      const reason =
        "it does not exist here, and the server has not said yet whether it is a directory or a file";
      const fix = "nothing, sinkd asks the server by itself; or make it";
      this.#unmade = { kind: "asking", reason, fix, paths: [] };
      return;
    }
    try {
      Deno.mkdirSync(root, { mode: DEFAULT_DIRECTORY_MODE });
      setMode(root, DEFAULT_DIRECTORY_MODE);
    } catch (error) {
      this.#unmade = whyNotMade(error, root);
    }
  }

  /** Another directory under the same name is a first join when it looks alike, else waits for a person. */
  identify(
    found: RootIdentity & { readonly ctimeS: number },
    scanned: ReadonlyMap<RelativePath, Found>,
  ): void {
    const { root, store } = this.#ports;
    const known = store.root();
    const now = { device: found.device, inode: found.inode };
    const verdict = judgeRoot(
      known,
      now,
      isSame(this.#judged, now),
      () => rootEvidence(scanned, store.bases(), found.ctimeS),
    );
    this.#judged = now;
    if (verdict === "another" || verdict === "wrong" && this.#acceptAny) {
      if (known !== undefined) {
        log
          .warn`${root} is another directory now: it joins as at first, nothing is deleted`;
        store.forget();
      }
      store.setRoot(now);
    } else if (verdict === "same" && !isSame(known, now)) {
      log.info`${root} is on another device number: the same directory`;
      store.setRoot(now);
    }
    this.#acceptAny = false;
  }

  /** True while a directory is there that no scan has seen: only its files tell whether it is the one. */
  get unjudged(): boolean {
    const now = lookAtRoot(this.#ports.root);
    return now.kind === "present" && !isSame(this.#ports.store.root(), now) &&
      !isSame(this.#judged, now);
  }

  /** True when the root is there and the one that was scanned; tells when that changed. */
  check(): boolean {
    const before = this.#trouble?.reason;
    this.#trouble = this.#look();
    if (before !== this.#trouble?.reason) {
      if (this.#trouble !== undefined) {
        log.warn`${this.#ports.path}: ${this.#trouble.reason}`;
      }
      this.#ports.onChange();
    }
    return this.#trouble === undefined;
  }

  /** Throws unless {@linkcode check} holds. */
  assert(): void {
    if (!this.check()) {
      throw new Error(`Cannot go on: ${this.#trouble?.reason}`);
    }
  }

  #look(): Hold | undefined {
    const { root, path, store } = this.#ports;
    const now = lookAtRoot(root);
    const known = store.root();
    if (now.kind !== "present") this.#judged = undefined;
    switch (now.kind) {
      case "missing":
        return this.#unmade ?? held(
          "the directory is not there",
          `bring ${root} back (mount it?), or sinkd rm it`,
        );
      case "not-a-directory":
        return held(
          "it is not a directory any more",
          `bring the directory ${root} back; or, if it is to be this file, take it out and add it again: sinkd rm ${path}, sinkd add ${path}`,
        );
      case "unreadable":
        return held(
          `the directory ${now.cause}`,
          `give this account access to ${root}`,
        );
      case "present": {
        const shared = this.#ports.shared();
        if (shared !== undefined) {
          const reason = `the directory ${shared.cause}`;
          return { kind: "shared", reason, fix: shared.fix, paths: [] };
        }
        if (known === undefined || isSame(known, now)) return undefined;
        return held(
          "another directory is in its place, and most of what was there is missing",
          `mount or bring back the right one; or sinkd approve ${path} to take this one (nothing is deleted)`,
        );
      }
    }
  }
}

/** The directory that holds a path. */
export function parentDirectory(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** In the user's world: what has to be there first. */
function whyNotMade(error: unknown, root: string): Hold {
  const parent = parentDirectory(root);
  if (error instanceof Deno.errors.AlreadyExists) {
    return held(
      "it is a symbolic link to something that does not exist",
      `make what ${root} leads to, or remove the link`,
    );
  }
  if (isMissing(error)) {
    return held(
      `it does not exist, and ${parent}, in which sinkd would make it, is not there either`,
      `make it: mkdir -p ${root} (mount it?), or take it out: sinkd rm ${root}`,
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return held(
      `it does not exist, and this account may not make it in ${parent}`,
      `make it, and give this account access to it`,
    );
  }
  return held(
    `it does not exist and cannot be made: ${
      error instanceof Error ? error.message : String(error)
    }`,
    `make it: mkdir -p ${root}, or take it out: sinkd rm ${root}`,
  );
}

function isSame(one: RootIdentity | undefined, other: RootIdentity): boolean {
  return one?.device === other.device && one.inode === other.inode;
}

function held(reason: string, fix: string): Hold {
  return { kind: "root", reason, fix, paths: [] };
}
