/**
 * A certificate authority of a test's own, and one certificate for 127.0.0.1 signed by it.
 *
 * @module
 */
import { pemOf } from "../../lib/io/certificate.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** The authority's certificate, and a server's certificate and key, all PEM. */
export interface Certified {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** Makes a fresh authority and a certificate. */
export async function certifyLoopback(): Promise<Certified> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const dates = {
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
  };
  const [caKeys, keys] = [await makeKeys(), await makeKeys()];
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=test authority",
    ...dates,
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: "02",
    subject: "CN=broker",
    issuer: ca.subject,
    ...dates,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension([
        { type: "ip", value: "127.0.0.1" },
      ]),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    caPem: `${ca.toString("pem")}\n`,
    certPem: `${certificate.toString("pem")}\n`,
    keyPem: pemOf("PRIVATE KEY", new Uint8Array(key)),
  };
}

async function makeKeys(): Promise<CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, [
    "sign",
    "verify",
  ]);
  return keys as CryptoKeyPair;
}
