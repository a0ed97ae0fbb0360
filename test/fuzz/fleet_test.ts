/**
 * Fuzz targets of what servers on one broker tell each other, and of lists of users.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../lib/core/fault.ts";
import {
  msgLeaseSchema,
  msgServerSchema,
  parseFleetTopic,
} from "../../lib/core/fleet_protocol.ts";
import { stepLease } from "../../lib/core/lease.ts";
import { holds, newLeaseState, recordOf } from "../../lib/core/lease_state.ts";
import { nameFault } from "../../lib/core/path.ts";
import { parsePayload } from "../../lib/core/protocol.ts";
import { parseUserList } from "../../lib/io/user_list.ts";
import { bytes, jsonText, noise, SETTINGS, spoilt } from "./inputs.ts";

const ID = "0123456789abcdef";
const HEAD = { epoch: ID, date: 20261122, cycle: 3 };
const LEASE = {
  version: 1,
  number: 7,
  server: { id: ID, boot: ID, name: "rack1", address: "rack1:8883" },
  since: "2026-11-22T10:00:00.000Z",
};
const now = { steadyMs: 1, wallMs: 1 };
const texts = fc.oneof(
  noise,
  jsonText,
  spoilt(
    JSON.stringify({ kind: "claim", ...LEASE, over: 6 }),
    JSON.stringify({ kind: "held", ...LEASE }),
    JSON.stringify({ kind: "released", ...LEASE, head: HEAD }),
    JSON.stringify({ version: 1, state: "Sinkd", boot: ID, beat: 4 }),
  ),
);

Deno.test("fuzz: what servers tell each other gives nobody a user", () => {
  const me = { id: "f".repeat(16), boot: "e".repeat(16) };
  const payload = fc.oneof(
    bytes,
    texts.map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 6 }), (payloads) => {
      const copy = { number: 3, holder: ID, released: false, adopted: false };
      let { state } = stepLease(newLeaseState(me, { fleet: true }), {
        kind: "linkUp",
        now,
      });
      ({ state } = stepLease(state, {
        kind: "want",
        user: "alice",
        copy: { ...copy, head: HEAD },
        now,
      }));
      for (const each of payloads) {
        const lease = parsePayload(msgLeaseSchema, each);
        if (lease.ok) {
          const record = recordOf(lease.value);
          const { boot } = lease.value.server;
          const event = { kind: "record", user: "alice", record } as const;
          ({ state } = stepLease(state, { ...event, boot, now }));
        }
        const status = parsePayload(msgServerSchema, each);
        if (status.ok) {
          const { boot, beat } = status.value;
          const event = { kind: "beat", server: ID, boot, beat } as const;
          ({ state } = stepLease(state, { ...event, now }));
        }
        assert.equal(holds(state, "alice", now), false);
      }
    }),
    SETTINGS,
  );
});

Deno.test("fuzz: topics of the fleet", () => {
  fc.assert(
    fc.property(
      fc.oneof(noise, spoilt("sinkd/servers/0123", "sinkd/lease/alice")),
      (topic) => {
        const about = parseFleetTopic(topic);
        if (about !== undefined) assert.ok(topic.startsWith("sinkd/"));
      },
    ),
    SETTINGS,
  );
});

Deno.test("fuzz: lists of users", () => {
  fc.assert(
    fc.property(
      fc.oneof(noise, spoilt("# rack 1\nalice\nbob # on leave\n")),
      (text) => {
        try {
          for (const name of parseUserList(text, "list")) {
            assert.equal(nameFault(name), undefined);
          }
        } catch (error) {
          assert.ok(error instanceof UsageError);
        }
      },
    ),
    SETTINGS,
  );
});
