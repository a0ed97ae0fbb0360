import assert from "node:assert/strict";
import { PROTOCOL_VERSION } from "../../lib/core/protocol.ts";
import { Logins } from "../../lib/daemon/logins.ts";
import { Users } from "../../lib/daemon/users.ts";
import { Accounts } from "../../lib/io/accounts.ts";
import type { HelloJoin } from "../../lib/io/join.ts";
import { tempDirectory } from "../support/temp.ts";

const LAPTOP = { user: "alice", client: "laptop" };
const GUESSES = 2000;

/** A root with one user whose laptop has joined. */
async function withLaptop(
  run: (root: string, secret: string) => void,
): Promise<void> {
  await using directory = tempDirectory();
  const root = `${directory.path}/root`;
  Deno.mkdirSync(root);
  let secret = "";
  {
    using accounts = Accounts.create(root, "alice");
    const nowMs = Date.now();
    const token = accounts.createJoinToken(nowMs);
    const joined = accounts.redeem(token, "laptop", { host: "box", nowMs });
    assert.ok(joined.kind === "joined");
    secret = joined.secret;
  }
  run(root, secret);
}

function hello(client: string, token: string): HelloJoin {
  return {
    kind: "join",
    version: PROTOCOL_VERSION,
    user: "alice",
    host: "box",
    client,
    token,
  };
}

/** A server's door, and what comes of a login. */
function doorOf(users: Users) {
  const logins = new Logins(users, () => true);
  return {
    logins,
    redeem: (hello: HelloJoin, address: string) =>
      logins.redeem(hello, address),
    verify(
      who: { user: string; client: string },
      secret: string,
      address: string,
    ): string {
      const admitted = logins.login({ ...who, secret }, {
        address,
        end: () => {},
      });
      if (typeof admitted === "string") return admitted;
      admitted[Symbol.dispose]();
      return "good";
    },
  };
}

Deno.test("Logins look at the secret first: guesses at a name make wrong ones wait, and no right one from elsewhere", () =>
  withLaptop((root, secret) => {
    using users = new Users(root);
    const logins = doorOf(users);
    const outcomes = new Set<string>();
    for (let n = 0; n < GUESSES; n++) {
      outcomes.add(logins.verify(LAPTOP, "guessed", `10.0.0.${n % 4}`));
      if (n % 100 !== 0) continue;
      const elsewhere = `192.0.2.${n / 100}`;
      assert.equal(logins.verify(LAPTOP, secret, elsewhere), "good");
    }
    assert.deepEqual(outcomes, new Set(["refused", "later"]));
  }));

Deno.test("Logins let a join link in at the first try while others guess links", () =>
  withLaptop((root) => {
    using users = new Users(root);
    const logins = doorOf(users);
    const reasons = new Set<string>();
    for (let n = 0; n < GUESSES; n++) {
      const from = `10.0.0.${n % 4}`;
      const guessed = logins.redeem(hello("guess", "guessed"), from);
      if (guessed.kind === "refused") reasons.add(guessed.reason);
    }
    assert.deepEqual([...reasons].map((reason) => reason.slice(0, 16)), [
      "the join link is",
      "too many failed ",
    ]);
    using accounts = Accounts.open(root, "alice");
    const token = accounts?.createJoinToken(Date.now()) ?? "";
    const joined = logins.redeem(hello("desk", token), "192.0.2.1");
    assert.equal(joined.kind, "joined");
  }));

Deno.test("Logins know where a client has logged in, over a restart, and hear it beside a flood from there", () =>
  withLaptop((root, secret) => {
    const home = "2001:db8:1:2::7";
    {
      using users = new Users(root);
      assert.equal(doorOf(users).verify(LAPTOP, secret, home), "good");
    }
    using users = new Users(root);
    const logins = doorOf(users);
    const guesser = { user: "alice", client: "nobody" };
    for (let n = 0; n < GUESSES; n++) {
      logins.verify(guesser, "guessed", `2001:db8:1:2::${n.toString(16)}`);
    }
    assert.equal(logins.verify(guesser, "guessed", home), "later");
    assert.equal(logins.verify(LAPTOP, secret, "2001:db8:1:2::99"), "good");
  }));

Deno.test("endRevoked() ends all that is open under a login that does not count any more, and nothing else", () =>
  withLaptop((root, secret) => {
    using accounts = Accounts.open(root, "alice");
    const nowMs = Date.now();
    const token = accounts?.createJoinToken(nowMs) ?? "";
    const desk = accounts?.redeem(token, "desk", { host: "box", nowMs });
    assert.ok(accounts !== undefined && desk?.kind === "joined");
    using users = new Users(root);
    const { logins } = doorOf(users);
    const ended: string[] = [];
    const open = (client: string, secret: string, name: string) => {
      const admission = logins.login({ user: "alice", client, secret }, {
        address: "127.0.0.1",
        end: () => ended.push(name),
      });
      assert.ok(typeof admission !== "string");
      return admission;
    };
    const first = open("laptop", secret, "first");
    open("laptop", secret, "second");
    open("laptop", secret, "closed")[Symbol.dispose]();
    const other = open("desk", desk.secret, "desk");
    logins.endRevoked();
    assert.deepEqual(ended, []);
    assert.ok(first.counts() && other.counts());

    accounts.revoke("laptop");
    assert.ok(!first.counts() && other.counts());
    assert.ok(!logins.isLive(LAPTOP));
    logins.endRevoked("bob");
    assert.deepEqual(ended, []);
    logins.endRevoked("alice");
    logins.endRevoked();
    assert.deepEqual(ended, ["first", "second"]);

    // Another secret is another login, also under the same name.
    const rejoined = (had: string | undefined) =>
      accounts.redeem(accounts.createJoinToken(nowMs), "desk", {
        host: "box",
        nowMs,
        secret: had,
      });
    assert.equal(rejoined(desk.secret).kind, "joined");
    assert.ok(!other.counts());
    logins.endRevoked("alice");
    assert.deepEqual(ended, ["first", "second", "desk"]);

    const anew = accounts.redeem(accounts.createJoinToken(nowMs), "tablet", {
      host: "box",
      nowMs,
    });
    assert.ok(anew.kind === "joined");
    const tablet = open("tablet", anew.secret, "tablet");
    Accounts.remove(root, "alice");
    assert.ok(!tablet.counts());
    logins.endRevoked();
    assert.deepEqual(ended, ["first", "second", "desk", "tablet"]);
  }));
