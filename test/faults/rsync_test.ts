import assert from "node:assert/strict";
import { processesWith } from "../support/processes.ts";
import { signalIfAlive } from "../support/detached.ts";
import type { Ledger } from "../support/ledger.ts";
import { itemAt } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import { hasPart, testFault } from "./rig.ts";

/** So slow, and so large, that there is a middle of the transfer. */
const SLOWLY = `\n[rsync]\nbwlimit = "4M"\n`;
const LARGE_BYTES = 3_000_000;

/** Calls of rsync: the server's own, and the daemon that a client serves it with. */
const ENDS = {
  "the server's": "rsync://",
  "the client's": "--server*--daemon",
};

const slowly = {
  prepare: (world: World) => {
    for (const client of world.clients()) {
      client.configure(client.anchorText(client.files, "files") + SLOWLY);
    }
  },
};

/** Puts shell text before the call of each rsync whose arguments are like `pattern`, and takes it away. */
function wrap(world: World, pattern: string, text: string): Disposable {
  const wrapper = `${world.directory}/bin/rsync`;
  const before = Deno.readTextFileSync(wrapper);
  const lines = before.split("\n");
  lines.splice(1, 0, `case "$*" in *${pattern}*)`, text, ";; esac");
  // As a new file: a shell reads its script while it runs.
  Deno.writeTextFileSync(`${wrapper}.new`, lines.join("\n"), { mode: 0o755 });
  Deno.renameSync(`${wrapper}.new`, wrapper);
  return {
    [Symbol.dispose]() {
      Deno.writeTextFileSync(`${wrapper}.new`, before, { mode: 0o755 });
      Deno.renameSync(`${wrapper}.new`, wrapper);
    },
  };
}

function linesOf(file: string): number {
  return itemAt(file) === undefined
    ? 0
    : Deno.readTextFileSync(file).split("\n").length - 1;
}

/** Dies before it does anything, or when all is done but before anybody hears of it. */
const MOMENTS: Readonly<Record<string, string>> = {
  "before it begins": "kill -9 $$",
  "after its end":
    `real=$(PATH=\${PATH#*:} command -v rsync); "$real" "$@"; kill -9 $$`,
};

testFault(
  "kill -9 of either rsync before it begins, in the middle and after its end loses nothing",
  slowly,
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    ledger.write(a, "modified");
    await ledger.settle();
    for (const [end, pattern] of Object.entries(ENDS)) {
      for (const [moment, text] of Object.entries(MOMENTS)) {
        const deaths = `${world.directory}/deaths-${ledger.count}`;
        {
          using _dying = wrap(world, pattern, `echo >>'${deaths}'; ${text}`);
          ledger.write(a, "modified");
          ledger.write(b, `of b ${ledger.count}`);
          await waitFor(`${end} to die ${moment}`, () => linesOf(deaths) >= 2);
        }
        await ledger.settle({ limitMs: 60_000 });
      }
      await killInTheMiddle(world, ledger, pattern);
    }
  },
);

/** Kills every such rsync once when a part of the file has come, on its way in and on its way out. */
async function killInTheMiddle(
  world: World,
  ledger: Ledger,
  pattern: string,
): Promise<void> {
  const [a, b] = [world.client("a"), world.client("b")];
  const path = `large ${ledger.count}`;
  ledger.write(a, path, { bytes: LARGE_BYTES });
  for (const stage of [`${world.root}/alice`, b.files]) {
    const killed = await waitFor("a call in its middle", () => {
      if (!hasPart(`${stage}/.sinkd/incoming`, 100_000)) return false;
      const calls = processesWith("SINKD_TEST_WORLD", world.directory)
        .filter(({ command }) =>
          /rsync/.test(command) && like(command, pattern)
        );
      for (const { pid } of calls) signalIfAlive(pid, "SIGKILL");
      return calls.length > 0;
    });
    assert.ok(killed);
    assert.equal(itemAt(`${b.files}/${path}`), undefined);
  }
  await ledger.settle({ limitMs: 60_000 });
}

function like(command: string, pattern: string): boolean {
  return pattern.split("*").every((part) => command.includes(part));
}
