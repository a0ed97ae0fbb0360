/**
 * The changelog, whose newest entry dates whatever is built.
 *
 * @module
 */
import { VERSION } from "../../lib/version.ts";
import { CHECKOUT } from "./checkout.ts";

/** The changelog of a package; throws without an entry for this version. */
export async function changelog(name: string): Promise<string> {
  const text = await Deno.readTextFile(
    `${CHECKOUT}/scripts/package/debian/changelog`,
  );
  if (!text.startsWith(`sinkd (${VERSION}) `)) {
    throw new Error(
      `Cannot build the packages: scripts/package/debian/changelog has no entry for ${VERSION}`,
    );
  }
  return text.replaceAll(/^sinkd \(/gm, `${name} (`);
}

/** Seconds since 1970 of the newest entry. */
export async function changedAt(): Promise<number> {
  const [, date = ""] = /^ -- .*> {2}(.*)$/m.exec(await changelog("sinkd")) ??
    [];
  return Date.parse(date) / 1000;
}
