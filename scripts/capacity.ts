/**
 * The measurements of scripts/capacity: `capacity.ts SINKD DIRECTORY CLIENTS`.
 *
 * @module
 */
import { askControl } from "../lib/io/ask_control.ts";
import { Accounts } from "../lib/io/accounts.ts";
import { say } from "./demo_text.ts";
import { PlayedClient } from "./capacity_client.ts";

const USER_CLIENTS = 5;
const TURNS = 200;
const SIDE_BY_SIDE = 8;
const IDLE_MS = 30_000;
const TICKS_PER_SECOND = 100;

const [sinkd = "", directory = "", clientsText = "1000"] = Deno.args;
const clients = Number(clientsText);
const root = `${directory}/root`;
const pidFile = `${directory}/server.pid`;

interface Account {
  readonly user: string;
  readonly client: string;
  readonly secret: string;
}

/** Users and clients, as adduser and join make them. */
function makeAccounts(): Account[] {
  Deno.mkdirSync(`${root}/.sinkd`, { recursive: true, mode: 0o700 });
  const made: Account[] = [];
  for (let user = 0; made.length < clients; user++) {
    using accounts = Accounts.create(root, `u${user}`);
    for (let each = 0; each < USER_CLIENTS && made.length < clients; each++) {
      const nowMs = Date.now();
      const token = accounts.createJoinToken(nowMs);
      const client = `c${each}`;
      const joined = accounts.redeem(token, client, { host: "played", nowMs });
      if (joined.kind === "refused") throw new Error(joined.reason);
      made.push({ user: `u${user}`, client, secret: joined.secret });
    }
  }
  return made;
}

/** Processor time of the server so far with that of its rsyncs, in ms, and its memory in MiB. */
function look(pid: number): { cpuMs: number; memoryMib: number } {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce(
    (sum, text) => sum + Number(text),
    0,
  );
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(status) ?? [];
  return {
    cpuMs: ticks * 1000 / TICKS_PER_SECOND,
    memoryMib: Number(kib) / 1024,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function idle(
  pid: number,
): Promise<{ percent: number; memoryMib: number }> {
  const before = look(pid);
  const fromMs = performance.now();
  await pause(IDLE_MS);
  const after = look(pid);
  const percent = (after.cpuMs - before.cpuMs) /
    (performance.now() - fromMs) * 100;
  return { percent, memoryMib: after.memoryMib };
}

/** Turns of several users at a time; the server's processor time for each, in ms. */
async function turns(
  pid: number,
  played: readonly PlayedClient[],
  bytes: number,
): Promise<{ cpuMs: number; perSecond: number }> {
  const before = look(pid);
  const fromMs = performance.now();
  const lanes = played.slice(0, SIDE_BY_SIDE);
  await Promise.all(lanes.map(async (client) => {
    for (let turn = 0; turn < TURNS / SIDE_BY_SIDE; turn++) {
      await client.turn(bytes);
    }
  }));
  const perSecond = TURNS / ((performance.now() - fromMs) / 1000);
  return { cpuMs: (look(pid).cpuMs - before.cpuMs) / TURNS, perSecond };
}

function percent({ percent }: { readonly percent: number }): string {
  return `${percent.toFixed(1)} %`;
}

const accounts = makeAccounts();
const server = new Deno.Command(sinkd, {
  args: ["server", "--root", root, "--listen", "127.0.0.1:0", "--pid", pidFile],
  stdin: "null",
  stdout: "null",
  stderr: "null",
}).spawn();
try {
  let report = await askControl(`${directory}/server.sock`, {
    command: "status",
  });
  for (let looks = 0; report?.ok !== true && looks < 2400; looks++) {
    await pause(50);
    report = await askControl(`${directory}/server.sock`, {
      command: "status",
    });
  }
  const status = report?.ok === true ? report.report : undefined;
  if (status?.role !== "server") throw new Error("the server did not start");
  const { pid, listen } = status;
  const certPem = Deno.readTextFileSync(`${root}/.sinkd/certificate.pem`);

  const alone = await idle(pid);
  say(
    `No client: ${percent(alone)} of a core, ${alone.memoryMib.toFixed(0)} MiB`,
  );

  const played: PlayedClient[] = [];
  const to = { address: listen, certPem, directory };
  const connect = async (some: readonly Account[]) => {
    for (let at = 0; at < some.length; at += SIDE_BY_SIDE) {
      played.push(
        ...await Promise.all(
          some.slice(at, at + SIDE_BY_SIDE).map((account) =>
            PlayedClient.open({ ...account, ...to })
          ),
        ),
      );
    }
  };
  // One of each user: turns of one user wait for each other.
  const ofUsers = accounts.filter((_, at) => at % USER_CLIENTS === 0)
    .slice(0, SIDE_BY_SIDE);
  await connect(ofUsers);
  for (
    const [name, bytes] of [
      ["a new directory", 0],
      ["a file of 1 KiB, with rsync", 1024],
    ] as const
  ) {
    const { cpuMs, perSecond } = await turns(pid, played, bytes);
    say(
      `A turn with ${name}: ${cpuMs.toFixed(0)} ms of a core; here ${
        perSecond.toFixed(0)
      } a second`,
    );
  }

  const before = look(pid);
  const others = accounts.filter((account) => !ofUsers.includes(account));
  await connect(others);
  const logins = look(pid).cpuMs - before.cpuMs;
  say(`A login with TLS: ${(logins / others.length).toFixed(1)} ms of a core`);
  const full = await idle(pid);
  const eachKib = (full.memoryMib - before.memoryMib) * 1024 / others.length;
  say(
    `${clients} clients with nothing to do: ${percent(full)} of a core, ${
      full.memoryMib.toFixed(0)
    } MiB, ${eachKib.toFixed(0)} KiB each`,
  );
  await Promise.all(played.map((client) => client[Symbol.asyncDispose]()));
} finally {
  server.kill("SIGTERM");
  await server.status;
}
