/**
 * Where things are when the command line does not say: pid file, state, configuration.
 *
 * @module
 */
import { UsageError } from "../core/fault.ts";
import type { Arguments } from "./arguments.ts";
import { absolute, LINK_VARIABLE, type Surroundings } from "./context.ts";

const SYSTEM_PID_FILE = "/run/sinkd.pid";

/** The files of one client. */
export interface ClientPlaces {
  readonly machineConfig: string;
  readonly userConfig: string;
  readonly stateDirectory: string;
}

/** The pid file that a server or client started here holds. */
export function ownPidFile(given: Arguments, around: Surroundings): string {
  const named = given.text("pid");
  if (named !== undefined) return absolute(named, around);
  if (around.uid === 0) return SYSTEM_PID_FILE;
  const own = sessionPidFile(around);
  if (own === undefined) {
    throw new UsageError(
      "Cannot choose a pid file: you are not root and XDG_RUNTIME_DIR is not set; name one with --pid FILE",
    );
  }
  return own;
}

/** The pid files that a command looks at, likeliest first. */
export function pidFilesToAsk(
  given: Arguments,
  around: Surroundings,
): readonly string[] {
  const named = given.text("pid");
  if (named !== undefined) return [absolute(named, around)];
  const own = [sessionPidFile(around), servicePidFile(around)]
    .filter((file) => file !== undefined);
  return around.uid === 0
    ? [SYSTEM_PID_FILE, ...own]
    : [...own, SYSTEM_PID_FILE];
}

/**
 * The pid files at which a command looks for the server of a root; `onRoot` is that of the server that
 * runs on it, or ran on it last.
 */
export function serverPidFiles(
  given: Arguments,
  around: Surroundings,
  onRoot: string | undefined,
): readonly string[] {
  const usual = pidFilesToAsk(given, around);
  const isNamed = given.text("pid") !== undefined;
  if (isNamed || onRoot === undefined || usual.includes(onRoot)) return usual;
  return [onRoot, ...usual];
}

/** Configuration and state of the client meant by the command line. */
export function clientPlaces(
  given: Arguments,
  around: Surroundings,
): ClientPlaces {
  return {
    machineConfig: absolute(given.text("config") ?? "/etc/sinkd.conf", around),
    userConfig: userConfigFile(given, around),
    stateDirectory: stateDirectory(given, around),
  };
}

/** The user's configuration file. */
export function userConfigFile(
  given: Arguments,
  around: Surroundings,
): string {
  const named = given.text("user-config");
  return named === undefined
    ? `${homeDirectory(around)}/.config/sinkd.conf`
    : absolute(named, around);
}

/** Where the client keeps its credentials, base and log. */
export function stateDirectory(
  given: Arguments,
  around: Surroundings,
): string {
  const named = given.text("state");
  if (named !== undefined) return absolute(named, around);
  if (around.uid === 0) return "/var/lib/sinkd";
  const base = around.variable("XDG_STATE_HOME") ??
    `${homeDirectory(around)}/.local/state`;
  return `${base}/sinkd`;
}

/** The join link of `sinkd join LINK`; for `-`, what the launcher read from standard input. */
export function joinLinkText(given: Arguments, around: Surroundings): string {
  const [link = ""] = given.operands;
  return link === "-" ? around.variable(LINK_VARIABLE) ?? "" : link;
}

/** The server's root directory. */
export function serverRoot(given: Arguments, around: Surroundings): string {
  return absolute(given.text("root") ?? "/srv/sinkd", around);
}

/** The home directory; throws when HOME does not say. */
export function homeDirectory(around: Surroundings): string {
  const home = around.variable("HOME");
  if (home === undefined || !home.startsWith("/")) {
    throw new UsageError(
      "Cannot find your home directory: HOME is not set; set it, or name the files with --user-config and --state",
    );
  }
  return home;
}

function sessionPidFile(around: Surroundings): string | undefined {
  const directory = around.variable("XDG_RUNTIME_DIR");
  return directory === undefined ? undefined : `${directory}/sinkd.pid`;
}

/** Where the service sinkd@USER has it; only root can make that directory. */
function servicePidFile(around: Surroundings): string | undefined {
  const user = around.variable("USER");
  if (around.uid === 0 || user === undefined) return undefined;
  return /^[a-z_][a-z0-9_.-]*$/i.test(user)
    ? `/run/sinkd-${user}/sinkd.pid`
    : undefined;
}
