/**
 * What a client with true credentials says through the broker, and what its invitations are good for:
 * the same with the broker in the server and with a mosquitto that has TLS, passwords and the ACL.
 */
import assert from "node:assert/strict";
import { type Attacks, attacksOn } from "../support/attacks.ts";
import { dialRawChannel, HostileClient } from "../support/hostile_client.ts";
import { pause, waitFor } from "../support/waiting.ts";

for (const broker of ["embedded", "secured"] as const) {
  attackThrough(attacksOn(broker));
}

function attackThrough({ attack, fresh }: Attacks): void {
  attack(
    "announcements outside of the user's own tree get no turn",
    async (mallory) => {
      const paths = [
        "/srv/sinkd/alice/files",
        "/srv/sinkd/mallory/../alice/files",
        "/srv/sinkd/mallory/./x",
        "/srv/sinkd/mallory/a//b",
        "/srv/sinkd/mallory/",
        "/srv/sinkd/mallory",
        "/srv/sinkd/mallory/.sinkd",
        "/srv/sinkd/mallory/a/.sinkd/b",
        "/srv/sinkd/mallory/a\0b",
        "/etc",
        "../../etc",
        "x",
        `/srv/sinkd/mallory/${"d/".repeat(2000)}x`,
        `/srv/sinkd/mallory/${"n".repeat(300)}`,
      ];
      for (const path of paths) mallory.announce("", { path });
      const { path } = await mallory.invited("good");
      assert.equal(path, "/srv/sinkd/mallory/good");
      const invitations = mallory.replies.filter(({ kind }) =>
        kind === "Channel"
      );
      assert.equal(invitations.length, 1);
    },
  );

  attack(
    "garbage, deep and huge payloads are dropped, and the sender is still heard",
    async (mallory) => {
      const deep = "[".repeat(8000) + "]".repeat(8000);
      const payloads = [
        "",
        "null",
        "{",
        "\u0000",
        deep,
        `{"status":${deep}}`,
        '{"__proto__":{"status":"Sinkd"}}',
        JSON.stringify("x".repeat(16_000)),
      ];
      for (const payload of payloads) mallory.say(payload);
      for (
        const more of [
          { status: "Root" },
          { changes: -1 },
          { changes: 1e300 },
          { bytes: "1" },
          { epoch: "../../etc" },
          { version: 2 },
          { extra: true },
          { host: "h".repeat(300) },
          { date: 1.5 },
          { cycle: -1 },
        ]
      ) mallory.announce("bad", more);
      assert.equal(
        (await mallory.invited("good")).path,
        "/srv/sinkd/mallory/good",
      );
    },
  );

  attack(
    "forged stamps move nobody's head, and change the epoch a few times at most",
    async (mallory, world) => {
      const before = await world.serverReport();
      const headOf = async (user: string) => {
        const report = await world.serverReport();
        return report.users.find((each) => each.user === user);
      };
      const epochs = new Set<string>();
      for (let n = 0; n < 12; n++) {
        const { epoch = "" } = await headOf("mallory") ?? {};
        epochs.add(epoch);
        mallory.announce(`future${n}`, { date: 99991231, cycle: 5, epoch });
        mallory.announce(`past${n}`, { date: 0, cycle: 0, epoch });
        await waitFor(
          "it to be heard",
          () => mallory.replies.length > 0,
        );
        await pause(20);
      }
      assert.ok(epochs.size <= 4, `${epochs.size} epochs`);
      const mine = await headOf("mallory");
      assert.ok((mine?.stamp.date ?? 0) < 30000000);
      const alice = before.users.find(({ user }) => user === "alice");
      assert.equal((await headOf("alice"))?.epoch, alice?.epoch);
    },
  );

  attack(
    "a token works once, for its own client, and not while its turn runs",
    async (mallory, world) => {
      const thief = await HostileClient.open(world, "mallory", `t${fresh()}`);
      const other = await HostileClient.open(world, "trudy", `t${fresh()}`);
      const invitation = await mallory.invited("good");
      const refused = async (hello: Record<string, unknown>) => {
        const channel = await dialRawChannel(world);
        await channel.send(hello);
        const answer = await channel.receive() as {
          kind: string;
          message: string;
        };
        assert.equal(answer.kind, "fail");
        assert.match(answer.message, /not yours or is over/);
        channel.close();
      };
      await refused(thief.hello(invitation));
      await refused(other.hello(invitation));
      await refused(mallory.hello(invitation, { user: "trudy" }));
      await refused(mallory.hello(invitation, { secret: "guessed" }));
      await refused(mallory.hello(invitation, { token: "0".repeat(32) }));
      await refused(mallory.hello(invitation, { session: "0".repeat(16) }));
      const channel = await dialRawChannel(world);
      await channel.send(mallory.hello(invitation));
      assert.equal(
        (await channel.receive() as { kind: string }).kind,
        "welcome",
      );
      await refused(mallory.hello(invitation));
      channel.close();
      await waitFor(
        "the turn to end",
        async () => (await world.serverReport()).state === "Sinkd",
      );
      await refused(mallory.hello(invitation));
      await thief[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  );

  attack(
    "a client that opens its channel and soon says nothing more holds up nobody else",
    async (mallory, world) => {
      const round = fresh();
      using turn = await mallory.turn("silent");
      await turn.have();
      const file = `${world.client("desk").files}/beside`;
      Deno.writeTextFileSync(file, `${round}`);
      await waitFor("alice's file", () => {
        try {
          return Deno.readTextFileSync(
            `${world.client("laptop").files}/beside`,
          ) ===
            `${round}`;
        } catch {
          return false;
        }
      });
      const report = await world.serverReport();
      assert.equal(
        report.users.find(({ user }) => user === "mallory")?.queue,
        1,
      );
      Deno.removeSync(file);
      await waitFor("it to be gone", () => {
        return ![...Deno.readDirSync(world.client("laptop").files)]
          .some(({ name }) => name === "beside");
      });
    },
  );
}
