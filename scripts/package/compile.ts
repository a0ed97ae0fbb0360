/**
 * The compiled form: `deno compile` with all bundles in it, where its runtime (denort) can be had.
 *
 * @module
 */
import { ENVIRONMENT_NAMES } from "../../lib/cli/context.ts";
import type { Target } from "./bundles.ts";
import { run, WORK } from "./checkout.ts";
import { ownSystem, type System } from "./runtime.ts";

/**
 * What a compiled executable may do at all. Paths and addresses are only known when it runs: then
 * each command gets, in a worker, what its command line needs and no more.
 */
export const BAKED_FLAGS: readonly string[] = [
  "--unstable-worker-options",
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-run",
  "--allow-sys",
  "--ignore-env",
  `--allow-env=${ENVIRONMENT_NAMES.join(",")}`,
];

/** Outcome of {@linkcode makeCompiled}. */
export type Compiled = { readonly ok: true } | {
  readonly ok: false;
  readonly reason: string;
};

/** Makes one executable at `file`; says why when the runtime cannot be had or is not one. */
export async function makeCompiled(
  target: Target,
  system: System,
  places: { readonly bundles: string; readonly file: string },
): Promise<Compiled> {
  const made = `${WORK}/compiled/${target.product}`;
  await Deno.mkdir(`${WORK}/compiled`, { recursive: true });
  try {
    await run(Deno.execPath(), compileArguments(target, system, made, places));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { ok: false, reason: error.message };
  }
  if (system === ownSystem() && !await starts(target, made)) {
    return {
      ok: false,
      reason:
        `${made} was compiled, with all that belongs in it, but does not start: the runtime that was used is not denort`,
    };
  }
  await Deno.rename(made, places.file);
  return { ok: true };
}

/** Arguments of `deno`, for tests too. */
export function compileArguments(
  target: Target,
  system: System,
  made: string,
  { bundles }: { readonly bundles: string },
): string[] {
  return [
    "compile",
    "--quiet",
    "--no-remote",
    "--no-npm",
    "--no-config",
    "--no-lock",
    "--no-code-cache",
    `--app-name=${target.product}`,
    `--target=${system.triple}`,
    ...BAKED_FLAGS,
    ...target.bundles.filter((name) => name !== "flags")
      .map((name) => `--include=${bundles}/${name}.js`),
    `--output=${made}`,
    `${bundles}/compiled.js`,
    target.product,
    "compiled",
  ];
}

/** Deno itself, in place of denort, would say its own version. */
async function starts(target: Target, file: string): Promise<boolean> {
  try {
    return (await run(file, ["--version"])).startsWith(`${target.product} `);
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
