import assert from "node:assert/strict";
import { ensureCertificate, fingerprintOf } from "../../lib/io/certificate.ts";

Deno.test("ensureCertificate() makes the certificate once, private to its owner", async () => {
  const parent = await Deno.makeTempDir();
  const directory = `${parent}/.sinkd`;
  const first = await ensureCertificate(directory);
  assert.deepEqual(await ensureCertificate(directory), first);
  assert.match(first.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(fingerprintOf(first.certPem), first.fingerprint);
  assert.equal((await Deno.stat(directory)).mode, 0o40700);
  assert.equal((await Deno.stat(`${directory}/key.pem`)).mode, 0o100600);
  await Deno.remove(parent, { recursive: true });
});

Deno.test("ensureCertificate() makes one certificate when several processes ask at once", async () => {
  const directory = await Deno.makeTempDir();
  const module = new URL("../../lib/io/certificate.ts", import.meta.url).href;
  const script = `import { ensureCertificate } from "${module}";
    console.log((await ensureCertificate("${directory}")).fingerprint);`;
  const runs = Array.from(
    { length: 4 },
    () =>
      new Deno.Command(Deno.execPath(), {
        args: ["eval", "--no-check", script],
      }).output(),
  );
  const seen = (await Promise.all(runs)).map(({ stdout, stderr }) =>
    new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr)
  );
  const { fingerprint } = await ensureCertificate(directory);
  assert.deepEqual(new Set(seen), new Set([fingerprint]));
  assert.deepEqual(
    [...Deno.readDirSync(directory)].map(({ name }) => name).sort(),
    ["certificate.pem", "key.pem"],
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("ensureCertificate() refuses to change the identity when only the key is missing", async () => {
  const directory = await Deno.makeTempDir();
  const first = await ensureCertificate(directory);
  await Deno.remove(`${directory}/key.pem`);
  await assert.rejects(ensureCertificate(directory), /key\.pem is missing/);
  await Deno.remove(`${directory}/certificate.pem`);
  const second = await ensureCertificate(directory);
  assert.notEqual(second.fingerprint, first.fingerprint);
  await Deno.remove(directory, { recursive: true });
});
