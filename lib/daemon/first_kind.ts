/**
 * Whether an anchor that was never here is a directory or a single file: only the server knows, so
 * nothing is made before it has said.
 *
 * @module
 */
import { identityOf } from "../core/record_identity.ts";
import { type AnchorConfig, treePathOf } from "../core/config.ts";
import type { RelativePath } from "../core/path.ts";
import type { AnchorStore } from "../io/base_store.ts";
import { logger } from "../io/log.ts";
import { ProofSums } from "../io/proof_sums.ts";
import type { Position } from "../ports.ts";
import { isFileThere } from "../turn/ask_kind.ts";
import type { ProofLine } from "../turn/prove.ts";
import { describe } from "./faults.ts";

const log = logger("anchor");

/** What {@linkcode FirstKind} works with. */
export interface FirstKindPorts {
  readonly config: AnchorConfig;
  readonly store: AnchorStore;
  /** The server's head, once it is known. */
  readonly head: () => Position | undefined;
  readonly talk: <T>(work: (line: ProofLine) => Promise<T>) => Promise<T>;
  /** The server has no file there: a directory may be made. */
  readonly onDirectory: () => void;
  /** It has: the record is that of a single file now. */
  readonly onFile: () => void;
}

/** See the module. */
export class FirstKind {
  readonly #ports: FirstKindPorts;
  #isDirectory = false;
  #asking = false;

  constructor(ports: FirstKindPorts) {
    this.#ports = ports;
  }

  /** True when it is a directory; asks when that is not known yet. */
  isDirectory(): boolean {
    if (!this.#isDirectory && !this.#asking) void this.#ask();
    return this.#isDirectory;
  }

  async #ask(): Promise<void> {
    const { config, store, head: headOf, talk, onDirectory, onFile } =
      this.#ports;
    const head = headOf();
    if (head === undefined) return;
    this.#asking = true;
    const path = treePathOf(config) as RelativePath;
    const nothing = new ProofSums().end();
    try {
      const isFile = await talk((line) =>
        isFileThere(line, { path, head, nothing })
      );
      if (isFile === false) {
        this.#isDirectory = true;
        onDirectory();
      } else if (isFile === true) {
        const user = store.identity()?.user;
        const isNew = store.root() === undefined && store.count() === 0;
        if (user === undefined || !isNew) return;
        store.begin(identityOf(config, { user, single: true }));
        onFile();
      }
    } catch (error) {
      log.debug`${config.path}: what it is, is asked again: ${describe(error)}`;
    } finally {
      this.#asking = false;
    }
  }
}
