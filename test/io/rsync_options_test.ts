/**
 * What each of our rsync daemons takes, tried with every option that rsync has.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  linkArguments,
  MODULE,
  MODULE_ACCOUNT,
  rsyncArguments,
} from "../../lib/core/rsync.ts";
import {
  MODULE_FILES,
  MODULE_VARIABLE,
  moduleText,
} from "../../lib/core/rsync_module.ts";
import {
  DAEMON_FILES,
  daemonConfig,
  userModuleConfig,
} from "../../lib/core/rsyncd_config.ts";
import { rsyncStart } from "../../lib/io/rsync_child.ts";
import { prepareServing } from "../../lib/io/rsync_serve.ts";
import { tempDirectory } from "../support/temp.ts";

const PASSWORD = "0123456789abcdef";
const AS_ROOT = Deno.uid() === 0;

/** Each rsync that is here: see test/rsync. */
const RSYNCS = await (async () => {
  const setup = new URL("../rsync/setup", import.meta.url).pathname;
  const { stdout } = await new Deno.Command(setup, { args: ["--list"] })
    .output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  const found = lines.map((line) => line.split(" ")[1] ?? "-")
    .filter((bin) => bin !== "-").map((bin) => `${bin}/rsync`);
  return found.length === 0 ? ["rsync"] : found;
})();

/** A daemon of ours, laid out in a directory, and every kind of call that is made to it. */
interface Daemon {
  readonly name: string;
  readonly module: string;
  readonly account: string | undefined;
  readonly sends: boolean;
  /** How many calls it takes at one time, or fewer. */
  readonly atOnce: number;
  prepare(directory: string): void;
  /** Arguments without `--rsh`. */
  readonly calls: readonly (readonly string[])[];
}

const PLAIN = { compress: false, partial: false, checksum: false };
const FULL = { compress: true, partial: true, checksum: true, bwlimit: "1m" };

function jobs(direction: "edits" | "update"): string[][] {
  return [PLAIN, FULL].flatMap((transfer) =>
    [false, true].map((full) =>
      rsyncArguments({
        direction,
        port: 1,
        local: "here",
        remote: direction === "edits" ? "" : ".sinkd/incoming",
        compareDest: direction === "edits" ? "/nowhere" : "/",
        verify: full,
        transfer,
        ...(full ? { maxBytes: 1_000_000 } : {}),
      })
    )
  );
}

function serving(direction: "edits" | "update"): Daemon {
  return {
    name: `the client's daemon for ${direction}`,
    module: MODULE,
    account: MODULE_ACCOUNT,
    sends: direction === "edits",
    atOnce: 48,
    prepare: (directory) =>
      prepareServing(directory, {
        root: `${directory}/root`,
        only: undefined,
        direction,
        password: PASSWORD,
      }),
    calls: jobs(direction),
  };
}

/** How people restore: none may be refused. */
const RESTORES = [
  ["-a"],
  ["-r"],
  ["-avzP"],
  ["-rlpt"],
  ["-aHS", "--numeric-ids", "--delete", "--info=progress2"],
  ["-ac", "--compress-choice=zlib", "--compress-level=9"],
  ["-az", "--compress-choice=zlibx", "--skip-compress=gz"],
  ["-ni", "-a", "--stats", "--out-format=%n"],
  ["-aW", "--exclude=*.tmp", "--filter=- x", "--max-size=1g"],
  ["-a", "--append-verify"],
  ["-a", "--partial-dir=.part"],
  ["-a", "--info=name2,flist2", "--compress-choice=zstd"],
  ["-a", "--inplace", "--timeout=60", "--bwlimit=1m"],
  ["-aI", "--block-size=4096", "--checksum-choice=md5"],
  ["-a", "--files-from=-", "--ignore-missing-args"],
  ["-a", "--no-relative", "--files-from=-"],
  ["-a", "--files-from=-", "--no-implied-dirs"],
  ["-ax", "--safe-links", "--stderr=all"],
  ["-a", "--stderr=client", "--no-specials"],
  ["-rlt", "--specials", "--chmod=F600", "--no-perms"],
  ["-d"],
  ["--list-only"],
  ["-vvv", "--debug=all", "-r"],
  ["-q", "--msgs2stderr", "-a"],
].map((options) => [...options, `rsync://alice@127.0.0.1:1/alice/`, "here"]);

/** How a daemon ends that took the options and waited for what comes next. */
const BROKEN_OFF = 12;
/** rsync knows no refusal of these: they have an argument type that is stored before it looks. */
const NOT_REFUSED = new Set(["--ignore-missing-args", "--delete-missing-args"]);
/** `--inplace` has the daemon refuse itself, where this is refused. */
const IMPLIED: Readonly<Record<string, string>> = { "--partial": "--inplace" };
/** Where "1" would be refused for itself. */
const VALUES: Readonly<Record<string, string>> = {
  "--files-from": "-",
  "--checksum-choice": "md5",
  "--compress-choice": "zlib",
};

const DAEMONS: readonly Daemon[] = [
  serving("edits"),
  serving("update"),
  {
    name: "the client's daemon for links",
    module: MODULE,
    account: undefined,
    sends: true,
    atOnce: 48,
    prepare: (directory) =>
      Deno.writeTextFileSync(
        `${directory}/${MODULE_FILES.config}`,
        moduleText({
          serves: "links",
          password: false,
          selective: false,
          asRoot: AS_ROOT,
        }),
      ),
    calls: [undefined, true].map((munged) =>
      linkArguments(MODULE_FILES.config, "here", { munged })
        .filter((arg) => !arg.startsWith("--rsh="))
    ),
  },
  {
    name: "the server's daemon",
    module: "alice",
    account: "alice",
    sends: true,
    atOnce: 14,
    prepare(directory) {
      const modules = `${directory}/${DAEMON_FILES.modules}`;
      const own = `${directory}/root/alice/.sinkd`;
      Deno.mkdirSync(modules);
      Deno.mkdirSync(own, { recursive: true });
      Deno.writeTextFileSync(
        `${directory}/${DAEMON_FILES.config}`,
        // A chroot would hide the password of a module that has its root in the temporary directory.
        daemonConfig({ root: AS_ROOT }),
      );
      Deno.writeTextFileSync(`${modules}/a.conf`, userModuleConfig("alice"));
      Deno.writeTextFileSync(
        `${own}/restore-access`,
        `alice:${PASSWORD}\n`,
        { mode: 0o600 },
      );
    },
    calls: RESTORES,
  },
];

const decoder = new TextDecoder("latin1");

async function outputOf(
  rsync: string,
  options: {
    args: readonly string[];
    directory: string;
    input?: string;
  },
): Promise<{ code: number; out: string; err: string }> {
  const { args, directory, input = "" } = options;
  const child = new Deno.Command(rsync, {
    args: [...args],
    ...rsyncStart(directory, {
      [MODULE_VARIABLE]: `${directory}/root`,
      RSYNC_PASSWORD: PASSWORD,
    }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Makes a call with these options that breaks off after them, and gives how the daemon ended. */
async function probe(
  rsync: string,
  daemon: Daemon,
  directory: string,
  options: readonly string[],
): Promise<number> {
  const child = new Deno.Command(rsync, {
    args: ["--server", "--daemon", `--config=${MODULE_FILES.config}`, "."],
    ...rsyncStart(directory, { [MODULE_VARIABLE]: `${directory}/root` }),
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const say = (text: string) => writer.write(new TextEncoder().encode(text));
  await say(`@RSYNCD: 30.0\n${daemon.module}\n`);
  let heard = "";
  for await (const chunk of child.stdout) {
    const before = heard;
    heard += decoder.decode(chunk);
    const challenge = /^@RSYNCD: AUTHREQD (\S+)\n/m;
    const [, asked] = challenge.exec(heard) ?? [];
    if (asked !== undefined && !challenge.test(before)) {
      const digest = createHash("md5").update(PASSWORD + asked)
        .digest("base64").replace(/=+$/, "");
      await say(`${daemon.account} ${digest}\n`);
    }
    if (heard.includes("@RSYNCD: OK\n") && !before.includes("@RSYNCD: OK\n")) {
      const args = [
        "--server",
        ...(daemon.sends ? ["--sender"] : []),
        ...options,
        ".",
        `${daemon.module}/`,
      ];
      await say(args.map((arg) => `${arg}\0`).join("") + "\0");
      await writer.close();
    }
  }
  const { code } = await child.status;
  assert.match(heard, /@RSYNCD: OK\n/);
  return code;
}

/** The names of one option, with a value where it needs one. */
interface Option {
  readonly names: readonly string[];
  readonly value: string | undefined;
}

async function optionsOf(rsync: string, directory: string): Promise<Option[]> {
  const { out } = await outputOf(rsync, { args: ["--help"], directory });
  const listed = [...out.matchAll(/^(-{1,2}[^\s,]+(?:, --?\S+)*) /gm)]
    .map(([, words = ""]): Option => {
      return {
        names: words.split(", ").map((form) => form.replace(/=.*/, "")),
        value: words.includes("=")
          ? VALUES[words.replace(/=.*/, "")] ?? "1"
          : undefined,
      };
    }).filter(({ names }) => !names.includes("--no-OPTION"));
  // Not in the help, and taken all the same.
  const more = [
    "--log-format=x",
    "--msgs2stderr",
    "--no-msgs2stderr",
    "--old-compress",
    "--new-compress",
    "--remove-sent-files",
    "--use-qsort",
    "--qsort",
    "--protect-args",
    "--time-limit=1",
    "--ignore-non-existing",
    "--daemon",
    "--config=x",
    "--dparam=x=y",
    "--detach",
    "--drop-D",
    "--confine-root=/",
    "--insecure-links",
    "--zt=1",
  ].map((text) => {
    const [name = "", value] = text.split("=");
    return { names: [name], value };
  });
  return [...listed, ...more];
}

/** A remote shell that starts the daemon and leaves what it was told in `sent`. */
function writeRecorder(directory: string, callee: string): void {
  Deno.writeTextFileSync(
    `${directory}/record`,
    `exec 3<&0
rm -f pipe
mkfifo pipe
tee sent <&3 >pipe &
'${callee}' --server --daemon --config=${MODULE_FILES.config} . <pipe
kill $!
`,
  );
}

/** All options that the calls send, as they are sent. */
async function sentBy(
  caller: string,
  callee: string,
  daemon: Daemon,
  directory: string,
): Promise<Set<string>> {
  const sent = new Set<string>();
  writeRecorder(directory, callee);
  Deno.mkdirSync(`${directory}/here`, { recursive: true });
  for (const args of daemon.calls) {
    const { err } = await outputOf(caller, {
      args: ["--rsh=sh record", ...args],
      directory,
      input: "./x\0",
    });
    assert.doesNotMatch(err, /refuse/, `${args.join(" ")}: ${err}`);
    const words = decoder.decode(Deno.readFileSync(`${directory}/sent`))
      .split("\n").slice(daemon.account === undefined ? 2 : 3).join("\n");
    const list = words.slice(0, words.indexOf("\0\0")).split("\0");
    assert.equal(list[0], "--server", words);
    for (const word of list) {
      if (word.startsWith("--")) sent.add(word.replace(/=.*/, ""));
      else if (/^-[@B]/.test(word)) sent.add(word.slice(0, 2));
      else if (word.startsWith("-")) {
        for (const letter of word.slice(1).replace(/e.*/, "e")) {
          sent.add(`-${letter}`);
        }
      }
    }
  }
  return sent;
}

async function withDaemon(
  daemon: Daemon,
  work: (directory: string) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  Deno.mkdirSync(`${temp.path}/root`);
  Deno.writeTextFileSync(`${temp.path}/root/x`, "x");
  daemon.prepare(temp.path);
  await work(temp.path);
}

for (const daemon of DAEMONS) {
  for (const rsync of RSYNCS) {
    const version = rsync.split("/").at(-4) ?? "";
    Deno.test(`${daemon.name} takes what our calls send and refuses every other option (rsync ${version})`, async () => {
      await withDaemon(daemon, async (directory) => {
        const sent = new Set<string>();
        for (const caller of RSYNCS) {
          for (const name of await sentBy(caller, rsync, daemon, directory)) {
            sent.add(name);
          }
        }
        const options = await optionsOf(rsync, directory);
        assert.ok(options.length > 150, `${options.length} options`);
        const found = new Map<string, number>();
        const queue = options.flatMap(({ names, value }) =>
          names.map((name) => ({ name, value, names }))
        );
        await Promise.all(Array.from({ length: daemon.atOnce }, async () => {
          for (let next = queue.pop(); next; next = queue.pop()) {
            const { name, value } = next;
            const glue = name.startsWith("--") ? "=" : "";
            const word = value === undefined ? name : `${name}${glue}${value}`;
            const code = await probe(rsync, daemon, directory, [word]);
            found.set(name, code);
          }
        }));
        const wanted = options.filter(({ names }) =>
          names.some((name) =>
            sent.has(IMPLIED[name] ?? name) || NOT_REFUSED.has(name)
          )
        ).flatMap(({ names }) => names);
        const taken = [...found].filter(([, code]) => code === BROKEN_OFF);
        assert.deepEqual(taken.map(([name]) => name).sort(), wanted.sort());
      });
    });
  }
}

for (const rsync of RSYNCS) {
  const version = rsync.split("/").at(-4) ?? "";
  Deno.test(`an update deletes nothing in the anchor, with the one deleting option that cannot be refused (rsync ${version})`, async () => {
    const daemon = serving("update");
    await withDaemon(daemon, async (directory) => {
      const args = rsyncArguments({
        direction: "update",
        port: 1,
        local: "here",
        remote: "",
        compareDest: "/",
        verify: false,
        transfer: PLAIN,
      });
      Deno.mkdirSync(`${directory}/here`);
      writeRecorder(directory, rsync);
      await outputOf(rsync, {
        args: ["--rsh=sh record", "--delete-missing-args", ...args],
        directory,
        input: "./x\0",
      });
      const sent = decoder.decode(Deno.readFileSync(`${directory}/sent`));
      assert.ok(sent.includes("--delete-missing-args"));
      assert.equal(Deno.readTextFileSync(`${directory}/root/x`), "x");
    });
  });
}
