import assert from "node:assert/strict";
import { formatJoinLink, parseJoinLink } from "../../lib/core/join_link.ts";
import type { JoinLink } from "../../lib/core/join_link.ts";
import { Accounts } from "../../lib/io/accounts.ts";
import { type Channel, dialChannel } from "../../lib/io/channel.ts";
import {
  loadCredentials,
  saveCredentials,
  splitAddress,
} from "../../lib/io/credentials.ts";
import { helloJoinSchema, joinServer, serveJoin } from "../../lib/io/join.ts";
import { type FrontFixture, frontFixture } from "./front_fixture.ts";

interface Setting extends AsyncDisposable {
  readonly root: string;
  readonly fixture: FrontFixture;
  readonly accounts: Accounts;
  /** Connections that got as far as a first message. */
  readonly hellos: unknown[];
  link(ttlMs?: number): JoinLink;
}

async function setting(): Promise<Setting> {
  const root = await Deno.makeTempDir({ prefix: "sinkd-join-" });
  const accounts = Accounts.create(root, "alice");
  const hellos: unknown[] = [];
  const serving: Promise<void>[] = [];
  async function serve(channel: Channel): Promise<void> {
    const first = await channel.receive();
    if (first === undefined) return;
    hellos.push(first);
    const hello = helloJoinSchema.safeParse(first);
    if (!hello.success) {
      channel.close();
      return;
    }
    await serveJoin(channel, hello.data, {
      redeem: ({ token, client, host }) =>
        Promise.resolve(
          accounts.redeem(token, client, { host, nowMs: Date.now() }),
        ),
      certPems: [fixture.certificate.certPem],
      broker: "",
    });
  }
  const fixture = await frontFixture({
    onChannel: (channel) => serving.push(serve(channel)),
  });
  return {
    root,
    fixture,
    accounts,
    hellos,
    link: (ttlMs = 60_000) => ({
      user: "alice",
      token: accounts.createJoinToken(Date.now(), ttlMs),
      host: fixture.front.host,
      port: fixture.front.port,
      fingerprint: fixture.certificate.fingerprint,
    }),
    async [Symbol.asyncDispose]() {
      await fixture[Symbol.asyncDispose]();
      await Promise.all(serving);
      accounts[Symbol.dispose]();
      await Deno.remove(root, { recursive: true });
    },
  };
}

const laptop = { client: "laptop", host: "box" };

Deno.test("joinServer() gives credentials that the server knows and that dial its certificate", async () => {
  await using given = await setting();
  const parsed = parseJoinLink(formatJoinLink(given.link()));
  assert.ok(parsed.ok);
  const credentials = await joinServer(parsed.value, laptop);
  assert.ok(given.accounts.verify("laptop", credentials.secret));
  assert.deepEqual(credentials.certPems, [given.fixture.certificate.certPem]);

  saveCredentials(`${given.root}/state/deep`, credentials);
  assert.deepEqual(loadCredentials(`${given.root}/state/deep`), credentials);
  const channel = await dialChannel({
    ...splitAddress(credentials.address),
    certPems: credentials.certPems,
    signal: new AbortController().signal,
  });
  await channel[Symbol.asyncDispose]();
});

Deno.test("joinServer() is refused when the link was used, is too old, or the name is taken", async () => {
  await using given = await setting();
  const link = given.link();
  await joinServer(link, laptop);
  await assert.rejects(
    joinServer(link, { ...laptop, client: "desk" }),
    /already used/,
  );
  await assert.rejects(joinServer(given.link(0), laptop), /expired/);
  await assert.rejects(joinServer(given.link(), laptop), /--name/);
  await joinServer(given.link(), { ...laptop, client: "desk" });
});

Deno.test("joinServer() tells the token to nobody when the fingerprint is wrong", async () => {
  await using given = await setting();
  const link = { ...given.link(), fingerprint: "0".repeat(64) };
  await assert.rejects(
    joinServer(link, laptop),
    /is not the one that made this link/,
  );
  await joinServer(given.link(), laptop);
  assert.equal(given.hellos.length, 1);
});

Deno.test("joinServer() says that the server cannot be reached when nobody listens or it is no TLS", async () => {
  await using given = await setting();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const answering = (async () => {
    const connection = await listener.accept();
    await connection.write(new TextEncoder().encode("HTTP/1.1 400\r\n\r\n"));
    connection.close();
  })();
  const link = { ...given.link(), port };
  await assert.rejects(joinServer(link, laptop), /cannot be reached/);
  await answering;
  listener.close();
  await assert.rejects(joinServer(link, laptop), /cannot be reached.*refused/i);
});
