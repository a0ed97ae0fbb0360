/**
 * The directories of one anchor that other accounts can write to: nothing is sent from below them, put
 * there or taken for deleted, while all else in the anchor goes on.
 *
 * @module
 */
import {
  ancestorsOf,
  comparePaths,
  isWithin,
  type RelativePath,
} from "../core/path.ts";
import {
  type Account,
  othersIn,
  sharedWords,
} from "../core/shared_directory.ts";
import { isMissing } from "../io/files.ts";
import { logger } from "../io/log.ts";
import { ownershipOf } from "../io/own_account.ts";
import type { Hold } from "./anchor_root.ts";

const log = logger("anchor");

/**
 * How long a directory that was in order is not looked at again, in milliseconds: nobody but this
 * account and root can open it to others.
 */
const TRUST_MS = 1000;
/** Most directories that are remembered as being in order. */
const MAX_TRUSTED = 10_000;

/** What {@linkcode SharedDirectories} work with. */
export interface SharedPorts {
  readonly root: string;
  /** `undefined`: whoever can write in the anchor is trusted. */
  readonly account: Account | undefined;
  /** Milliseconds of a clock that does not jump. */
  readonly nowMs: () => number;
  /** A directory is this account's alone again: everything below it is to be looked at. */
  readonly onFree: (path: RelativePath) => void;
}

interface Shared {
  readonly cause: string;
  readonly fix: string;
}

/** See the module. */
export class SharedDirectories {
  readonly #ports: SharedPorts;
  /** Those that were seen; the root is not among them. */
  readonly #shared = new Map<RelativePath, Shared>();
  readonly #trusted = new Map<string, number>();

  constructor(ports: SharedPorts) {
    this.#ports = ports;
  }

  /** Why nothing is done in the anchor's root, as it is now. */
  root(): Shared | undefined {
    return this.#look(this.#ports.root, Deno.statSync);
  }

  /** Why nothing is done in a directory that a scan has just looked at. */
  bars(path: RelativePath, info: Deno.FileInfo): string | undefined {
    const shared = this.#judge(`${this.#ports.root}/${path}`, info);
    if (shared !== undefined) this.#note(path, shared);
    return shared?.cause;
  }

  /** Looks at paths of which events told: opening a directory to others changes nothing in it. */
  examine(paths: Iterable<RelativePath>): void {
    if (this.#ports.account === undefined) return;
    for (const path of paths) {
      const shared = this.#look(`${this.#ports.root}/${path}`, Deno.lstatSync);
      if (shared !== undefined) this.#note(path, shared);
    }
  }

  /** True when a path is in one of them, or is one. */
  covers(path: RelativePath): boolean {
    return [...this.#shared.keys()].some((shared) => isWithin(path, shared));
  }

  /** Why nothing is done at a path, if a directory above it can be written to by others. */
  blocks(path: RelativePath): string | undefined {
    if (this.#ports.account === undefined) return undefined;
    for (const above of ancestorsOf(path)) {
      const full = `${this.#ports.root}/${above}`;
      if ((this.#trusted.get(full) ?? -Infinity) > this.#ports.nowMs()) {
        continue;
      }
      const shared = this.#look(full, Deno.lstatSync);
      if (shared !== undefined) {
        this.#note(above, shared);
        return `is in ${full}, which ${shared.cause}`;
      }
      if (this.#trusted.size >= MAX_TRUSTED) this.#trusted.clear();
      this.#trusted.set(full, this.#ports.nowMs() + TRUST_MS);
    }
    return undefined;
  }

  /** Looks from time to time whether those that were seen still are. */
  check(): void {
    for (const path of [...this.#shared.keys()]) {
      const full = `${this.#ports.root}/${path}`;
      if (this.#look(full, Deno.lstatSync) !== undefined) continue;
      this.#shared.delete(path);
      this.#ports.onFree(path);
    }
  }

  hold(): Hold | undefined {
    const outermost = [...this.#shared.keys()].filter((path) =>
      !ancestorsOf(path).some((above) => this.#shared.has(above))
    ).sort(comparePaths);
    const [path] = outermost;
    const first = path && this.#shared.get(path);
    if (first === undefined) return undefined;
    const { root } = this.#ports;
    const { cause, fix } = first;
    const others = outermost.length === 1
      ? ""
      : ` (and ${outermost.length - 1} more)`;
    return {
      kind: "root",
      reason: `${root}/${path} ${cause}${others}; nothing is synced below it`,
      fix,
      paths: outermost.map((each) => `${root}/${each}`),
    };
  }

  #note(path: RelativePath, shared: Shared): void {
    if (this.#shared.get(path)?.cause === shared.cause) return;
    this.#shared.set(path, shared);
    log.warn`${this.#ports.root}/${path} ${shared.cause}`;
  }

  #look(
    full: string,
    stat: (full: string) => Deno.FileInfo,
  ): Shared | undefined {
    try {
      const info = stat(full);
      return info.isDirectory ? this.#judge(full, info) : undefined;
    } catch (error) {
      // Where nothing can be looked at, nothing can be done either.
      if (
        isMissing(error) || error instanceof Deno.errors.PermissionDenied
      ) return undefined;
      throw error;
    }
  }

  #judge(full: string, info: Deno.FileInfo): Shared | undefined {
    const { account } = this.#ports;
    const ownership = ownershipOf(info);
    if (account === undefined || ownership === undefined) return undefined;
    const others = othersIn(ownership, account);
    return others && sharedWords(others, ownership, full);
  }
}
