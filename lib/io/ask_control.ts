/**
 * The control socket's asking side. It is apart from the answering side so that commands do not load
 * that one's schemas.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import type { ControlReply, ControlRequest } from "../core/control.ts";
import { MAX_REPLY_BYTES, readReply } from "../core/control_reply.ts";
import { readLine, writeAll } from "./lines.ts";

const REPLY_DEADLINE_MS = 15_000;

/**
 * Sends one request to the process that listens at `socketPath`.
 *
 * @returns the reply, or `undefined` when nothing listens there
 * @throws when the socket may not be used, or what answers is not sinkd
 */
export async function askControl(
  socketPath: string,
  request: ControlRequest,
): Promise<ControlReply | undefined> {
  const connection = await dial(socketPath);
  if (connection === undefined) return undefined;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.close();
  }, REPLY_DEADLINE_MS);
  try {
    await writeAll(connection, `${JSON.stringify(request)}\n`);
    const line = await readLine(connection, MAX_REPLY_BYTES);
    const reply = line.kind === "line"
      ? readReply(line.text)
      : { ok: false as const, reason: line.kind };
    if (!reply.ok) throw new Error(`the answer is ${reply.reason}`);
    return reply.value;
  } catch (error) {
    const state = late
      ? `no answer within ${REPLY_DEADLINE_MS / 1000} s`
      : errorText(error);
    throw new Error(
      `Cannot ask the process at ${JSON.stringify(socketPath)}: ${state}`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
    if (!late) connection.close();
  }
}

async function dial(socketPath: string): Promise<Deno.Conn | undefined> {
  try {
    return await Deno.connect({ transport: "unix", path: socketPath });
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused
    ) return undefined;
    const denied = error instanceof Deno.errors.PermissionDenied;
    const state = denied
      ? "permission denied; run this as the user it runs as"
      : errorText(error);
    throw new Error(
      `Cannot reach the process at ${JSON.stringify(socketPath)}: ${state}`,
      { cause: error },
    );
  }
}
