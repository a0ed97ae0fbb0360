/**
 * What the executables are made of, as a bill of materials in CycloneDX 1.6 (JSON).
 *
 * @module
 */
import { VERSION } from "../../lib/version.ts";
import { DIST, sha256Of } from "./checkout.ts";
import { changedAt } from "./changelog.ts";
import { licenseOf, lockedParts, type Part } from "./parts.ts";
import { denoFor, type System } from "./runtime.ts";

/** Writes `dist/sinkd-VERSION-SYSTEM.cdx.json`; gives its path. The same input gives the same bytes. */
export async function writeBill(system: System): Promise<string> {
  const own = {
    type: "application",
    "bom-ref": "sinkd",
    name: "sinkd",
    version: VERSION,
    licenses: [{ license: { id: "MIT" } }],
  };
  const parts = [await runtime(system)];
  for (const part of await lockedParts()) parts.push(await component(part));
  const bill = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(await changedAt() * 1000).toISOString(),
      component: own,
    },
    components: parts,
    dependencies: [{
      ref: own["bom-ref"],
      dependsOn: parts.map((part) => part["bom-ref"]),
    }],
  };
  const file = `${DIST}/sinkd-${VERSION}-${system.short}.cdx.json`;
  await Deno.writeTextFile(file, `${JSON.stringify(bill, undefined, 2)}\n`);
  return file;
}

async function runtime(system: System): Promise<Component> {
  const purl = purlOf({ name: system.npm, version: Deno.version.deno });
  return {
    type: "platform",
    "bom-ref": purl,
    name: "deno",
    version: Deno.version.deno,
    purl,
    licenses: [{ license: { id: "MIT" } }],
    hashes: [{
      alg: "SHA-256",
      content: await sha256Of(await denoFor(system)),
    }],
  };
}

async function component(part: Part): Promise<Component> {
  const purl = purlOf(part);
  return {
    type: "library",
    "bom-ref": purl,
    name: part.name,
    version: part.version,
    purl,
    licenses: [licenseChoice(await licenseOf(part))],
    hashes: [{
      alg: "SHA-512",
      content: Uint8Array.fromBase64(part.sha512).toHex(),
    }],
  };
}

interface Component {
  readonly type: string;
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly unknown[];
  readonly hashes: readonly {
    readonly alg: string;
    readonly content: string;
  }[];
}

function licenseChoice(license: string): unknown {
  return /^[\w.+-]+$/.test(license)
    ? { license: { id: license } }
    : { expression: license };
}

function purlOf({ name, version }: Pick<Part, "name" | "version">): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}
