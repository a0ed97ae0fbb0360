/**
 * The server's certificate, made at the first start and pinned by every client.
 *
 * @module
 */
import { createHash, X509Certificate } from "node:crypto";
import { SERVER_NAME } from "./dial.ts";
import { removeIfAny } from "./files.ts";
import { replaceFile } from "./replace_file.ts";

/** Certificate and key; `fingerprint` is the SHA-256 of the certificate's DER in lower-case hex. */
export interface ServerCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly fingerprint: string;
}

/**
 * Loads `certificate.pem` and `key.pem` of `directory`, or makes both when there is no certificate yet:
 * once, whoever else does the same at that moment (a server's first start beside `adduser`).
 */
export async function ensureCertificate(
  directory: string,
): Promise<ServerCertificate> {
  const certFile = `${directory}/certificate.pem`;
  const keyFile = `${directory}/key.pem`;
  const certPem = await readIfThere(certFile) ??
    await makeOnce(directory, certFile, keyFile);
  const keyPem = await readIfThere(keyFile);
  if (keyPem === undefined) {
    throw new Error(
      `Cannot use ${certFile}: ${keyFile} is missing; restore it from a backup, or remove the certificate and join every client again`,
    );
  }
  return { certPem, keyPem, fingerprint: fingerprintOf(certPem) };
}

/** Gives the certificate. */
async function makeOnce(
  directory: string,
  certFile: string,
  keyFile: string,
): Promise<string> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await Deno.chmod(directory, 0o700);
  const making = `${directory}/certificate.making`;
  using lock = await Deno.open(making, {
    write: true,
    create: true,
    mode: 0o600,
  });
  await lock.lock(true);
  let certPem = await readIfThere(certFile);
  if (certPem === undefined) {
    const made = await makeCertificate();
    // The key is in place before the certificate, so a crash between the two just makes both again.
    replaceFile(keyFile, made.keyPem);
    replaceFile(certFile, made.certPem);
    certPem = made.certPem;
  }
  // Whoever comes from now on finds the certificate, with the lock or without it.
  removeIfAny(making);
  return certPem;
}

/** SHA-256 of the certificate's DER in lower-case hex; `certificate` is PEM text or DER bytes. */
export function fingerprintOf(certificate: string | Uint8Array): string {
  const der = typeof certificate === "string"
    ? new X509Certificate(certificate).raw
    : certificate;
  return createHash("sha256").update(der).digest("hex");
}

/** A fresh key and a certificate of it, both PEM. */
export async function makeCertificate(): Promise<
  { certPem: string; keyPem: string }
> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: crypto.getRandomValues(new Uint8Array(16)).toHex(),
    name: `CN=${SERVER_NAME}`,
    // Trust comes from the pin, so the dates only must not get in the way of a machine without a clock.
    notBefore: new Date("2000-01-01T00:00:00Z"),
    notAfter: new Date("9999-12-31T23:59:59Z"),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: SERVER_NAME },
      ]),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certPem: `${certificate.toString("pem").trim()}\n`,
    keyPem: pemOf("PRIVATE KEY", new Uint8Array(key)),
  };
}

/** PEM text of DER bytes. */
export function pemOf(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${
    lines.join("\n")
  }\n-----END ${label}-----\n`;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot read ${file}`, { cause: error });
  }
}
