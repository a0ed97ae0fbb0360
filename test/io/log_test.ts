import assert from "node:assert/strict";
import { LogFile, logNames } from "../../lib/io/log_file.ts";
import { LogWriter } from "../../lib/io/log_writer.ts";
import { missingForMounts, Tmpfs } from "../support/mounts.ts";
import { testUnless } from "../support/needs.ts";
import { tempDirectory } from "../support/temp.ts";

const CHILD = new URL("../support/logging_child.ts", import.meta.url).pathname;
/** As the launchers start it: standard error is the end of the log. */
const START = `exec 2>>"$1"; shift; exec "$@"`;

/** Runs a program that logs, with its standard error at the end of `log`. */
async function logging(log: string, ...args: string[]): Promise<void> {
  const child = [Deno.execPath(), "run", "--quiet", "--no-prompt"];
  const names = logNames(log).join(",");
  const { code, stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      START,
      "sh",
      log,
      ...child,
      `--allow-read=${names}`,
      `--allow-write=${names}`,
      CHILD,
      ...args,
    ],
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, 0, `${said}${Deno.readTextFileSync(log).slice(-2000)}`);
}

function linesOf(path: string): string[] {
  return Deno.readTextFileSync(path).split("\n").slice(0, -1);
}

Deno.test("the log stays within bounds while one process writes, loses nothing but its oldest lines, and is private", async () => {
  await using directory = tempDirectory();
  const log = `${directory.path}/sinkd.log`;
  Deno.writeTextFileSync(log, "from before\n", { mode: 0o644 });
  await logging(log, log, "20000", "2000", "line %");
  const names = logNames(log);
  const kept = names.toReversed().flatMap(linesOf);
  const numbers = kept.map((line) => Number(/line (\d+)$/.exec(line)?.[1]));
  const first = numbers[0] ?? NaN;
  assert.deepEqual(numbers, numbers.map((_, at) => first + at));
  assert.equal(numbers.at(-1), 1999);
  for (const name of names) {
    const { size, mode } = Deno.lstatSync(name);
    assert.ok(size <= 20_000, `${name} has ${size} bytes`);
    assert.equal((mode ?? 0) & 0o7777, 0o600, name);
  }
  assert.deepEqual(
    [...Deno.readDirSync(directory.path)].map(({ name }) => name).sort(),
    ["sinkd.log", "sinkd.log.1", "sinkd.log.2"],
  );
});

Deno.test("every line of the log is one line of text, whatever a name or a message has in it", async () => {
  await using directory = tempDirectory();
  const log = `${directory.path}/sinkd.log`;
  const trick =
    "\\u001b[2J\\nroot: all is well\\r\\u009b1A\\u202egpj\\u2028\\u0000";
  await logging(log, log, "1000000", "1", trick);
  await logging(log, log, "1000000", "1", trick, "10.0.0.1\\u001b[2J");
  const lines = linesOf(log);
  assert.equal(lines.length, 2);
  for (const line of lines) {
    assert.match(
      line,
      /^\S+ warning test: \\x1b\[2J\\x0aroot: all is well\\x0d\\x9b1A\\u202egpj\\u2028\\x00$/,
    );
  }
});

Deno.test("lines that one stranger causes are one, and one count of what was left out; those of many are bounded", async () => {
  await using directory = tempDirectory();
  const log = `${directory.path}/sinkd.log`;
  const long = "x".repeat(100_000);
  await logging(log, log, "1000000", "342", `login ${long}`, "203.0.113.7");
  const lines = linesOf(log);
  assert.equal(lines.length, 2);
  assert.ok((lines[0]?.length ?? 0) < 1100);
  assert.match(
    lines[1] ?? "",
    / warning test: … and 341 more like it from 203\.0\.113\.7 \(refused logins\)$/,
  );
  Deno.truncateSync(log);
  await logging(log, log, "1000000", "5000", "login %", "10.0.%.1\\\\u001b[2J");
  const many = linesOf(log);
  assert.equal(many.length, 21);
  assert.match(many[20] ?? "", /… and 4980 more like it from others/);
});

testUnless(missingForMounts())(
  "a full disk ends neither the program nor the bounds of its log, and the lost lines are counted",
  async () => {
    await using directory = tempDirectory();
    await using disk = await Tmpfs.mount(directory.path, "size=256k");
    const log = `${disk.directory}/sinkd.log`;
    const ballast = `${disk.directory}/ballast`;
    const bounds = { maxBytes: 40_000, files: 3 };
    const file = LogFile.open(log, bounds);
    using output = Deno.openSync(log, { append: true });
    const writer = new LogWriter(output, file, (text) => `note: ${text}\n`);
    const write = (count: number) => {
      for (let n = 0; n < count; n++) writer.write(`${"y".repeat(99)}\n`);
    };
    write(300);
    disk.fill(ballast, 0);
    write(1000);
    Deno.removeSync(ballast);
    write(1);
    const text = Deno.readTextFileSync(log);
    assert.match(text, /note: [\d,]+ lines? could not be written: .*full/);
    assert.match(text, /y{99}\n$/);
    disk.fill(ballast, 0);
    const before = Deno.statSync(log).size;
    write(2000);
    assert.ok(before <= bounds.maxBytes);
    for (const name of logNames(log, bounds)) {
      assert.ok(sizeOf(name) <= bounds.maxBytes + 200, name);
    }
  },
);

Deno.test("a log that is no file is written to as it is", () => {
  assert.equal(LogFile.open("/dev/null"), undefined);
});

Deno.test("LogWriter counts what could not be written, and says so first when it can again", () => {
  const got: string[] = [];
  let fault: Error | undefined;
  const output = {
    writeSync(bytes: Uint8Array) {
      if (fault !== undefined) throw fault;
      got.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
  };
  const writer = new LogWriter(output, undefined, (text) => `note: ${text}\n`);
  writer.write("one\n");
  fault = new Error("No space left on device (os error 28)");
  writer.write("two\n");
  writer.write("three\n");
  fault = undefined;
  writer.write("four\n");
  writer.write("five\n");
  assert.equal(
    got.join(""),
    "one\n\nnote: 2 lines could not be written: the disk is full\nfour\nfive\n",
  );
});

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
