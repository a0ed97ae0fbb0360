/**
 * `scripts/build`: the executables and packages, in `dist/`.
 *
 * @module
 */
import { makeBundles, PRODUCTS } from "./bundles.ts";
import { complain, DIST, say, WORK } from "./checkout.ts";
import { type Choice, readChoice, USAGE } from "./choice.ts";
import { makePortable } from "./portable.ts";
import { ownSystem } from "./runtime.ts";

async function build(choice: Choice): Promise<void> {
  const { system } = choice;
  const bundles = `${WORK}/bundles`;
  await makeBundles(bundles);
  for (const target of PRODUCTS) {
    const name = system === ownSystem()
      ? target.product
      : `${target.product}-${system.short}`;
    const file = `${DIST}/${name}`;
    await makePortable(target, system, { bundles, file });
    const { size } = await Deno.stat(file);
    say(
      `${file}: portable form for ${system.triple}, ${mebibytes(size)}`,
    );
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

const choice = readChoice(Deno.args);
switch (choice.kind) {
  case "help":
    say(USAGE);
    break;
  case "wrong":
    complain(`${choice.message}; see 'scripts/build --help'`);
    Deno.exit(2);
    break;
  case "build":
    try {
      await build(choice);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      complain(`${text}`);
      Deno.exit(1);
    }
}
