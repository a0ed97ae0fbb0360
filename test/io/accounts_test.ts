import assert from "node:assert/strict";
import {
  Accounts,
  MAX_NETWORKS,
  type Redeemed,
} from "../../lib/io/accounts.ts";

const NOW = 1_700_000_000_000;

async function inRoot(act: (root: string) => void): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "sinkd-accounts-" });
  try {
    act(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function redeem(accounts: Accounts, token: string, client: string): Redeemed {
  return accounts.redeem(token, client, { host: "box", nowMs: NOW + 1 });
}

function secretOf(redeemed: Redeemed): string {
  if (redeemed.kind === "refused") throw new Error(redeemed.reason);
  return redeemed.secret;
}

Deno.test("redeem() takes a token once, and verify() knows the secret from then on", () =>
  inRoot((root) => {
    using accounts = Accounts.create(root, "alice");
    const token = accounts.createJoinToken(NOW, 1000);
    const secret = secretOf(redeem(accounts, token, "laptop"));
    assert.ok(accounts.verify("laptop", secret));
    assert.ok(!accounts.verify("laptop", `${secret}x`));
    assert.ok(!accounts.verify("laptop", ""));
    assert.ok(!accounts.verify("desk", secret));
    const again = redeem(accounts, token, "desk");
    assert.ok(again.kind === "refused");
    assert.match(again.reason, /already used/);
    assert.deepEqual(accounts.clients(), [
      { client: "laptop", host: "box", createdMs: NOW + 1, revoked: false },
    ]);
  }));

Deno.test("redeem() refuses and keeps the token when it is expired, unknown, or the name is taken or bad", () =>
  inRoot((root) => {
    using accounts = Accounts.create(root, "alice");
    redeem(accounts, accounts.createJoinToken(NOW, 1000), "laptop");
    const token = accounts.createJoinToken(NOW, 1000);
    const cases: [Redeemed, RegExp][] = [
      [redeem(accounts, token, "laptop"), /--name, or revoke/],
      [redeem(accounts, token, "a/b"), /--name/],
      [redeem(accounts, "nonsense", "desk"), /not known/],
      [
        accounts.redeem(token, "desk", { host: "box", nowMs: NOW + 1000 }),
        /expired/,
      ],
    ];
    for (const [redeemed, expected] of cases) {
      assert.ok(redeemed.kind === "refused");
      assert.match(redeemed.reason, expected);
    }
    secretOf(redeem(accounts, token, "desk"));
  }));

Deno.test("revoke() ends a client, whose name can then join again with another secret", () =>
  inRoot((root) => {
    using accounts = Accounts.create(root, "alice");
    const join = () =>
      secretOf(
        redeem(accounts, accounts.createJoinToken(NOW, 1000), "laptop"),
      );
    const first = join();
    assert.ok(accounts.revoke("laptop"));
    assert.ok(!accounts.revoke("laptop"));
    assert.ok(!accounts.verify("laptop", first));
    assert.equal(accounts.clients()[0]?.revoked, true);
    assert.deepEqual(accounts.passwordLines("alice"), []);
    const second = join();
    assert.ok(!accounts.verify("laptop", first));
    assert.ok(accounts.verify("laptop", second));
    assert.match(
      accounts.passwordLines("alice")[0] ?? "",
      /^alice\/laptop:\$7\$101\$/,
    );
  }));

Deno.test("two openings of the same accounts see each other's changes at once", () =>
  inRoot((root) => {
    using cli = Accounts.create(root, "alice");
    using server = Accounts.open(root, "alice");
    assert.ok(server !== undefined);
    const token = cli.createJoinToken(NOW, 1000);
    const secret = secretOf(redeem(server, token, "laptop"));
    assert.ok(cli.verify("laptop", secret));
    cli.revoke("laptop");
    assert.ok(!server.verify("laptop", secret));
  }));

Deno.test("create(), listUsers() and remove() keep users apart from files", () =>
  inRoot((root) => {
    Deno.mkdirSync(`${root}/.sinkd`);
    Deno.mkdirSync(`${root}/stray`);
    Deno.writeTextFileSync(`${root}/file`, "");
    assert.deepEqual(Accounts.listUsers(`${root}/missing`), []);
    for (const user of ["bob", "alice"]) {
      using accounts = Accounts.create(root, user);
      redeem(accounts, accounts.createJoinToken(NOW, 1000), "laptop");
    }
    assert.deepEqual(Accounts.listUsers(root), ["alice", "bob"]);
    assert.equal(Deno.statSync(`${root}/alice`).mode, 0o42770);
    assert.equal(Deno.statSync(`${root}/alice/.sinkd`).mode, 0o40700);

    Deno.writeTextFileSync(`${root}/alice/kept`, "");
    assert.ok(Accounts.remove(root, "alice"));
    assert.ok(!Accounts.remove(root, "alice"));
    assert.deepEqual(Accounts.listUsers(root), ["bob"]);
    assert.equal(Accounts.open(root, "alice"), undefined);
    assert.ok(Deno.statSync(`${root}/alice/kept`).isFile);
    using back = Accounts.create(root, "alice");
    assert.equal(back.clients()[0]?.revoked, true);
    for (const bad of ["..", "a/b", "", "-x"]) {
      assert.throws(() => Accounts.create(root, bad), /Cannot add user/);
      assert.equal(Accounts.open(root, bad), undefined);
    }
  }));

Deno.test("no secret and no token is readable in the database", () =>
  inRoot((root) => {
    const accounts = Accounts.create(root, "alice");
    const token = accounts.createJoinToken(NOW, 1000);
    const open = accounts.createJoinToken(NOW, 1000);
    const secret = secretOf(redeem(accounts, token, "laptop"));
    accounts[Symbol.dispose]();
    for (const file of Deno.readDirSync(`${root}/alice/.sinkd`)) {
      const text = new TextDecoder("latin1").decode(
        Deno.readFileSync(`${root}/alice/.sinkd/${file.name}`),
      );
      for (const hidden of [token, open, secret]) {
        assert.ok(!text.includes(hidden));
      }
    }
  }));

Deno.test("open() takes nothing for a user through a link", () =>
  inRoot((root) => {
    Accounts.create(root, "alice")[Symbol.dispose]();
    Accounts.create(root, "bob")[Symbol.dispose]();
    Deno.symlinkSync(`${root}/alice`, `${root}/mallory`);
    Deno.renameSync(`${root}/bob/.sinkd`, `${root}/kept`);
    Deno.symlinkSync(`${root}/alice/.sinkd`, `${root}/bob/.sinkd`);
    assert.deepEqual(Accounts.listUsers(root), ["alice"]);
    assert.equal(Accounts.open(root, "mallory"), undefined);
    assert.equal(Accounts.open(root, "bob"), undefined);
    assert.throws(() => Accounts.create(root, "bob"), /not a directory/);
    assert.throws(() => Accounts.create(root, "mallory"), /not a directory/);
  }));

Deno.test("remember() keeps where a client logged in, over a restart, for so many networks and until it is revoked", () =>
  inRoot((root) => {
    {
      using accounts = Accounts.create(root, "alice");
      const token = accounts.createJoinToken(NOW, 1000);
      secretOf(redeem(accounts, token, "laptop"));
      for (let n = 0; n < 3 * MAX_NETWORKS; n++) {
        accounts.remember("laptop", `10.0.0.${n}`, NOW + n);
      }
      accounts.remember("desk", "10.0.1.1", NOW);
    }
    using accounts = Accounts.open(root, "alice");
    const last = 3 * MAX_NETWORKS - 1;
    const known = Array.from({ length: last + 1 }, (_, n) => `10.0.0.${n}`)
      .filter((network) => accounts?.isKnownAt(network, "laptop"));
    assert.equal(known.length, MAX_NETWORKS);
    assert.equal(known.at(-1), `10.0.0.${last}`);
    assert.ok(!accounts?.isKnownAt(`10.0.0.${last}`, "desk"));
    assert.ok(accounts?.isKnownAt("10.0.1.1"));
    assert.ok(accounts?.revoke("laptop"));
    assert.ok(!accounts?.isKnownAt(`10.0.0.${last}`, "laptop"));
    Accounts.remove(root, "alice");
    assert.ok(!accounts?.isKnownAt("10.0.1.1"));
  }));
