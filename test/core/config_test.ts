/**
 * Configuration: layers, defaults, values, faults with their lines, and edits of the text.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "smol-toml";
import {
  buildConfig,
  type Config,
  ConfigError,
  type ConfigSource,
  listAnchorPaths,
  treePathOf,
} from "../../lib/core/config.ts";
import {
  normalizePath,
  parseDuration,
  parseRate,
  parseServerAddress,
  parseSize,
} from "../../lib/core/config_values.ts";
import { nearest } from "../../lib/core/nearest.ts";
import {
  appendAnchor,
  hasInlineAnchors,
  removeAnchor,
} from "../../lib/core/toml_edit.ts";
import { lineOfKey, scanToml } from "../../lib/core/toml_text.ts";

const HOME = "/home/alice";

function source(file: string, text: string): ConfigSource {
  const statements = scanToml(text);
  return {
    file,
    directory: file.slice(0, file.lastIndexOf("/")),
    table: parse(text),
    lineOf: (keys) => lineOfKey(statements, keys),
  };
}

function config(user: string, machine = ""): Config {
  return buildConfig([
    source("/etc/sinkd.conf", machine),
    source("/home/alice/.config/sinkd.conf", user),
  ], HOME);
}

function faultOf(user: string, machine = ""): ConfigError {
  try {
    config(user, machine);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  assert.fail(`no fault in ${JSON.stringify(user)}`);
}

Deno.test("buildConfig() gives defaults when both files are empty", () => {
  assert.deepEqual(config(""), {
    serverAddr: undefined,
    anchors: [],
    logLevel: "info",
    rescanIntervalMs: 3_600_000,
    checksumIntervalMs: 30 * 24 * 3_600_000,
    minFree: { kind: "percent", percent: 1, mostBytes: 100_000_000 },
  });
});

Deno.test("buildConfig() reads every key", () => {
  const all = config(`
server_addr = "box.lan"
log_level = "debug"
rescan_interval = "30m"
checksum_interval = "7d"
min_free = "2.5%"
[[anchors]]
path = "~/docs"
name = "docs"
excludes = ["*.o", "build/"]
interval = "2s"
trust_writable_by_others = true
rsync_compress = true
rsync_bwlimit = 500
rsync_partial = false
rsync_checksum = true
rsync_max_size = "1.5g"
rsync_min_size = 10
[rsync]
compress = false
bwlimit = "2m"
partial = true
checksum = false
max_size = "10GB"
min_size = "1k"
[[anchors]]
path = "music/./x//../y/"
`);
  assert.deepEqual(all, {
    serverAddr: "box.lan:8883",
    logLevel: "debug",
    rescanIntervalMs: 1_800_000,
    checksumIntervalMs: 7 * 24 * 3_600_000,
    minFree: { kind: "percent", percent: 2.5 },
    anchors: [
      {
        path: "/home/alice/docs",
        name: "docs",
        excludes: ["*.o", "build/"],
        intervalMs: 2000,
        trustsOthers: true,
        rsync: {
          compress: true,
          bwlimit: "500",
          partial: false,
          checksum: true,
          maxSize: 1.5 * 2 ** 30,
          minSize: 10,
        },
      },
      {
        path: "/home/alice/.config/music/y",
        name: undefined,
        excludes: [],
        intervalMs: 0,
        trustsOthers: false,
        rsync: {
          compress: false,
          bwlimit: "2m",
          partial: true,
          checksum: false,
          maxSize: 10e9,
          minSize: 1024,
        },
      },
    ],
  });
});

Deno.test("buildConfig() lets the user's file win key by key", () => {
  const merged = config(
    `server_addr = "b"
[rsync]
bwlimit = 0
[[anchors]]
path = "/srv/shared"
interval = 500
`,
    `server_addr = "a:1"
log_level = "error"
[rsync]
bwlimit = "1m"
compress = true
[[anchors]]
path = "/srv/shared"
name = "old"
[[anchors]]
path = "/srv/other"
`,
  );
  assert.equal(merged.serverAddr, "b:8883");
  assert.equal(merged.logLevel, "error");
  assert.deepEqual(
    merged.anchors.map(({ path, name, intervalMs }) => ({
      path,
      name,
      intervalMs,
    })),
    [
      { path: "/srv/shared", name: undefined, intervalMs: 500 },
      { path: "/srv/other", name: undefined, intervalMs: 0 },
    ],
  );
  assert.equal(merged.anchors[0]?.rsync.bwlimit, undefined);
  assert.equal(merged.anchors[1]?.rsync.compress, true);
  assert.deepEqual(merged.anchors.map(treePathOf), ["srv/shared", "srv/other"]);
});

const FAULTS: readonly {
  readonly text: string;
  readonly line: number;
  readonly says: readonly string[];
}[] = [
  {
    text: `\nserver_adr = "x"`,
    line: 2,
    says: ["server_adr", "'server_addr'"],
  },
  { text: `anchor = 1`, line: 1, says: ["'anchors'"] },
  { text: `compress = true`, line: 1, says: ["below [rsync]"] },
  { text: `constructor = true`, line: 1, says: ["the keys are"] },
  { text: `__proto__ = true`, line: 1, says: ["__proto__", "the keys are"] },
  {
    text: `[[anchors]]\npath = "/a"\nexclude = []`,
    line: 3,
    says: ["'excludes'"],
  },
  {
    text: `[[anchors]]\npath = "/a"\ncompress = true`,
    line: 3,
    says: ["'rsync_compress'"],
  },
  { text: `[rsync]\nlog_level = "info"`, line: 2, says: ["above all tables"] },
  {
    text: `[rsync]\ncompress = "yes"`,
    line: 2,
    says: ["rsync.compress", "true"],
  },
  { text: `rsync = 1`, line: 1, says: ["[rsync]"] },
  { text: `[anchors]\npath = "/a"`, line: 1, says: ["[[anchors]]"] },
  { text: `anchors = ["/a"]`, line: 1, says: ["[[anchors]]"] },
  { text: `log_level = "loud"`, line: 1, says: ["loud", '"warning"'] },
  { text: `rescan_interval = 0`, line: 1, says: ["out of range", '"1s"'] },
  { text: `server_addr = "::1"`, line: 1, says: ["brackets"] },
  { text: `server_addr = 5`, line: 1, says: ["not a string"] },
  { text: `[[anchors]]\nname = "x"`, line: 1, says: ["missing"] },
  { text: `[[anchors]]\npath = 3`, line: 2, says: ["anchors.path", "string"] },
  { text: `[[anchors]]\npath = ""`, line: 2, says: ["empty"] },
  { text: `[[anchors]]\npath = "/x/.."`, line: 2, says: ["root"] },
  { text: `[[anchors]]\npath = "~bob/x"`, line: 2, says: ["./~bob/x"] },
  { text: `[[anchors]]\npath = "/a/.sinkd/b"`, line: 2, says: [".sinkd"] },
  { text: `[[anchors]]\npath = "/a\\u0000"`, line: 2, says: ["NUL"] },
  {
    text: `[[anchors]]\npath = "/a"\nname = "x/y"`,
    line: 3,
    says: ["anchors.name", "another name"],
  },
  {
    text: `[[anchors]]\npath = "/a"\ninterval = "2 weeks"`,
    line: 3,
    says: ["2 weeks", '"500ms"'],
  },
  {
    text: `[[anchors]]\npath = "/a"\ninterval = 2020-01-01`,
    line: 3,
    says: ["a date"],
  },
  {
    text: `[[anchors]]\npath = "/a"\nexcludes = "x"`,
    line: 3,
    says: ["list of strings"],
  },
  {
    text: `[[anchors]]\npath = "/a"\nexcludes = [\n "x",\n "!",\n]`,
    line: 3,
    says: ['pattern "!"'],
  },
  {
    text: `[[anchors]]\npath = "/a"\n[[anchors]]\n\npath = "/a/"`,
    line: 5,
    says: ["twice", "line 2"],
  },
  {
    text: `[[anchors]]\npath = "/a"\n[[anchors]]\npath = "/a/b"`,
    line: 4,
    says: ["inside", "'/a'", "line 2"],
  },
  {
    text: `[[anchors]]\npath = "/a/b"\n[[anchors]]\npath = "/a"`,
    line: 4,
    says: ["holds", "'/a/b'", "line 2"],
  },
  {
    text: `[[anchors]]\npath="/a"\nname="n"\n[[anchors]]\npath="/b"\nname="n"`,
    line: 6,
    says: ["name 'n'", "'/a'"],
  },
  {
    text: `[[anchors]]\npath="/a/b"\n[[anchors]]\npath="/b"\nname="a"`,
    line: 5,
    says: ["on the server", "'a/b'"],
  },
  {
    text: `[rsync]\nmin_size = "2k"\nmax_size = 5`,
    line: 1,
    says: ["min_size", "max_size"],
  },
  {
    text:
      `x = """\n#"""\n[[anchors]]\npath = "/a"\n[rsync] # c\nbwlimit = "fast"`,
    line: 1,
    says: ["unknown key"],
  },
  {
    text:
      `server_addr = '''a\n'''\n[[anchors]]\npath = "/a"\n[rsync] # c\nbwlimit = "fast"`,
    line: 1,
    says: ["not an address"],
  },
  {
    text: `anchors = [{ path = "/a" }, { path = "/b", nme = "x" }]`,
    line: 1,
    says: ["'name'"],
  },
];

Deno.test("buildConfig() says file, line, what is wrong and the fix when a file is wrong", () => {
  for (const { text, line, says } of FAULTS) {
    const error = faultOf(text);
    assert.equal(error.file, "/home/alice/.config/sinkd.conf", text);
    assert.equal(error.line, line, `${text}\n${error.message}`);
    for (const part of [...says, error.file, `line ${line}`]) {
      assert.ok(error.message.includes(part), `${error.message}\nno ${part}`);
    }
    assert.equal(error.exitCode, 2);
  }
});

Deno.test("buildConfig() names both files when anchors of both clash", () => {
  const error = faultOf(
    `[[anchors]]\npath = "/a/b"`,
    `\n[[anchors]]\npath = "/a"`,
  );
  assert.match(error.message, /\.config\/sinkd\.conf, line 2, anchors\.path/);
  assert.match(error.message, /\/etc\/sinkd\.conf, line 3/);
});

Deno.test("parseServerAddress() takes hosts with and without a port", () => {
  const good: readonly (readonly [string, string])[] = [
    ["box", "box:8883"],
    ["box.lan:1", "box.lan:1"],
    ["10.0.0.1", "10.0.0.1:8883"],
    ["[::1]", "[::1]:8883"],
    ["[fe80::1%eth0]:99", "[fe80::1%eth0]:99"],
  ];
  for (const [text, value] of good) {
    assert.deepEqual(parseServerAddress(text), { ok: true, value });
  }
  const bad = ["", "a b", "a:0", "a:70000", "a:", "[x]", "mqtts://a", "::1"];
  for (const text of bad) {
    assert.equal(parseServerAddress(text).ok, false, text);
  }
});

Deno.test("parseSize() and parseRate() read sizes as rsync does", () => {
  const sizes: readonly (readonly [string | number, number | undefined])[] = [
    [0, 0],
    [12, 12],
    ["12", 12],
    ["100k", 102_400],
    ["1.5g", 1.5 * 2 ** 30],
    ["1KB", 1000],
    ["1KiB", 1024],
    ["2mb", 2_000_000],
    ["1k-1", 1023],
    [1.5, undefined],
    [-1, undefined],
    [NaN, undefined],
    [Infinity, undefined],
    ["k", undefined],
    ["1x", undefined],
    ["", undefined],
  ];
  for (const [text, value] of sizes) {
    const parsed = parseSize(text);
    assert.equal(parsed.ok ? parsed.value : undefined, value, `${text}`);
  }
  const rates: readonly (readonly [string | number, string | undefined])[] = [
    [500, "500"],
    ["2m", "2m"],
    ["1.5m", "1.5m"],
    [0, "0"],
    ["0k", "0"],
    ["100b", undefined],
    [-5, undefined],
    ["fast", undefined],
  ];
  for (const [text, value] of rates) {
    const parsed = parseRate(text);
    assert.equal(parsed.ok ? parsed.value : undefined, value, `${text}`);
  }
});

Deno.test("parseDuration() reads milliseconds and units", () => {
  const limits = { minMs: 0, maxMs: 86_400_000 };
  const cases: readonly (readonly [unknown, number | undefined])[] = [
    [0, 0],
    [1500, 1500],
    ["500ms", 500],
    ["2s", 2000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["1 h", 3_600_000],
    ["1d", 86_400_000],
    ["2d", undefined],
    ["5", undefined],
    [-1, undefined],
    [NaN, undefined],
    [true, undefined],
  ];
  for (const [value, expected] of cases) {
    const parsed = parseDuration(value, limits);
    assert.equal(parsed.ok ? parsed.value : undefined, expected, `${value}`);
  }
});

Deno.test("normalizePath() leaves no '.', '..' or doubled slash", () => {
  assert.equal(normalizePath("/a/./b//../c/"), "/a/c");
  assert.equal(normalizePath("/../.."), "/");
});

Deno.test("nearest() finds a mistyped word and no other", () => {
  assert.equal(nearest("Server_Addr", ["server_addr"]), "server_addr");
  assert.equal(nearest("xyz", ["server_addr", "rsync"]), undefined);
});

const HAND_WRITTEN = `# my files
server_addr = "box" # the old PC

# documents
[[anchors]] # first
path = "/a" # here
excludes = [
  # objects
  "*.o", # C
]

# music
[[anchors]]
path = "/b"

# for the slow line
[rsync]
bwlimit = "1m"

[[anchors]]
path = "/c"
# the end`;

Deno.test("removeAnchor() keeps every comment and all else", () => {
  const comments = (text: string) =>
    text.match(/# [a-zA-Z ]+/g)?.map((comment) => comment.trim());
  for (const eol of ["\n", "\r\n"]) {
    const text = HAND_WRITTEN.replaceAll("\n", eol);
    for (const [index, gone] of ["/a", "/b", "/c"].entries()) {
      const edited = removeAnchor(text, index);
      assert.deepEqual(comments(edited), comments(text));
      assert.deepEqual(
        listAnchorPaths(source("/x/y", edited), HOME),
        ["/a", "/b", "/c"].filter((path) => path !== gone),
      );
      assert.equal(edited.replaceAll(eol, "").includes("\n"), false);
    }
  }
  assert.equal(
    removeAnchor(HAND_WRITTEN, 1),
    HAND_WRITTEN.replace('[[anchors]]\npath = "/b"\n', ""),
  );
  assert.equal(
    removeAnchor(HAND_WRITTEN, 2),
    HAND_WRITTEN.replace('[[anchors]]\npath = "/c"\n', ""),
  );
});

Deno.test("removeAnchor() undoes appendAnchor()", () => {
  const texts = [
    "",
    "rsync = {}\n",
    "rsync = {}\n\n",
    HAND_WRITTEN + "\n",
    "rsync = {}\r\n",
  ];
  for (const text of texts) {
    const added = appendAnchor(text, {
      path: '/d "e" \\ \x7f ö',
      name: "d",
      excludes: ["*.o", "\\*"],
    });
    assert.deepEqual(
      listAnchorPaths(source("/x/y", added), HOME).at(-1),
      '/d "e" \\ \x7f ö',
    );
    const count = added.split("[[anchors]]").length - 2;
    const removed = removeAnchor(added, count);
    assert.equal(removed.trimEnd(), text.trimEnd());
    if (!text.endsWith("\n\n")) assert.equal(removed, text);
  }
});

Deno.test("appendAnchor() keeps the line breaks of the file", () => {
  assert.equal(
    appendAnchor("# x\r\na = 1", { path: "/b" }),
    '# x\r\na = 1\r\n\r\n[[anchors]]\r\npath = "/b"\r\n',
  );
});

Deno.test("hasInlineAnchors() tells a list from tables", () => {
  assert.equal(hasInlineAnchors('anchors = [{ path = "/a" }]'), true);
  assert.equal(hasInlineAnchors(HAND_WRITTEN), false);
  assert.equal(hasInlineAnchors("[rsync]\nanchors = 1"), false);
});

Deno.test("scanToml() splits any file into statements that are the whole text", () => {
  const line = fc.constantFrom(
    "",
    "# c [[anchors]]",
    "[[anchors]]",
    '[ t . "u]" ]',
    'k = "a # b"',
    "'q.r'.s = 'x \\'",
    'm = """\n# no\n[[anchors]]\n\\""" # in\n"""" # yes',
    "l = '''\n[x]''' # yes",
    'a = [ # one\n "]", [1, # two\n 2],\n]',
    'i = { x = "}", y = [1] } # z',
  );
  fc.assert(
    fc.property(fc.array(line), fc.boolean(), (lines, crlf) => {
      const text = lines.join("\n").replaceAll("\n", crlf ? "\r\n" : "\n");
      const statements = scanToml(text);
      assert.equal(
        statements.map(({ start, end }) => text.slice(start, end)).join(""),
        text,
      );
      const expected = lines.at(-1) === "" ? lines.slice(0, -1) : lines;
      assert.equal(statements.length, expected.length);
      assert.deepEqual(
        statements.map(({ kind }) => kind),
        expected.map((each) =>
          each === ""
            ? "blank"
            : each.startsWith("#")
            ? "comment"
            : each.startsWith("[[")
            ? "array"
            : each.startsWith("[")
            ? "table"
            : "pair"
        ),
      );
    }),
  );
});
