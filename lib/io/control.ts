/**
 * The control socket's answering side: how commands reach a running server or client. One JSON line
 * each way, then the connection ends.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { UsageError } from "../core/fault.ts";
import {
  type ControlReply,
  type ControlRequest,
  MAX_REQUEST_BYTES,
  parseRequest,
} from "../core/control.ts";
import { removeIfAny } from "./files.ts";
import { readLine, writeAll } from "./lines.ts";
export { askControl } from "./ask_control.ts";

const REQUEST_DEADLINE_MS = 5_000;
const ACCEPT_RETRY_MS = 200;
const MAX_CONNECTIONS = 64;
/** Longest path that a Unix socket can have on Linux and macOS, in bytes. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Listens at `socketPath` (mode 0600) and answers each request with what `handle` returns. Call it
 * only under the pid lock: a socket file that is there is taken for stale and removed. Disposing
 * lets replies in progress go out.
 */
export async function openControl(
  socketPath: string,
  handle: (request: ControlRequest) => Promise<ControlReply>,
): Promise<AsyncDisposable> {
  const length = new TextEncoder().encode(socketPath).length;
  if (length > MAX_SOCKET_PATH_BYTES) {
    throw new Error(
      `Cannot listen on control socket ${
        JSON.stringify(socketPath)
      }: its path has ${length} bytes, the system allows ${MAX_SOCKET_PATH_BYTES}; name a shorter place with --pid FILE`,
    );
  }
  const listener = await listen(socketPath);
  const reading = new Set<Deno.Conn>();
  const serving = new Set<Promise<void>>();
  const accepting = acceptAll(listener, (connection) => {
    if (serving.size >= MAX_CONNECTIONS) {
      connection.close();
      return;
    }
    const served = serve(connection, reading, handle)
      .finally(() => serving.delete(served));
    serving.add(served);
  });
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of reading) connection.close();
      await Promise.all(serving);
    },
  };
}

/** Accepts until the listener is closed; a system that is out of descriptors is asked again later. */
async function acceptAll(
  listener: Deno.Listener,
  onConnection: (connection: Deno.Conn) => void,
): Promise<void> {
  while (true) {
    try {
      onConnection(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return;
      if (error instanceof Deno.errors.Interrupted) return;
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
}

async function serve(
  connection: Deno.Conn,
  reading: Set<Deno.Conn>,
  handle: (request: ControlRequest) => Promise<ControlReply>,
): Promise<void> {
  reading.add(connection);
  const timer = setTimeout(() => {
    if (reading.delete(connection)) connection.close();
  }, REQUEST_DEADLINE_MS);
  try {
    const line = await readLine(connection, MAX_REQUEST_BYTES);
    if (!reading.delete(connection)) return;
    if (line.kind === "ended") return;
    const reply = line.kind === "line"
      ? await answer(line.text, handle)
      : refusal(`the request is ${line.kind}`);
    await writeAll(connection, `${JSON.stringify(reply)}\n`);
  } catch {
    // answer() never throws, so this is the connection: it was late or the peer went away, and
    // nobody is left to tell.
  } finally {
    clearTimeout(timer);
    reading.delete(connection);
    closeOnce(connection);
  }
}

async function answer(
  line: string,
  handle: (request: ControlRequest) => Promise<ControlReply>,
): Promise<ControlReply> {
  const request = parseRequest(line);
  if (!request.ok) return refusal(`the request is wrong (${request.reason})`);
  try {
    return await handle(request.value);
  } catch (error) {
    const message = errorText(error);
    return { ok: false, message, exitCode: 1 };
  }
}

function refusal(reason: string): ControlReply {
  return {
    ok: false,
    message:
      `Cannot do it: ${reason}; is the running program of another version? Restart it`,
    exitCode: 2,
  };
}

async function listen(socketPath: string): Promise<Deno.Listener> {
  try {
    removeIfAny(socketPath);
    const listener = Deno.listen({ transport: "unix", path: socketPath });
    await Deno.chmod(socketPath, 0o600);
    return listener;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable && socketPath.includes(",")) {
      throw new UsageError(
        `Cannot listen on control socket ${
          JSON.stringify(socketPath)
        }: its path has a comma, which no permission can name; name another place with --pid FILE`,
      );
    }
    const state = errorText(error);
    throw new Error(
      `Cannot listen on control socket ${JSON.stringify(socketPath)}: ${state}`,
      { cause: error },
    );
  }
}

function closeOnce(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
