/**
 * Deno for each system that executables are built for: this one's own, or the npm package of
 * another.
 *
 * @module
 */
import { CHECKOUT, run, sha256Of } from "./checkout.ts";

/** A system, as Deno names it, and the npm package that has Deno for it. */
export interface System {
  readonly triple: string;
  readonly npm: string;
  readonly short: string;
  /** Debian's name of the architecture; `undefined` where there is no Debian. */
  readonly debian: string | undefined;
}

/** The systems that can be built for. */
export const SYSTEMS: readonly System[] = [
  {
    triple: "x86_64-unknown-linux-gnu",
    npm: "@deno/linux-x64-glibc",
    short: "linux-x64",
    debian: "amd64",
  },
  {
    triple: "aarch64-unknown-linux-gnu",
    npm: "@deno/linux-arm64-glibc",
    short: "linux-arm64",
    debian: "arm64",
  },
  {
    triple: "x86_64-apple-darwin",
    npm: "@deno/darwin-x64",
    short: "macos-x64",
    debian: undefined,
  },
  {
    triple: "aarch64-apple-darwin",
    npm: "@deno/darwin-arm64",
    short: "macos-arm64",
    debian: undefined,
  },
];

/** The system that this runs on. */
export function ownSystem(): System {
  const own = SYSTEMS.find(({ triple }) => triple === Deno.build.target);
  if (own === undefined) {
    throw new Error(`Cannot build on ${Deno.build.target}: it is not known`);
  }
  return own;
}

/** The system named `name`, long or short. */
export function systemOf(name: string): System | undefined {
  return SYSTEMS.find(({ triple, short }) => name === triple || name === short);
}

/** Path of a Deno of this version for `system`; brings it through npm when it is another system's. */
export async function denoFor(system: System): Promise<string> {
  if (system.triple === ownSystem().triple) return Deno.execPath();
  const directory = `${CHECKOUT}/.deno/other/${system.short}`;
  const deno = `${directory}/package/deno`;
  try {
    await Deno.stat(deno);
    return deno;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(directory, { recursive: true });
  const wanted = `${system.npm}@${Deno.version.deno}`;
  const packed = await pack(wanted, directory).catch((cause) => {
    throw new Error(
      `Cannot build for ${system.short}: npm does not give ${wanted} here`,
      { cause },
    );
  });
  await run("tar", ["-xzf", `${directory}/${packed.trim()}`, "-C", directory]);
  await Deno.remove(`${directory}/${packed.trim()}`);
  await assertPinned(deno, system);
  await Deno.chmod(deno, 0o755);
  return deno;
}

/** Removes what is not the very program of `scripts/deno.sha256`, and throws. */
async function assertPinned(deno: string, system: System): Promise<void> {
  const sums = await Deno.readTextFile(`${CHECKOUT}/scripts/deno.sha256`);
  const line = `${await sha256Of(deno)}  ${system.npm.replace("@deno/", "")}`;
  if (sums.split("\n").includes(line)) return;
  await Deno.remove(deno);
  throw new Error(
    `Cannot build for ${system.short}: what npm gives as ${system.npm} ${Deno.version.deno} is not the program of scripts/deno.sha256`,
  );
}

function pack(wanted: string, directory: string): Promise<string> {
  return run("npm", [
    "pack",
    "--silent",
    `--pack-destination=${directory}`,
    wanted,
  ]);
}
