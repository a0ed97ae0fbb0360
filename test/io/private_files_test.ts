/**
 * Files of sinkd's own are for its account alone, and directories have just the mode that they are
 * given, whatever umask started the program: in processes of their own, as a umask is a process's.
 */
import assert from "node:assert/strict";
import { tempDirectory } from "../support/temp.ts";

const LIB = new URL("../../lib/", import.meta.url).href;

/** Runs `code`, with the module `name` as `it` and a directory as `dir`, under a umask. */
async function under(
  umask: string,
  directory: string,
  [name, code]: readonly [string, string],
): Promise<void> {
  const file = `${directory}/program.ts`;
  Deno.writeTextFileSync(
    file,
    `import * as it from "${LIB}${name}";\nconst dir = "${directory}/made";\n${code}\n`,
  );
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { code: ended, stderr } = await new Deno.Command("sh", {
    args: [
      "-c",
      `umask ${umask}; exec "$@"`,
      "sh",
      Deno.execPath(),
      "run",
      "-A",
      "-q",
      "--no-check",
      "--frozen",
      `--config=${config}`,
      file,
    ],
  }).output();
  assert.equal(ended, 0, new TextDecoder().decode(stderr));
}

function modes(directory: string, below = ""): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(`${directory}/${below}`)].flatMap(
      ({ name, isDirectory }) => {
        const path = `${below}${name}`;
        const { mode } = Deno.lstatSync(`${directory}/${path}`);
        const own = [path, ((mode ?? 0) & 0o7777).toString(8)] as const;
        return isDirectory
          ? [own, ...Object.entries(modes(directory, `${path}/`))]
          : [own];
      },
    ),
  );
}

const CASES = {
  "a state database and what SQLite keeps beside it": {
    program: [
      "io/state_file.ts",
      `const db = it.openState(dir + "/x.db");
       db.exec("pragma journal_mode = wal; create table t (a)");
       Deno.kill(Deno.pid, "SIGKILL");`,
    ],
    made: { "x.db": "600", "x.db-wal": "600", "x.db-shm": "600" },
    ended: true,
  },
  "a pid file": {
    program: [
      "io/pid_file.ts",
      `it.lockPidFile(dir + "/x.pid"); Deno.exit(0);`,
    ],
    made: { "x.pid": "600" },
  },
  "a control socket": {
    program: [
      "io/control.ts",
      `await it.openControl(dir + "/x.sock", () => Promise.reject(new Error())); Deno.exit(0);`,
    ],
    made: { "x.sock": "600" },
  },
  "a file that is replaced": {
    program: ["io/replace_file.ts", `it.replaceFile(dir + "/a/x", "text");`],
    made: { "a": "700", "a/x": "600" },
  },
  "directories for all accounts": {
    program: [
      "io/files.ts",
      `it.makeDirectories(dir + "/a/b", 0o755); it.makeDirectories(dir + "/c/d", 0o2770);`,
    ],
    made: { "a": "755", "a/b": "755", "c": "2770", "c/d": "2770" },
  },
} as const;

for (const umask of ["000", "077"]) {
  for (const [name, { program, made, ...more }] of Object.entries(CASES)) {
    Deno.test(`${name} has its mode with umask ${umask}`, async () => {
      await using temp = tempDirectory();
      Deno.mkdirSync(`${temp.path}/made`);
      const run = under(umask, temp.path, program);
      if ("ended" in more) await assert.rejects(run);
      else await run;
      assert.deepEqual(modes(`${temp.path}/made`), made);
    });
  }
}

Deno.test("a state database that others may read is closed to them when it is opened", async () => {
  await using temp = tempDirectory();
  Deno.mkdirSync(`${temp.path}/made`);
  for (const part of ["", "-wal"]) {
    Deno.writeTextFileSync(`${temp.path}/made/x.db${part}`, "", {
      mode: 0o644,
    });
  }
  await under("022", temp.path, [
    "io/state_file.ts",
    `it.openState(dir + "/x.db").close();`,
  ]);
  for (const mode of Object.values(modes(`${temp.path}/made`))) {
    assert.equal(mode, "600");
  }
});
