import assert from "node:assert/strict";
import { lacking } from "../support/needs.ts";

const HERE = new URL(".", import.meta.url).pathname;
const CHECKOUT = new URL("../../", import.meta.url).pathname;

/** What runs with each rsync: see scripts/test. */
const ROOMS = Deno.readTextFileSync(`${HERE}rooms`).trim().split("\n");

async function outputOf(program: string, ...args: string[]): Promise<string> {
  const { code, stdout } = await new Deno.Command(program, { args }).output();
  assert.equal(code, 0);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("test/rsync/rooms names what is there", () => {
  for (const room of ROOMS) Deno.statSync(`${CHECKOUT}${room}`);
});

Deno.test("the tests run with the oldest rsync that is here, or the one that SINKD_TEST_RSYNC names", async () => {
  const wanted = Deno.env.get("SINKD_TEST_RSYNC") ?? "3";
  const said = await outputOf("rsync", "--version");
  assert.match(
    said,
    new RegExp(`^rsync  version ${RegExp.escape(wanted)}[. ]`),
  );
});

const list = await outputOf(`${HERE}setup`, "--list");
for (const [wanted, bin] of list.split("\n").map((line) => line.split(" "))) {
  const missing = bin === "-" ? `rsync ${wanted}` : undefined;
  if (missing === undefined) continue;
  for (const room of ROOMS) {
    lacking(Deno.test, missing)(`${room} with rsync ${wanted}`, () => {});
  }
}
