import assert from "node:assert/strict";
import { testUnless } from "../support/needs.ts";

/** Watches a tree in which `fault` is in the way, mends that once the watcher scans, and waits for events. */
const PROGRAM = `
import { openWatcher } from ${
  JSON.stringify(import.meta.resolve("../../lib/io/watcher.ts"))
};
import { NO_EXCLUDES } from ${
  JSON.stringify(import.meta.resolve("../../lib/core/excludes.ts"))
};
const [home, fault] = Deno.args;
const root = home + "/root";
const mends = {
  watches: () => Deno.writeTextFileSync("/proc/sys/user/max_inotify_watches", "1000"),
  instances: () => Deno.writeTextFileSync("/proc/sys/user/max_inotify_instances", "100"),
  closed: () => Deno.chmodSync(root + "/d0", 0o700),
};
const rescans = { before: 0, after: 0 };
let detail;
const watcher = openWatcher([{ id: "a", root, only: undefined, rules: NO_EXCLUDES }], (event) => {
  if (event.kind === "rescan") detail === undefined ? rescans.before++ : rescans.after++;
  if (event.kind === "mode" && event.mode === "scanning") detail = event.detail;
  if (detail !== undefined && rescans.after === 2) mends[fault]();
  if (event.kind === "mode" && event.mode === "events") {
    console.log(JSON.stringify({ detail, rescans: rescans.after }));
    Deno.exit(0);
  }
}, { canaryDirectory: home + "/canary", scanEveryMs: 50, retryMs: 300 });
setTimeout(() => { console.log(JSON.stringify({ detail, rescans })); Deno.exit(1); }, 120_000);
`;

const INHERIT = "-dac_override,-dac_read_search";
const BEFORE = {
  watches: [
    "unshare",
    "-r",
    "sh",
    "-c",
    'echo 30 > /proc/sys/user/max_inotify_watches && exec "$@"',
    "sh",
  ],
  instances: [
    "unshare",
    "-r",
    "sh",
    "-c",
    'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"',
    "sh",
  ],
  closed: Deno.uid() === 0
    ? ["setpriv", `--bounding-set=${INHERIT}`, `--inh-caps=${INHERIT}`]
    : [],
};

/** Limits of our own need a user namespace, which not every machine gives. */
const lacksNamespaces = await new Deno.Command("unshare", {
  args: ["-r", "sh", "-c", "echo 30 > /proc/sys/user/max_inotify_watches"],
  stderr: "null",
}).output().then(
  ({ success }) => success,
  () => false,
).then((may) => may ? undefined : "unprivileged namespaces");

async function watchWith(fault: keyof typeof BEFORE): Promise<string> {
  const home = Deno.makeTempDirSync({ prefix: "sinkd-limits-" });
  try {
    for (let directory = 0; directory < 40; directory++) {
      Deno.mkdirSync(`${home}/root/d${directory}`, { recursive: true });
    }
    if (fault === "closed") Deno.chmodSync(`${home}/root/d0`, 0);
    const [command = "", ...args] = [
      ...BEFORE[fault],
      Deno.execPath(),
      "eval",
      PROGRAM,
      home,
      fault,
    ];
    const output = await new Deno.Command(command, { args }).output();
    const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    assert.equal(output.code, 0, `${stdout}${stderr}`);
    return JSON.parse(stdout ?? "").detail;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

testUnless(lacksNamespaces)(
  "openWatcher() scans when the limit of watches is reached, names the sysctl and watches once it is raised",
  async () => {
    assert.match(
      await watchWith("watches"),
      /limit of watches.*sysctl fs\.inotify\.max_user_watches=/,
    );
  },
);

testUnless(lacksNamespaces)(
  "openWatcher() scans when there are too many watchers, names the sysctl and watches once it is raised",
  async () => {
    assert.match(
      await watchWith("instances"),
      /sysctl fs\.inotify\.max_user_instances=/,
    );
  },
);

Deno.test("openWatcher() scans when a directory may not be read, and watches once it may", async () => {
  assert.match(
    await watchWith("closed"),
    /root: a directory in it may not be read/,
  );
});
