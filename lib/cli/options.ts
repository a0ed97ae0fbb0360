/**
 * Options that several commands share.
 *
 * @module
 */
import type { Option } from "./spec.ts";

/** `--pid`: of the server or client meant. */
export const PID: Option = {
  name: "pid",
  kind: "path",
  value: "FILE",
  summary:
    "The pid file (default /run/sinkd.pid, without root $XDG_RUNTIME_DIR/sinkd.pid)",
};

/** `--root` of a server. */
export const ROOT: Option = {
  name: "root",
  kind: "path",
  value: "DIR",
  summary: "Where the server keeps everything (default /srv/sinkd)",
};

/** `--user-config` of a client. */
export const USER_CONFIG: Option = {
  name: "user-config",
  kind: "path",
  value: "FILE",
  summary: "Your configuration (default ~/.config/sinkd.conf)",
};

/** `--state` of a client. */
export const STATE: Option = {
  name: "state",
  kind: "path",
  value: "DIR",
  summary:
    "Credentials and records (default /var/lib/sinkd, without root ~/.local/state/sinkd)",
};

/** What `sinkd server` and its `start` take. */
export const SERVER_OPTIONS: readonly Option[] = [
  ROOT,
  {
    name: "listen",
    kind: "address",
    value: "HOST:PORT",
    summary:
      "The one port, for MQTT and data (default 0.0.0.0:8883; port 0 picks one)",
  },
  {
    name: "broker",
    kind: "broker",
    value: "URL",
    summary: "An MQTT broker of your own in place of the built-in one",
  },
  {
    name: "broker-ca",
    kind: "path",
    value: "FILE",
    summary:
      "Certificates (PEM) that tell your broker is the right one; clients get them when they join",
  },
  {
    name: "users",
    kind: "text",
    value: "A,B",
    summary:
      "Serves only these users; other servers on the same broker serve the others",
  },
  {
    name: "users-from",
    kind: "path",
    value: "FILE",
    summary:
      "The same from a file, one name a line; read again on reload and SIGHUP",
  },
  {
    name: "address",
    kind: "address",
    value: "HOST:PORT",
    summary:
      "Where clients reach this server, when it is one of several on a broker",
  },
  {
    name: "rsyncd",
    kind: "address",
    value: "HOST:PORT",
    summary:
      "Lets plain rsync read users' trees there, with a password each (unencrypted; off by default)",
  },
  PID,
  {
    name: "jobs",
    kind: "count",
    min: 1,
    max: 64,
    value: "N",
    summary:
      "How many turns run at once (default 8); one is kept for users with none running",
  },
  {
    name: "history-days",
    kind: "count",
    min: 0,
    max: 36_500,
    value: "N",
    summary: "How long replaced and deleted versions are kept (default 30)",
  },
  {
    name: "checksum-days",
    kind: "count",
    min: 0,
    max: 365,
    value: "N",
    summary:
      "In how many days every file is read through once (default 30; 0: on rescan only)",
  },
  {
    name: "min-free",
    kind: "count",
    min: 0,
    max: 99,
    value: "PERCENT",
    summary:
      "How much of the disk stays free; edits wait below that (default 1)",
  },
  {
    name: "user-quota",
    kind: "quota",
    value: "SIZE[,FILES]",
    summary:
      "What each user may have, history included (default: no limit); for one user: sinkd server quota",
  },
  {
    name: "trust-group",
    kind: "flag",
    summary:
      "Lets the members of the root's group into it; without it the root is closed to them",
  },
];

/** What `sinkd client` and its `start` take. */
export const CLIENT_OPTIONS: readonly Option[] = [
  {
    name: "config",
    kind: "path",
    value: "FILE",
    summary: "The machine's configuration (default /etc/sinkd.conf)",
  },
  USER_CONFIG,
  STATE,
  PID,
];
