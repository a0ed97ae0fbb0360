import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import type { Found } from "../../lib/core/entry.ts";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { findPath } from "../../lib/io/look.ts";
import { type AnchorRig, anchorRig } from "../support/anchor_rig.ts";
import { pause, waitFor } from "../support/waiting.ts";

const FEW_FILES = 24;
/** A scan of so many takes long enough to be edited in. */
const MANY_FILES = 2500;
const SEED = Number(Deno.env.get("SCANS_SEED") ?? 1);
const LIMIT_MS = 30_000;

/** What happens to an anchor between its making and the end. */
type Act =
  | { readonly kind: "edit" | "remove"; readonly file: number }
  | { readonly kind: "directory"; readonly file: number }
  | { readonly kind: "wait"; readonly ms: number }
  | {
    readonly kind:
      | "open"
      | "break"
      | "mend"
      | "away"
      | "back"
      | "pause"
      | "resume"
      | "rescan";
  };

const file = fc.integer({ min: 0, max: FEW_FILES - 1 });
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("edit"), file }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove"), file }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("directory"), file }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("wait"),
        ms: fc.integer({ min: 0, max: 30 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ...([
          "open",
          "break",
          "mend",
          "away",
          "back",
          "pause",
          "resume",
          "rescan",
        ] as const).map((kind) => ({ kind })),
      ),
    },
  ) as fc.Arbitrary<Act>,
  { minLength: 4, maxLength: 40 },
);

/** An anchor whose files are all as agreed; what a person and the disk do to it. */
class Played {
  readonly #rig: AnchorRig;
  readonly #away: string;
  readonly #changed = new Set<string>();
  #opened = false;
  #paused = false;
  #edits = 0;

  constructor(rig: AnchorRig, files: number) {
    this.#rig = rig;
    this.#away = `${rig.directory}/away`;
    rig.store.agree(
      Array.from({ length: files }, (_, index) => {
        const path = relativePath(`f${index}`);
        const look = findPath(rig.root, path);
        assert.equal(look.kind, "found");
        const base = (look as { found: Found }).found;
        return { path, base };
      }),
      { epoch: "00000000000000aa", stamp: { date: 20260102, cycle: 3 } },
    );
    const root = Deno.statSync(rig.root);
    rig.store.setRoot({ device: root.dev, inode: root.ino ?? 0 });
  }

  async act(act: Act): Promise<void> {
    const { anchor } = this.#rig;
    switch (act.kind) {
      case "edit": {
        const text = "x".repeat(++this.#edits);
        Deno.writeTextFileSync(`${this.#here()}/f${act.file}`, text);
        return this.#tell(`f${act.file}`);
      }
      case "remove":
        try {
          Deno.removeSync(`${this.#here()}/f${act.file}`);
        } catch (error) {
          assert.ok(error instanceof Deno.errors.NotFound);
        }
        return this.#tell(`f${act.file}`);
      case "directory": {
        const path = `d${act.file}`;
        Deno.mkdirSync(`${this.#here()}/${path}`, { recursive: true });
        Deno.writeTextFileSync(`${this.#here()}/${path}/new`, "x");
        this.#changed.add(path).add(`${path}/new`);
        anchor.note({ kind: "appeared", path: path as RelativePath });
        return;
      }
      case "wait":
        return await pause(act.ms);
      case "open":
        if (this.#opened) return;
        this.#opened = true;
        return void anchor.open();
      case "break":
        return this.#rename("bases", "gone");
      case "mend":
        return this.#rename("gone", "bases");
      case "away":
        if (this.#here() !== this.#away) {
          Deno.renameSync(this.#rig.root, this.#away);
        }
        return;
      case "back":
        if (this.#here() === this.#away) {
          Deno.renameSync(this.#away, this.#rig.root);
        }
        return;
      case "pause":
        this.#paused = true;
        return anchor.setPaused(true);
      case "resume":
        if (!this.#paused) return; // else it scans, which finds whatever was lost
        this.#paused = false;
        return anchor.setPaused(false);
      case "rescan":
        return void anchor.rescan("the test");
    }
  }

  /** All is well again; every path that was changed must be known as dirty. */
  async end(): Promise<void> {
    for (const kind of ["mend", "back", "resume", "open"] as const) {
      await this.act({ kind });
    }
    const { anchor } = this.#rig;
    let dirty: string[] = [];
    await waitFor("every change to be known", async () => {
      const { changes } = await anchor.edits.collect({
        paths: 1000,
        bytes: Infinity,
        skip: () => false,
      });
      dirty = [...changes.map(({ path }) => path), ...anchor.edits.heldPaths()];
      return anchor.usable &&
        [...this.#changed].every((path) => dirty.includes(path));
    }, {
      limitMs: LIMIT_MS,
      tell: () => `${[...this.#changed].sort()} / ${dirty.sort()}`,
    });
  }

  #here(): string {
    try {
      Deno.lstatSync(this.#away);
      return this.#away;
    } catch {
      return this.#rig.root;
    }
  }

  #tell(path: string): void {
    this.#changed.add(path);
    this.#rig.anchor.note({
      kind: "touched",
      path: path as RelativePath,
      closed: true,
    });
  }

  /** The record as a failing disk makes it: nothing in it can be read. */
  #rename(from: string, to: string): void {
    const database = new DatabaseSync(this.#rig.stateFile, { timeout: 5000 });
    try {
      const isThere = database.prepare(
        "select 1 from sqlite_master where name = ?",
      ).get(from) !== undefined;
      if (isThere) database.exec(`alter table ${from} rename to ${to}`);
    } finally {
      database.close();
    }
  }
}

async function play(files: number, list: readonly Act[]): Promise<void> {
  await using rig = anchorRig({
    prepare: (directory) => {
      Deno.mkdirSync(`${directory}/files`);
      for (let index = 0; index < files; index++) {
        const path = `${directory}/files/f${index}`;
        Deno.writeTextFileSync(path, "");
        Deno.utimeSync(path, 1_700_000_000, 1_700_000_000);
      }
    },
  });
  const played = new Played(rig, files);
  for (const act of list) await played.act(act);
  await played.end();
}

const starts = fc.array(
  fc.record({ ms: fc.integer({ min: 0, max: 60 }), file }),
  { minLength: 5, maxLength: 20 },
).map((edits): Act[] => [
  { kind: "open" },
  ...edits.flatMap(({ ms, file }): Act[] => [
    { kind: "wait", ms },
    { kind: "edit", file },
  ]),
]);

Deno.test.each([
  {
    when: "whatever fails and comes back meanwhile",
    files: FEW_FILES,
    acts,
    runs: 40,
    atATime: 10,
  },
  {
    when: "while the first scan goes on",
    files: MANY_FILES,
    acts: starts,
    runs: 6,
    atATime: 2,
  },
])(
  "AnchorScans loses no hint $when",
  async ({ files, acts, runs, atATime }) => {
    const lists = fc.sample(acts, { numRuns: runs, seed: SEED });
    for (let from = 0; from < lists.length; from += atATime) {
      await Promise.all(
        lists.slice(from, from + atATime).map(async (list) => {
          try {
            await play(files, list);
          } catch (cause) {
            throw new Error(`SCANS_SEED=${SEED}: ${JSON.stringify(list)}`, {
              cause,
            });
          }
        }),
      );
    }
  },
);
