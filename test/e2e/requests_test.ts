import assert from "node:assert/strict";
import { isPidFileHeld, readPid } from "../../lib/io/pid_file.ts";
import { signalIfAlive } from "../support/detached.ts";
import { processesWith } from "../support/processes.ts";
import { testInWorld } from "../support/shared_world.ts";
import { pause, waitFor } from "../support/waiting.ts";

const ROUNDS = 5;
const REQUESTS = 5;
const SEED = Number(Deno.env.get("REQUESTS_SEED") ?? 1);

function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 >>> 0;
    return (state ^ state >>> 13) % below;
  };
}

testInWorld(
  "stop, start, restart, reload and signals at any moment: what is asked last is what is",
  { clients: { alice: ["a"] } },
  async (world) => {
    const a = world.client("a");
    await a.process.stop();
    const { pidFile } = a.process;
    const random = randomFrom(SEED);
    const sinkd = (word: string) => {
      const where = word === "start" || word === "restart" ? a.places() : [];
      return world.sinkd("client", word, ...where, "--pid", pidFile);
    };
    const left = () =>
      processesWith("SINKD_TEST_WORLD", world.directory)
        .map(({ command }) => command)
        .filter((command) => command.includes(a.config));
    let anchors = 1;
    const addAnchor = () => {
      const path = `${a.home}/more${++anchors}`;
      Deno.mkdirSync(path);
      Deno.writeTextFileSync(
        a.config,
        a.anchorText(path, `more${anchors}`),
        { append: true },
      );
    };
    for (let round = 0; round < ROUNDS; round++) {
      const asking: Promise<unknown>[] = [];
      const asked: string[] = [];
      for (let request = 0; request < REQUESTS; request++) {
        const word = ["start", "stop", "restart", "reload", "HUP", "TERM"][
          random(6)
        ] ?? "stop";
        asked.push(word);
        if (word === "reload" || word === "HUP") addAnchor();
        if (word === "HUP" || word === "TERM") {
          const pid = isPidFileHeld(pidFile) ? readPid(pidFile) : undefined;
          if (pid !== undefined) signalIfAlive(pid, `SIG${word}`);
        } else asking.push(sinkd(word));
        await pause(random(700));
      }
      await Promise.all(asking);

      if (round % 2 === 0) {
        addAnchor();
        const { code, err } = await sinkd("start");
        assert.equal(code, 0, `${asked}: ${err}`);
        const reloaded = await sinkd("reload");
        assert.equal(reloaded.code, 0, `${asked}: ${reloaded.err}`);
        await waitFor(`all anchors after ${asked}`, async () => {
          const report = await a.process.report();
          return report?.role === "client" &&
            report.anchors.length === anchors &&
            report.anchors.every(({ state }) => state === "Sinkd");
        }, { limitMs: 40_000, tell: () => a.process.logTail() });
      }
      const { code, err } = await sinkd("stop");
      assert.equal(code, 0, `${asked}: ${err}`);
      assert.equal(isPidFileHeld(pidFile), false, asked.join());
      await waitFor(
        `no process after ${asked}`,
        () => left().length === 0,
        { tell: () => left().join("\n") },
      );
    }
  },
);
