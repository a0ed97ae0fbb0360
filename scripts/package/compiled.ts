/**
 * The start of a compiled executable. Its own permissions were fixed when it was built, before
 * anyone knew which directories it is for; so each command runs in a worker that gets what its
 * command line needs and no more, computed as the launchers of the other forms do. What only asks a
 * running program does without the worker, for speed, and gives up what it can.
 *
 * @module
 */
import { LINK_VARIABLE, readSurroundings } from "../../lib/cli/context.ts";
import { EXIT } from "../../lib/cli/exit_codes.ts";
import { type Account, accountToBecome } from "../../lib/cli/owner.ts";
import { lineGrants } from "../../lib/cli/line_grants.ts";
import type { Grants } from "../../lib/cli/permissions.ts";
import { commandsOf, readProduct, tableWords } from "../../lib/cli/product.ts";
import { COMMANDS } from "../../lib/cli/table.ts";
import { CONTROL_COMMANDS } from "../../lib/cli/table_control.ts";

import { askLink } from "./ask_link.ts";

const { product, argv } = readProduct(Deno.args);
const words = tableWords(product, argv);
const commands = commandsOf(product, COMMANDS);

/** Runs the command in a worker with `grants`; gives its exit code. */
async function runWith(grants: Grants): Promise<number> {
  const name = product.name === "sinkd" ? "client" : "server";
  const worker = new Worker(new URL(`./${name}.js`, import.meta.url), {
    type: "module",
    name,
    // A list of nothing is no permission; the environment stays as it was narrowed at the start.
    deno: {
      permissions: {
        read: [...grants.read],
        write: [...grants.write],
        net: [...grants.net],
        run: [...grants.run],
        sys: [...grants.sys],
        env: "inherit",
      },
    },
  });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
  } finally {
    worker.terminate();
  }
}

async function run(): Promise<number> {
  for (;;) {
    const around = readSurroundings();
    const grants = await lineGrants(words, around, {
      product,
      commands,
      modules: new URL(".", import.meta.url).pathname,
      launcher: around.variable("SINKD_LAUNCHER") ?? "sh",
    });
    const code = await runWith(grants);
    // The configuration has new anchors, which need other permissions.
    if (code !== EXIT.restart) return code;
  }
}

/** Runs this program again as another account; gives its exit code. */
async function runAs({ uid, gid }: Account): Promise<number> {
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const child = new Deno.Command("setpriv", {
    args: [...ids, "--", Deno.execPath(), ...argv],
    env: { HOME: "", XDG_RUNTIME_DIR: "", XDG_STATE_HOME: "" },
  }).spawn();
  return (await child.status).code;
}

const account = accountToBecome(words, commands, readSurroundings());
const asksOnly = CONTROL_COMMANDS.some(({ words: [word] }) =>
  word === words[0]
);
if (asksOnly) {
  await Deno.permissions.revoke({ name: "run" });
  await import("./control.js");
} else {
  if (words[0] === "join" && words.includes("-")) {
    const link = await askLink();
    if (link === undefined) Deno.exit(EXIT.interrupted);
    // From here on it is as a launcher gives it.
    Deno.env.set(LINK_VARIABLE, link);
  }
  Deno.exit(account === undefined ? await run() : await runAs(account));
}
