import assert from "node:assert/strict";
import { parseArguments } from "../../lib/cli/arguments.ts";
import { commandHelp, programHelp } from "../../lib/cli/help.ts";
import { COMMANDS } from "../../lib/cli/table.ts";

function parse(line: string) {
  return parseArguments(line === "" ? [] : line.split(" "), COMMANDS);
}

const wrong: readonly [string, RegExp][] = [
  ["", /^Name a command; see 'sinkd --help'$/],
  ["dance", /^Unknown command 'dance'; see/],
  [
    "server dance",
    /^Unknown command 'server dance'; see 'sinkd server --help'/,
  ],
  ["client dance", /^Unknown command 'client dance'/],
  ["--pid x status", /^Unknown option '--pid'; options come after/],
  ["status --loud", /^Unknown option '--loud'; see 'sinkd status --help'$/],
  ["status -x", /^Unknown option '-x'/],
  ["status --json=yes", /takes no value/],
  ["status --pid", /--pid needs a value/],
  ["status --pid --json", /--pid needs a value/],
  ["status --pid= x", /--pid must be a path, not ''/],
  ["status --pid a --pid b", /given twice/],
  ["status extra", /'extra' is one argument too many/],
  ["join", /LINK is missing/],
  ["add", /PATH is missing/],
  ["server adduser", /NAME is missing/],
  ["server revoke", /NAME\/CLIENT is missing/],
  ["server --jobs 0", /--jobs must be a whole number from 1 to 64/],
  ["server --jobs two", /--jobs must be a whole number/],
  ["server --history-days -1", /whole number/],
  ["server --user-quota much", /--user-quota must be SIZE, or SIZE,FILES/],
  ["server --user-quota 10G,x", /--user-quota must be SIZE/],
  ["server quota", /NAME is missing/],
  ["server quota a 1 2 3", /'3' is one argument too many/],
  ["server --listen 8883", /--listen must be HOST:PORT/],
  ["server --listen a:99999", /--listen must be HOST:PORT/],
  ["server --broker http://a", /--broker must be mqtt/],
  ["server adduser a --address b", /--address must be HOST:PORT/],
];

for (const [line, message] of wrong) {
  Deno.test(`parseArguments() refuses ${JSON.stringify(line)}`, () => {
    const parsed = parse(line);
    assert.equal(parsed.kind, "wrong");
    if (parsed.kind === "wrong") assert.match(parsed.message, message);
  });
}

Deno.test("parseArguments() finds the longest command and its values", () => {
  const parsed = parse(
    "add a --exclude x --exclude=y --name=n --user-config c",
  );
  assert.equal(parsed.kind, "run");
  if (parsed.kind !== "run") return;
  assert.deepEqual(parsed.command.words, ["add"]);
  assert.deepEqual(parsed.given.operands, ["a"]);
  assert.deepEqual(parsed.given.list("exclude"), ["x", "y"]);
  assert.equal(parsed.given.text("name"), "n");
  assert.equal(parsed.given.text("pid"), undefined);
  const start = parse("server start --root r");
  assert.ok(start.kind === "run");
  assert.deepEqual(start.command.words, ["server", "start"]);
});

Deno.test("parseArguments() takes operands that look like options after --", () => {
  const parsed = parse("add -- --odd");
  assert.ok(parsed.kind === "run");
  assert.deepEqual(parsed.given.operands, ["--odd"]);
});

Deno.test("parseArguments() takes an exclude pattern that begins with a dash", () => {
  const parsed = parseArguments(
    ["add", "a", "--exclude", "- *.tmp"],
    COMMANDS,
  );
  assert.ok(parsed.kind === "run");
  assert.deepEqual(parsed.given.list("exclude"), ["- *.tmp"]);
});

for (const command of COMMANDS) {
  const words = command.words.join(" ");
  Deno.test(`sinkd ${words} --help shows usage and an example that parses`, () => {
    const parsed = parse(`${words} --help`);
    assert.ok(parsed.kind === "help" && parsed.command === command);
    const help = commandHelp(command);
    assert.match(help, new RegExp(`Usage: sinkd ${words}`));
    assert.ok(help.split("\n").every((line) => line.length <= 160), help);
    assert.ok(command.examples.length > 0);
    for (const example of command.examples) {
      assert.ok(help.includes(example));
      const argv = example.split(" ").slice(1)
        .map((word) => word.replace(/^'(.*)'$/, "$1"));
      const again = parseArguments(argv, COMMANDS);
      assert.ok(again.kind === "run" && again.command === command, example);
    }
  });
}

Deno.test("sinkd --help names every command and has an example", () => {
  const help = programHelp(COMMANDS);
  for (const command of COMMANDS) {
    assert.ok(help.includes(`sinkd ${command.words.join(" ")}`));
  }
  assert.match(help, /Examples:\n {2}sinkd/);
  assert.deepEqual(parse("--help"), { kind: "help", command: undefined });
  assert.deepEqual(parse("--version"), { kind: "version" });
});
