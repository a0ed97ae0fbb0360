/**
 * `scripts/build`: the executables and packages, in `dist/`.
 *
 * @module
 */
import { makeBundles, PRODUCTS } from "./bundles.ts";
import { complain, DIST, say, sha256Of, WORK } from "./checkout.ts";
import { type Choice, readChoice, USAGE } from "./choice.ts";
import { makeCompiled } from "./compile.ts";
import { makePackage } from "./deb.ts";
import { makePortable } from "./portable.ts";
import { ownSystem, type System } from "./runtime.ts";
import { writeBill } from "./sbom.ts";

async function build(choice: Choice): Promise<void> {
  const { system } = choice;
  const bundles = `${WORK}/bundles`;
  await makeBundles(bundles);
  let form = choice.form ?? "compile";
  for (const target of PRODUCTS) {
    const name = system === ownSystem()
      ? target.product
      : `${target.product}-${system.short}`;
    const places = { bundles, file: `${DIST}/${name}` };
    if (form === "compile") {
      const made = await makeCompiled(target, system, places);
      if (!made.ok) {
        if (choice.form === "compile") throw new Error(made.reason);
        say("Deno's runtime for compiled programs (denort) cannot be had here");
        form = "portable";
      }
    }
    if (form === "portable") await makePortable(target, system, places);
    const { size } = await Deno.stat(places.file);
    say(
      `${places.file}: ${form} form for ${system.triple}, ${mebibytes(size)}`,
    );
  }
}

/** Writes the checksums of all files in `dist/`, for `sha256sum --check`; gives the path. */
async function writeSums(): Promise<string> {
  const file = `${DIST}/SHA256SUMS`;
  const names = [...Deno.readDirSync(DIST)]
    .filter(({ name, isFile }) => isFile && name !== "SHA256SUMS")
    .map(({ name }) => name).sort();
  const lines = [];
  for (const name of names) {
    lines.push(`${await sha256Of(`${DIST}/${name}`)}  ${name}\n`);
  }
  await Deno.writeTextFile(file, lines.join(""));
  return file;
}

/** The packages are of one form: what installs needs no unpacking. */
async function buildPackages(system: System): Promise<void> {
  const { debian } = system;
  if (debian === undefined) {
    throw new Error(
      `Cannot make packages: there is no Debian for ${system.short}`,
    );
  }
  for (const target of PRODUCTS) {
    const file = await makePackage(target, { ...system, debian }, {
      bundles: `${WORK}/bundles`,
    });
    say(`${file}: ${mebibytes((await Deno.stat(file)).size)}`);
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
      if (choice.packages) await buildPackages(choice.system);
      say(`${await writeBill(choice.system)}: what they are made of`);
      say(`${await writeSums()}: checksums of all that is in dist/`);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      complain(`${text}`);
      Deno.exit(1);
    }
}
