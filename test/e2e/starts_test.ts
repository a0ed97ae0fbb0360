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

testInWorld(
  "client() says which anchors are not there, and takes each up when it is made",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await a.process.stop();
    const at = (path: string) => `${a.home}/${path}`;
    Deno.writeTextFileSync(at("plain"), "");
    Deno.symlinkSync(at("nowhere"), at("dangling"));
    const paths = ["new", "no/parent", "no/file", "dangling", "plain/below"];
    a.configure(
      a.anchorText(a.files, "files") +
        paths.map((path) => a.anchorText(at(path), path.replace(/.*\//, "")))
          .join(""),
    );
    await a.process.start();
    await waitFor(
      "the first to be made, and the causes of the rest",
      async () => {
        const reports = await Promise.all(
          paths.map((path) => a.anchor(at(path))),
        );
        const [first, ...rest] = reports;
        return first?.state === "Sinkd" &&
          rest.every(({ held }) =>
            held !== null && held.fix !== "" &&
            !/os error|Requires|NotCapable/.test(held.reason)
          );
      },
    );
    const { code, out } = await a.sinkd("status");
    assert.equal(code, 4);
    assert.match(out, /no\/parent/);
    assert.match(out, /does not exist/);

    Deno.mkdirSync(at("no/parent"), { recursive: true });
    Deno.writeTextFileSync(at("no/file"), "a single file");
    Deno.mkdirSync(at("nowhere"));
    Deno.removeSync(at("plain"));
    Deno.mkdirSync(at("plain"));
    await waitFor("all of them", async () => {
      const report = await a.process.report();
      return report?.role === "client" &&
        report.anchors.length === paths.length + 1 &&
        report.anchors.every(({ state }) => state === "Sinkd");
    }, { limitMs: 60_000 });
    for (const path of ["no/parent", "dangling", "plain/below"]) {
      Deno.writeTextFileSync(at(`${path}/x`), path);
    }
    await waitFor(
      "their files on the server",
      () =>
        ["parent/x", "file", "dangling/x", "below/x"].every((
          path,
        ) => isFile(`${world.root}/alice/${path}`)),
      { limitMs: 40_000 },
    );
    await waitFor(
      "the other machine",
      async () => (await b.report()).state === "Sinkd",
    );
  },
);

testInWorld(
  "client() takes a single file that is gone at its start for deleted, and one whose directory is gone for missing",
  { clients: { alice: ["a", "b"] } },
  async (world) => {
    const clients = world.clients();
    const [a, b] = [world.client("a"), world.client("b")];
    for (const client of clients) {
      Deno.mkdirSync(`${client.home}/config`);
      client.configure(
        client.anchorText(client.files, "files") +
          client.anchorText(`${client.home}/rc`, "rc") +
          client.anchorText(`${client.home}/config/one`, "one"),
      );
      Deno.writeTextFileSync(`${client.home}/rc`, "rc");
      Deno.writeTextFileSync(`${client.home}/config/one`, "one");
      const { code, err } = await client.sinkd("client", "reload");
      assert.equal(code, 0, err);
    }
    await waitFor(
      "both files on the server",
      () =>
        ["rc", "one"].every((name) => isFile(`${world.root}/alice/${name}`)),
    );
    await world.waitInStep();
    await a.process.stop();
    Deno.removeSync(`${a.home}/rc`);
    Deno.renameSync(`${a.home}/config`, `${a.home}/config.away`);
    await a.process.start();
    await waitFor("the deletion", () => !isFile(`${b.home}/rc`));
    await waitFor(
      "what is missing to be held",
      async () => (await a.anchor(`${a.home}/config/one`)).held !== null,
    );
    assert.equal(isFile(`${b.home}/config/one`), true);
    assert.equal(isFile(`${a.home}/rc`), false);
    assert.throws(() => Deno.lstatSync(`${a.home}/rc`));

    Deno.renameSync(`${a.home}/config.away`, `${a.home}/config`);
    Deno.writeTextFileSync(`${a.home}/rc`, "made again");
    Deno.writeTextFileSync(`${a.home}/config/one`, "edited");
    await waitFor(
      "both edits",
      () =>
        textOf(`${b.home}/rc`) === "made again" &&
        textOf(`${b.home}/config/one`) === "edited",
      { limitMs: 40_000 },
    );
  },
);

function isFile(path: string): boolean {
  return textOf(path) !== undefined;
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
