/** The network that other tests run on does what they rely on. */
import assert from "node:assert/strict";
import { Network } from "../support/namespaces.ts";
import { isThere, testOnNetwork } from "../support/network_programs.ts";
import { spawnDetached } from "../support/detached.ts";
import { tempDirectory } from "../support/temp.ts";
import { waitFor } from "../support/waiting.ts";

/** Answers each packet with who sent it; ends after 30 s. */
const ECHO = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
s.bind(("0.0.0.0", 7))
while True:
    data, who = s.recvfrom(100)
    s.sendto(data + b" " + who[0].encode(), who)
`;
/** Sends packets and prints what comes back, and after how many milliseconds. */
const ASK = `
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
for n in range(int(sys.argv[2])):
    s.sendto(f"{n} {time.monotonic()}".encode(), (sys.argv[1], 7))
try:
    for _ in range(int(sys.argv[2])):
        n, at, who = s.recv(100).decode().split()
        print(n, round((time.monotonic() - float(at)) * 1000), who)
except TimeoutError:
    pass
`;

interface Answer {
  readonly number: number;
  readonly ms: number;
  /** The address that the sender was seen as. */
  readonly from: string;
}

async function openWithEcho(): Promise<AsyncDisposable & { net: Network }> {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(tempDirectory("sinkd-echo-"));
  const net = stack.use(
    await Network.open({ hosts: ["s", "a"], behindRouter: ["b", "c"] }),
  );
  const echo = await spawnDetached(
    [...net.on("s"), "python3", "-c", ECHO],
    { PATH: "/usr/bin:/bin" },
    `${path}/end`,
  );
  stack.defer(async () => {
    Deno.kill(echo.pid, "SIGKILL");
    await echo.ended();
  });
  await waitFor("the echo", async () => (await ask(net, "a", 1)).length === 1);
  return { net, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function ask(net: Network, host: string, count: number) {
  const { out, err } = await net.run(host, [
    "python3",
    "-c",
    ASK,
    net.address("s"),
    `${count}`,
  ]);
  if (err !== "" && !err.includes("unreachable")) throw new Error(err);
  return out.split("\n").slice(0, -1).map((line): Answer => {
    const [number, ms, from = ""] = line.split(" ");
    return { number: Number(number), ms: Number(ms), from };
  });
}

testOnNetwork(
  "Network delays, reorders, loses, cuts and heals what goes over one host's link",
  async () => {
    await using opened = await openWithEcho();
    const { net } = opened;
    const [plain] = await ask(net, "a", 1);
    assert.equal(plain?.from, net.address("a"));
    assert.ok((plain?.ms ?? 99) < 30, `${plain?.ms} ms`);

    await net.link("a", { delayMs: 40 });
    const [late] = await ask(net, "a", 1);
    assert.ok((late?.ms ?? 0) >= 80 && (late?.ms ?? 0) < 200, `${late?.ms} ms`);

    await net.link("a", { delayMs: 1, reorderPercent: 30 });
    const mixed = (await ask(net, "a", 50)).map(({ number }) => number);
    assert.equal(mixed.length, 50);
    assert.ok(mixed.some((number, at) => number < (mixed[at - 1] ?? 0)));

    await net.link("a", { lossPercent: 30 });
    const kept = (await ask(net, "a", 100)).length;
    assert.ok(kept > 20 && kept < 80, `${kept} of 100`);

    await net.cut("a");
    assert.deepEqual(await ask(net, "a", 1), []);
    await net.heal("a");
    assert.equal((await ask(net, "a", 1)).length, 1);

    await net.unplug("a");
    assert.deepEqual(await ask(net, "a", 1), []);
    await net.plug("a");
    assert.equal((await ask(net, "a", 1)).length, 1);
  },
);

testOnNetwork(
  "Network shows hosts behind the router under its address, and lets nobody in to them",
  async () => {
    await using opened = await openWithEcho();
    const { net } = opened;
    for (const host of ["b", "c"]) {
      const [answer] = await ask(net, host, 1);
      assert.equal(answer?.from, "192.0.2.254");
    }
    await net.unplug("b");
    await net.plug("b");
    assert.equal((await ask(net, "b", 1)).length, 1);
    const into = await net.run("a", [
      "python3",
      "-c",
      `import socket; socket.create_connection(("${net.address("b")}", 7), 1)`,
    ]);
    assert.notEqual(into.code, 0);
  },
);

testOnNetwork(
  "Network leaves nothing behind, even of a test that is killed",
  async () => {
    const left = (id: string) =>
      namespaces().filter((name) => name.startsWith(`${id}-`));
    const net = await Network.open({ hosts: ["s"], behindRouter: ["b"] });
    assert.equal(left(net.id).length, 3);
    await net[Symbol.asyncDispose]();
    assert.deepEqual(left(net.id), []);

    await using directory = tempDirectory("sinkd-killed-");
    const module = new URL("../support/namespaces.ts", import.meta.url);
    const killed = await spawnDetached(
      [
        Deno.execPath(),
        "eval",
        `const { Network } = await import("${module}");
       await Network.open({ hosts: ["s"], behindRouter: ["b"] });
       Deno.writeTextFileSync("${directory.path}/open", "");
       await new Promise((done) => setTimeout(done, 60_000));`,
      ],
      { ...Deno.env.toObject(), TMPDIR: directory.path },
      `${directory.path}/end`,
    );
    await waitFor("its network", () => isThere(`${directory.path}/open`));
    assert.equal(left(`sinkd-${killed.pid}`).length, 3);
    Deno.kill(killed.pid, "SIGKILL");
    await waitFor(
      "its network to go",
      () => left(`sinkd-${killed.pid}`).length === 0,
    );
  },
);

function namespaces(): string[] {
  if (!isThere("/run/netns")) return [];
  return [...Deno.readDirSync("/run/netns")].map(({ name }) => name);
}
