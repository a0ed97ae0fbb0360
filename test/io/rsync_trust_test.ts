import assert from "node:assert/strict";
import { trustRsync } from "../../lib/io/rsync_trust.ts";
import { readTree, tempDirectory } from "../support/temp.ts";
import { withVariables } from "../support/variables.ts";

const REAL_PATH = Deno.env.get("PATH") ?? "";
/** A call that hangs is waited for by none of the other tests. */
const SHORT_MS = 3000;

interface Bench {
  readonly bin: string;
  readonly run: string;
  readonly memory: string;
  /** Makes `script` the rsync that is first on the PATH; `"$@"` are its arguments. */
  install(script: string): void;
  /** Calls so far but for `--version`. */
  calls(): number;
}

async function onBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  await using temp = tempDirectory();
  const at = (name: string) => `${temp.path}/${name}`;
  Deno.mkdirSync(at("bin"));
  const install = (script: string) => {
    Deno.writeTextFileSync(
      at("new"),
      `#!/bin/sh
real() { PATH='${REAL_PATH}' command rsync "$@"; }
[ "$1" = --version ] && { real --version; exit; }
echo . >>'${at("calls")}'
${script}
`,
      { mode: 0o755 },
    );
    Deno.renameSync(at("new"), at("bin/rsync"));
  };
  await withVariables(
    { PATH: `${at("bin")}:${REAL_PATH}` },
    () =>
      work({
        bin: at("bin"),
        run: at("state/run"),
        memory: at("state/rsync"),
        install,
        calls() {
          try {
            return Deno.readTextFileSync(at("calls")).length / 2;
          } catch {
            return 0;
          }
        },
      }),
  );
}

/** Shell that runs the true rsync without an argument, or with another in its place. */
function replacing(pattern: string, by = ""): string {
  return `
for word; do
  shift
  case $word in
    ${pattern}) ${by === "" ? "" : `set -- "$@" ${by}`} ;;
    *) set -- "$@" "$word" ;;
  esac
done
real "$@"`;
}

/** Shell that changes the daemon's configuration before it is read. */
function misreading(edit: string): string {
  return `
case "$*" in *--daemon*) sed -i '${edit}' rsyncd.conf 2>/dev/null ;; esac
real "$@"`;
}

const SPOILERS: Record<string, readonly [script: string, says: RegExp]> = {
  "drops links": [replacing("--links"), /does not bring "l absolute"/],
  "follows links": [
    replacing("--links", "--copy-links"),
    /"l absolute"|"l dangling"|ends with/,
  ],
  "takes the prefix of links for theirs": [
    misreading("s/^munge symlinks = yes/munge symlinks = no/"),
    /changes where the link ".*" leads/,
  ],
  "drops a name": [`real '--exclude=[#]x' "$@"`, /does not bring "#x"/],
  "takes a name for a comment": [
    `case "$*" in *--files-from=-*--daemon*) ;; *--files-from=-*) tr '\\0' '\\n' | sed 's,^\\./#,#,' | tr '\\n' '\\0' | real "$@"; exit ;; esac; real "$@"`,
    /does not bring|ends with|asked for/,
  ],
  "cannot --from0": [replacing("--from0"), /ends with|does not bring/],
  "compares with nothing": [
    replacing("--compare-dest=*"),
    /sends what the receiver has already/,
  ],
  "compares whole seconds": [
    replacing("--modify-window=-1"),
    /does not bring "touched"/,
  ],
  "does not keep times": [replacing("--times"), /changes the time of/],
  "does not compare bytes": [
    replacing("--checksum"),
    /does not bring "hidden"/,
  ],
  "spoils bytes": [
    `real "$@"
code=$?
for word; do last=$word; done
[ ! -f "$last/plain" ] || echo spoiled >>"$last/plain"
exit $code`,
    /changes the bytes of "plain"/,
  ],
  "writes where it stands": [
    `real "$@"; code=$?; echo >.profile; exit $code`,
    /writes "\.profile" into its working directory/,
  ],
  "writes where it may not": [
    misreading("/include from/d; /exclude/d"),
    /writes where its configuration forbids it/,
  ],
  "says that all went well": [`real "$@"; exit 0`, /file that is gone ends/],
  "says that all went wrong": [`real "$@"; exit 3`, /ends with 3/],
  "ends at once": ["echo no >&2; exit 1", /ends with 1: no/],
  "does not end": [
    "exec sleep 100",
    new RegExp(`does not end within ${SHORT_MS / 1000} s`),
  ],
};

for (const [name, [script, says]] of Object.entries(SPOILERS)) {
  Deno.test(`trustRsync() refuses an rsync that ${name}`, async () => {
    await onBench(async ({ bin, run, memory, install }) => {
      install(script);
      const limits = name === "does not end" ? { limitMs: SHORT_MS } : {};
      await assert.rejects(
        trustRsync({ runDirectory: run, memory, ...limits }),
        (error: Error) => {
          assert.match(error.message, says);
          assert.ok(error.message.includes(`${bin}/rsync`), error.message);
          assert.match(error.message, /; install another version/);
          return true;
        },
      );
      assert.deepEqual(readTree(run), {}, "something was left");
    });
  });
}

Deno.test("trustRsync() tries an rsync once, and again when it is another", async () => {
  await onBench(async ({ run, memory, install, calls }) => {
    const trust = () => trustRsync({ runDirectory: run, memory });
    install(`real "$@"`);
    assert.equal((await trust()).untried, undefined);
    const once = calls();
    assert.ok(once > 0);
    await trust();
    assert.equal(calls(), once, "it was tried a second time");
    install(`real "$@" # another`);
    await trust();
    assert.ok(calls() > once, "another one was not tried");
    // What failed is not remembered as good, nor the good one for the bad.
    install(replacing("--links"));
    await assert.rejects(trust());
    await assert.rejects(trust());
  });
});

Deno.test("trustRsync() removes what a crash left, and goes on, saying so, where it can write nothing", async () => {
  await onBench(async ({ run, memory }) => {
    Deno.mkdirSync(`${run}/old`, { recursive: true });
    Deno.writeTextFileSync(`${run}/old/secrets`, "sinkd:secret\n");
    assert.equal(
      (await trustRsync({ runDirectory: run, memory })).untried,
      undefined,
    );
    assert.deepEqual(readTree(run), {});
    Deno.removeSync(memory);
    const { untried } = await trustRsync({
      runDirectory: "/proc/sinkd/run",
      memory,
    });
    assert.ok(untried);
  });
});
