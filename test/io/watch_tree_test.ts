/** What is watched is what is synced: counted as the kernel shows it. */
import assert from "node:assert/strict";
import { NO_EXCLUDES, parseExcludes } from "../../lib/core/excludes.ts";
import { openWatcher, type WatchEvent } from "../../lib/io/watcher.ts";
import { tempDirectory } from "../support/temp.ts";
import { waitFor } from "../support/waiting.ts";

/** How many directories this process watches. */
function watches(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fdinfo")) {
    try {
      const text = Deno.readTextFileSync(`/proc/self/fdinfo/${name}`);
      count += text.match(/^inotify wd/gm)?.length ?? 0;
    } catch {
      // It was closed meanwhile.
    }
  }
  return count;
}

function makeMany(root: string, count: number): void {
  for (let number = 0; number < count; number++) {
    Deno.mkdirSync(`${root}/many${number}/below`, { recursive: true });
  }
}

Deno.test("openWatcher() watches neither behind links nor what is excluded, and all that syncs", async () => {
  await using temp = tempDirectory("sinkd-watch-tree-");
  const { path } = temp;
  const root = `${path}/root`;
  const elsewhere = `${path}/elsewhere`;
  makeMany(elsewhere, 300);
  Deno.mkdirSync(`${root}/docs/deep`, { recursive: true });
  makeMany(`${root}/docs/node_modules`, 300);
  Deno.symlinkSync(elsewhere, `${root}/link`);
  Deno.symlinkSync(`${root}`, `${root}/docs/loop`);
  const parsed = parseExcludes(["node_modules/"]);
  assert.ok(parsed.ok);
  const events: WatchEvent[] = [];
  const before = watches();
  await using watcher = openWatcher(
    [{ id: "a", root, only: undefined, rules: parsed.rules }],
    (event) => events.push(event),
    { canaryDirectory: `${path}/canary` },
  );
  await watcher.ready;
  // The root, docs, docs/deep, and the canary's directory.
  assert.equal(watches() - before, 4);

  const untilTouched = (file: string) =>
    waitFor(`${file} to be told of`, () => {
      return events.some((event) =>
        "path" in event && event.path === file && event.kind === "touched"
      );
    }, { tell: () => JSON.stringify(events.slice(-20)) });
  const write = async (file: string) => {
    Deno.writeTextFileSync(`${root}/${file}`, crypto.randomUUID());
    await untilTouched(file);
    events.length = 0;
  };
  await write("docs/deep/a");

  // What is made later is watched, and only that.
  makeMany(`${root}/docs/new/node_modules`, 100);
  Deno.mkdirSync(`${root}/docs/new/x/y`, { recursive: true });
  Deno.symlinkSync(elsewhere, `${root}/docs/new/link`);
  await waitFor("three more", () => watches() - before === 7, {
    tell: () => `${watches() - before}`,
  });
  await write("docs/new/x/y/b");

  // A link that becomes a directory, and back.
  Deno.removeSync(`${root}/link`);
  Deno.mkdirSync(`${root}/link/in`, { recursive: true });
  await waitFor("two more", () => watches() - before === 9);
  await write("link/in/c");
  Deno.removeSync(`${root}/link`, { recursive: true });
  Deno.symlinkSync(elsewhere, `${root}/link`);
  await waitFor("two fewer", () => watches() - before === 7);

  // Moved, made anew, and moved again: what happens there is told under its path of then.
  for (let round = 0; round < 3; round++) {
    Deno.renameSync(`${root}/docs/new`, `${root}/moved${round}`);
    await waitFor(
      "the move",
      () =>
        events.some((event) =>
          event.kind === "appeared" && event.path === `moved${round}`
        ),
    );
    await waitFor("it to be watched", () => watches() - before === 7);
    await write(`moved${round}/x/y/d`);
    Deno.removeSync(`${root}/moved${round}`, { recursive: true });
    Deno.mkdirSync(`${root}/docs/new/x/y`, { recursive: true });
    await waitFor("it to be watched again", () => watches() - before === 7);
    await waitFor(
      "it to be told of",
      () =>
        events.some((event) =>
          event.kind === "appeared" && event.path.startsWith("docs/new")
        ),
    );
    await write("docs/new/x/y/e");
  }
});

Deno.test("openWatcher() begins with thousands of directories as soon as one call for all would", async () => {
  await using temp = tempDirectory("sinkd-watch-tree-");
  const { path } = temp;
  const root = `${path}/root`;
  makeMany(root, 2500);
  const startMs = performance.now();
  Deno.watchFs(root).close();
  const atOnceMs = performance.now() - startMs;
  const events: WatchEvent[] = [];
  const before = watches();
  const beganMs = performance.now();
  await using watcher = openWatcher(
    [{ id: "a", root, only: undefined, rules: NO_EXCLUDES }],
    (event) => events.push(event),
    { canaryDirectory: `${path}/canary` },
  );
  await watcher.ready;
  const tookMs = performance.now() - beganMs;
  assert.equal(watches() - before, 5002);
  assert.ok(
    tookMs < 20 * atOnceMs + 2000,
    `${tookMs} ms, and at once ${atOnceMs} ms`,
  );
  Deno.writeTextFileSync(`${root}/many2499/below/file`, "x");
  await waitFor(
    "the file to be told of",
    () =>
      events.some((event) =>
        "path" in event && event.path === "many2499/below/file"
      ),
  );
});

Deno.test("openWatcher() misses nothing while directories come and go", async () => {
  await using temp = tempDirectory("sinkd-watch-tree-");
  const root = `${temp.path}/root`;
  Deno.mkdirSync(`${root}/made0`, { recursive: true });
  makeMany(root, 200);
  const touched = new Set<string>();
  let missed = 0;
  await using watcher = openWatcher(
    [{ id: "a", root, only: undefined, rules: NO_EXCLUDES }],
    (event) => {
      if (event.kind === "touched") touched.add(event.path);
      else if (event.kind === "rescan") missed++;
    },
    { canaryDirectory: `${temp.path}/canary` },
  );
  await watcher.ready;
  const files: string[] = [];
  for (let round = 1; round <= 40; round++) {
    // One that is gone has the watcher begin anew when the next one comes.
    Deno.removeSync(`${root}/made${round - 1}`);
    Deno.mkdirSync(`${root}/made${round}`);
    for (let number = 0; number < 30; number++) {
      files.push(`file${round}-${number}`);
      Deno.writeTextFileSync(`${root}/${files.at(-1)}`, "");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  const unseen = () => files.filter((file) => !touched.has(file));
  await waitFor(
    "all files to be told of",
    () => unseen().length === 0 || missed > 0,
    { tell: () => `${unseen().length} of ${files.length} not: ${unseen()}` },
  );
});
