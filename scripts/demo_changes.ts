/**
 * The changes that the demo makes, by plain file calls, as any program would.
 *
 * @module
 */

/** One change, or a few of a kind, in a directory that is kept in step. */
export interface Change {
  readonly what: string;
  /** How many paths it makes, changes or removes. */
  readonly count: number;
  readonly make: (docs: string) => void;
}

/** Bytes that no two calls have in common, so that nothing can be skipped. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** Saves as careful programs do: a new file, renamed over the old one. */
export function saveByRename(path: string, text: string): void {
  Deno.writeTextFileSync(`${path}~`, text);
  Deno.renameSync(`${path}~`, path);
}

const write = (path: string, text: string) =>
  Deno.writeTextFileSync(path, text);
const append = (path: string, text: string) =>
  Deno.writeTextFileSync(path, text, { append: true });
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

/** Makes links by ln: Deno itself would need the run of the whole disk for it. */
function link(target: string, path: string): void {
  const { success } = new Deno.Command("ln", {
    args: ["-s", "--", target, path],
  }).outputSync();
  if (!success) throw new Error(`Cannot make the link ${path}: ln failed`);
}

/** Names that break careless programs. */
const HARD_NAMES = [
  "with space ",
  "-rf",
  "#hash#",
  "two\nlines",
  "ünïcödé ☃",
  "'quote\"",
  "*?[x]",
  "n".repeat(255),
];

/** What both sides have before they join: nothing of it may be lost. */
export const BEFORE = {
  a: (docs: string) => {
    write(`${docs}/from-a.txt`, "a had this before it joined\n");
    write(`${docs}/hello.txt`, "hello\n");
  },
  b: (docs: string) => {
    Deno.mkdirSync(`${docs}/photos`);
    for (const n of numbers(3)) {
      Deno.writeFileSync(`${docs}/photos/${n}.jpg`, randomBytes(20_000));
    }
    write(`${docs}/from-b.txt`, "b had this before it joined\n");
  },
};

/** Changes while all are there, in turn from a and from b. */
export const TOGETHER: readonly Change[] = [
  {
    what: "a new file",
    count: 1,
    make: (docs) => write(`${docs}/notes.txt`, "first line\n"),
  },
  {
    what: "a line added to it",
    count: 1,
    make: (docs) => append(`${docs}/notes.txt`, "second line\n"),
  },
  {
    what: "40 files in 8 new directories",
    count: 48,
    make: (docs) => {
      for (const n of numbers(8)) {
        Deno.mkdirSync(`${docs}/project/part-${n}`, { recursive: true });
        for (const m of numbers(5)) {
          write(`${docs}/project/part-${n}/${m}.txt`, `${n} ${m}\n`);
        }
      }
    },
  },
  {
    what: "a directory renamed, with all that is in it",
    count: 6,
    make: (docs) =>
      Deno.renameSync(`${docs}/project/part-0`, `${docs}/project/renamed`),
  },
  {
    what: "a file of 16 MiB",
    count: 1,
    make: (docs) => Deno.writeFileSync(`${docs}/big.bin`, randomBytes(2 ** 24)),
  },
  {
    what: "a few bytes changed in the middle of it",
    count: 1,
    make: (docs) => {
      using file = Deno.openSync(`${docs}/big.bin`, { write: true });
      file.seekSync(2 ** 23, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode("changed"));
    },
  },
  {
    what: `${HARD_NAMES.length} names with newline, quote, dash, 255 bytes, …`,
    count: HARD_NAMES.length + 1,
    make: (docs) => {
      Deno.mkdirSync(`${docs}/names`);
      for (const name of HARD_NAMES) write(`${docs}/names/${name}`, "x\n");
    },
  },
  {
    what: "links: relative, absolute, to nothing",
    count: 4,
    make: (docs) => {
      Deno.mkdirSync(`${docs}/links`);
      link("../notes.txt", `${docs}/links/relative`);
      link("/etc/hostname", `${docs}/links/absolute`);
      link("not/there", `${docs}/links/to-nothing`);
    },
  },
  {
    what: "modes: one file 0600, one 0755, an empty directory 0750",
    count: 3,
    make: (docs) => {
      Deno.chmodSync(`${docs}/notes.txt`, 0o600);
      Deno.chmodSync(`${docs}/hello.txt`, 0o755);
      Deno.mkdirSync(`${docs}/empty`);
      Deno.chmodSync(`${docs}/empty`, 0o750);
    },
  },
  {
    what: "a file's time set to 2001",
    count: 1,
    make: (docs) => {
      const time = new Date("2001-02-03T04:05:06.789Z");
      Deno.utimeSync(`${docs}/from-a.txt`, time, time);
    },
  },
  {
    what: "a file replaced by a directory, a directory by a file",
    count: 10,
    make: (docs) => {
      Deno.removeSync(`${docs}/hello.txt`);
      Deno.mkdirSync(`${docs}/hello.txt`);
      write(`${docs}/hello.txt/inside`, "was a file\n");
      Deno.removeSync(`${docs}/project/part-1`, { recursive: true });
      write(`${docs}/project/part-1`, "was a directory\n");
    },
  },
  {
    what: "2 directories deleted",
    count: 12,
    make: (docs) => {
      for (const n of [2, 3]) {
        Deno.removeSync(`${docs}/project/part-${n}`, { recursive: true });
      }
    },
  },
  {
    what: "one file saved 30 times, by a new file renamed over it",
    count: 30,
    make: (docs) => {
      for (const n of numbers(30)) {
        saveByRename(`${docs}/draft.txt`, `draft ${n}\n`);
      }
    },
  },
];

/** What happens on a while b is stopped. */
export const WHILE_B_IS_AWAY: Change = {
  what: "5 edits, 6 new, 1 renamed, 3 deleted",
  count: 15,
  make: (docs) => {
    for (const n of numbers(5)) {
      append(`${docs}/project/part-4/${n}.txt`, "edited while b was away\n");
    }
    for (const n of numbers(6)) write(`${docs}/new-${n}.txt`, `new ${n}\n`);
    Deno.renameSync(`${docs}/from-b.txt`, `${docs}/renamed-by-a.txt`);
    for (const n of numbers(3)) Deno.removeSync(`${docs}/photos/${n}.jpg`);
  },
};

/** What happens on b itself while its client is stopped. */
export const ON_B_MEANWHILE: Change = {
  what: "4 edits, 2 new, 1 deleted",
  count: 7,
  make: (docs) => {
    for (const n of numbers(4)) {
      append(`${docs}/project/part-5/${n}.txt`, "edited on b\n");
    }
    for (const n of numbers(2)) write(`${docs}/b-${n}.txt`, `b ${n}\n`);
    Deno.removeSync(`${docs}/draft.txt`);
  },
};

/** What happens while the server is away. */
export const WHILE_SERVER_IS_AWAY: Readonly<Record<"a" | "b", Change>> = {
  a: {
    what: "3 new files",
    count: 3,
    make: (docs) => {
      for (const n of numbers(3)) write(`${docs}/alone-a-${n}.txt`, `${n}\n`);
    },
  },
  b: {
    what: "2 new files, 1 edit",
    count: 3,
    make: (docs) => {
      for (const n of numbers(2)) write(`${docs}/alone-b-${n}.txt`, `${n}\n`);
      append(`${docs}/notes.txt`, "third line, without a server\n");
    },
  },
};
