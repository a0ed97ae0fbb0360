import assert from "node:assert/strict";
import { Certificates } from "../../lib/daemon/certificates.ts";
import { ensureCertificate } from "../../lib/io/certificate.ts";
import {
  nextCertificate,
  prepareCertificate,
  switchCertificate,
} from "../../lib/io/certificate_rotation.ts";
import { tempDirectory } from "../support/temp.ts";

const LATER_MS = Date.now() + 1_000_000_000;

Deno.test("prepareCertificate() makes one next certificate, whose time may change", async () => {
  await using directory = tempDirectory();
  const { path } = directory;
  const { fingerprint } = await ensureCertificate(path);
  const next = await prepareCertificate(path, LATER_MS);
  assert.notEqual(next.fingerprint, fingerprint);
  const again = await prepareCertificate(path, LATER_MS + 1);
  assert.equal(again.fingerprint, next.fingerprint);
  assert.equal(nextCertificate(path)?.dueMs, LATER_MS + 1);
  assert.equal((await ensureCertificate(path)).fingerprint, fingerprint);
  const { mode } = Deno.statSync(`${path}/next-certificate.json`);
  assert.equal((mode ?? 0) & 0o777, 0o600);
});

Deno.test("nextCertificate() says what to do about a damaged file", async () => {
  await using directory = tempDirectory();
  Deno.writeTextFileSync(`${directory.path}/next-certificate.json`, "{");
  assert.throws(() => nextCertificate(directory.path), /it is damaged; remove/);
});

Deno.test("Certificates shows the present one and has both pinned until the next one's time", async () => {
  await using directory = tempDirectory();
  const { path } = directory;
  const { certPem } = await ensureCertificate(path);
  using certificates = await Certificates.open(path);
  let changes = 0;
  certificates.onChange = () => changes++;
  assert.deepEqual(certificates.pins(), [certPem]);
  const next = await prepareCertificate(path, LATER_MS);
  await certificates.reload();
  assert.deepEqual(certificates.pins(), [certPem, next.certPem]);
  assert.equal(certificates.current.certPem, certPem);
  await certificates.reload();
  assert.equal(changes, 1);
  switchCertificate(path);
  await certificates.reload();
  assert.deepEqual(certificates.pins(), [next.certPem]);
  assert.equal(certificates.current.keyPem, next.keyPem);
  assert.equal(changes, 2);
});

Deno.test("Certificates puts the next one in place at a start after its time", async () => {
  await using directory = tempDirectory();
  const { path } = directory;
  await ensureCertificate(path);
  const next = await prepareCertificate(path, Date.now() - 1);
  using certificates = await Certificates.open(path);
  assert.deepEqual(certificates.pins(), [next.certPem]);
  assert.equal(nextCertificate(path), undefined);
});

Deno.test("Certificates finishes a switch that a crash cut in two", async () => {
  await using directory = tempDirectory();
  const { path } = directory;
  await ensureCertificate(path);
  const next = await prepareCertificate(path, LATER_MS);
  Deno.writeTextFileSync(`${path}/key.pem`, next.keyPem);
  using certificates = await Certificates.open(path);
  assert.equal(certificates.current.certPem, next.certPem);
  assert.equal(certificates.current.keyPem, next.keyPem);
  assert.equal(nextCertificate(path), undefined);
});
