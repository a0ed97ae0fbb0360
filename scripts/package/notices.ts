/**
 * The licenses of what the executables contain: Deno and the npm packages in the bundles.
 *
 * @module
 */
import { CHECKOUT } from "./checkout.ts";

/** In tests only. */
const LEFT_OUT: readonly string[] = ["fast-check", "pure-rand"];
const LICENSE_FILE = /^(licen[cs]e|copying|notice)(\.|$|-)/i;

interface Part {
  readonly name: string;
  readonly version: string;
}

/** Names, licenses and license texts, as one text. */
export async function notices(): Promise<string> {
  const own = await Deno.readTextFile(`${CHECKOUT}/LICENSE`);
  const sections = [
    section("sinkd", "MIT", [own]),
    section(
      `Deno ${Deno.version.deno}, V8 ${Deno.version.v8} and what they contain`,
      "MIT (Deno), BSD-3-Clause (V8)",
      ["See https://github.com/denoland/deno for the notices of its parts.\n"],
    ),
  ];
  for (const part of await lockedParts()) sections.push(await packageOf(part));
  return sections.join("\n");
}

async function lockedParts(): Promise<readonly Part[]> {
  const lock = JSON.parse(await Deno.readTextFile(`${CHECKOUT}/deno.lock`));
  const names = new Map<string, Part>();
  for (const key of Object.keys(lock.npm)) {
    const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
    names.set(`${name}@${version}`, { name, version });
  }
  return [...names.values()].filter(({ name }) => !LEFT_OUT.includes(name));
}

async function packageOf({ name, version }: Part): Promise<string> {
  const directory = await cached(name, version);
  const manifest = JSON.parse(
    await Deno.readTextFile(`${directory}/package.json`),
  );
  const texts: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    if (!entry.isFile || !LICENSE_FILE.test(entry.name)) continue;
    texts.push(await Deno.readTextFile(`${directory}/${entry.name}`));
  }
  return section(`${name} ${version}`, `${manifest.license}`, texts.toSorted());
}

/** The package in Deno's cache, below the one registry that it came from. */
async function cached(name: string, version: string): Promise<string> {
  const cache = `${Deno.env.get("DENO_DIR") ?? `${CHECKOUT}/.deno/cache`}/npm`;
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

function section(
  title: string,
  license: string,
  texts: readonly string[],
): string {
  return [
    "=".repeat(80),
    title,
    `License: ${license}`,
    "",
    ...texts.map((text) => text.trim()),
    "",
  ].join("\n");
}
