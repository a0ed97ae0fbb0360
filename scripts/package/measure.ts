/**
 * `scripts/measure`: sizes, start-up times and memory of the executables in `dist/`, as a table.
 *
 * @module
 */
import { DIST, run, say } from "./checkout.ts";

const RUNS = 21;
/** Exit codes that are answers too: not in step, nothing runs. */
const ANSWERS: readonly number[] = [0, 1, 3];

async function timeMs(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const fromMs = performance.now();
  const { code, stderr } = await new Deno.Command(program, {
    args: [...args],
    env,
    stdin: "null",
  }).output();
  if (ANSWERS.includes(code)) return performance.now() - fromMs;
  throw new Error(
    `Cannot time ${program}: ${new TextDecoder().decode(stderr).trim()}`,
  );
}

async function medianMs(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < RUNS; turn++) {
    times.push(await timeMs(program, args, env));
  }
  return times.toSorted((left, right) => left - right)[RUNS >> 1] ?? NaN;
}

function row(what: string, value: string): void {
  say(`${what.padEnd(58)} ${value.padStart(10)}`);
}

async function sizes(): Promise<void> {
  const names = [...Deno.readDirSync(DIST)].filter(({ isFile }) => isFile)
    .map(({ name }) => name).toSorted();
  for (const name of names) {
    const { size } = await Deno.stat(`${DIST}/${name}`);
    row(`size of dist/${name}`, `${(size / 2 ** 20).toFixed(1)} MiB`);
  }
}

/** Resident memory of a process, in MiB. */
async function memory(pidFile: string): Promise<string> {
  const pid = (await Deno.readTextFile(pidFile)).trim();
  const kib = Number(await run("ps", ["-o", "rss=", "-p", pid]));
  return `${(kib / 1024).toFixed(0)} MiB`;
}

const directory = await Deno.makeTempDir({ prefix: "sinkd-measure-" });
const env = {
  HOME: directory,
  SINKD_CACHE: `${directory}/cache`,
  XDG_RUNTIME_DIR: directory,
};
const client = `${DIST}/sinkd`;
const server = `${DIST}/sinkd-server`;
const serverPid = `${directory}/server.pid`;
const clientPid = `${directory}/sinkd.pid`;
const root = `${directory}/root`;
const sinkd = (program: string, ...args: string[]) =>
  run(program, args, { env });

try {
  await sizes();
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  row(
    "first start of sinkd: unpack, --version",
    ms(await timeMs(client, ["--version"], env)),
  );
  row(
    "sinkd --version (runs rsync)",
    ms(await medianMs(client, ["--version"], env)),
  );
  row(
    "sinkd status, nothing runs",
    ms(await medianMs(client, ["status"], env)),
  );
  await sinkd(
    server,
    "start",
    "--root",
    root,
    "--listen",
    "127.0.0.1:0",
    "--pid",
    serverPid,
  );
  const report = JSON.parse(
    await sinkd(server, "status", "--json", "--pid", serverPid),
  );
  const link = await sinkd(
    server,
    "adduser",
    "alice",
    "--root",
    root,
    "--address",
    report.listen,
  );
  const own = ["--pid", clientPid];
  const state = ["--state", `${directory}/state`];
  await sinkd(client, "join", link.trim(), "--name", "a", ...state);
  await Deno.mkdir(`${directory}/docs`);
  await sinkd(client, "add", `${directory}/docs`);
  await sinkd(client, "client", "start", ...state, ...own);
  row(
    "sinkd status of a client",
    ms(await medianMs(client, ["status", ...own], env)),
  );
  row(
    "sinkd status of a client, run by Deno without the launcher",
    ms(await bareStatusMs(own)),
  );
  row("memory of the server, one client", await memory(serverPid));
  row("memory of the client", await memory(clientPid));
} finally {
  await stopIfRunning(clientPid, "client");
  await stopIfRunning(serverPid, "server");
  await Deno.remove(directory, { recursive: true });
}

/** What the launcher adds is the difference to this. */
async function bareStatusMs(own: readonly string[]): Promise<number> {
  const [unpacked = ""] = [...Deno.readDirSync(env.SINKD_CACHE)]
    .map(({ name }) => `${env.SINKD_CACHE}/${name}`)
    .filter((path) => hasFile(`${path}/client.js`));
  const socket = `${directory}/sinkd.sock`;
  const flags = [
    "--no-prompt",
    "--no-remote",
    "--no-npm",
    "--no-config",
    "--no-lock",
    "--allow-env",
    "--allow-sys=uid",
    `--allow-read=${socket}`,
    `--allow-write=${socket}`,
    `--allow-net=unix:${socket}`,
  ];
  return await medianMs(`${unpacked}/deno`, [
    "run",
    ...flags,
    `${unpacked}/control.js`,
    "sinkd",
    "portable",
    "status",
    ...own,
  ], { ...env, DENO_DIR: `${env.SINKD_CACHE}/deno` });
}

function hasFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function stopIfRunning(
  pidFile: string,
  role: "client" | "server",
): Promise<void> {
  if (!hasFile(pidFile)) return;
  await (role === "client"
    ? sinkd(client, "client", "stop", "--pid", pidFile)
    : sinkd(server, "stop", "--pid", pidFile));
}
