/**
 * The bundled program: one file each for the server, the client, the fast commands, the permission
 * flags and the watcher's worker.
 *
 * @module
 */
import { relative } from "node:path";
import { ENVIRONMENT_NAMES } from "../../lib/cli/context.ts";
import { partsOf } from "../../lib/cli/install/plan.ts";
import type { Product } from "../../lib/cli/product.ts";
import {
  CHECKOUT,
  denoDirectory,
  filled,
  removeIfThere,
  run,
} from "./checkout.ts";

/** What an executable is called and which bundles it has. */
export interface Target {
  readonly product: Product["name"];
  readonly bundles: readonly string[];
}

/** The two executables. */
export const PRODUCTS: readonly Target[] = (["sinkd-server", "sinkd"] as const)
  .map((product) => ({
    product,
    bundles: partsOf(product).flatMap((part) =>
      part.endsWith(".js") ? [part.slice(0, -".js".length)] : []
    ),
  }));

const WORKER_URL = 'new URL("./watch_worker.ts", import.meta.url)';

/** Makes all bundles in `directory`, as `NAME.js`. */
export async function makeBundles(directory: string): Promise<void> {
  await removeIfThere(directory);
  await Deno.mkdir(directory, { recursive: true });
  for (const name of ["client", "control", "server"]) {
    await bundle(`scripts/package/${name}.ts`, `${directory}/${name}.js`);
  }
  // It reads the command table but runs no command.
  await bundle("scripts/package/flags.ts", `${directory}/flags.js`, [
    "--external=./commands/*",
  ]);
  await bundle("scripts/package/compiled.ts", `${directory}/compiled.js`, [
    "--external=./commands/*",
    "--external=./control.js",
  ]);
  await bundle("lib/io/watch_worker.ts", `${directory}/watch_worker.js`);
  await pointToWorker(`${directory}/client.js`);
}

/** The shell parts that go beside the bundles of an executable. */
export async function shellParts(): Promise<ReadonlyMap<string, string>> {
  const read = (file: string) =>
    Deno.readTextFile(`${CHECKOUT}/scripts/${file}`);
  return new Map([
    ["run.sh", await read("run.sh")],
    ["cache.sh", await read("package/cache.sh")],
    [
      "launch.sh",
      filled(await read("package/launch.sh"), {
        ENVIRONMENT: ENVIRONMENT_NAMES.join(","),
      }),
    ],
  ]);
}

async function bundle(
  from: string,
  to: string,
  flags: readonly string[] = [],
): Promise<void> {
  await run(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--frozen-lockfile",
    "--platform=deno",
    ...flags,
    `--output=${to}`,
    from,
  ]);
  await forgetCache(to);
}

/** Names packages the same wherever the cache is, and whichever registry they came from. */
async function forgetCache(file: string): Promise<void> {
  const cache = await Deno.realPath(`${denoDirectory()}/npm`);
  const from = relative(await Deno.realPath(CHECKOUT), cache);
  let text = await Deno.readTextFile(file);
  for await (const registry of Deno.readDir(cache)) {
    text = text.replaceAll(`${from}/${registry.name}/`, "npm/");
  }
  await Deno.writeTextFile(file, text);
}

/** A worker is named by its file, which a bundler does not follow. */
async function pointToWorker(file: string): Promise<void> {
  const text = await Deno.readTextFile(file);
  const parts = text.split(WORKER_URL);
  if (parts.length !== 2) {
    throw new Error(
      `Cannot find the watcher's worker in ${file}: ${
        parts.length - 1
      } places name it, not 1`,
    );
  }
  await Deno.writeTextFile(
    file,
    parts.join('new URL("./watch_worker.js", import.meta.url)'),
  );
}
