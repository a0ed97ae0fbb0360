/**
 * Carries out the steps of an installation, or shows them.
 *
 * @module
 */
import { dirname } from "node:path";
import { makeDirectories } from "../../io/files.ts";
import type { Step } from "./plan.ts";

/** How steps are carried out. */
export interface Performing {
  readonly dryRun: boolean;
  readonly say: (line: string) => void;
}

const SYSTEMD_RUNS = "/run/systemd/system";

/** Carries out all steps in order; throws at the first that fails. */
export async function perform(
  steps: readonly Step[],
  { dryRun, say }: Performing,
): Promise<void> {
  const systemd = await exists(SYSTEMD_RUNS);
  let changed = false;
  const leftOut: string[] = [];
  for (const step of steps) {
    if (step.kind === "run") {
      const line = [step.program, ...step.args].join(" ");
      if (step.when.includes("changed") && !changed) continue;
      if (step.when.includes("systemd") && !systemd) {
        leftOut.push(line);
        continue;
      }
      say(`${dryRun ? "would run" : "runs"} ${line}`);
      if (!dryRun && !await runProgram(step)) leftOut.push(line);
      continue;
    }
    const done = await performOn(step, dryRun);
    say(`${dryRun && done.changed ? "would " : ""}${done.text} ${step.path}`);
    changed ||= done.changed;
  }
  if (leftOut.length > 0) {
    say(`systemd does not run here, so left out: ${leftOut.join("; ")}`);
  }
}

interface Done {
  readonly changed: boolean;
  readonly text: string;
}

async function performOn(
  step: Exclude<Step, { kind: "run" }>,
  dryRun: boolean,
): Promise<Done> {
  switch (step.kind) {
    case "write": {
      const bytes = new TextEncoder().encode(step.text);
      const there = await read(step.path);
      if (there !== undefined && (step.keep ?? false)) return unchanged("kept");
      if (await isSame(step, there, bytes)) return unchanged("unchanged");
      if (!dryRun) await put(step.path, bytes, step.mode);
      return { changed: true, text: "write" };
    }
    case "copy": {
      if (step.from === step.path) return unchanged("unchanged");
      const bytes = await Deno.readFile(step.from);
      if (await isSame(step, await read(step.path), bytes)) {
        return unchanged("unchanged");
      }
      if (!dryRun) await put(step.path, bytes, step.mode);
      return { changed: true, text: "write" };
    }
    case "remove":
    case "removeTree":
      if (!await exists(step.path)) return unchanged("not there:");
      if (!dryRun) {
        await Deno.remove(step.path, {
          recursive: step.kind === "removeTree",
        });
      }
      return { changed: true, text: "remove" };
  }
}

function unchanged(text: string): Done {
  return { changed: false, text };
}

/** Put beside and renamed, so that a program that runs keeps its old file. */
async function put(
  path: string,
  bytes: Uint8Array,
  mode: number,
): Promise<void> {
  makeDirectories(dirname(path), 0o755);
  await Deno.writeFile(`${path}.new`, bytes, { mode });
  await Deno.chmod(`${path}.new`, mode);
  await Deno.rename(`${path}.new`, path);
}

async function isSame(
  { path, mode }: { readonly path: string; readonly mode: number },
  there: Uint8Array | undefined,
  bytes: Uint8Array,
): Promise<boolean> {
  if (there === undefined || there.length !== bytes.length) return false;
  const { mode: has } = await Deno.stat(path);
  return has !== null && (has & 0o777) === mode &&
    there.every((byte, at) => byte === bytes[at]);
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** False when there is no such program. */
async function runProgram(
  step: Extract<Step, { kind: "run" }>,
): Promise<boolean> {
  const line = [step.program, ...step.args].join(" ");
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(step.program, {
      args: [...step.args],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  const { code, stderr } = output;
  if (code === 0 || step.fine.includes(code)) return true;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot finish '${line}': exit code ${code}: ${said}`);
}
