/**
 * Troubles of machines: paths that cannot be read, disks that are full, clocks that jump.
 *
 * @module
 */

const NO_ROOM_CALLS = new Set([
  "mkdir",
  "link",
  "write",
  "prepare",
  "agree",
  "finish",
  "markSent",
  "forget",
]);

/** What a directory that is barred forbids in it, and a file to be opened. */
const READS = new Set(["readDir", "open", "read"]);

/** The troubles that there are now. */
export class Troubles {
  readonly #barred = new Map<string, number>();
  readonly #full = new Map<string, number>();
  readonly #offsets = new Map<string, number>();

  /** Bars a file or directory for all processes; gives what ends that. */
  bar(path: string): () => void {
    return enter(this.#barred, path);
  }

  /** The disk of a machine is full; gives what ends that. */
  fill(machine: string): () => void {
    return enter(this.#full, machine);
  }

  /** A machine's clock goes on from another time. */
  jump(machine: string, byMs: number): void {
    this.#offsets.set(machine, this.offsetMs(machine) + byMs);
  }

  /** How far a machine's clock is from the true one. */
  offsetMs(machine: string): number {
    return this.#offsets.get(machine) ?? 0;
  }

  isFull(machine: string): boolean {
    return this.#full.has(machine);
  }

  /** True when the bytes at a path cannot be read. */
  isBarred(path: string): boolean {
    if (this.#barred.size === 0) return false;
    return [...this.#barred.keys()].some((barred) =>
      path === barred || path.startsWith(`${barred}/`)
    );
  }

  /** Throws what a call runs into on a machine, if anything. */
  meet(machine: string, call: string, path: string): void {
    if (this.#full.has(machine) && NO_ROOM_CALLS.has(call)) {
      throw new Error(`No space left on device (os error 28): ${call} ${path}`);
    }
    if (this.#barred.size === 0) return;
    for (const barred of this.#barred.keys()) {
      const denied = path.startsWith(`${barred}/`) ||
        (path === barred && READS.has(call));
      if (denied) {
        throw new Deno.errors.PermissionDenied(
          `Permission denied (os error 13): ${call} '${path}'`,
        );
      }
    }
  }
}

function enter(counts: Map<string, number>, key: string): () => void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
  return () => {
    const left = (counts.get(key) ?? 1) - 1;
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  };
}
