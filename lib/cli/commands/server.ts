/**
 * `sinkd server`: runs the server in the foreground until SIGTERM or SIGINT.
 *
 * @module
 */
import { splitAddress } from "../../core/address.ts";
import { UsageError } from "../../core/fault.ts";
import { parseQuota } from "../../core/quota.ts";
import { configureLog, endLog } from "../../io/log.ts";
import type { UserSelection } from "../../daemon/server_options.ts";
import { parseUserList } from "../../io/user_list.ts";
import type { Arguments } from "../arguments.ts";
import { absolute, type Context, logPlace } from "../context.ts";
import { checkRootOwner } from "../owner.ts";
import { EXIT } from "../exit_codes.ts";
import { ownPidFile, serverRoot } from "../places.ts";
import { listenForSignals } from "./signals.ts";

/** What a server listens at when nothing is said. */
export const DEFAULT_LISTEN = "0.0.0.0:8883";

/** See the module. */
export async function server(
  given: Arguments,
  context: Context,
): Promise<number> {
  const listen = splitAddress(given.text("listen") ?? DEFAULT_LISTEN);
  if (listen === undefined) throw new Error("Cannot listen: no address");
  const rsyncd = splitAddress(given.text("rsyncd") ?? "");
  if (rsyncd?.port === 0) {
    throw new UsageError("Cannot use --rsyncd: its port must not be 0");
  }
  const options = {
    rsyncd,
    root: serverRoot(given, context.around),
    listenHost: listen.host,
    listenPort: listen.port,
    broker: given.text("broker"),
    users: selectionOf(given, context),
    address: given.text("address") ?? "",
    brokerCaFile: fileOf(given, "broker-ca", context),
    pidFile: ownPidFile(given, context.around),
    jobs: Number(given.text("jobs") ?? 8),
    historyDays: Number(given.text("history-days") ?? 30),
    checksumDays: Number(given.text("checksum-days") ?? 30),
    minFree: {
      kind: "percent" as const,
      percent: Number(given.text("min-free") ?? 1),
    },
    trustsGroup: given.flag("trust-group"),
    userQuota: parseQuota(given.text("user-quota") ?? "none"),
  };
  const { runServer } = await import("../../daemon/server.ts");
  checkRootOwner(options.root, context.around);
  await configureLog("info", logPlace(context.around));
  await using _log = { [Symbol.asyncDispose]: endLog };
  using signals = listenForSignals();
  await runServer(options, signals);
  return EXIT.done;
}

/** Whom to serve; one of several servers must say where its clients reach it. */
function selectionOf(given: Arguments, context: Context): UserSelection {
  const named = given.text("users");
  const file = fileOf(given, "users-from", context);
  if (named === undefined && file === undefined) return { kind: "all" };
  if (named !== undefined && file !== undefined) {
    throw new UsageError("Cannot use both --users and --users-from: give one");
  }
  for (const needed of ["broker", "address"]) {
    if (given.text(needed) !== undefined) continue;
    throw new UsageError(
      `Cannot serve some of the users: --${needed} is missing; several servers need one broker, and each says with --address HOST:PORT where clients reach it`,
    );
  }
  if (file !== undefined) return { kind: "listed", file };
  const names = parseUserList((named ?? "").replaceAll(",", "\n"), "--users");
  return { kind: "named", names };
}

function fileOf(
  given: Arguments,
  option: string,
  context: Context,
): string | undefined {
  const file = given.text(option);
  return file === undefined ? undefined : absolute(file, context.around);
}
