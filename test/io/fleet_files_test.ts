import assert from "node:assert/strict";
import { holdFile } from "../../lib/io/directory_lock.ts";
import { serverId } from "../../lib/io/server_identity.ts";
import { readTenure, writeTenure } from "../../lib/io/tenure_file.ts";
import { parseUserList, readUserList } from "../../lib/io/user_list.ts";
import { tempDirectory } from "../support/temp.ts";

Deno.test("serverId() stays with its root, and a copy of the root gets another", async () => {
  await using directory = tempDirectory();
  const own = `${directory.path}/own`;
  const copy = `${directory.path}/copy`;
  Deno.mkdirSync(own);
  Deno.mkdirSync(copy);
  const id = serverId(own);
  assert.match(id, /^[0-9a-f]{16}$/);
  assert.equal(serverId(own), id);
  Deno.copyFileSync(`${own}/server-id`, `${copy}/server-id`);
  const other = serverId(copy);
  assert.notEqual(other, id);
  assert.equal(serverId(copy), other);
  assert.equal((Deno.statSync(`${own}/server-id`).mode ?? 0) & 0o777, 0o600);
});

Deno.test("holdFile() is for one at a time, and says who has it", async () => {
  await using directory = tempDirectory();
  const file = `${directory.path}/lock`;
  {
    const first = holdFile(file, "the first");
    assert.ok(first.kind === "held");
    using _held = first;
    const second = holdFile(file, "the second");
    assert.deepEqual(second, { kind: "taken", says: "the first" });
  }
  const again = holdFile(file, "the third");
  assert.ok(again.kind === "held");
  again[Symbol.dispose]();
});

Deno.test("readTenure() gives back what was written, nothing as number 0, and refuses what is damaged", async () => {
  await using directory = tempDirectory();
  assert.equal(readTenure(directory.path).number, 0);
  const record = { number: 7, holder: "a", released: true, adopted: false };
  writeTenure(directory.path, record);
  assert.deepEqual(readTenure(directory.path), record);
  Deno.writeTextFileSync(`${directory.path}/.sinkd/lease.json`, "{");
  assert.throws(() => readTenure(directory.path), /lease\.json: it is damaged/);
});

Deno.test("parseUserList() reads one name a line, with comments, and says which line is wrong", () => {
  const text = "# the first rack\nalice\n\n bob # on leave\r\nalice\nc#d e\n";
  assert.throws(() => parseUserList(text, "users"), /'c#d e' in line 6/);
  const good = text.replace("c#d e\n", "carol");
  assert.deepEqual(parseUserList(good, "users"), ["alice", "bob", "carol"]);
  assert.throws(() => parseUserList("a\n../b\n", "list"), /list.*line 2/);
});

Deno.test("readUserList() says what to do when there is no such file", async () => {
  await using directory = tempDirectory();
  const file = `${directory.path}/users`;
  assert.throws(() => readUserList(file), /Cannot read the list of users/);
  Deno.writeTextFileSync(file, "alice\n");
  assert.deepEqual(readUserList(file), ["alice"]);
});
