import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";
import { treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";

/** A named pipe stops the watcher until the canary, which sings every 30 s, has missed it. */
const WATCHER_LIMIT_MS = 50_000;

const UNCARRIABLE = [
  {
    what: "a name that is not UTF-8",
    make: `echo x >"$(printf 'bad\\377name')"`,
  },
  { what: "a named pipe", make: "mkfifo bad" },
];

for (const { what, make } of UNCARRIABLE) {
  testInWorld(
    `status() lists ${what} while it is there, and the rest is carried`,
    { clients: { alice: ["a", "b"] } },
    async (world) => {
      const [a, b] = [world.client("a").files, world.client("b").files];
      await inShell(a, `${make}; echo y >good`);
      await world.waitInStep({ limitMs: WATCHER_LIMIT_MS });
      assert.equal(Deno.readTextFileSync(`${b}/good`), "y\n");
      assert.deepEqual([...treeOf(b).keys()], ["good"]);
      const errors = async () => (await world.client("a").anchor()).errors;
      const fault = await waitFor(
        "it in status",
        async () =>
          (await errors()).find(({ path }) => path.startsWith(`${a}/bad`)),
      );
      assert.ok(fault.cause.length > 0 && fault.fix.length > 0);
      await inShell(a, "rm bad*; echo z >better");
      await world.waitInStep({ limitMs: WATCHER_LIMIT_MS });
      await waitFor(
        "it gone from status",
        async () => (await errors()).length === 0,
        { limitMs: WATCHER_LIMIT_MS },
      );
    },
  );
}

async function inShell(directory: string, script: string): Promise<void> {
  const { code } = await new Deno.Command("sh", {
    args: ["-c", script],
    cwd: directory,
  }).output();
  assert.equal(code, 0, script);
}
