/**
 * The server's next certificate: made ahead, so that clients learn it while the present one still
 * vouches for it, and put in place later.
 *
 * @module
 */
import { z } from "zod";
import { fingerprintOf, makeCertificate } from "./certificate.ts";
import type { ServerCertificate } from "./certificate.ts";
import { replaceFile } from "./replace_file.ts";

const nextSchema = z.strictObject({
  certPem: z.string().startsWith("-----BEGIN CERTIFICATE-----"),
  keyPem: z.string().startsWith("-----BEGIN PRIVATE KEY-----"),
  dueMs: z.int().min(0),
});

/** A certificate that takes over at `dueMs`. */
export interface NextCertificate extends ServerCertificate {
  readonly dueMs: number;
}

/** The next certificate of `directory`, if one was made. */
export function nextCertificate(
  directory: string,
): NextCertificate | undefined {
  const text = readIfAny(nextFile(directory));
  if (text === undefined) return undefined;
  try {
    const next = nextSchema.parse(JSON.parse(text));
    return { ...next, fingerprint: fingerprintOf(next.certPem) };
  } catch (cause) {
    throw new Error(
      `Cannot use ${
        nextFile(directory)
      }: it is damaged; remove it and run 'sinkd server rotate-certificate' again`,
      { cause },
    );
  }
}

/** Makes the next certificate, or gives the one there is another time to take over. */
export async function prepareCertificate(
  directory: string,
  dueMs: number,
): Promise<NextCertificate> {
  const made = nextCertificate(directory) ?? await makeCertificate();
  const { certPem, keyPem } = made;
  replaceFile(
    nextFile(directory),
    `${JSON.stringify({ certPem, keyPem, dueMs })}\n`,
  );
  return { certPem, keyPem, dueMs, fingerprint: fingerprintOf(certPem) };
}

/** Puts the next certificate in place of the present one, whose key is gone then. */
export function switchCertificate(directory: string): void {
  const next = nextCertificate(directory);
  if (next === undefined) return;
  // A crash between any two of these is mended by finishSwitch at the next start.
  replaceFile(`${directory}/key.pem`, next.keyPem);
  replaceFile(`${directory}/certificate.pem`, next.certPem);
  Deno.removeSync(nextFile(directory));
}

/** Finishes a switch that a crash cut in two: the key is the next one already. */
export function finishSwitch(directory: string): void {
  const next = nextCertificate(directory);
  if (next !== undefined && readIfAny(`${directory}/key.pem`) === next.keyPem) {
    switchCertificate(directory);
  }
}

function nextFile(directory: string): string {
  return `${directory}/next-certificate.json`;
}

function readIfAny(file: string): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot read ${file}`, { cause: error });
  }
}
