/**
 * What comparisons of an anchor with the server came to: when both last agreed, where they do not,
 * and what was found last. Kept over restarts.
 *
 * @module
 */
import { z } from "zod";
import { counted } from "../core/plural.ts";
import type { AgreementReport } from "../core/status.ts";
import type { RelativePath } from "../core/path.ts";
import type { DigestStore } from "../io/digest_store.ts";
import { logger } from "../io/log.ts";

/** Most paths that are kept and told. */
const MAX_TOLD = 100;
/** How long something found is told. */
const TOLD_MS = 30 * 24 * 60 * 60 * 1000;

const log = logger("agreement");

const noteSchema = z.object({
  agreedMs: z.int().nullable(),
  differs: z.array(z.string()),
  found: z.object({
    atMs: z.int(),
    cause: z.string(),
    paths: z.array(z.string()),
    damage: z.boolean().default(false),
  }).nullable(),
});
type Note = z.infer<typeof noteSchema>;

const NOTHING: Note = { agreedMs: null, differs: [], found: null };

/** See the module. */
export class AnchorFindings {
  readonly #store: DigestStore;
  readonly #root: string;
  #note: Note;

  constructor(store: DigestStore, root: string) {
    this.#store = store;
    this.#root = root;
    const text = store.note();
    this.#note = text === undefined
      ? NOTHING
      : noteSchema.parse(JSON.parse(text));
  }

  /** Both sides are the same, in records and in all bytes that both have read. */
  agreed(): void {
    this.#write({ ...this.#note, agreedMs: Date.now(), differs: [] });
  }

  /** The two sides differ at these paths, for this reason; `damage` when a disk must have done it. */
  differ(
    paths: readonly RelativePath[],
    cause: string,
    { damage = false } = {},
  ): void {
    const told = paths.slice(0, MAX_TOLD).map((path) =>
      `${this.#root}/${path}`
    );
    log.warn`${counted(paths.length, "path")}: ${cause}: ${told.join(", ")}`;
    this.#write({
      ...this.#note,
      differs: [...new Set([...told, ...this.#note.differs])].slice(
        0,
        MAX_TOLD,
      ),
      found: { atMs: Date.now(), cause, paths: told, damage },
    });
  }

  report(): AgreementReport {
    const { agreedMs, differs, found } = this.#note;
    const isOld = found !== null && Date.now() - found.atMs > TOLD_MS;
    return {
      state: differs.length > 0
        ? "differs"
        : agreedMs === null
        ? "unknown"
        : "agreed",
      lastAgreed: agreedMs === null ? null : new Date(agreedMs).toISOString(),
      differs: [...differs],
      found: found === null || isOld ? null : {
        at: new Date(found.atMs).toISOString(),
        cause: found.cause,
        paths: [...found.paths],
        damage: found.damage,
      },
      ...this.#store.counts(),
    };
  }

  #write(note: Note): void {
    this.#note = note;
    this.#store.setNote(JSON.stringify(note));
  }
}
