/**
 * A real mosquitto on a loopback port, with a password file.
 *
 * @module
 */
import { hashSecret } from "../../lib/io/secret_hash.ts";
import { isThere } from "./network_programs.ts";
import { type Detached, signalIfAlive, spawnDetached } from "./detached.ts";
import { waitFor } from "./waiting.ts";

/** Where it is: not on the PATH of a plain account of Debian. */
export const MOSQUITTO: string =
  ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
    .map((place) => `${place}/mosquitto`).find(isThere) ?? "mosquitto";

/** What a world with this broker lacks here. */
export function missingForBroker(
  broker: "embedded" | "mosquitto" | "secured" = "embedded",
): string | undefined {
  return broker === "embedded" || isThere(MOSQUITTO) ? undefined : "mosquitto";
}

const SERVER_SECRET = "the server's own";

/** A mosquitto that runs. */
export interface Mosquitto extends AsyncDisposable {
  readonly port: number;
  /** URL for the server, with its name and password. */
  readonly url: string;
  /** The password of the server's login. */
  readonly serverSecret: string;
  /** Certificate authority of one with TLS, passwords and an ACL. */
  readonly caFile?: string;
  /** Lets these logins in, beside the server's: lines of a password file, and of an ACL where there is one. */
  allow(lines: readonly string[], acl?: readonly string[]): Promise<void>;
  /** Ends it at once, and what it retained with it. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
}

/** A host of its own: its address, and what goes before commands that run there. */
export interface Place {
  readonly address: string;
  readonly via: readonly string[];
}

/** Starts mosquitto; its files go into `directory`. */
export async function openMosquitto(
  directory: string,
  env: Readonly<Record<string, string>>,
  { address, via }: Place = { address: "127.0.0.1", via: [] },
): Promise<Mosquitto> {
  const port = via.length === 0 ? freePort() : 1883;
  const secret = encodeURIComponent(SERVER_SECRET);
  const passwords = `${directory}/mosquitto.passwords`;
  const config = `${directory}/mosquitto.conf`;
  const log = `${directory}/mosquitto.log`;
  const serverLine = `server:${hashSecret(SERVER_SECRET)}`;
  await Deno.writeTextFile(passwords, `${serverLine}\n`);
  await Deno.writeTextFile(
    config,
    [
      `listener ${port} ${address}`,
      "set_tcp_nodelay true",
      "allow_anonymous false",
      `password_file ${passwords}`,
      "persistence false",
      ...(Deno.uid() === 0 ? ["user root"] : []),
      `log_dest file ${log}`,
      "",
    ].join("\n"),
  );
  let starts = 0;
  let running: Detached | undefined = await start();

  async function start(): Promise<Detached> {
    starts++;
    const process = await spawnDetached(
      [...via, MOSQUITTO, "-c", config],
      env,
      `${directory}/mosquitto.end-${starts}`,
    );
    await waitFor(
      "mosquitto to listen",
      () =>
        via.length === 0
          ? isListening(port)
          : readIfAny(log).split(" running").length > starts,
    );
    return process;
  }

  function reloads(): number {
    return Deno.readTextFileSync(log).split("Reloading config").length;
  }

  async function kill(): Promise<void> {
    if (running === undefined) return;
    signalIfAlive(running.pid, "SIGKILL");
    await running.ended();
    running = undefined;
  }

  return {
    port,
    url: `mqtt://server:${secret}@${address}:${port}`,
    serverSecret: SERVER_SECRET,
    async allow(lines) {
      await Deno.writeTextFile(
        passwords,
        [serverLine, ...lines, ""].join("\n"),
      );
      const before = reloads();
      if (running !== undefined) signalIfAlive(running.pid, "SIGHUP");
      await waitFor(
        "mosquitto to read its passwords",
        () => reloads() > before,
      );
    },
    kill,
    async start() {
      running = await start();
    },
    [Symbol.asyncDispose]: kill,
  };
}

/** A port that nothing listens at now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** True when something accepts connections at `port` of the loopback. */
export async function isListening(port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function readIfAny(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
