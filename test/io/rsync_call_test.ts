import assert from "node:assert/strict";
import { type RelativePath, relativePath } from "../../lib/core/path.ts";
import { fileList, namesPath } from "../../lib/core/rsync.ts";
import { type Channel, dialChannel } from "../../lib/io/channel.ts";
import { distrustStage } from "../../lib/io/leftovers.ts";
import { callRsync, type RsyncCall } from "../../lib/io/rsync_call.ts";
import { makeLinks, serveRsync } from "../../lib/io/rsync_serve.ts";
import type { RsyncEnd } from "../../lib/ports.ts";
import { channelPair } from "../support/channel_pair.ts";
import { PLAIN } from "../support/client_rig.ts";
import {
  directory,
  eventually,
  file,
  link,
  makeTree,
  readTree,
  tempDirectory,
  type Tree,
} from "../support/temp.ts";
import { frontFixture } from "./front_fixture.ts";

const PASSWORD = "0123456789abcdef0123456789abcdef";
const MUNGED = "/rsyncd-munged/";

interface Places {
  readonly anchor: string;
  readonly server: string;
  readonly run: string;
}

async function withPlaces(
  work: (places: Places) => Promise<void>,
): Promise<void> {
  await using temp = tempDirectory();
  const [anchor, server, run] = ["anchor", "server", "run"].map((name) =>
    `${temp.path}/${name}`
  );
  assert.ok(anchor !== undefined && server !== undefined && run !== undefined);
  Deno.mkdirSync(anchor);
  Deno.mkdirSync(`${server}/stage`, { recursive: true });
  Deno.mkdirSync(`${server}/live`);
  await work({ anchor, server, run });
}

interface Options {
  readonly direction: "edits" | "update";
  readonly paths: readonly string[];
  readonly remote?: string;
  readonly only?: string;
  readonly verify?: boolean;
  readonly password?: string;
  readonly partial?: boolean;
  /** What the client thinks that it serves, when it is something else. */
  readonly serves?: "edits" | "update";
}

function callFor(places: Places, options: Options): RsyncCall {
  const { direction, paths } = options;
  const edits = direction === "edits";
  return {
    direction,
    local: `${places.server}/${edits ? "stage" : "live"}`,
    remote: options.remote ?? (edits ? "" : ".sinkd/incoming"),
    compareDest: edits ? `${places.server}/live` : "/",
    verify: options.verify ?? false,
    transfer: { ...PLAIN, partial: options.partial ?? false },
    paths: paths as RelativePath[],
    password: options.password ?? PASSWORD,
    runDirectory: places.run,
  };
}

/** One call with both ends over the given channels. */
async function call(
  places: Places,
  options: Options,
  channels: { server: Channel; client: Channel } = channelPair(),
): Promise<RsyncEnd> {
  if ((options.serves ?? options.direction) === "update") {
    Deno.mkdirSync(`${places.anchor}/.sinkd/incoming`, { recursive: true });
  }
  const served = serveRsync(channels.client, {
    root: places.anchor,
    only: options.only,
    direction: options.serves ?? options.direction,
    password: PASSWORD,
    runDirectory: places.run,
  });
  const [end] = await Promise.all([
    callRsync(channels.server, callFor(places, options)),
    served,
  ]);
  assert.deepEqual(readTree(places.run), {}, "the password lies around");
  return end;
}

/** As staged: bytes and times, links munged; modes are given at the commit. */
function staged(tree: Tree): Tree {
  return modeless(munged(tree));
}

function modeless(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, planned]) => [
      path,
      planned.kind === "link" ? planned : { ...planned, mode: 0 },
    ]),
  );
}

function readStage(root: string): Tree {
  return modeless(readTree(root));
}

const NAMES = [
  "plain",
  "new\nline",
  "-dash",
  "--delete",
  "#x",
  ";y",
  " leading and trailing ",
  "tab\tand\x01control",
  "back\\slash\\#012",
  "quote'\"`$(x)",
  "star*?[a]",
  "100% %s %20",
  "ünïcode 文字 🎈",
  "e\u0301 and \u00e9",
  ":colon:",
  "~tilde",
  "x".repeat(255),
  "é".repeat(127),
];

const HOSTILE: Tree = Object.fromEntries([
  ...NAMES.map((name, index) => [name, file(`text ${index}`)] as const),
  ["dir #1\n", directory()],
  ...NAMES.map((name) => [`dir #1\n/${name}`, file(name)] as const),
  ["l absolute", link("/etc/passwd")],
  ["l up", link("../../../../etc")],
  ["l name\n", link("new\nline")],
  ["l odd", link("%HOME% '\" \\ é")],
  ["l longest", link("x".repeat(4080))],
  ...NAMES.map((name) => [`l of ${name.slice(0, 99)}`, link(name)] as const),
  ["dir #1\n/l", directory()],
  ...NAMES.map((name) => [`dir #1\n/l/${name}`, link("../x")] as const),
]);
const HOSTILE_PATHS = Object.keys(HOSTILE).filter((path) =>
  HOSTILE[path]?.kind !== "directory"
);

Deno.test("callRsync() fetches hostile names and links as they are, over a real channel", async () => {
  await withPlaces(async (places) => {
    makeTree(places.anchor, HOSTILE);
    await overTls(async (channels) => {
      const options = { direction: "edits", paths: HOSTILE_PATHS } as const;
      const end = await call(places, options, channels);
      assert.deepEqual(end, { code: 0, stderr: "" });
    });
    assert.deepEqual(readStage(`${places.server}/stage`), staged(HOSTILE));
  });
});

Deno.test("callRsync() brings hostile names and links as they are, over a real channel", async () => {
  await withPlaces(async (places) => {
    makeTree(`${places.server}/live`, munged(HOSTILE));
    await overTls(async (channels) => {
      const options = { direction: "update", paths: HOSTILE_PATHS } as const;
      const end = await call(places, options, channels);
      assert.deepEqual(end, { code: 0, stderr: "" });
    });
    const incoming = `${places.anchor}/.sinkd/incoming`;
    assert.deepEqual(readStage(incoming), staged(HOSTILE));
    assert.deepEqual(readTree(places.anchor), {}, "nothing outside .sinkd");
    const links = HOSTILE_PATHS.filter((path) =>
      HOSTILE[path]?.kind === "link"
    );
    Deno.mkdirSync(`${places.anchor}/.sinkd/links`);
    await makeLinks(
      {
        from: incoming,
        to: `${places.anchor}/.sinkd/links`,
        runDirectory: places.run,
      },
      links.map(relativePath),
    );
    assert.deepEqual(
      readTree(`${places.anchor}/.sinkd/links`),
      Object.fromEntries(
        Object.entries(HOSTILE).filter(([path, { kind }]) =>
          kind === "link" || path.startsWith("dir") && kind === "directory"
        ),
      ),
    );
  });
});

function munged(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, planned]) => [
      path,
      planned.kind === "link" ? link(`${MUNGED}${planned.target}`) : planned,
    ]),
  );
}

/** Runs `work` with both ends of a data channel through the server's TLS port. */
async function overTls(
  work: (channels: { server: Channel; client: Channel }) => Promise<void>,
): Promise<void> {
  const arrived = Promise.withResolvers<Channel>();
  await using fixture = await frontFixture({ onChannel: arrived.resolve });
  const client = await dialChannel({
    host: fixture.front.host,
    port: fixture.front.port,
    certPems: [fixture.certificate.certPem],
    signal: new AbortController().signal,
  });
  await client.send({ kind: "hello" });
  const server = await arrived.promise;
  assert.deepEqual(await server.receive(), { kind: "hello" });
  try {
    await work({ server, client });
    // The channel is in order after a call: messages pass both ways.
    await client.send({ kind: "after" });
    assert.deepEqual(await server.receive(), { kind: "after" });
  } finally {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  }
}

Deno.test("callRsync() stages only what differs, and sends a delta of it", async () => {
  await withPlaces(async (places) => {
    const same = file("same");
    makeTree(places.anchor, { same, changed: file("changed here") });
    makeTree(`${places.server}/live`, { same, changed: file("old") });
    const paths = ["same", "changed"];
    const end = await call(places, { direction: "edits", paths });
    assert.equal(end.code, 0);
    assert.deepEqual(
      readStage(`${places.server}/stage`),
      staged({ changed: file("changed here") }),
    );
  });
});

Deno.test("callRsync() sees an edit of the same size within one second, and one of the same time when it verifies", async () => {
  await withPlaces(async (places) => {
    makeTree(places.anchor, {
      quick: file("1", { mtimeMs: 1_700_000_000_001 }),
      hidden: file("1"),
      equal: file("="),
    });
    makeTree(`${places.server}/live`, {
      quick: file("0"),
      hidden: file("0"),
      equal: file("="),
    });
    const stage = `${places.server}/stage`;
    await call(places, { direction: "edits", paths: ["quick", "hidden"] });
    assert.deepEqual(Object.keys(readTree(stage)), ["quick"]);
    const paths = ["hidden", "equal"];
    await call(places, { direction: "edits", paths, verify: true });
    assert.deepEqual(
      Object.keys(readTree(stage)).sort(),
      ["hidden", "quick"],
    );
  });
});

for (const direction of ["edits", "update"] as const) {
  Deno.test(`callRsync() builds on what a broken call left, and takes none of it on trust (${direction})`, async () => {
    await withPlaces(async (places) => {
      const edits = direction === "edits";
      const [from, stage] = edits
        ? [places.anchor, `${places.server}/stage`]
        : [`${places.server}/live`, `${places.anchor}/.sinkd/incoming`];
      const text = "0123456789".repeat(20_000);
      const whole: Tree = {
        d: directory(),
        "d/f": file(`${text}new`),
        g: file(`${text}new`),
      };
      makeTree(from, whole);
      // Of the same size and time: what was read while it was written.
      const torn = {
        ...whole,
        g: file(`${text}old`),
        "d/f": file(`${text}old`),
      };
      Deno.mkdirSync(stage, { recursive: true });
      makeTree(stage, torn);
      for (const partial of [true, false]) {
        distrustStage(stage);
        const paths = ["d/f", "g"];
        const end = await call(places, { direction, paths, partial });
        assert.equal(end.code, 0);
        const { d: _, ...files } = readStage(stage);
        assert.deepEqual(
          files,
          staged({ "d/f": whole["d/f"], g: whole["g"] } as Tree),
        );
      }
    });
  });
}

Deno.test("callRsync() compares bytes with the live file when it brings an update and verifies", async () => {
  await withPlaces(async (places) => {
    makeTree(`${places.server}/live`, { a: file("A"), b: file("b") });
    makeTree(places.anchor, { a: file("a"), b: file("b") });
    const paths = ["a", "b"];
    const end = await call(places, {
      direction: "update",
      paths,
      verify: true,
    });
    assert.equal(end.code, 0);
    assert.deepEqual(
      readStage(`${places.anchor}/.sinkd/incoming`),
      staged({ a: file("A") }),
    );
  });
});

Deno.test("callRsync() takes big files both ways", async () => {
  await withPlaces(async (places) => {
    const big = crypto.getRandomValues(new Uint8Array(65_536));
    const whole = new Uint8Array(big.length * 320);
    for (let index = 0; index < 320; index++) {
      whole.set(big, index * big.length);
      whole[index * big.length] = index % 251;
    }
    Deno.writeFileSync(`${places.anchor}/big`, whole);
    const paths = ["big"];
    const up = await call(places, { direction: "edits", paths, partial: true });
    assert.equal(up.code, 0);
    const staged = `${places.server}/stage/big`;
    assert.deepEqual(Deno.readFileSync(staged), whole);
    Deno.renameSync(staged, `${places.server}/live/big`);
    Deno.removeSync(`${places.anchor}/big`);
    assert.equal((await call(places, { direction: "update", paths })).code, 0);
    assert.deepEqual(
      Deno.readFileSync(`${places.anchor}/.sinkd/incoming/big`),
      whole,
    );
  });
});

Deno.test("callRsync() names what has vanished, and takes the rest", async () => {
  await withPlaces(async (places) => {
    makeTree(places.anchor, { here: file("here") });
    const paths = ["gone", "new\nline é", "here"];
    const end = await call(places, { direction: "edits", paths });
    assert.ok(end.code === 23 || end.code === 24, `${end.code}`);
    assert.ok(namesPath("gone", end.stderr), end.stderr);
    assert.ok(namesPath("new\nline é", end.stderr), end.stderr);
    assert.ok(!namesPath("here", end.stderr));
    assert.deepEqual(Object.keys(readTree(`${places.server}/stage`)), ["here"]);
  });
});

Deno.test("namesPath() finds what may not be read in rsync's own words, whatever the name", async () => {
  await withPlaces(async ({ anchor, server }) => {
    const shut = [
      "shut",
      "é shut\n",
      "back\\#012slash",
      "tab\tand\x01",
      "\x7f",
    ];
    makeTree(anchor, {
      ...Object.fromEntries(shut.map((path) => [path, file("", { mode: 0 })])),
      open: file("open"),
    });
    const args = [
      ...["--8-bit-output", "--from0", "--files-from=-", anchor, server],
    ];
    const asWhom = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const isRoot = Deno.uid() === 0;
    if (isRoot) Deno.chmodSync(anchor.slice(0, -"/anchor".length), 0o755);
    if (isRoot) Deno.chmodSync(server, 0o777);
    const child = new Deno.Command(isRoot ? "setpriv" : "rsync", {
      args: isRoot ? [...asWhom, "rsync", ...args] : args,
      env: { LC_ALL: "C.UTF-8" },
      stdin: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(fileList([...shut, "open"].map(relativePath)));
    await writer.close();
    const { code, stderr } = await child.output();
    const words = new TextDecoder().decode(stderr);
    assert.equal(code, 23, words);
    for (const path of shut) assert.ok(namesPath(path, words), words);
    assert.ok(!namesPath("open", words));
  });
});

const ODD = [
  ...Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index))
    .filter((character) => character !== "/")
    .flatMap((character) => [`${character}x${character}`, `x${character}`]),
  " x ",
  "..x",
  "\tx\t",
  "new\nline\r\n",
  "\x01\x7f",
  "é漢🎈",
  "\\*?[]",
  "[a]",
  "a]",
  "[!a]",
  "[[:alpha:]]",
  "x**",
  "***",
  "\\",
  "\\\\x[",
  "x".repeat(255),
];

/** All names of one to three characters that rsync's patterns care for. */
const PATTERNS = ((characters) => {
  const longer = (names: string[]) =>
    names.flatMap((name) => characters.map((character) => name + character));
  const [one, two] = [characters, longer(characters)];
  return [...one, ...two, ...longer(two)].filter((name) =>
    !/^\.\.?$/.test(name)
  );
})(["\\", "*", "?", "[", "]", "a", "^", "."]);

Deno.test("callRsync() carries files and links of all names that could be patterns, both ways", async () => {
  await withPlaces(async (places) => {
    const paths = PATTERNS.map((name) => `d[]\\]/${name}`);
    const tree = (text: string): Tree => ({
      "d[]\\]": directory(),
      ...Object.fromEntries(paths.map((path, index) => [
        path,
        index % 2 === 0 ? file(`${text} ${path}`) : link(`${text} ${path}`),
      ])),
    });
    makeTree(places.anchor, tree("edit"));
    makeTree(`${places.server}/live`, munged(tree("update")));
    const edits = await call(places, { direction: "edits", paths });
    assert.ok([0, 23].includes(edits.code), edits.stderr);
    assert.deepEqual(readStage(`${places.server}/stage`), staged(tree("edit")));
    const update = await call(places, { direction: "update", paths });
    assert.deepEqual(update, { code: 0, stderr: "" });
    const incoming = `${places.anchor}/.sinkd/incoming`;
    assert.deepEqual(readStage(incoming), staged(tree("update")));
    const links = paths.filter((_, index) => index % 2 === 1);
    Deno.mkdirSync(`${places.anchor}/.sinkd/links`);
    await makeLinks({
      from: incoming,
      to: `${places.anchor}/.sinkd/links`,
      runDirectory: places.run,
    }, links.map(relativePath));
    assert.deepEqual(
      allFiles(`${places.anchor}/.sinkd/links`),
      links.toSorted(),
    );
  });
});

Deno.test("serveRsync() serves a single file of any name, and not its like, both ways", async () => {
  await withPlaces(async (places) => {
    // What a pattern made of the name might take for it.
    const likes = ["xyx", "xx", "x", "ayx", "a", "xyz", "new", "y"];
    makeTree(
      places.anchor,
      Object.fromEntries([
        ...likes.map((name) => [name, file("another")]),
        ...ODD.map((name) => [name, file(`text of ${name}`)]),
      ]),
    );
    for (const only of ODD) {
      const paths = [only, ...likes.filter((like) => like !== only)];
      const end = await call(places, { direction: "edits", paths, only });
      assert.equal(end.code, 23, `${only}: ${end.stderr}`);
      const stage = `${places.server}/stage`;
      assert.deepEqual(allFiles(stage), [only], JSON.stringify(only));
      assert.equal(
        Deno.readTextFileSync(`${stage}/${only}`),
        `text of ${only}`,
      );
      Deno.removeSync(`${stage}/${only}`);
    }
    makeTree(
      `${places.server}/live`,
      Object.fromEntries(ODD.map((name) => [name, file(`new ${name}`)])),
    );
    const end = await call(places, { direction: "update", paths: ODD });
    assert.deepEqual(end, { code: 0, stderr: "" });
    assert.deepEqual(
      allFiles(`${places.anchor}/.sinkd/incoming`),
      ODD.toSorted(),
    );
  });
});

Deno.test("serveRsync() shows the siblings of a single file to nobody", async () => {
  await withPlaces(async (places) => {
    const only = "no*te[1]";
    makeTree(places.anchor, {
      [only]: file("mine"),
      secret: file("secret"),
      "note1": file("matches the pattern"),
      d: directory(),
      [`d/${only}`]: file("deeper"),
      ".sinkd": directory(),
      ".sinkd/outgoing": directory(),
      [`.sinkd/outgoing/${only}`]: file("snapshot"),
      ".sinkd/other": file("own"),
    });
    const paths = [
      only,
      "secret",
      "note1",
      "d",
      `d/${only}`,
      ".sinkd/other",
      `.sinkd/outgoing/${only}`,
    ];
    await call(places, { direction: "edits", paths, only });
    const found = allFiles(`${places.server}/stage`);
    assert.deepEqual(found, [`.sinkd/outgoing/${only}`, only].sort());
    const outgoing = { remote: ".sinkd/outgoing", paths: [only], only };
    const end = await call(places, { direction: "edits", ...outgoing });
    assert.equal(end.code, 0, end.stderr);
    assert.equal(
      Deno.readTextFileSync(`${places.server}/stage/${only}`),
      "snapshot",
    );
  });
});

function allFiles(root: string, below = ""): string[] {
  return [...Deno.readDirSync(`${root}/${below}`)].flatMap((item) =>
    item.isDirectory
      ? allFiles(root, `${below}${item.name}/`)
      : [`${below}${item.name}`]
  ).sort();
}

Deno.test("serveRsync() lets an update write into .sinkd/incoming, and nowhere else", async () => {
  await withPlaces(async (places) => {
    makeTree(`${places.server}/live`, { evil: file("evil"), own: file("e") });
    makeTree(places.anchor, { own: file("mine"), "sub": directory() });
    for (const remote of ["", "sub", ".sinkd", ".sinkd/aside", "../run"]) {
      const options = { direction: "update", paths: ["evil", "own"] } as const;
      const end = await call(places, { ...options, remote });
      assert.notEqual(end.code, 0, `wrote to '${remote}'`);
    }
    assert.deepEqual(readTree(places.anchor), {
      own: file("mine"),
      sub: directory(),
    });
    assert.deepEqual(allFiles(`${places.anchor}/.sinkd`), []);
    assert.deepEqual(allFiles(places.run), []);
  });
});

Deno.test("serveRsync() lets nobody read in an update, nor write when edits are fetched", async () => {
  await withPlaces(async (places) => {
    makeTree(places.anchor, { secret: file("secret") });
    makeTree(`${places.server}/live`, { evil: file("evil") });
    const read = { direction: "edits", paths: ["secret"] } as const;
    const reading = await call(places, { ...read, serves: "update" });
    assert.notEqual(reading.code, 0);
    assert.deepEqual(readTree(`${places.server}/stage`), {});
    const write = { direction: "update", paths: ["evil"] } as const;
    const writing = await call(places, { ...write, serves: "edits" });
    assert.notEqual(writing.code, 0);
    assert.deepEqual(readTree(places.anchor), { secret: file("secret") });
  });
});

Deno.test("serveRsync() does not read through links, nor above the anchor", async () => {
  await withPlaces(async (places) => {
    Deno.mkdirSync(`${places.server}/outside`);
    makeTree(`${places.server}/outside`, { secret: file("secret") });
    makeTree(places.anchor, { way: link(`${places.server}/outside`) });
    for (
      const path of [
        "way/secret",
        "../server/outside/secret",
        `${places.server}/outside/secret`,
      ]
    ) {
      await call(places, { direction: "edits", paths: [path] });
      const found = allFiles(`${places.server}/stage`).filter((name) =>
        name.endsWith("secret")
      );
      assert.deepEqual(found, [], path);
    }
  });
});

Deno.test("callRsync() ends with rsync's refusal when the password is wrong", async () => {
  await withPlaces(async (places) => {
    makeTree(places.anchor, { f: file("f") });
    const end = await call(places, {
      direction: "edits",
      paths: ["f"],
      password: "f".repeat(32),
    });
    assert.equal(end.code, 5);
    assert.deepEqual(readTree(`${places.server}/stage`), {});
  });
});

const SIZE = 24 * 1024 * 1024;
for (const direction of ["edits", "update"] as const) {
  Deno.test(`callRsync() and serveRsync() both throw, and leave nothing behind, when the channel is cut (${direction})`, async () => {
    await withPlaces(async (places) => {
      makeBig(places, direction);
      const channels = channelPair({ cutAfter: 20 });
      Deno.mkdirSync(`${places.anchor}/.sinkd/incoming`, { recursive: true });
      const ends = await Promise.allSettled([
        callRsync(
          channels.server,
          callFor(places, { direction, paths: ["big"] }),
        ),
        serveRsync(channels.client, {
          root: places.anchor,
          only: undefined,
          direction,
          password: PASSWORD,
          runDirectory: places.run,
        }),
      ]);
      assert.deepEqual(ends.map(({ status }) => status), [
        "rejected",
        "rejected",
      ]);
      assert.deepEqual(allFiles(places.run), []);
    });
  });

  for (const victim of ["server", "client"] as const) {
    Deno.test(`callRsync() ends with a fault, and the channel stays in order, when the ${victim}'s rsync is killed (${direction})`, async () => {
      await withPlaces(async (places) => {
        makeBig(places, direction);
        const channels = channelPair();
        const slow = slowed(channels.client, async (frames) => {
          if (frames === 10) await killChild(victim);
        });
        const end = await call(places, { direction, paths: ["big"] }, {
          ...channels,
          client: slow,
        });
        assert.notEqual(end.code, 0);
        await channels.client.send({ kind: "after" });
        assert.deepEqual(await channels.server.receive(), { kind: "after" });
      });
    });
  }
}

function makeBig({ anchor, server }: Places, direction: string): void {
  const root = direction === "edits" ? anchor : `${server}/live`;
  const bytes = new Uint8Array(SIZE);
  for (let index = 0; index < SIZE; index += 65_536) {
    crypto.getRandomValues(bytes.subarray(index, index + 65_536));
  }
  Deno.writeFileSync(`${root}/big`, bytes);
}

/** Calls `onFrame` with the number of data frames that have passed so far. */
function slowed(
  channel: Channel,
  onFrame: (frames: number) => Promise<void>,
): Channel {
  let frames = 0;
  return {
    ...channel,
    async sendData(chunk) {
      await onFrame(++frames);
      await channel.sendData(chunk);
    },
    async readData() {
      const chunk = await channel.readData();
      await onFrame(++frames);
      return chunk;
    },
  };
}

/** Kills the rsync child of this process that plays the given part. */
async function killChild(part: "server" | "client"): Promise<void> {
  const pids: number[] = [];
  await eventually(() => {
    pids.length = 0;
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && isChild(name, part)) pids.push(Number(name));
    }
    return pids.length > 0;
  });
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
}

function isChild(pid: string, part: "server" | "client"): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    if (parent !== String(Deno.pid)) return false;
    const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
    const isDaemon = command.includes("--daemon");
    return command[0]?.endsWith("rsync") === true &&
      isDaemon === (part === "client");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("callRsync() ends with rsync's code when its arguments are refused before it connects", async () => {
  await withPlaces(async (places) => {
    const call = {
      ...callFor(places, { direction: "edits", paths: ["f"] }),
      transfer: { ...PLAIN, bwlimit: "nonsense" },
    };
    const channels = channelPair();
    const served = serveRsync(channels.client, {
      root: places.anchor,
      only: undefined,
      direction: "edits",
      password: PASSWORD,
      runDirectory: places.run,
    });
    const [end] = await Promise.all([callRsync(channels.server, call), served]);
    assert.equal(end.code, 1);
  });
});
