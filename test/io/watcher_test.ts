import assert from "node:assert/strict";
import { closeSync, constants, openSync } from "node:fs";
import { NO_EXCLUDES, parseExcludes } from "../../lib/core/excludes.ts";
import type {
  Watcher,
  WatcherOptions,
  WatchEvent,
  WatchRoot,
} from "../../lib/io/watcher.ts";
import { openWatcher } from "../../lib/io/watcher.ts";
import { PATIENCE_MS } from "../support/waiting.ts";

const LONGEST_MS = PATIENCE_MS;

/** A watched temporary directory and all that the watcher told. */
interface Stage extends AsyncDisposable {
  readonly root: string;
  readonly events: WatchEvent[];
  readonly watcher: Watcher;
  /** Waits for an event, told before or not. */
  until(
    what: string,
    wanted: (event: WatchEvent) => boolean,
  ): Promise<WatchEvent>;
  /** Forgets what was told. */
  forget(): void;
}

async function openStage(
  { options = {}, roots, prepare }: {
    options?: Partial<WatcherOptions>;
    roots?: (root: string) => WatchRoot[];
    prepare?: (root: string) => void;
  } = {},
): Promise<Stage> {
  const home = Deno.makeTempDirSync({ prefix: "sinkd-watch-" });
  const root = `${home}/root`;
  Deno.mkdirSync(root);
  prepare?.(root);
  const events: WatchEvent[] = [];
  let look = () => {};
  const watcher = openWatcher(
    roots?.(root) ??
      [{ id: "docs", root, only: undefined, rules: NO_EXCLUDES }],
    (event) => {
      events.push(event);
      look();
    },
    { canaryDirectory: `${home}/canary`, ...options },
  );
  await watcher.ready;
  return {
    root,
    events,
    watcher,
    until(what, wanted) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`No ${what} in ${JSON.stringify(events)}`));
        }, LONGEST_MS);
        look = () => {
          const found = events.find(wanted);
          if (found === undefined) return;
          clearTimeout(timer);
          look = () => {};
          resolve(found);
        };
        look();
      });
    },
    forget: () => void events.splice(0),
    async [Symbol.asyncDispose]() {
      await watcher[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

const isTouched = (path: string, closed = true) => (event: WatchEvent) =>
  event.kind === "touched" && event.path === path && event.closed === closed;
const isAppeared = (path: string) => (event: WatchEvent) =>
  event.kind === "appeared" && event.path === path;
const isRescan = (event: WatchEvent) => event.kind === "rescan";
const isMode = (mode: string) => (event: WatchEvent) =>
  event.kind === "mode" && event.mode === mode;

function pathsIn(events: readonly WatchEvent[]): Set<string> {
  return new Set(
    events.flatMap((event) => "path" in event ? [event.path] : []),
  );
}

function makePipe(path: string): void {
  const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
  assert.ok(success);
}

Deno.test("openWatcher() tells of a closed file, a save by rename, a deletion and a chmod", async () => {
  await using stage = await openStage({
    prepare: (root) => {
      Deno.writeTextFileSync(`${root}/old`, "x");
      Deno.utimeSync(`${root}/old`, 1, 1_700_000_000);
    },
  });
  assert.deepEqual(stage.events, [{
    kind: "mode",
    mode: "events",
    detail: "",
  }]);
  Deno.writeTextFileSync(`${stage.root}/note`, "1");
  assert.deepEqual(await stage.until("note", isTouched("note")), {
    kind: "touched",
    anchor: "docs",
    path: "note",
    closed: true,
  });
  stage.forget();
  Deno.writeTextFileSync(`${stage.root}/note.tmp`, "2");
  Deno.renameSync(`${stage.root}/note.tmp`, `${stage.root}/note`);
  await stage.until("saved note", isTouched("note"));
  stage.forget();
  Deno.chmodSync(`${stage.root}/old`, 0o600);
  await stage.until("chmod", isTouched("old"));
  stage.forget();
  Deno.removeSync(`${stage.root}/old`);
  await stage.until("deletion", isTouched("old"));
  Deno.symlinkSync("note", `${stage.root}/link`);
  await stage.until("link", isTouched("link"));
});

Deno.test("openWatcher() tells that a file is open while it is written", async () => {
  await using stage = await openStage();
  using file = Deno.createSync(`${stage.root}/log`);
  file.writeSync(new Uint8Array(10));
  await stage.until("open file", isTouched("log", false));
  assert.ok(!stage.events.some(isTouched("log")));
});

Deno.test("openWatcher() tells that the topmost of new directories appeared", async () => {
  await using stage = await openStage();
  for (let turn = 0; turn < 20; turn++) {
    Deno.mkdirSync(`${stage.root}/t${turn}/b/c`, { recursive: true });
    Deno.writeTextFileSync(`${stage.root}/t${turn}/b/c/file`, "x");
    await stage.until("directory", isAppeared(`t${turn}`));
  }
  Deno.mkdirSync(`${stage.root}/../outside/x`, { recursive: true });
  Deno.renameSync(`${stage.root}/../outside`, `${stage.root}/moved`);
  await stage.until("moved directory", isAppeared("moved"));
});

Deno.test("openWatcher() leaves out .sinkd and what is excluded, and tells a single-file anchor of its file alone", async () => {
  const parsed = parseExcludes(["*.tmp", "build/"]);
  assert.ok(parsed.ok);
  await using stage = await openStage({
    prepare: (root) => Deno.mkdirSync(`${root}/deep`),
    roots: (root) => [
      { id: "all", root, only: undefined, rules: parsed.rules },
      { id: "one", root, only: "one", rules: NO_EXCLUDES },
    ],
  });
  Deno.mkdirSync(`${stage.root}/.sinkd/incoming`, { recursive: true });
  Deno.mkdirSync(`${stage.root}/deep/.sinkd`);
  Deno.mkdirSync(`${stage.root}/build/x`, { recursive: true });
  Deno.writeTextFileSync(`${stage.root}/a.tmp`, "x");
  Deno.writeTextFileSync(`${stage.root}/one`, "x");
  Deno.writeTextFileSync(`${stage.root}/two`, "x");
  await stage.until("last", isTouched("two"));
  const told = (anchor: string) =>
    pathsIn(
      stage.events.filter((event) =>
        "anchor" in event && event.anchor === anchor
      ),
    );
  assert.deepEqual(told("one"), new Set(["one"]));
  // The parent of a new .sinkd may be told to have changed.
  assert.deepEqual(
    told("all").difference(new Set(["deep"])),
    new Set(["one", "two"]),
  );
});

Deno.test("openWatcher() tells of 5,000 files", async () => {
  await using stage = await openStage();
  for (let file = 0; file < 5000; file++) {
    Deno.writeTextFileSync(`${stage.root}/f${file}`, "x");
  }
  await stage.until("last file or a rescan", (event) => {
    return isRescan(event) || isTouched("f4999")(event);
  });
  if (!stage.events.some(isRescan)) {
    await stage.until("every file", () => pathsIn(stage.events).size === 5000);
  }
});

Deno.test("openWatcher() tells soon", async (test) => {
  await using stage = await openStage();
  const latenciesMs: number[] = [];
  for (let turn = 0; turn < 50; turn++) {
    const startMs = performance.now();
    Deno.writeTextFileSync(`${stage.root}/f${turn}`, "x");
    await stage.until("file", isTouched(`f${turn}`));
    latenciesMs.push(performance.now() - startMs);
  }
  latenciesMs.sort((left, right) => left - right);
  const [medianMs = NaN, longestMs = NaN] = [latenciesMs[25], latenciesMs[49]];
  await test.step(
    `p50 ${medianMs.toFixed(1)} ms, max ${longestMs.toFixed(1)} ms`,
    () => assert.ok(longestMs < LONGEST_MS),
  );
});

Deno.test("openWatcher() asks for a rescan when a name is not UTF-8, and watches on", async () => {
  await using stage = await openStage();
  const { success } = new Deno.Command("sh", {
    args: ["-c", `: > "$1/$(printf 'a\\377')"`, "sh", stage.root],
  }).outputSync();
  assert.ok(success);
  await stage.until("rescan", isRescan);
  Deno.writeTextFileSync(`${stage.root}/b`, "x");
  await stage.until("later file", isTouched("b"));
});

Deno.test("openWatcher() watches a root again that was removed and came back", async () => {
  await using stage = await openStage({ options: { missingPollMs: 20 } });
  for (let turn = 0; turn < 3; turn++) {
    stage.forget();
    Deno.removeSync(stage.root, { recursive: true });
    await stage.until("rescan of what is gone", isRescan);
    stage.forget();
    Deno.mkdirSync(stage.root);
    await stage.until("rescan of what is back", isRescan);
    Deno.writeTextFileSync(`${stage.root}/file`, "x");
    await stage.until("file in it", isTouched("file"));
  }
  stage.forget();
  Deno.removeSync(stage.root, { recursive: true });
  Deno.mkdirSync(stage.root);
  await stage.until("rescan of a new one", isRescan);
  stage.forget();
  Deno.writeTextFileSync(`${stage.root}/late`, "x");
  await stage.until("file in it, or one more rescan", (event) => {
    return isRescan(event) || isTouched("late")(event);
  });
});

Deno.test("openWatcher() waits for a root that is missing at the start", async () => {
  await using stage = await openStage({
    options: { missingPollMs: 20 },
    prepare: (root) => Deno.removeSync(root),
  });
  Deno.mkdirSync(stage.root);
  await stage.until("rescan", isRescan);
  Deno.writeTextFileSync(`${stage.root}/file`, "x");
  await stage.until("file", isTouched("file"));
});

Deno.test("openWatcher() notices by itself that a root is another directory", async () => {
  await using stage = await openStage({
    options: { canaryEveryMs: 50, canaryWithinMs: 5000 },
  });
  // Renames of the directory above make no event, as a mount makes none.
  const home = stage.root.slice(0, -"/root".length);
  Deno.mkdirSync(`${home}.new/root`, { recursive: true });
  Deno.mkdirSync(`${home}.new/canary`);
  Deno.renameSync(home, `${home}.old`);
  Deno.renameSync(`${home}.new`, home);
  try {
    await stage.until("rescan", isRescan);
    Deno.writeTextFileSync(`${stage.root}/file`, "x");
    await stage.until("file", isTouched("file"));
  } finally {
    await Deno.remove(`${home}.old`, { recursive: true });
  }
});

Deno.test("openWatcher() starts a new worker when a named pipe stops the first", async () => {
  await using stage = await openStage({
    options: { canaryEveryMs: 200, canaryWithinMs: 300 },
  });
  makePipe(`${stage.root}/pipe`);
  const mode = await stage.until("mode with the reason", (event) => {
    return event.kind === "mode" && event.detail !== "";
  });
  assert.ok(mode.kind === "mode" && mode.mode === "events");
  assert.ok(mode.detail.includes(`named pipe ${stage.root}/pipe`), mode.detail);
  await stage.until("rescan", isRescan);
  Deno.writeTextFileSync(`${stage.root}/file`, "x");
  await stage.until("file", isTouched("file"));
});

Deno.test("openWatcher() scans when named pipes stop the worker again, and tries later", async () => {
  await using stage = await openStage({
    options: {
      canaryEveryMs: 100,
      canaryWithinMs: 200,
      retryMs: 2000,
      scanEveryMs: 100,
    },
  });
  makePipe(`${stage.root}/pipe`);
  await stage.until(
    "new worker",
    (event) => event.kind === "mode" && event.detail !== "",
  );
  makePipe(`${stage.root}/second`);
  await stage.until("scanning", isMode("scanning"));
  stage.forget();
  await stage.until("rescan", isRescan);
  await stage.until("a try", isMode("events"));
  Deno.writeTextFileSync(`${stage.root}/file`, "x");
  await stage.until("file", isTouched("file"));
});

Deno.test("openWatcher() ends while a worker hangs", async () => {
  const stage = await openStage();
  makePipe(`${stage.root}/pipe`);
  await stage.watcher[Symbol.asyncDispose]();
  // Sets the hung thread free, so that this process can end.
  closeSync(
    openSync(`${stage.root}/pipe`, constants.O_RDWR | constants.O_NONBLOCK),
  );
  await stage[Symbol.asyncDispose]();
});
