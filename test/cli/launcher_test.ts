import assert from "node:assert/strict";

const SCRIPTS = new URL("../../scripts/", import.meta.url).pathname;

/** A checkout whose Deno is a shell script: `flags` for permissions.ts, else `program`. */
async function withCheckout(
  program: string,
  run: (checkout: string) => Promise<void>,
): Promise<void> {
  const checkout = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${checkout}/scripts`);
    await Deno.mkdir(`${checkout}/.deno/cache`, { recursive: true });
    for (const name of ["sinkd", "run.sh", "common.sh"]) {
      await Deno.copyFile(`${SCRIPTS}${name}`, `${checkout}/scripts/${name}`);
    }
    await Deno.writeTextFile(`${checkout}/deno.lock`, "{}");
    await Deno.writeTextFile(`${checkout}/.deno/cache/sinkd.lock`, "{}");
    await Deno.writeTextFile(
      `${checkout}/.deno/deno`,
      `#!/bin/sh
here=${checkout}
case "$*" in
  *permissions.ts*) echo "'--flag=a b' '--other=it'\\''s'"; echo x >>"$here/computed"; exit 0 ;;
esac
${program}
`,
      { mode: 0o755 },
    );
    await run(checkout);
  } finally {
    await Deno.remove(checkout, { recursive: true });
  }
}

function launch(
  launcher: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Deno.Command {
  return new Deno.Command(launcher, {
    args: [...args],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin" },
    ...options,
  });
}

const SHOW = `printf '%s\\0' "$@"`;

async function argumentsSeen(command: Deno.Command): Promise<string[]> {
  const { stdout } = await command.output();
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

Deno.test("scripts/sinkd hands arguments on as they are, after the computed flags", () =>
  withCheckout(SHOW, async (checkout) => {
    const odd = ["add", "a b", "*", "it's", "$HOME", "", "new\nline"];
    for (const args of [odd, ["client", ...odd.slice(1)]]) {
      const seen = await argumentsSeen(
        launch(`${checkout}/scripts/sinkd`, args),
      );
      const main = seen.indexOf(`${checkout}/main.ts`);
      assert.deepEqual(seen.slice(main + 1), args);
      assert.deepEqual(seen.slice(main - 2, main), [
        "--flag=a b",
        "--other=it's",
      ]);
      for (
        const flag of [
          "--no-prompt",
          "--no-remote",
          "--cached-only",
          "--frozen",
        ]
      ) assert.ok(seen.includes(flag), flag);
      assert.equal(seen.some((arg) => /^(-A|--allow-all)$/.test(arg)), false);
    }
  }));

Deno.test("scripts/sinkd works through symbolic links and from any directory", () =>
  withCheckout(SHOW, async (checkout) => {
    await Deno.mkdir(`${checkout}/bin dir`);
    await Deno.symlink("../scripts/sinkd", `${checkout}/bin dir/one`);
    await Deno.symlink("bin dir/one", `${checkout}/two`);
    for (const link of [`${checkout}/two`, "./one"]) {
      const seen = await argumentsSeen(
        launch(link, ["ls"], { cwd: `${checkout}/bin dir` }),
      );
      assert.ok(seen.includes(`${checkout}/main.ts`), link);
    }
  }));

Deno.test("scripts/sinkd keeps pid and exit code when it is not a foreground client", () =>
  withCheckout(`echo $$; exit 42`, async (checkout) => {
    const child = launch(`${checkout}/scripts/sinkd`, ["status"], {
      stdout: "piped",
    }).spawn();
    const { stdout, code } = await child.output();
    assert.equal(code, 42);
    assert.equal(Number(new TextDecoder().decode(stdout)), child.pid);
  }));

Deno.test("scripts/sinkd client starts again with new flags while the exit code is 75", () =>
  withCheckout(
    `echo y >>"$here/ran"; [ "$(wc -l <"$here/ran")" -ge 3 ] && exit 4; exit 75`,
    async (checkout) => {
      const { code } = await launch(`${checkout}/scripts/sinkd`, ["client"])
        .output();
      assert.equal(code, 4);
      assert.equal(await Deno.readTextFile(`${checkout}/ran`), "y\ny\ny\n");
      assert.equal(
        await Deno.readTextFile(`${checkout}/computed`),
        "x\nx\nx\n",
      );
    },
  ));

for (const [sent, seen] of [["SIGTERM", "TERM"], ["SIGINT", "TERM"]] as const) {
  Deno.test(`scripts/sinkd client passes ${sent} on and gives the program's exit code`, () =>
    withCheckout(
      `trap 'echo ${seen}; exit 7' ${seen}; echo ready
while :; do sleep 0.05; done`,
      async (checkout) => {
        const child = launch(`${checkout}/scripts/sinkd`, ["client"], {
          stdout: "piped",
        }).spawn();
        const reader = child.stdout.pipeThrough(new TextDecoderStream())
          .getReader();
        assert.equal((await reader.read()).value, "ready\n");
        child.kill(sent);
        assert.equal((await reader.read()).value, `${seen}\n`);
        assert.equal((await child.status).code, 7);
        await reader.cancel();
      },
    ));
}

Deno.test("scripts/sinkd client passes SIGHUP on and the program goes on", () =>
  withCheckout(
    `trap 'echo again' HUP; trap 'exit 0' TERM; echo ready
while :; do sleep 0.05; done`,
    async (checkout) => {
      const child = launch(`${checkout}/scripts/sinkd`, ["client"], {
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream())
        .getReader();
      await reader.read();
      for (let time = 0; time < 3; time++) {
        child.kill("SIGHUP");
        assert.equal((await reader.read()).value, "again\n");
      }
      child.kill("SIGTERM");
      assert.equal((await child.status).code, 0);
      await reader.cancel();
    },
  ));

Deno.test("scripts/sinkd writes to the log that start names, and tells the program which it is", () =>
  withCheckout(
    `echo out; echo err >&2; echo "$SINKD_LOG"`,
    async (checkout) => {
      const log = `${checkout}/my log`;
      await launch(`${checkout}/scripts/sinkd`, ["server"], {
        env: { PATH: "/usr/bin:/bin", SINKD_LOG: log },
      }).output();
      assert.equal(await Deno.readTextFile(log), `out\nerr\n${log}\n`);
    },
  ));

Deno.test("scripts/sinkd says to run setup when it was not run", () =>
  withCheckout(SHOW, async (checkout) => {
    await Deno.writeTextFile(`${checkout}/deno.lock`, "{ }");
    const { code, stderr } = await launch(`${checkout}/scripts/sinkd`, ["ls"])
      .output();
    assert.equal(code, 2);
    assert.match(
      new TextDecoder().decode(stderr),
      /^sinkd: this checkout is not set up; run \/.*\/scripts\/setup\n$/,
    );
  }));

Deno.test("the program has a private umask and leaves no core dump, whatever started scripts/sinkd", () =>
  withCheckout(`umask; ulimit -c`, async (checkout) => {
    for (const args of [["ls"], ["client"]]) {
      const { stdout } = await launch("sh", [
        "-c",
        'umask 000; ulimit -c unlimited; exec "$@"',
        "sh",
        `${checkout}/scripts/sinkd`,
        ...args,
      ]).output();
      assert.match(new TextDecoder().decode(stdout), /^0*077\n0\n$/);
    }
  }));
