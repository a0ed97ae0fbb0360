/**
 * The command table's part for the server: running it, and its accounts.
 *
 * @module
 */
import { PID, ROOT, SERVER_OPTIONS } from "./options.ts";
import type { Command, Operand } from "./spec.ts";

const NAME: Operand = { name: "NAME", required: true };

/** See the module. */
export const SERVER_COMMANDS: readonly Command[] = [
  {
    words: ["server"],
    role: "server",
    summary: "Runs the server in the foreground",
    operands: [],
    options: SERVER_OPTIONS,
    examples: [
      "sinkd server --root /srv/sinkd --listen 0.0.0.0:8883",
      "sinkd server --root ~/sinkd --listen 127.0.0.1:0 --pid ~/sinkd.pid",
    ],
    run: async (given, context) =>
      (await import("./commands/server.ts")).server(given, context),
  },
  {
    words: ["server", "adduser"],
    role: "accounts",
    summary: "Makes a user, or another join link for one; prints the link",
    operands: [NAME],
    options: [ROOT, {
      name: "address",
      kind: "address",
      value: "HOST:PORT",
      summary:
        "Where clients reach this server (default: this machine's address)",
    }, PID],
    notes: [
      "The link works once, for 24 hours. It is the only line on stdout.",
    ],
    examples: ["sinkd server adduser alice --address files.example.org:8883"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).addUser(given, context),
  },
  {
    words: ["server", "rmuser"],
    role: "accounts",
    summary: "Revokes a user on every machine; the files stay",
    operands: [NAME],
    options: [ROOT, PID],
    examples: ["sinkd server rmuser alice"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).removeUser(given, context),
  },
  {
    words: ["server", "users"],
    role: "accounts",
    summary:
      "Lists the users, what they have, and where rsync can read their trees",
    operands: [],
    options: [ROOT, {
      name: "passwords",
      kind: "flag",
      summary: "With the passwords for reading with rsync",
    }],
    examples: ["sinkd server users"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).listUsers(given, context),
  },
  {
    words: ["server", "quota"],
    role: "accounts",
    summary: "Shows or sets what one user may have",
    operands: [
      NAME,
      { name: "SIZE", required: false },
      { name: "FILES", required: false },
    ],
    options: [ROOT],
    notes: [
      "It counts the user's tree, its history and what is being received; files, directories and links count one each.",
      "SIZE and FILES may be 'none' for no limit. SIZE 'default' goes back to the server's --user-quota.",
      "A server that runs takes it at once.",
    ],
    examples: [
      "sinkd server quota alice 10G 100k",
      "sinkd server quota alice none",
      "sinkd server quota alice default",
    ],
    run: async (given, context) =>
      (await import("./commands/quota.ts")).quota(given, context),
  },
  {
    words: ["server", "clients"],
    role: "accounts",
    summary: "Lists the machines of one user, or of all",
    operands: [{ name: "NAME", required: false }],
    options: [ROOT],
    examples: ["sinkd server clients alice"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).listClients(given, context),
  },
  {
    words: ["server", "revoke"],
    role: "accounts",
    summary: "Revokes one machine; what it has stays there",
    operands: [{ name: "NAME/CLIENT", required: true }],
    options: [ROOT, PID],
    examples: ["sinkd server revoke alice/old-laptop"],
    run: async (given, context) =>
      (await import("./commands/accounts.ts")).revoke(given, context),
  },
  {
    words: ["server", "rotate-certificate"],
    role: "accounts",
    summary:
      "Makes the server's next certificate, which clients learn in advance",
    operands: [],
    options: [ROOT, {
      name: "days",
      kind: "count",
      value: "N",
      min: 1,
      max: 3650,
      summary: "After how many days the server shows it (default: 30)",
    }, {
      name: "now",
      kind: "flag",
      summary: "The server shows it from now on",
    }, PID],
    notes: [
      "Clients learn it over the connection that the present one vouches for. One that is away until the server shows it must join again.",
    ],
    examples: [
      "sinkd server rotate-certificate",
      "sinkd server rotate-certificate --now",
    ],
    run: async (given, context) =>
      (await import("./commands/rotate_certificate.ts")).rotateCertificate(
        given,
        context,
      ),
  },
  {
    words: ["server", "adopt"],
    role: "accounts",
    summary:
      "With several servers: uses the directory here, though another had a newer one",
    operands: [NAME],
    options: [ROOT, PID],
    notes: [
      "For when the newer directory is lost. Clients compare in full; nothing is deleted.",
    ],
    examples: ["sinkd server adopt alice"],
    run: async (given, context) =>
      (await import("./commands/adopt.ts")).adopt(given, context),
  },
  {
    words: ["server", "broker-acl"],
    role: "accounts",
    summary:
      "Prints what a mosquitto of your own needs: its ACL, its passwords",
    operands: [],
    options: [ROOT, {
      name: "passwords",
      kind: "flag",
      summary: "The lines of its password file (hashes) in place of the ACL",
    }],
    notes: [
      "Run it again after each join, adduser, rmuser and revoke, and have mosquitto reload.",
      "mosquitto needs 'use_username_as_clientid true', so that no client ends another's connection.",
    ],
    examples: [
      "sinkd server broker-acl --root /srv/sinkd",
      "sinkd server broker-acl --passwords",
    ],
    run: async (given, context) =>
      (await import("./commands/broker_acl.ts")).brokerAcl(given, context),
  },
];
