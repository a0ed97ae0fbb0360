/**
 * What the watcher and its worker say to each other.
 *
 * @module
 */

/** A path as the kernel named it, and the kinds of events that came for it since the last message. */
export type RawPath = readonly [
  path: string,
  kinds: readonly Deno.FsEvent["kind"][],
];

/** Main thread → worker. `watch` is a number that is never used again; `seen` gives credit for more events. */
export type ToWatchWorker =
  | {
    readonly kind: "watch";
    readonly watch: number;
    readonly directory: string;
    /** Directories below it that are watched, too. */
    readonly directories: readonly string[];
  }
  /** Which directories are gone or elsewhere, and which are new. */
  | {
    readonly kind: "cover";
    readonly watch: number;
    readonly drop: readonly string[];
    readonly add: readonly string[];
  }
  | { readonly kind: "unwatch"; readonly watch: number }
  | { readonly kind: "seen"; readonly paths: number };

/** Worker → main thread. */
export type FromWatchWorker =
  | { readonly kind: "watching"; readonly watch: number }
  /** The watch could not begin, or ended by itself. */
  | {
    readonly kind: "failed";
    readonly watch: number;
    readonly name: string;
    readonly message: string;
  }
  /** The watch goes on, but something was missed. */
  | {
    readonly kind: "missed";
    readonly watch: number;
    readonly name: string;
    readonly message: string;
  }
  | {
    readonly kind: "events";
    readonly watch: number;
    readonly paths: readonly RawPath[];
    /** Events that came, before paths were folded. */
    readonly events: number;
  };
