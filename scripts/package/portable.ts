/**
 * The portable form: a shell script with Deno and the bundles packed behind it, in one file.
 *
 * @module
 */
import { VERSION } from "../../lib/version.ts";
import { shellParts, type Target } from "./bundles.ts";
import {
  CHECKOUT,
  filled,
  removeIfThere,
  sha256Of,
  shell,
  WORK,
} from "./checkout.ts";
import { notices } from "./notices.ts";
import { denoFor, type System } from "./runtime.ts";

/** Packs the same bytes for the same input. */
const PACK = `
tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1" -cf - . |
  gzip -6 -n >"$2"
`;

/** Makes one executable at `file`, from the bundles in `bundles`. */
export async function makePortable(
  target: Target,
  system: System,
  places: { readonly bundles: string; readonly file: string },
): Promise<void> {
  const { product } = target;
  const content = `${WORK}/${product}`;
  const packed = `${WORK}/${product}.tar.gz`;
  await makeContent(target, system, { bundles: places.bundles, to: content });
  await shell(PACK, content, packed);
  const payload = await sha256Of(packed);
  const read = (name: string) =>
    Deno.readTextFile(`${CHECKOUT}/scripts/package/${name}`);
  const values = {
    PRODUCT: product,
    VERSION,
    TARGET: system.triple,
    PAYLOAD: payload,
    CACHE_SH: (await read("cache.sh")).trim(),
  };
  const start = withOwnLength(await read("extract.sh"), values);
  await Deno.writeTextFile(`${packed}.sh`, start);
  await shell(
    `cat "$1.sh" "$1" >"$2.new"; chmod 755 "$2.new"; mv "$2.new" "$2"`,
    packed,
    places.file,
  );
}

/** Fills a directory with Deno, bundles and shell parts. */
export async function makeContent(
  target: Target,
  system: System,
  places: { readonly bundles: string; readonly to: string },
): Promise<void> {
  const { to } = places;
  await removeIfThere(to);
  await Deno.mkdir(to, { recursive: true });
  await Deno.chmod(to, 0o755);
  await Deno.copyFile(await denoFor(system), `${to}/deno`);
  await Deno.chmod(`${to}/deno`, 0o755);
  for (const name of target.bundles) {
    await Deno.copyFile(`${places.bundles}/${name}.js`, `${to}/${name}.js`);
    await Deno.chmod(`${to}/${name}.js`, 0o644);
  }
  const texts = new Map([
    ...await shellParts(),
    ["notices.txt", await notices()],
  ]);
  for (const [name, text] of texts) {
    await Deno.writeTextFile(`${to}/${name}`, text, { mode: 0o644 });
    await Deno.chmod(`${to}/${name}`, 0o644);
  }
}

/** The script says where the packed part begins, which is after itself. */
function withOwnLength(
  template: string,
  values: Readonly<Record<string, string>>,
): string {
  const fill = (at: string) =>
    filled(template, { ...values, PAYLOAD_AT: at.padEnd(8) });
  const bytes = new TextEncoder().encode(fill("0")).length;
  return fill(`${bytes + 1}`);
}
