/**
 * The npm packages in the executables: as `deno.lock` has them, and as they lie in Deno's cache.
 *
 * @module
 */
import { CHECKOUT, denoDirectory } from "./checkout.ts";

/** In tests only. */
const LEFT_OUT: readonly string[] = ["fast-check", "pure-rand"];

/** One package. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** SHA-512 of its archive, in base64. */
  readonly sha512: string;
}

/** All packages, each version once. */
export async function lockedParts(): Promise<readonly Part[]> {
  const lock = JSON.parse(await Deno.readTextFile(`${CHECKOUT}/deno.lock`));
  const parts = new Map<string, Part>();
  for (const [key, { integrity }] of Object.entries<Locked>(lock.npm)) {
    const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
    const sha512 = integrity.replace(/^sha512-/, "");
    parts.set(`${name}@${version}`, { name, version, sha512 });
  }
  return [...parts.values()].filter(({ name }) => !LEFT_OUT.includes(name));
}

interface Locked {
  readonly integrity: string;
}

/** What a package says of its license: an SPDX expression. */
export async function licenseOf(part: Part): Promise<string> {
  const file = `${await cachedAt(part)}/package.json`;
  return `${JSON.parse(await Deno.readTextFile(file)).license}`;
}

/** The package in Deno's cache, below the one registry that it came from. */
export async function cachedAt({ name, version }: Part): Promise<string> {
  const cache = `${denoDirectory()}/npm`;
  for await (const registry of Deno.readDir(cache)) {
    const directory = `${cache}/${registry.name}/${name}/${version}`;
    try {
      if ((await Deno.stat(directory)).isDirectory) return directory;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot find the license of ${name} ${version}: not cached`);
}
