/**
 * The server: one port for clients, a broker, a queue for each user, and rsync for every transfer.
 *
 * @module
 */
import type { ControlReply } from "../core/control.ts";
import { fullnessOf } from "../core/disk_full.ts";
import { UsageError } from "../core/fault.ts";
import { OWN_NAME } from "../core/path.ts";
import { openFront } from "../io/front.ts";
import { logger } from "../io/log.ts";
import { ownAccount } from "../io/own_account.ts";
import { holdFile } from "../io/directory_lock.ts";
import { trustRsync } from "../io/rsync_trust.ts";
import {
  refuseForeign,
  serverLockFile,
  serverOwnDirectory,
  serverRsyncFile,
  serverRunDirectory,
} from "../io/server_root.ts";
import { Certificates } from "./certificates.ts";
import { describe } from "./faults.ts";
import { Reachable } from "./reachable.ts";
import { ServerDesk } from "./server_desk.ts";
import { openRestoreDaemon } from "./restore_daemon.ts";
import { noteUntried } from "./rsync_fault.ts";
import type { ServerOptions } from "./server_options.ts";
import { Server } from "./server_session.ts";
import { SpaceWait } from "./space_wait.ts";
import { waitingServerReport } from "./waiting_reports.ts";

const ROOT_MODE = 0o2770;
/** Where others are in the root's group: what they could lead elsewhere below it is out of their reach. */
const CLOSED_ROOT_MODE = 0o700;

const log = logger("server");

/** Runs until the signals say `shutdown`; throws when it cannot start. */
export async function runServer(
  options: ServerOptions,
  signals: {
    readonly shutdown: AbortSignal;
    onReload(handler: () => void): void;
  },
): Promise<void> {
  await using reachable = Reachable.hold(options.pidFile);
  if (reachable === undefined) {
    throw new UsageError(
      `Cannot start the server: the pid file ${options.pidFile} is held by another sinkd; stop that one, or name another file with --pid`,
    );
  }
  const wait = new SpaceWait(serverOwnDirectory(options.root), "this server");
  const desk = new ServerDesk((request) =>
    wait.answer(request, (fault) => waitingServerReport(options, fault))
  );
  await reachable.answer((request) => desk.answer(request));
  signals.onReload(() => void desk.answer({ command: "reload" }));
  const stopped = AbortSignal.any([signals.shutdown, desk.stopped]);
  await wait.through(() => runOn(options, { desk, wait, stopped }), stopped);
  log.info`The server stopped`;
}

/** One try to start, and all that comes after one that succeeds. */
async function runOn(
  options: ServerOptions,
  { desk, wait, stopped }: {
    readonly desk: ServerDesk;
    readonly wait: SpaceWait;
    readonly stopped: AbortSignal;
  },
): Promise<void> {
  makeRoot(options);
  using _root = holdRoot(options);
  const rsync = await trustRsync({
    runDirectory: serverRunDirectory(options.root),
    memory: serverRsyncFile(options.root),
  });
  const server = new Server(options);
  await using _closing = {
    // After a start that failed; else it is closed by then.
    [Symbol.asyncDispose]: () => server.close(),
  };
  if (rsync.warning !== undefined) {
    log.warn`${rsync.warning}`;
    server.faults.note("rsync", {
      level: "note",
      path: "rsync",
      cause: rsync.warning,
      fix: "install a newer rsync",
    });
  }
  noteUntried(server.faults, rsync);
  await server.start();
  using certificates = await Certificates.open(`${options.root}/${OWN_NAME}`);
  const { openBroker } = await import("../io/broker.ts");
  await using broker = options.broker !== undefined
    ? undefined
    : await openBroker({
      authenticate: (login, from) =>
        Promise.resolve(server.logins.login(login, from)),
      onTwin: (user, client, address) => server.onTwin(user, client, address),
      onFault: (error) => log.error`${describe(error)}`,
    });
  await using front = await openFront({
    host: options.listenHost,
    port: options.listenPort,
    ...certificates.current,
  }, {
    onMqtt: (stream, visitor) =>
      broker === undefined ? stream.destroy() : broker.handle(stream, visitor),
    onChannel: (channel, visitor) =>
      void server.takeChannel(channel, visitor, certificates.pins()),
  });
  certificates.onChange = () => {
    front.present(certificates.current);
    server.announcePins();
  };
  await using _restoring = await openRestoreDaemon({
    root: options.root,
    address: options.rsyncd,
    users: server.userNames(),
    faults: server.faults,
  });
  const reload = async (): Promise<ControlReply> => {
    try {
      await certificates.reload();
    } catch (error) {
      log.error`${describe(error)}`;
      return { ok: false, message: describe(error), exitCode: 1 };
    }
    const reply = server.control({ command: "reload" });
    if (!reply.ok) log.error`${reply.message}`;
    return reply;
  };
  server.open({ broker, listen: `${front.host}:${front.port}` });
  await using _link = server.connect();
  await desk.open({ control: (request) => server.control(request), reload });
  wait.end();
  log.info`sinkd server on ${front.host}:${front.port}, root ${options.root}`;
  await aborted(stopped);
  desk.close();
  await server.close();
}

/** One root, one server. */
function holdRoot({ root, pidFile }: ServerOptions): Disposable {
  const hold = holdFile(serverLockFile(root), pidFile);
  if (hold.kind === "held") return hold;
  throw new UsageError(
    `Cannot use the root ${root}: another server runs on it; ask or stop it with --pid ${hold.says}, or name another root with --root`,
  );
}

function makeRoot({ root, trustsGroup = false }: ServerOptions): void {
  refuseForeign(root);
  try {
    Deno.mkdirSync(root, { recursive: true });
    const { mode, gid } = Deno.statSync(root);
    const isOpen = trustsGroup || gid === null ||
      ownAccount(gid).privateGroups.has(gid);
    const wanted = isOpen ? ROOT_MODE : CLOSED_ROOT_MODE;
    if (mode !== null && (mode & 0o7777) !== wanted) {
      Deno.chmodSync(root, wanted);
    }
    if (!isOpen) {
      log
        .info`${root} is closed to its group (gid ${gid}), in which there are others; --trust-group opens it`;
    }
    Deno.mkdirSync(`${root}/${OWN_NAME}`, { recursive: true, mode: 0o700 });
  } catch (cause) {
    if (fullnessOf(cause) === "full") throw cause;
    throw new UsageError(
      `Cannot use the root ${root}: ${
        describe(cause)
      }; make it, give it to the server's account, or name another with --root`,
      2,
      { cause },
    );
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
