/**
 * The Deno permission flags of a command: from its role and the paths and addresses it names. Pure;
 * what must be looked up (anchors, credentials) comes as {@linkcode Known}.
 *
 * @module
 */
import { logNames } from "../io/log_file.ts";
import { ACCOUNT_LISTS } from "../io/own_account.ts";
import { socketPathOf } from "../io/pid_file.ts";
import { programPlaces } from "../core/program_path.ts";
import { brokerAddress, joinAddress, splitAddress } from "../core/address.ts";
import { OWN_NAME } from "../core/own_name.ts";
import type { Arguments } from "./arguments.ts";
import {
  ENVIRONMENT_NAMES,
  LOG_VARIABLE,
  type Surroundings,
} from "./context.ts";
import { absolute } from "./context.ts";
import {
  clientPlaces,
  ownPidFile,
  pidFilesToAsk,
  serverPidFiles,
  serverRoot,
} from "./places.ts";
import type { Role } from "./spec.ts";

/** What only disk and the join link can tell. */
export interface Known {
  /** Directories of the client's anchors; for a single file, the one it is in. */
  readonly anchors: readonly string[];
  /** `host:port` of the server, and of the broker when it is another. */
  readonly addresses: readonly string[];
  /** Directory of the program's own modules, which its workers load. */
  readonly modules: string;
  /** What starts the program again, for `start`. */
  readonly launcher: string;
  /** The pid file of the server that runs on the root, or ran on it last. */
  readonly serverPidFile: string | undefined;
  /** Where the user's configuration file really is, when its path is a symbolic link. */
  readonly linkedConfig: string | undefined;
}

/** Lists of what is allowed; empty means none. */
export interface Grants {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[];
  readonly run: readonly string[];
  readonly sys: readonly string[];
}

/** What a command of `role` may do. */
export function grantsOf(
  role: Role,
  given: Arguments,
  around: Surroundings,
  known: Known,
): Grants {
  switch (role) {
    case "control":
      return controlGrants(given, around);
    case "server":
      return serverGrants(given, around, known);
    case "client":
      return clientGrants(given, around, known);
    case "lifecycle":
      return lifecycleGrants(given, around, known);
    case "accounts": {
      const root = serverRoot(given, around);
      const pids = serverPidFiles(given, around, known.serverPidFile);
      return merge(askGrants(pids), {
        read: [root],
        write: [root],
        sys: ["hostname", "networkInterfaces", "statfs"],
      });
    }
    case "join": {
      const places = clientPlaces(given, around);
      return merge({
        read: [
          places.machineConfig,
          places.userConfig,
          places.stateDirectory,
        ],
        write: [places.stateDirectory],
        net: known.addresses.map(netHost),
        sys: ["hostname", "uid"],
      });
    }
    case "anchors": {
      const places = clientPlaces(given, around);
      const directories = [places.userConfig, known.linkedConfig]
        .filter((file) => file !== undefined).map(directoryOf);
      const [operand] = given.operands;
      const path = operand === undefined ? [] : [absolute(operand, around)];
      return merge(controlGrants(given, around), {
        read: [
          places.machineConfig,
          places.stateDirectory,
          ...directories,
          ...path,
          ...path.flatMap(serverMarks),
        ],
        write: directories,
      });
    }
  }
}

/** The flags for `deno run`: nothing that is not granted, and never a question at the terminal. */
export function flagsOf(grants: Grants): string[] {
  const lists: readonly [string, readonly string[]][] = [
    ["--allow-read", withoutCommas(grants.read)],
    ["--allow-write", withoutCommas(grants.write)],
    ["--allow-net", grants.net],
    ["--allow-run", withoutCommas(grants.run)],
    ["--allow-sys", grants.sys],
    ["--allow-env", ENVIRONMENT_NAMES],
  ];
  return [
    "--no-prompt",
    "--ignore-env",
    ...lists.filter(([, list]) => list.length > 0)
      .map(([flag, list]) => `${flag}=${[...new Set(list)].join(",")}`),
  ];
}

/** One line of shell that sets `"$@"` to `words`. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

function controlGrants(given: Arguments, around: Surroundings): Grants {
  return askGrants(pidFilesToAsk(given, around));
}

/** What asks the programs of these pid files. */
function askGrants(pids: readonly string[]): Grants {
  const sockets = pids.map(socketPathOf);
  return merge({
    read: [...pids, ...sockets],
    write: sockets,
    net: sockets.filter(isNetworkName).map((socket) => `unix:${socket}`),
    sys: ["uid"],
  });
}

/** What tells that a path lies in a server's root. */
function serverMarks(path: string): string[] {
  const marks: string[] = [];
  for (let above = path; above !== "/"; above = directoryOf(above)) {
    marks.push(`${above}/${OWN_NAME}`);
  }
  return marks;
}

/** What holds a pid file and listens beside it. */
function holderGrants(pidFile: string): Grants {
  const socket = socketPathOf(pidFile);
  return merge({
    read: [pidFile, socket],
    write: [pidFile, socket],
    net: isNetworkName(socket) ? [`unix:${socket}`] : [],
  });
}

function serverGrants(
  given: Arguments,
  around: Surroundings,
  known: Known,
): Grants {
  const root = serverRoot(given, around);
  const listen = given.text("listen") ?? "0.0.0.0:8883";
  const broker = brokerAddress(given.text("broker") ?? "");
  const files = ["broker-ca", "users-from"].map((name) => given.text(name))
    .filter((file) => file !== undefined);
  return merge(holderGrants(ownPidFile(given, around)), logGrants(around), {
    read: [
      root,
      known.modules,
      ...rsyncPlaces(around),
      ...ACCOUNT_LISTS,
      ...files.map((file) => absolute(file, around)),
    ],
    write: [root],
    // rsync comes to one-shot listeners on the loopback, whose ports the system chooses.
    net: [
      netHost(listen),
      "127.0.0.1",
      ...(broker === undefined
        ? []
        : [netHost(joinAddress(broker.host, broker.port))]),
    ],
    // The shell keeps the rsync daemon.
    run: given.text("rsyncd") === undefined ? ["rsync"] : ["rsync", "sh"],
    sys: ["hostname", "uid", "gid", "statfs"],
  });
}

function clientGrants(
  given: Arguments,
  around: Surroundings,
  known: Known,
): Grants {
  const places = clientPlaces(given, around);
  return merge(holderGrants(ownPidFile(given, around)), logGrants(around), {
    read: [
      places.machineConfig,
      places.userConfig,
      places.stateDirectory,
      known.modules,
      ...rsyncPlaces(around),
      ...ACCOUNT_LISTS,
      ...known.anchors,
      ...known.anchors.flatMap(serverMarks),
    ],
    write: [places.stateDirectory, ...known.anchors],
    net: known.addresses.map(netHost),
    run: ["rsync"],
    sys: ["hostname", "uid", "gid", "statfs"],
  });
}

/** The log that `start` names, and what it is moved on to. */
function logGrants(around: Surroundings): Partial<Grants> {
  const file = around.variable(LOG_VARIABLE);
  const names = file === undefined ? [] : logNames(file);
  return { read: names, write: names };
}

/** To see whether the program is the one that was tried. */
function rsyncPlaces(around: Surroundings): readonly string[] {
  return programPlaces("rsync", around.variable("PATH") ?? "")
    .filter((place) => !place.includes(","));
}

function lifecycleGrants(
  given: Arguments,
  around: Surroundings,
  known: Known,
): Grants {
  const own = [serverRoot(given, around)];
  if (around.variable("HOME") !== undefined || given.text("state")) {
    own.push(clientPlaces(given, around).stateDirectory);
  }
  return merge(controlGrants(given, around), {
    read: own,
    write: own,
    run: [known.launcher],
  });
}

function merge(...parts: readonly Partial<Grants>[]): Grants {
  const all = (key: keyof Grants) => [
    ...new Set(parts.flatMap((part) => part[key] ?? [])),
  ];
  return {
    read: all("read"),
    write: all("write"),
    net: all("net"),
    run: all("run"),
    sys: all("sys"),
  };
}

/** `host:port` as a net grant; port 0 is any, and a name is looked up, which needs no port. */
function netHost(text: string): string {
  const parts = splitAddress(text);
  if (parts === undefined || parts.port !== 0) return text;
  return parts.host.includes(":") ? `[${parts.host}]` : parts.host;
}

/** Deno's lists have no way to write a comma: the nearest directory above that has none stands in. */
function withoutCommas(paths: readonly string[]): readonly string[] {
  return paths.map((path) => {
    let without = path;
    while (without.includes(",")) without = directoryOf(without);
    return without;
  });
}

function isNetworkName(socket: string): boolean {
  return !socket.includes(",");
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
