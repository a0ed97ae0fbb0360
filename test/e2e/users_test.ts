import assert from "node:assert/strict";
import { testInWorld } from "../support/shared_world.ts";
import { treeOf } from "../support/tree_view.ts";
import type { WorldClient } from "../support/world_client.ts";

function makeTree(client: WorldClient): void {
  for (let i = 0; i < 20; i++) {
    const directory = `${client.files}/shared/${i % 4}`;
    Deno.mkdirSync(directory, { recursive: true });
    Deno.writeTextFileSync(
      `${directory}/${client.user}-${client.name}-${i}`,
      `${client.user} ${client.name} ${i}`,
    );
  }
}

for (const broker of ["embedded", "mosquitto"] as const) {
  testInWorld(
    `server() keeps three clients of one user in step and a second user apart over ${broker}`,
    { broker, clients: { alice: ["a", "b", "c"], bob: ["a", "b"] } },
    async (world) => {
      for (const client of world.clients()) makeTree(client);
      await world.waitInStep();
      for (const client of world.clients()) {
        const mates = world.clients().filter(({ user }) =>
          user === client.user
        );
        const files = [...treeOf(client.files).keys()]
          .map((path) => path.split("/").at(-1) ?? "")
          .filter((name) => name.includes("-"));
        assert.equal(files.length, 20 * mates.length);
        assert.ok(files.every((name) => name.startsWith(`${client.user}-`)));
      }
      const [first, second, third] = world.clients();
      assert.ok(first && second && third);
      Deno.removeSync(`${first.files}/shared/0`, { recursive: true });
      Deno.writeTextFileSync(`${second.files}/shared/1/alice-a-1`, "edited");
      Deno.renameSync(`${third.files}/shared/2`, `${third.files}/moved`);
      await world.waitInStep();
      assert.equal(
        [...treeOf(world.client("b", "bob").files).keys()].length,
        44 + 1,
      );
      const report = await world.serverReport();
      assert.deepEqual(
        report.users.map(({ user, clients }) => [user, clients.length]),
        [["alice", 3], ["bob", 2]],
      );
      await world.waitTidy();
    },
  );
}
