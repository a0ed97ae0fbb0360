import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";
import { pause, waitFor } from "../support/waiting.ts";

const DIRECTORIES = 60;
const FILES_IN_EACH = 100;
const EDITS = 80;
const EDIT_EVERY_MS = 25;

testInWorld(
  "client() hands in at once what is edited while it starts and scans thousands of files",
  {
    clients: { alice: ["a", "b"] },
    prepare: (world) => {
      const { files } = world.client("a");
      for (let directory = 0; directory < DIRECTORIES; directory++) {
        Deno.mkdirSync(`${files}/d${directory}`);
        for (let file = 0; file < FILES_IN_EACH; file++) {
          Deno.writeTextFileSync(`${files}/d${directory}/f${file}`, "");
        }
      }
    },
  },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await world.waitInStep({ limitMs: 120_000 });
    await a.process.stop();
    const starting = a.process.start();
    const edited = new Map<string, string>();
    for (let edit = 0; edit < EDITS; edit++) {
      const path = `d${edit % DIRECTORIES}/f${edit}`;
      const text = "x".repeat(edit + 1);
      Deno.writeTextFileSync(`${a.files}/${path}`, text);
      edited.set(path, text);
      await pause(EDIT_EVERY_MS);
    }
    await starting;
    // The hourly scan would find them, too.
    await waitFor(
      "every edit at the other machine",
      () =>
        [...edited].every(([path, text]) =>
          Deno.readTextFileSync(`${b.files}/${path}`) === text
        ),
      { limitMs: 60_000 },
    );
    assert.equal((await a.anchor()).pending, 0);
  },
);
