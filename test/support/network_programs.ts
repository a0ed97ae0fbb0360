/**
 * What {@linkcode Network} needs of this machine, and tests that are only there where it has it.
 *
 * @module
 */

/** Where programs of the system are. */
export const PLACES = [
  "/usr/sbin",
  "/sbin",
  "/usr/bin",
  "/bin",
  "/usr/local/bin",
];
const PROGRAMS = ["ip", "nft", "nsenter", "python3"] as const;

/** What a program said. */
export interface HostSaid {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Why there can be no such network here; `undefined` when there can. */
export function missingForNetwork(): string | undefined {
  if (Deno.build.os !== "linux") return "Linux";
  if (Deno.uid() !== 0) return "root";
  const missing = PROGRAMS.find((name) => programIfAny(name) === undefined);
  if (missing !== undefined) return missing;
  return isThere("/dev/net/tun") ? undefined : "/dev/net/tun";
}

/** Registers a test that needs a network; where there can be none, its name says why. */
export function testOnNetwork(name: string, run: () => Promise<void>): void {
  const missing = missingForNetwork();
  if (missing === undefined) Deno.test(name, run);
  else Deno.test(`${name}: did not run: needs ${missing}`, () => {});
}

/** Runs a program to its end. */
export async function runToEnd(args: readonly string[]): Promise<HostSaid> {
  const [name = "", ...rest] = args;
  const { code, stdout, stderr } = await new Deno.Command(name, {
    args: rest,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Where a program is; throws when it is nowhere. */
export function program(name: typeof PROGRAMS[number]): string {
  const found = programIfAny(name);
  if (found === undefined) throw new Error(`Cannot find ${name}: install it`);
  return found;
}

function programIfAny(name: string): string | undefined {
  return PLACES.map((place) => `${place}/${name}`).find(isThere);
}

/** True when there is something at `path`. */
export function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
