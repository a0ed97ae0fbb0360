/** What another account of the machine can do in an anchor that it can write to. */
import assert from "node:assert/strict";
import type { Ledger } from "../support/ledger.ts";
import { LACKS_ROOT, lacksProgram } from "../support/needs.ts";
import { itemAt, treeOf } from "../support/tree_view.ts";
import { waitFor } from "../support/waiting.ts";
import type { World } from "../support/world.ts";
import type { WorldClient } from "../support/world_client.ts";
import { command, testFault, TRUST, waitTold } from "./rig.ts";

const missing = LACKS_ROOT ?? lacksProgram("setpriv");
const BOB = 1234;

/** Another account, which tries something over and over until disposed. */
class Bob implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  constructor(script: string, ...args: string[]) {
    this.#child = new Deno.Command("setpriv", {
      args: [
        `--reuid=${BOB}`,
        `--regid=${BOB}`,
        "--clear-groups",
        "sh",
        "-c",
        `while :; do ${script}; done`,
        "sh",
        ...args,
      ],
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

/** Lets other accounts come to the anchor of `a`; gives a directory that is root's alone. */
function openToOthers(world: World): string {
  const a = world.client("a");
  for (const full of [world.directory, a.home]) Deno.chmodSync(full, 0o711);
  const secret = `${world.directory}/secret`;
  Deno.mkdirSync(secret, { mode: 0o700 });
  Deno.writeTextFileSync(`${secret}/file`, "root's alone\n", { mode: 0o600 });
  return secret;
}

/** Nothing came to root's directory, and nothing of it went anywhere. */
function assertUntouched(world: World, secret: string): void {
  const kept = treeOf(secret);
  assert.deepEqual([...kept.keys()], ["file"]);
  const text = Deno.readTextFileSync(`${secret}/file`);
  assert.equal(text, "root's alone\n");
  assert.equal((Deno.statSync(`${secret}/file`).mode ?? 0) & 0o777, 0o600);
  const own = kept.get("file");
  assert.ok(own?.kind === "file");
  const places = [
    world.stored("alice"),
    ...world.clients().map((c) => c.files),
  ];
  for (const place of places) {
    for (const [path, item] of treeOf(place)) {
      if (item.kind !== "file") continue;
      assert.notEqual(item.hash, own.hash, `${place}/${path}`);
    }
  }
}

async function held(a: WorldClient, reason: RegExp): Promise<void> {
  await waitFor("a to be held", async () => {
    const { state, held } = await a.anchor();
    return state === "Held" && held !== null && reason.test(held.reason) &&
      held.fix.includes(TRUST);
  }, { limitMs: 40_000, tell: () => "" });
  assert.equal((await a.sinkd("status")).code, 4);
}

async function begin(world: World, ledger: Ledger): Promise<string> {
  const a = world.client("a");
  Deno.mkdirSync(`${a.files}/shared/d`, { recursive: true });
  for (const path of ["shared/d/one", "shared/file", "mine"]) {
    ledger.write(a, path);
  }
  await ledger.settle();
  return openToOthers(world);
}

testFault(
  "an account that exchanges its directory for a link leads no file of others out of the anchor, and holds up nothing else",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    const secret = await begin(world, ledger);
    await command("chown", "-R", `${BOB}`, `${a.files}/shared`);
    await a.sinkd("rescan");
    await held(a, /\/shared belongs to another account \(uid 1234\)/);
    await using _bob = new Bob(
      'mv "$1/d" "$1/.d"; ln -s "$2" "$1/d"; rm "$1/d"; mv "$1/.d" "$1/d"',
      `${a.files}/shared`,
      secret,
    );
    for (let round = 0; round < 20; round++) {
      for (const name of ["one", "file", `new ${round}`]) {
        ledger.write(b, `shared/d/${name}`);
      }
      ledger.write(b, `beside ${round}`);
      ledger.write(a, `of a ${round}`);
      await waitFor(
        "what is beside it",
        () =>
          itemAt(`${a.files}/beside ${round}`) !== undefined &&
          itemAt(`${b.files}/of a ${round}`) !== undefined,
      );
    }
    assertUntouched(world, secret);
    await held(a, /nothing is synced below it/);
  },
);

testFault(
  "an account that exchanges a file for a link makes nothing known of what it may not read",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    const secret = await begin(world, ledger);
    await command("chown", "-R", `${BOB}`, `${a.files}/shared`);
    await using _bob = new Bob(
      'printf "something else" >"$1/f"; mv -f "$1/f" "$1/file"; ln -s "$2/file" "$1/l"; mv -f "$1/l" "$1/file"',
      `${a.files}/shared`,
      secret,
    );
    await held(a, /\/shared belongs to another account/);
    for (let round = 0; round < 20; round++) {
      ledger.write(a, `of a ${round}`);
      await waitFor(
        "what is beside it",
        () => itemAt(`${b.files}/of a ${round}`) !== undefined,
      );
    }
    assertUntouched(world, secret);
  },
);

testFault(
  "a directory that is this account's alone again goes on where it was, and loses no edit of either side",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    await begin(world, ledger);
    for (
      const [mode, owner, reason] of [
        ["0777", "0:0", /can be written to by everyone/],
        ["1777", "0:0", /can be written to by everyone/],
        ["0775", `0:${BOB}`, /can be written to by its group \(gid 1234\)/],
        ["0755", `${BOB}:0`, /belongs to another account/],
      ] as const
    ) {
      await command("chown", owner, `${a.files}/shared`);
      await command("chmod", mode, `${a.files}/shared`);
      await held(a, reason);
      ledger.write(b, "shared/d/one");
      ledger.write(a, "shared/file");
      ledger.write(b, `shared/new ${mode}`);
      ledger.write(b, `beside ${mode}`);
      await waitFor(
        "what is beside it",
        () => itemAt(`${a.files}/beside ${mode}`) !== undefined,
      );
      assert.equal(itemAt(`${a.files}/shared/new ${mode}`), undefined);
      await a.process.stop();
      await a.process.start();
      await held(a, reason);
      await command("chown", "0:0", `${a.files}/shared`);
      await command("chmod", "0755", `${a.files}/shared`);
      await ledger.settle({ limitMs: 60_000 });
    }
  },
);

testFault(
  "an anchor that others can write to is held as a whole, is led nowhere by a link in sinkd's name, and is synced where they are trusted",
  { missing },
  async (world, ledger) => {
    const [a, b] = [world.client("a"), world.client("b")];
    const secret = await begin(world, ledger);
    Deno.chmodSync(a.files, 0o777);
    await held(a, /the directory can be written to by everyone/);
    {
      await using _bob = new Bob(
        'ln -s "$2" "$1/.sinkd"; mkdir -p "$1/.sinkd/incoming"',
        a.files,
        secret,
      );
      for (let round = 0; round < 10; round++) {
        ledger.write(b, "file");
        await world.waitInStep({ clients: [b] });
      }
    }
    assertUntouched(world, secret);
    a.configure(a.anchorText(a.files, "files", TRUST));
    const { code, err } = await a.sinkd("client", "reload");
    assert.equal(code, 0, err);
    await waitTold(a, /\.sinkd.*(not a directory|another account)/s);
    assertUntouched(world, secret);
    Deno.removeSync(`${a.files}/.sinkd`, { recursive: true });
    Deno.mkdirSync(`${a.files}/.sinkd`);
    Deno.chownSync(`${a.files}/.sinkd`, BOB, BOB);
    ledger.write(b, "more");
    await waitTold(a, /\.sinkd.*another account/s);
    Deno.removeSync(`${a.files}/.sinkd`, { recursive: true });
    await ledger.settle({ limitMs: 90_000 });
    assertUntouched(world, secret);
  },
);

testFault(
  "a server closes its root to a group that others are in, unless it is told to trust them",
  { missing },
  async (world, ledger) => {
    const a = world.client("a");
    const modeOf = () => (Deno.statSync(world.root).mode ?? 0) & 0o7777;
    const restart = async (group: number, ...more: string[]) => {
      await world.server.stop();
      Deno.chownSync(world.root, 0, group);
      world.server.more = more;
      await world.server.start();
      ledger.write(a, `group ${group} ${more.join(" ")}`);
      await ledger.settle();
    };
    assert.equal(modeOf(), 0o2770);
    // No list says who is in it.
    await restart(BOB);
    assert.equal(modeOf(), 0o700);
    await restart(BOB, "--trust-group");
    assert.equal(modeOf(), 0o2770);
    await restart(0);
    assert.equal(modeOf(), 0o2770);
  },
);

testFault(
  "a client starts on no state and no configuration that another account can write",
  { missing },
  async (world, ledger) => {
    const a = world.client("a");
    await ledger.settle();
    await a.process.stop();
    for (const full of [a.state, a.config]) {
      const { mode, uid, gid } = Deno.statSync(full);
      assert.ok(mode !== null && uid !== null && gid !== null);
      for (
        const [spoil, says] of [
          [
            () => Deno.chownSync(full, BOB, BOB),
            /another account \(uid 1234\)/,
          ],
          [() => Deno.chmodSync(full, mode | 0o002), /by everyone; chmod o-w/],
          [() => {
            Deno.chownSync(full, uid, BOB);
            Deno.chmodSync(full, mode | 0o020);
          }, /by its group \(gid 1234\); chmod g-w/],
        ] as const
      ) {
        spoil();
        await assert.rejects(a.process.start(), says);
        Deno.chownSync(full, uid, gid);
        Deno.chmodSync(full, mode & 0o7777);
      }
    }
    await a.process.start();
    await ledger.settle();
  },
);
