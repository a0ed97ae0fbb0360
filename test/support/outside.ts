/**
 * Guarantee 9 as a check: what lies around the processes of a test (the directory that each stands in,
 * its home directory, its place for temporary files) is afterwards as it was.
 *
 * @module
 */
import { itemAt } from "./tree_view.ts";

/** Names that tests give to files of anchors, and that people have at home. */
const CANARIES = [
  ".profile",
  ".bashrc",
  ".ssh/authorized_keys",
  "a",
  "b",
  "f",
  "x",
  "link",
  "notes.txt",
  "plain",
  "plain.txt",
  "files/f",
  "sub/f",
  "sub/file",
];

/** All places around the processes of a world. */
export class Outside {
  readonly #directory: string;
  readonly #before = new Map<string, Map<string, string>>();

  /** `directory` is made, and keeps nothing else. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The places of a process, as variables; `PWD` is where it is to start. */
  around(name: string): { PWD: string; HOME: string; TMPDIR: string } {
    const [PWD = "", HOME = "", TMPDIR = ""] = ["cwd", "home", "tmp"].map(
      (kind) => this.#place(`${this.#directory}/${name}/${kind}`),
    );
    return { PWD, HOME, TMPDIR };
  }

  /** Throws with all that came, went or changed. */
  assertUntouched(): void {
    const seen = [...this.#before].flatMap(([place, before]) =>
      changes(before, picture(place)).map((what) => `${place}/${what}`)
    );
    if (seen.length === 0) return;
    throw new Error(
      `Something was written outside of anchors, state directories and the root:\n${
        seen.join("\n")
      }`,
    );
  }

  #place(place: string): string {
    if (this.#before.has(place)) return place;
    for (const name of CANARIES) {
      const full = `${place}/${name}`;
      Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(full, `canary ${name}\n`);
    }
    this.#before.set(place, picture(place));
    return place;
  }
}

function changes(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort()
    .filter((path) => before.get(path) !== after.get(path))
    .map((path) =>
      `${path}: ${before.get(path) ?? "nothing"} became ${
        after.get(path) ?? "nothing"
      }`
    );
}

/** Every path with all that a look at it tells, its inode included. */
function picture(place: string, below = ""): Map<string, string> {
  const seen = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(`${place}/${below}`)) {
    const path = `${below}${name}`;
    const { ino, mtime } = Deno.lstatSync(`${place}/${path}`);
    const item = itemAt(`${place}/${path}`, true);
    seen.set(path, JSON.stringify({ ...item, ino, mtime }));
    if (!isDirectory) continue;
    for (const [more, told] of picture(place, `${path}/`)) seen.set(more, told);
  }
  return seen;
}
