import assert from "node:assert/strict";
import {
  type Credentials,
  joinAddress,
  loadCredentials,
  saveCredentials,
  splitAddress,
} from "../../lib/io/credentials.ts";

const credentials: Credentials = {
  user: "alice",
  client: "laptop",
  secret: "s",
  address: "pi:8883",
  certPems: ["-----BEGIN CERTIFICATE-----\n"],
  broker: "",
};

Deno.test("saveCredentials() keeps them from everyone else", async () => {
  const parent = await Deno.makeTempDir();
  const directory = `${parent}/state`;
  Deno.mkdirSync(directory, { mode: 0o755 });
  Deno.writeTextFileSync(`${directory}/credentials.json`, "", { mode: 0o644 });
  saveCredentials(directory, credentials);
  assert.deepEqual(loadCredentials(directory), credentials);
  assert.equal(Deno.statSync(directory).mode, 0o40700);
  assert.equal(
    Deno.statSync(`${directory}/credentials.json`).mode,
    0o100600,
  );
  await Deno.remove(parent, { recursive: true });
});

Deno.test("loadCredentials() tells not joined from damaged", async () => {
  const directory = await Deno.makeTempDir();
  assert.equal(loadCredentials(directory), undefined);
  const file = `${directory}/credentials.json`;
  for (const text of ["", "{}", JSON.stringify({ ...credentials, x: 1 })]) {
    Deno.writeTextFileSync(file, text);
    assert.throws(() => loadCredentials(directory), /join again/);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("splitAddress() and joinAddress() agree", () => {
  for (const text of ["pi:1", "192.0.2.1:8883", "[::1]:8883"]) {
    const { host, port } = splitAddress(text);
    assert.equal(joinAddress(host, port), text);
  }
});
