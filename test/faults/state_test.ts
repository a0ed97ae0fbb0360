import assert from "node:assert/strict";
import { CONFLICT_MARK } from "../../lib/core/reconcile.ts";
import type { Ledger } from "../support/ledger.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { command, testFault, waitTold } from "./rig.ts";

/** What can happen to a database while its process does not run. */
const DAMAGES: Readonly<Record<string, (file: string) => Promise<void>>> = {
  deleted: (file) => command("sh", "-c", `rm '${file}'*`),
  "cut in half": (file) =>
    command(
      "sh",
      "-c",
      `rm -f '${file}'-*; truncate -s $(($(stat -c %s '${file}') / 2)) '${file}'`,
    ),
  "full of noise": (file) =>
    command(
      "sh",
      "-c",
      `rm -f '${file}'-*; dd if=/dev/urandom of='${file}' bs=512 seek=3 count=60 conv=notrunc`,
    ),
};

/** Which of them a client's record meets, and which the server's: one that is seen to be damaged each. */
const OF_CLIENT = ["deleted", "full of noise"];
const OF_SERVER = ["deleted", "cut in half"];

function damages(
  names: readonly string[],
): [string, (file: string) => Promise<void>][] {
  return Object.entries(DAMAGES).filter(([what]) => names.includes(what));
}

/** Forty files that all have. */
async function fill(ledger: Ledger, client: WorldClient): Promise<void> {
  Deno.mkdirSync(`${client.files}/d`);
  for (let i = 0; i < 40; i++) ledger.write(client, `d/${i}`);
  await ledger.settle();
}

/** What both machines do while one of the processes is away. */
function editAway(ledger: Ledger, world: World): void {
  const [a, b] = [world.client("a"), world.client("b")];
  ledger.write(a, "d/1");
  ledger.write(a, "new of a");
  ledger.write(b, "d/2");
  ledger.write(b, "new of b");
}

/** Who knows nothing any more keeps both versions of what it edited, and of nothing else. */
async function settleJoined(
  ledger: Ledger,
  client: WorldClient,
): Promise<void> {
  await ledger.settle({ joined: true });
  const copied = [...treeOf(client.files, { bytes: false }).keys()]
    .filter((path) => path.includes(CONFLICT_MARK))
    .map((path) => path.slice(0, path.indexOf(CONFLICT_MARK)));
  const edited = ["d/1", "d/2", "new of a", "new of b"];
  assert.deepEqual(copied.filter((path) => !edited.includes(path)), []);
}

function asides(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name)
    .filter((name) => name.includes(".damaged-"));
}

testFault(
  "a client's record that is deleted or damaged is set aside and made anew, and nothing is lost",
  {},
  async (world, ledger) => {
    const [a] = [world.client("a")];
    await fill(ledger, a);
    for (const [what, damage] of damages(OF_CLIENT)) {
      const before = asides(a.state).length;
      await a.process.stop();
      await damage(`${a.state}/client.db`);
      editAway(ledger, world);
      await a.process.start();
      if (/half|noise/.test(what)) {
        await waitTold(a, /database was damaged/);
        assert.ok(asides(a.state).length > before, what);
      }
      await settleJoined(ledger, a);
    }
  },
);

testFault(
  "the server's record of a user that is deleted or damaged is set aside and made anew from the tree, and nothing is lost",
  {},
  async (world, ledger) => {
    const a = world.client("a");
    await fill(ledger, a);
    const own = `${world.root}/alice/.sinkd`;
    for (const [what, damage] of damages(OF_SERVER)) {
      const before = asides(own).length;
      await world.server.stop();
      await damage(`${own}/state.db`);
      editAway(ledger, world);
      await world.server.start();
      if (/half|noise/.test(what)) {
        assert.ok(asides(own).length > before, what);
        const { errors } = await world.serverReport();
        assert.ok(errors.some(({ cause }) => cause.includes("damaged")), what);
      }
      await settleJoined(ledger, a);
    }
  },
);

testFault(
  "a client whose record is an older copy of itself takes nothing back and loses nothing",
  {},
  async (world, ledger) => {
    const a = world.client("a");
    await fill(ledger, a);
    await a.process.stop();
    await command("cp", "-a", a.state, `${a.home}/state.older`);
    await a.process.start();
    editAway(ledger, world);
    ledger.remove(a, "d/3");
    await ledger.settle();
    ledger.write(a, "d/1");
    await ledger.settle();
    await a.process.stop();
    await command("rm", "-rf", a.state);
    await command("mv", `${a.home}/state.older`, a.state);
    editAway(ledger, world);
    ledger.remove(world.client("b"), "d/4");
    await a.process.start();
    await settleJoined(ledger, a);
    assert.equal(itemAt(`${a.files}/d/3`), undefined);
    assert.equal(itemAt(`${a.files}/d/4`), undefined);
  },
);

testFault(
  "the server that comes back from an older copy of its root deletes and loses nothing, while clients kept going",
  {},
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await fill(ledger, a);
    await world.server.stop();
    await command("cp", "-a", world.root, `${world.directory}/older`);
    await world.server.start();
    editAway(ledger, world);
    ledger.remove(b, "d/3");
    await ledger.settle();
    await world.server.kill();
    editAway(ledger, world);
    await command("rm", "-rf", world.root);
    await command("mv", `${world.directory}/older`, world.root);
    await world.server.start();
    ledger.forgetHistory();
    await settleJoined(ledger, a);
    ledger.write(b, "later");
    await ledger.settle();
  },
);
