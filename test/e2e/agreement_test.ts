import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { shareWorld } from "../support/shared_world.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";

const { test } = shareWorld({ clients: { alice: ["a", "b"] } });

/** Writes other bytes of the same length into a file in place, and gives it back its time. */
function writeUnseen(file: string, text: string): void {
  const { mtime, size } = Deno.statSync(file);
  assert.ok(mtime !== null && size === text.length);
  Deno.writeTextFileSync(file, text);
  Deno.utimeSync(file, mtime, mtime);
}

/** Waits until nothing that is written now has the ctime (in whole seconds) of `file`. */
async function nextSecond(file: string): Promise<void> {
  const second = Deno.statSync(file).ctime?.getTime() ?? 0;
  await waitFor("the next second", () => Date.now() > second + 1000);
}

async function waitForText(world: World, name: string, text: string) {
  const places = [
    ...world.clients().map(({ files }) => `${files}/${name}`),
    `${world.stored("alice")}/${name}`,
  ];
  await waitFor(
    `'${text}' everywhere`,
    () => places.every((place) => Deno.readTextFileSync(place) === text),
    { tell: () => places.map((place) => Deno.readTextFileSync(place)).join() },
  );
}

/**
 * Waits until a comparison after `sinceMs`, and after what came or went last, found every client like
 * the server.
 */
async function waitForAgreement(world: World, sinceMs: number): Promise<void> {
  const seen = () =>
    Promise.all(world.clients().map((client) => client.anchor()));
  await waitFor(
    "all to agree",
    async () =>
      (await seen()).every(({ agreement, lastSync }) => {
        const { state, files, checked } = agreement;
        const agreedMs = Date.parse(agreement.lastAgreed ?? "");
        return state === "agreed" && files === checked && agreedMs > sinceMs &&
          agreedMs >= Date.parse(lastSync ?? "");
      }),
  );
}

/**
 * Edits `file` in the same second in which its first version was agreed on, with its size and time:
 * nothing but its bytes tells. Gives the new text.
 */
async function editUnseen(world: World, file: string): Promise<string> {
  for (;;) {
    await waitFor("the start of a second", () => Date.now() % 1000 < 50);
    Deno.writeTextFileSync(file, "one");
    await world.waitInStep();
    writeUnseen(file, "two");
    const { ctime, mtime } = Deno.statSync(file);
    const second = Math.floor((mtime?.getTime() ?? 0) / 1000) * 1000;
    if (ctime?.getTime() === second) return "two";
    await waitForText(world, file.slice(file.lastIndexOf("/") + 1), "two");
  }
}

test("client() brings an edit of the same size and restored time to all", async (world) => {
  const a = world.client("a");
  Deno.writeTextFileSync(`${a.files}/twin`, "one");
  await world.waitInStep();
  await nextSecond(`${a.files}/twin`);
  writeUnseen(`${a.files}/twin`, "two");
  await waitForText(world, "twin", "two");
});

test("status() shows when all sides were last found to agree, and idle stays idle", async (world) => {
  const sinceMs = Date.now();
  const a = world.client("a");
  Deno.writeTextFileSync(`${a.files}/agreed`, "all the same");
  await world.waitInStep();
  await waitForAgreement(world, sinceMs);
  const calls = world.rsyncCalls().length;
  const { stamp } = await a.report();
  const rescanMs = Date.now();
  for (const client of world.clients()) await client.sinkd("rescan");
  await waitForAgreement(world, rescanMs);
  assert.equal(world.rsyncCalls().length, calls);
  assert.deepEqual((await a.report()).stamp, stamp);
  assert.match((await a.sinkd("status")).out, /Agreed\n.*\d+ s ago/);
});

test("client() finds an edit of the same size, time and second by its digest", async (world) => {
  const sinceMs = Date.now();
  const a = world.client("a");
  const file = `${a.files}/hidden`;
  const text = await editUnseen(world, file);
  await waitForText(world, "hidden", text);
  await waitForAgreement(world, sinceMs);
  const { agreement } = await a.anchor();
  assert.deepEqual(agreement.found?.paths, [file]);
});

test("server() finds a byte that changed on its disk, and a client brings it back", async (world) => {
  const sinceMs = Date.now();
  const [a, b] = [world.client("a"), world.client("b")];
  Deno.writeTextFileSync(`${a.files}/kept`, "good");
  await world.waitInStep();
  await waitForAgreement(world, sinceMs);
  const checks = async () => (await world.serverReport()).users[0]?.checks;
  await waitFor("the server's checksums", async () => {
    const { files, checked } = await checks() ?? {};
    return files !== undefined && files === checked;
  });
  const stored = `${world.stored("alice")}/kept`;
  for (const client of [a, b]) await client.process.stop();
  writeUnseen(stored, "goof");
  const asked = await world.sinkd("rescan", "--pid", world.server.pidFile);
  assert.equal(asked.code, 0, asked.err);
  await waitFor(
    "the damage in status",
    async () => (await checks())?.damaged.includes("files/kept"),
  );
  const status = await world.sinkd("status", "--pid", world.server.pidFile);
  assert.ok(status.out.includes(stored), status.out);
  const startMs = Date.now();
  for (const client of [a, b]) await client.process.start();
  await waitForText(world, "kept", "good");
  await waitFor(
    "it to be whole",
    async () => (await checks())?.mended.includes("files/kept"),
  );
  await waitForAgreement(world, startMs);
  assert.deepEqual((await checks())?.damaged, []);
});

/** Changes a database of a process that is stopped for it. */
async function whileStopped(
  process: { stop(): Promise<unknown>; start(): Promise<unknown> },
  file: string,
  change: (database: DatabaseSync) => void,
): Promise<void> {
  await process.stop();
  {
    using database = new DatabaseSync(file);
    change(database);
  }
  await process.start();
}

test("client() finds that its record is not the server's, and both have everything again", async (world) => {
  const sinceMs = Date.now();
  const [a, b] = [world.client("a"), world.client("b")];
  for (const name of ["lost-here", "lost-there"]) {
    Deno.writeTextFileSync(`${a.files}/${name}`, name);
  }
  await world.waitInStep();
  await waitForAgreement(world, sinceMs);
  const lostMs = Date.now();
  await whileStopped(a.process, `${a.state}/client.db`, (database) => {
    Deno.removeSync(`${a.files}/lost-here`);
    database.exec("delete from bases where path = 'lost-here'");
  });
  const ofServer = `${world.root}/alice/.sinkd/state.db`;
  await whileStopped(world.server, ofServer, (database) => {
    Deno.removeSync(`${world.stored("alice")}/lost-there`);
    database.exec("delete from entries where path = 'files/lost-there'");
  });
  await waitFor(
    "both files everywhere",
    () =>
      [a.files, b.files, world.stored("alice")].every((place) =>
        ["lost-here", "lost-there"].every((name) =>
          textIfAny(`${place}/${name}`) === name
        )
      ),
    { limitMs: 45_000 },
  );
  await waitForAgreement(world, lostMs);
  await world.waitInStep();
  const found = (await a.anchor()).agreement.found?.paths ?? [];
  assert.ok(found.includes(`${a.files}/lost-here`), found.join());
});

function textIfAny(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
