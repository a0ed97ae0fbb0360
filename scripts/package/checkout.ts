/**
 * Where the checkout's parts are, and how the build runs other programs.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The checkout, without a slash at the end. */
export const CHECKOUT: string = new URL("../../", import.meta.url).pathname
  .replace(/\/$/, "");
/** What is built. */
export const DIST = `${CHECKOUT}/dist`;
/** What the build needs on its way. */
export const WORK = `${DIST}/.work`;

/** Where Deno keeps what it was brought. */
export function denoDirectory(): string {
  return Deno.env.get("DENO_DIR") ?? `${CHECKOUT}/.deno/cache`;
}

/** Runs a program to its end and gives its stdout; throws with its stderr when it fails. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: CHECKOUT,
    stdin: "null",
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(
    `Cannot run ${program} ${args.join(" ")}: exit code ${code}: ${
      decoder.decode(stderr).trim()
    }`,
  );
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  using opened = await Deno.open(file);
  for await (const chunk of opened.readable) hash.update(chunk);
  return hash.digest("hex");
}

/** Runs a shell script with arguments `$1`…; for pipes between programs. */
export function shell(script: string, ...args: string[]): Promise<string> {
  return run("sh", ["-euc", script, "sh", ...args]);
}

/** `text` with each `@KEY@` replaced; throws when one is left. */
export function filled(
  text: string,
  values: Readonly<Record<string, string>>,
): string {
  const done = text.replaceAll(
    /@([A-Z_]+)@/g,
    (whole, key: string) => values[key] ?? whole,
  );
  const left = /@[A-Z_]+@/.exec(done)?.[0];
  if (left !== undefined) throw new Error(`Cannot fill in ${left}: no value`);
  return done;
}

/** Removes `path` and all below it, if it is there. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Writes one line to stdout. */
export function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Writes one line to stderr. */
export function complain(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`build: ${line}\n`));
}
