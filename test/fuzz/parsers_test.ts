/**
 * Fuzz targets: no parser throws anything but what it says, whatever it is given, and none takes
 * long. FUZZ_RUNS=100000 makes them long (deno task soak).
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { brokerAddress, splitAddress } from "../../lib/core/address.ts";
import {
  clientMessageSchema,
  helloTurnSchema,
  serverMessageSchema,
} from "../../lib/core/channel_protocol.ts";
import { ConfigError } from "../../lib/core/config_error.ts";
import { parseReply, parseRequest } from "../../lib/core/control.ts";
import { readReply } from "../../lib/core/control_reply.ts";
import { isExcluded, parseExcludes } from "../../lib/core/excludes.ts";
import {
  encodeData,
  encodeEnd,
  encodeMessage,
  FrameDecoder,
  MAX_JSON_BYTES,
} from "../../lib/core/frames.ts";
import { formatJoinLink, parseJoinLink } from "../../lib/core/join_link.ts";
import { PacketLimit } from "../../lib/core/packet_limit.ts";
import { pathFault } from "../../lib/core/path.ts";
import {
  msgHeadSchema,
  msgPinsSchema,
  msgReplySchema,
  msgStatusSchema,
  msgUpdateSchema,
  parseClientTopic,
  parsePayload,
} from "../../lib/core/protocol.ts";
import {
  helloProofSchema,
  proofAnswerSchema,
  proofAskSchema,
} from "../../lib/core/proof_protocol.ts";
import { namesPath, reasonFor, rsyncOutcome } from "../../lib/core/rsync.ts";
import { parseLoginName } from "../../lib/core/topic_rules.ts";
import { loadConfig } from "../../lib/io/config_file.ts";
import { helloJoinSchema } from "../../lib/io/join.ts";
import { helloPinsSchema, pinsSchema } from "../../lib/io/pins.ts";
import { tempDirectory } from "../support/temp.ts";
import { bytes, jsonText, noise, SETTINGS, spoilt } from "./inputs.ts";

const EPOCH = "0123456789abcdef";
const UPDATE = JSON.stringify({
  status: "Sinkd",
  version: 1,
  path: "/srv/sinkd/alice/docs",
  date: 20260102,
  cycle: 3,
  epoch: EPOCH,
  changes: 2,
  bytes: 10,
  host: "laptop",
});
const REPLY = JSON.stringify({
  kind: "Channel",
  version: 1,
  path: "/srv/sinkd/alice/docs",
  session: EPOCH,
  token: EPOCH + EPOCH,
});
const ENTRIES = JSON.stringify({
  kind: "entries",
  changes: [
    {
      path: "a/b",
      entry: { kind: "file", size: 1, mtimeMs: 5, mode: 420 },
      verify: true,
    },
    { path: "l", entry: { kind: "link", target: "../x" } },
    { path: "gone" },
  ],
});
const LINK = formatJoinLink({
  user: "alice",
  token: "A".repeat(43),
  host: "files.example.org",
  port: 8883,
  fingerprint: "ab".repeat(32),
});
const CONFIG = `server_addr = "files.example.org:8883"
log_level = "info"
rescan_interval = "1h"
[[anchors]]
path = "~/docs"
name = "docs"
excludes = ["*.tmp", "/cache/", "+ keep.log", "[a-z]*"]
interval = "2s"
rsync_bwlimit = "2m"
[rsync]
compress = true
max_size = "2g"
`;

const PINS = JSON.stringify({
  kind: "pins",
  certPems: ["-----BEGIN CERTIFICATE-----\n"],
});

const anyJson = fc.oneof(
  noise,
  jsonText,
  spoilt(UPDATE, REPLY, ENTRIES, PINS),
);

Deno.test("fuzz: MQTT payloads", () => {
  fc.assert(
    fc.property(
      fc.oneof(bytes, anyJson.map((text) => new TextEncoder().encode(text))),
      (payload) => {
        for (
          const schema of [
            msgUpdateSchema,
            msgReplySchema,
            msgPinsSchema,
            msgHeadSchema,
            msgStatusSchema,
          ]
        ) {
          const parsed = parsePayload<unknown>(schema, payload);
          if (!parsed.ok) assert.ok(parsed.reason.length < 10_000);
        }
      },
    ),
    SETTINGS,
  );
});

Deno.test("fuzz: topics and login names", () => {
  const text = fc.oneof(noise, spoilt("sinkd/clients/alice/laptop"));
  fc.assert(
    fc.property(text, (topic) => {
      for (const who of [parseClientTopic(topic), parseLoginName(topic)]) {
        if (who === undefined) continue;
        assert.doesNotMatch(`${who.user}${who.client}`, /[+#/$\\\0]/);
      }
    }),
    SETTINGS,
  );
});

Deno.test("fuzz: messages of the data channel carry no path that leads out", () => {
  fc.assert(
    fc.property(anyJson, (text) => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return;
      }
      for (
        const schema of [
          clientMessageSchema,
          serverMessageSchema,
          proofAskSchema,
          proofAnswerSchema,
          helloProofSchema,
          helloTurnSchema,
          helloJoinSchema,
          helloPinsSchema,
          pinsSchema,
        ]
      ) {
        const parsed = schema.safeParse(value);
        if (!parsed.success || parsed.data.kind !== "entries") continue;
        const { data } = parsed;
        const named = "changes" in data ? data.changes : data.entries;
        for (const { path } of named) {
          assert.equal(pathFault(path), undefined);
        }
      }
    }),
    SETTINGS,
  );
});

Deno.test("fuzz: frames, in pieces", () => {
  const whole = fc.oneof(
    anyJson.map((text) => encodeMessage(text)),
    bytes.map((chunk) => encodeData(chunk)),
    fc.constant(encodeEnd()),
    bytes,
  );
  fc.assert(
    fc.property(
      fc.array(whole, { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      fc.option(fc.integer({ min: 0, max: 2000 }), { nil: undefined }),
      (frames, cuts, firstMessageBytes) => {
        const decoder = new FrameDecoder(firstMessageBytes);
        const stream = frames.flatMap((frame) => [...frame]);
        try {
          for (let at = 0, n = 0; at < stream.length; n++) {
            const length = cuts[n % cuts.length] ?? 1;
            decoder.push(new Uint8Array(stream.slice(at, at + length)));
            at += length;
            while (decoder.take() !== undefined);
          }
        } catch (error) {
          assert.match(String(error), /^Error: Cannot read frame: /);
        }
      },
    ),
    SETTINGS,
  );
  assert.ok(MAX_JSON_BYTES <= 4 * 1024 * 1024);
});

Deno.test("fuzz: MQTT packet lengths, in pieces as in one", () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 20 }), (stream, piece) => {
      const whole = new PacketLimit(100).accepts(stream);
      const limit = new PacketLimit(100);
      let accepted = true;
      for (let at = 0; accepted && at < stream.length; at += piece) {
        accepted = limit.accepts(stream.subarray(at, at + piece));
      }
      assert.equal(accepted, whole);
    }),
    SETTINGS,
  );
});

Deno.test("fuzz: join links", () => {
  const text = fc.oneof(
    noise,
    spoilt(LINK, "sinkd://a%2Fb:t@[::1]:1#00"),
    fc.webUrl(),
  );
  fc.assert(
    fc.property(text, (link) => {
      const parsed = parseJoinLink(link);
      if (!parsed.ok) return assert.match(parsed.reason, /^Cannot use/);
      const again = parseJoinLink(formatJoinLink(parsed.value));
      assert.deepEqual(again, parsed);
    }),
    SETTINGS,
  );
});

Deno.test("fuzz: addresses", () => {
  const text = fc.oneof(
    noise,
    spoilt("host:8883", "[::1]:1", "mqtts://a:b@host:8883/x"),
  );
  fc.assert(
    fc.property(text, (address) => {
      for (const found of [splitAddress(address), brokerAddress(address)]) {
        if (found !== undefined) {
          assert.ok(found.port >= 0 && found.port <= 65_535);
        }
      }
    }),
    SETTINGS,
  );
});

Deno.test("fuzz: the configuration file", async () => {
  await using temp = tempDirectory();
  const userFile = `${temp.path}/sinkd.conf`;
  fc.assert(
    fc.property(fc.oneof(noise, spoilt(CONFIG)), (text) => {
      Deno.writeTextFileSync(userFile, text);
      try {
        loadConfig({
          machineFile: `${temp.path}/none`,
          userFile,
          home: "/home/alice",
        });
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    }),
    SETTINGS,
  );
});

Deno.test("fuzz: exclude patterns", () => {
  const pattern = fc.oneof(
    noise,
    spoilt("*.tmp", "/a/**/b/", "+ [!a-z]?*", "[[:alpha:]]*", "a\\*b"),
    fc.constantFrom("*a".repeat(40), "**/".repeat(30), "[".repeat(200)),
  );
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 4 }),
      noise,
      (patterns, path) => {
        const parsed = parseExcludes(patterns);
        if (!parsed.ok) return;
        const startMs = performance.now();
        isExcluded(parsed.rules, `${path}/${"a".repeat(60)}`, false);
        assert.ok(performance.now() - startMs < 1000, JSON.stringify(patterns));
      },
    ),
    SETTINGS,
  );
});

Deno.test("fuzz: rsync's words and exit codes", () => {
  const words = fc.oneof(
    noise,
    spoilt(
      'rsync: [sender] send_files failed to open "/a/b" (in anchor): Permission denied (13)\n',
      "rsync error: some files/attrs were not transferred (code 23)\n",
      'rsync: write failed on "x": No space left on device (28)\n',
    ),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: -10, max: 300 }),
      words,
      noise,
      (code, stderr, path) => {
        const outcome = rsyncOutcome(code, stderr);
        if ("reason" in outcome) assert.ok(outcome.reason.length < 1000);
        namesPath(path, stderr);
        assert.equal(typeof reasonFor(path, stderr), "string");
      },
    ),
    SETTINGS,
  );
});

Deno.test("fuzz: lines of the control socket", () => {
  const line = fc.oneof(
    noise,
    jsonText,
    spoilt(
      '{"command":"approve","path":"/home/alice/docs"}',
      '{"command":"revoked","user":"alice","client":"laptop"}',
      '{"ok":false,"message":"no","exitCode":2}',
      '{"ok":true,"report":{"role":"server","pid":1,"version":"0","state":"Sinkd","users":[],"errors":[]}}',
    ),
  );
  fc.assert(
    fc.property(line, (text) => {
      for (const read of [parseRequest, parseReply, readReply]) {
        const result = read(text);
        if (!result.ok) assert.ok(result.reason.length < 10_000);
      }
    }),
    SETTINGS,
  );
});
