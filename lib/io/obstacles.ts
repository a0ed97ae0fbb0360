/**
 * What stands in the way of a commit for good: a read-only mount, a mount point, another's file in a
 * sticky directory. It is told once, and no bytes move for such a path again until something changes
 * there, or a long time is over (an ACL shows in nothing that is looked at).
 *
 * @module
 */
import { dirname } from "node:path";
import type { RelativePath } from "../core/path.ts";
import type { LeftPath } from "../ports.ts";
import { lstatIfAny } from "./files.ts";
import { isReadOnly } from "./mount_points.ts";

/** First and longest time after which a path is tried again though nothing changed, in milliseconds. */
const FIRST_MS = 10 * 60_000;
const LONGEST_MS = 4 * 60 * 60_000;

interface Obstacle {
  readonly left: LeftPath;
  readonly picture: string;
  readonly readOnly: boolean;
  readonly untilMs: number;
  readonly pauseMs: number;
}

/** The obstacles of one anchor. */
export class Obstacles {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #known = new Map<RelativePath, Obstacle>();

  constructor(root: string, nowMs: () => number) {
    this.#root = root;
    this.#nowMs = nowMs;
  }

  /** Takes what a commit left; paths that it changed have nothing in their way any more. */
  note(steps: Iterable<RelativePath>, left: readonly LeftPath[]): void {
    const before = new Map(this.#known);
    for (const path of steps) this.#known.delete(path);
    for (const item of left) {
      if (item.lasting !== true) continue;
      const pauseMs = Math.min(
        (before.get(item.path)?.pauseMs ?? FIRST_MS / 2) * 2,
        LONGEST_MS,
      );
      this.#known.set(item.path, {
        left: item,
        picture: this.#pictureOf(item.path),
        readOnly: isReadOnly(this.#directoryOf(item.path)),
        untilMs: this.#nowMs() + pauseMs,
        pauseMs,
      });
    }
  }

  /** What stands in the way at a path. */
  at(path: RelativePath): LeftPath | undefined {
    const obstacle = this.#known.get(path);
    return obstacle !== undefined && this.#stands(path, obstacle)
      ? obstacle.left
      : undefined;
  }

  /** True when one of them stands no more; tells of each once. */
  lifted(): boolean {
    const lifted = [...this.#known].filter(([path, known]) =>
      !this.#stands(path, known)
    );
    for (const [path] of lifted) this.#known.delete(path);
    return lifted.length > 0;
  }

  /** All are tried again. */
  forget(): void {
    this.#known.clear();
  }

  #stands(path: RelativePath, obstacle: Obstacle): boolean {
    if (this.#pictureOf(path) !== obstacle.picture) return false;
    return obstacle.readOnly
      ? isReadOnly(this.#directoryOf(path))
      : this.#nowMs() < obstacle.untilMs;
  }

  /** What is there and the directory of it, as far as it may forbid something. */
  #pictureOf(path: RelativePath): string {
    const here = lstatIfAny(`${this.#root}/${path}`);
    const above = lstatIfAny(this.#directoryOf(path));
    const owned = (info: Deno.FileInfo | undefined) =>
      info === undefined
        ? "nothing"
        : `${info.dev},${info.ino},${info.mode},${info.uid},${info.gid}`;
    const changedMs = here?.ctime?.getTime() ?? 0;
    return `${owned(here)},${changedMs};${owned(above)}`;
  }

  /** The nearest directory above a path that is there. */
  #directoryOf(path: RelativePath): string {
    let full = dirname(`${this.#root}/${path}`);
    while (full !== this.#root && lstatIfAny(full)?.isDirectory !== true) {
      full = dirname(full);
    }
    return full;
  }
}
