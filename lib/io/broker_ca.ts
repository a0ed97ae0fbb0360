/**
 * The certificates that tell an external broker is the right one, from the file of `--broker-ca`.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { X509Certificate } from "node:crypto";
import { UsageError } from "../core/fault.ts";
import { MAX_CA_CHARACTERS } from "./credentials.ts";

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of `file` and nothing else of it; throws when there is none in it. */
export function readBrokerCa(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    const found = Deno.readTextFileSync(file).match(CERTIFICATE) ?? [];
    for (const pem of found) new X509Certificate(pem);
    const text = found.map((pem) => `${pem}\n`).join("");
    if (text === "") throw new Error("it has no certificate in PEM form");
    if (text.length <= MAX_CA_CHARACTERS) return text;
    throw new Error(`it is larger than ${MAX_CA_CHARACTERS} characters`);
  } catch (cause) {
    const why = errorText(cause);
    throw new UsageError(`Cannot use --broker-ca ${file}: ${why}`, 2, {
      cause,
    });
  }
}
