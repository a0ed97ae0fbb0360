/**
 * The one-shot loopback port of a call, which lets in the rsync that was started for it and no other
 * local account.
 *
 * The daemon at the far end asks rsync for a password, but rsync asks the daemon for none: whoever
 * came first to the port, or took it once it was free again, could play the client. So rsync comes
 * as if through a proxy, which it tells a secret of its own from its environment, and the port is
 * held until it has come.
 *
 * @module
 */

/** A port that waits for one connection. */
export interface RsyncDoor {
  readonly port: number;
  /** rsync's environment variable RSYNC_PROXY. */
  readonly proxy: string;
  /** The connection of who knows the secret; `undefined` when `ended` came first. */
  admit(ended: Promise<unknown>): Promise<Deno.TcpConn | undefined>;
}

const HOST = "127.0.0.1";
const NAME = "sinkd";
const MAX_HEAD_BYTES = 2048;
/** Strangers that are borne at one time; a further one ends the oldest. */
const MAX_STRANGERS = 32;

/** Opens a free port; `secret` has no characters that a URL or base64 would change. */
export function openRsyncDoor(secret: string): RsyncDoor {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const { port } = listener.addr;
  const wanted = `Basic ${btoa(`${NAME}:${secret}`)}`;
  const strangers = new Set<Deno.TcpConn>();

  function drop(connection: Deno.TcpConn): void {
    if (strangers.delete(connection)) connection.close();
  }

  /** True when the head of a proxy request has the secret; all that is read is the head. */
  async function knows(connection: Deno.TcpConn): Promise<boolean> {
    try {
      const head = await readHead(connection);
      const given = /^Proxy-Authorization: (.+)\r$/im.exec(head ?? "")?.[1];
      if (given !== wanted || !strangers.delete(connection)) return false;
      await connection.write(
        new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\n"),
      );
      return true;
    } catch (error) {
      // A stranger that goes away, or was dropped, is no fault of the call.
      if (error instanceof Error) return false;
      throw error;
    } finally {
      drop(connection);
    }
  }

  return {
    port,
    proxy: `${NAME}:${secret}@${HOST}:${port}`,
    async admit(ended) {
      const found = Promise.withResolvers<Deno.TcpConn | undefined>();
      const checks = new Set<Promise<void>>();
      let open = true;
      const accepting = (async () => {
        while (open) {
          const connection = await listener.accept();
          strangers.add(connection);
          const [oldest] = strangers;
          if (strangers.size > MAX_STRANGERS && oldest !== undefined) {
            drop(oldest);
          }
          const check = knows(connection).then((known) => {
            if (known) found.resolve(connection);
            checks.delete(check);
          });
          checks.add(check);
        }
      })().catch((error) => {
        if (open) found.reject(error);
      });
      ended.then(() => found.resolve(undefined));
      try {
        return await found.promise;
      } finally {
        open = false;
        listener.close();
        for (const stranger of [...strangers]) drop(stranger);
        await accepting;
        await Promise.all(checks);
      }
    },
  };
}

/** Up to the empty line, a byte at a time, so that nothing behind it is taken; `undefined` when it is none. */
async function readHead(
  connection: Deno.TcpConn,
): Promise<string | undefined> {
  const byte = new Uint8Array(1);
  let head = "";
  while (head.length < MAX_HEAD_BYTES) {
    if (await connection.read(byte) === null) return undefined;
    head += String.fromCharCode(byte[0] ?? 0);
    if (head.endsWith("\r\n\r\n")) return head;
  }
  return undefined;
}
