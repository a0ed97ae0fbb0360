/**
 * A real mosquitto as the README sets it up: TLS with an authority of its own, a password file, and
 * the ACL that sinkd prints.
 *
 * @module
 */
import { certifyLoopback } from "./certificate_authority.ts";
import { type Detached, signalIfAlive, spawnDetached } from "./detached.ts";
import {
  freePort,
  isListening,
  MOSQUITTO,
  type Mosquitto,
} from "./mosquitto.ts";
import { waitFor } from "./waiting.ts";

/** Prepares it; it starts when it is first told whom to let in. */
export async function openSecuredMosquitto(
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<Mosquitto & { readonly caFile: string }> {
  const port = freePort();
  const place = (name: string) => `${directory}/secured.${name}`;
  const { caPem, certPem, keyPem } = await certifyLoopback();
  await Deno.writeTextFile(place("ca"), caPem);
  await Deno.writeTextFile(place("cert"), certPem);
  await Deno.writeTextFile(place("key"), keyPem);
  await Deno.writeTextFile(
    place("conf"),
    [
      `listener ${port} 127.0.0.1`,
      "set_tcp_nodelay true",
      "use_username_as_clientid true",
      "allow_anonymous false",
      `password_file ${place("passwords")}`,
      `acl_file ${place("acl")}`,
      `certfile ${place("cert")}`,
      `keyfile ${place("key")}`,
      "persistence false",
      ...(Deno.uid() === 0 ? ["user root"] : []),
      `log_dest file ${place("log")}`,
      "",
    ].join("\n"),
  );
  let starts = 0;
  let running: Detached | undefined;

  async function start(): Promise<void> {
    starts++;
    running = await spawnDetached(
      [MOSQUITTO, "-c", place("conf")],
      env,
      place(`end-${starts}`),
    );
    await waitFor("mosquitto to listen", () => isListening(port));
  }

  function reloads(): number {
    return Deno.readTextFileSync(place("log")).split("Reloading config").length;
  }

  async function kill(): Promise<void> {
    if (running === undefined) return;
    signalIfAlive(running.pid, "SIGKILL");
    await running.ended();
    running = undefined;
  }

  return {
    port,
    url: `mqtts://127.0.0.1:${port}`,
    serverSecret: "",
    caFile: place("ca"),
    async allow(lines, acl = []) {
      await Deno.writeTextFile(place("passwords"), [...lines, ""].join("\n"));
      await Deno.writeTextFile(place("acl"), [...acl, ""].join("\n"));
      if (running === undefined) return await start();
      const before = reloads();
      signalIfAlive(running.pid, "SIGHUP");
      await waitFor("mosquitto to reload", () => reloads() > before);
    },
    kill,
    start,
    [Symbol.asyncDispose]: kill,
  };
}
