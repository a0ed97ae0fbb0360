/**
 * The licenses of what the executables contain: Deno and the npm packages in the bundles.
 *
 * @module
 */
import { CHECKOUT } from "./checkout.ts";
import { cachedAt, licenseOf, lockedParts, type Part } from "./parts.ts";

const LICENSE_FILE = /^(licen[cs]e|copying|notice)(\.|$|-)/i;

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

async function packageOf(part: Part): Promise<string> {
  const { name, version } = part;
  const directory = await cachedAt(part);
  const texts: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    if (!entry.isFile || !LICENSE_FILE.test(entry.name)) continue;
    texts.push(await Deno.readTextFile(`${directory}/${entry.name}`));
  }
  return section(`${name} ${version}`, await licenseOf(part), texts.toSorted());
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
