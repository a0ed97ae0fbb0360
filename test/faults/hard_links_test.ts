import assert from "node:assert/strict";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import { testFault } from "./rig.ts";

testFault(
  "a file that is written in place through one of its names is synced under all of them, in other anchors too",
  {},
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    const other = (name: "a" | "b") => `${world.client(name).home}/other`;
    for (const client of [a, b]) {
      Deno.mkdirSync(`${client.home}/other`);
      await client.process.stop();
      client.configure(
        client.anchorText(client.files, "files") +
          client.anchorText(`${client.home}/other`, "other"),
      );
      await client.process.start();
    }
    Deno.mkdirSync(`${a.files}/d`);
    Deno.writeTextFileSync(`${a.files}/one`, "first");
    Deno.linkSync(`${a.files}/one`, `${a.files}/d/two`);
    Deno.linkSync(`${a.files}/one`, `${other("a")}/three`);
    const names = [`${b.files}/one`, `${b.files}/d/two`, `${other("b")}/three`];
    const allAre = (text: string) =>
      names.every((full) =>
        itemAt(full) !== undefined && Deno.readTextFileSync(full) === text
      );
    await waitFor("all names to arrive", () => allAre("first"));
    for (const text of ["written through the first name", "and again"]) {
      Deno.writeTextFileSync(`${a.files}/one`, text);
      // Much sooner than the hourly scan.
      await waitFor("all names to be written", () => allAre(text));
    }
    assert.equal(Deno.lstatSync(`${a.files}/d/two`).nlink, 3);
    Deno.writeTextFileSync(`${b.files}/d/two`, "from elsewhere");
    await waitFor(
      "the replaced name to arrive",
      () => Deno.readTextFileSync(`${a.files}/d/two`) === "from elsewhere",
    );
    // A version from elsewhere is a new file: the other names keep the old one.
    assert.equal(Deno.readTextFileSync(`${a.files}/one`), "and again");
  },
);
