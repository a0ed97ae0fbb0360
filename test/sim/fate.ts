/**
 * Fate: what happens to a simulated world that nobody in it does. Every trouble ends.
 *
 * @module
 */
import type { Stamp } from "../../lib/core/stamp.ts";
import type { FileSystem, Node } from "./file_system.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { Profile } from "./profile.ts";
import type { Random } from "./random.ts";
import type { Troubles } from "./troubles.ts";

/** What fate has a hand in. */
export interface FatePorts {
  readonly profile: Profile;
  readonly random: Random;
  readonly machines: readonly Machine[];
  readonly network: Network;
  readonly files: FileSystem;
  readonly troubles: Troubles;
  readonly serverDirectory: string;
  readonly note: (text: string) => void;
  /** Does something in so many milliseconds. */
  readonly later: (ms: number, label: string, work: () => void) => void;
  /** Breaks the data channels of a machine. */
  readonly cut: (machine: string) => void;
  /** The server forgets deletions up to now. */
  readonly prune: () => void;
  /** The server is killed, and starts again with what `change` made of its directory. */
  readonly restore: (change: () => void) => void;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Plans all that will happen. */
export function planFate(ports: FatePorts): void {
  const { profile, random, later } = ports;
  const spanMs = profile.startMs + profile.spanMs;
  const times = (count: number, label: string, work: () => void) => {
    for (let time = 0; time < count; time++) {
      const atMs = random.between(0, spanMs);
      if (random.happens(label)) later(atMs, label, work);
    }
  };
  times(profile.outages, "a link is down for a while", () => cutOff(ports));
  times(profile.bars, "a path cannot be read for a while", () => bar(ports));
  times(profile.fullDisks, "a disk is full for a while", () => fill(ports));
  times(profile.clockJumps, "a clock jumps", () => jump(ports));
  times(profile.prunes, "the server forgets deletions", () => forget(ports));
  times(
    profile.brokerOutages,
    "the broker is away for a while",
    () => stopBroker(ports),
  );
  times(profile.restores, "the server is restored", () => restore(ports));
}

function cutOff({ profile, random, machines, network, ...ports }: FatePorts) {
  const { name } = random.pick(machines);
  network.block(name);
  ports.cut(name);
  const longestMs = profile.prunes > 0 ? 20_000 : 5_000;
  ports.later(random.between(10, longestMs), "the outage ends", () => {
    // Whoever comes back is often older than what the server remembers.
    if (profile.prunes > 0 && random.chance(0.7)) forget(ports);
    network.unblock(name);
  });
}

function forget({ note, prune }: Pick<FatePorts, "note" | "prune">): void {
  note("server: forgets deletions");
  prune();
}

/** Some file or directory of a machine cannot be read; who mends that changes its mode. */
function bar({ random, machines, files, troubles, later, note }: FatePorts) {
  const { name, root } = random.pick(machines);
  const paths = [...files.tree(root).keys()];
  if (paths.length === 0) return;
  const path = `${root}/${random.pick(paths)}`;
  const end = troubles.bar(path);
  note(`${name}: ${path} cannot be read`);
  later(random.between(50, 8_000), "access again", () => {
    end();
    note(`${name}: ${path} can be read again`);
    files.onEvent({ path, kind: "written" });
  });
}

function fill({ random, machines, troubles, later, note }: FatePorts) {
  const name = random.pick(["server", ...machines.map(({ name }) => name)]);
  const end = troubles.fill(name);
  note(`${name}: the disk is full`);
  later(random.between(50, 6_000), "room again", () => {
    end();
    note(`${name}: there is room again`);
  });
}

function jump({ random, machines, troubles, note }: FatePorts) {
  const name = random.pick([
    ...["server", "server"],
    ...machines.map(({ name }) => name),
  ]);
  const farMs = random.pick([MINUTE_MS, 60 * MINUTE_MS, 2 * DAY_MS]);
  const byMs = random.between(1, farMs) * random.pick([-1, 1]);
  troubles.jump(name, byMs);
  note(`${name}: the clock jumps by ${byMs} ms`);
}

function stopBroker({ random, network, later, note }: FatePorts) {
  network.closeBroker();
  note("broker: is gone");
  later(random.between(100, 4_000), "the broker is back", () => {
    note("broker: is back");
    network.openBroker();
  });
}

/** The server's directory goes back to what it was; or only the record is lost. */
function restore({ random, files, later, note, ...ports }: FatePorts) {
  const { serverDirectory } = ports;
  const copy = files.tree(serverDirectory);
  const back = random.chance(0.6);
  const kept = new Map(
    [...copy].map(([path, node]) => [path, pictureOf(node)]),
  );
  later(random.between(100, 5_000), "a backup is brought back", () => {
    note(`server: ${back ? "an older copy is brought back" : "no record"}`);
    ports.restore(() => {
      if (back) bringBack(files, serverDirectory, kept);
    });
  });
}

type Picture =
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "link"; readonly target: string }
  | {
    readonly kind: "file";
    readonly content: number;
    readonly size: number;
    readonly mtimeMs: number;
    readonly mode: number;
  };

function pictureOf(node: Node): Picture {
  switch (node.kind) {
    case "directory":
      return { kind: "directory", mode: node.mode };
    case "link":
      return { kind: "link", target: node.target };
    case "file": {
      const { content, size, mtimeMs, mode } = node;
      return { kind: "file", content, size, mtimeMs, mode };
    }
  }
}

function bringBack(
  files: FileSystem,
  directory: string,
  kept: ReadonlyMap<string, Picture>,
): void {
  for (const path of [...files.tree(directory).keys()].reverse()) {
    files.remove(`${directory}/${path}`, true);
  }
  if (files.peek(`${directory}/.sinkd/incoming`) !== undefined) {
    files.remove(`${directory}/.sinkd/incoming`, true);
  }
  for (const [path, picture] of kept) {
    const full = `${directory}/${path}`;
    switch (picture.kind) {
      case "directory":
        files.makeDirectory(full, { recursive: false, mode: picture.mode });
        break;
      case "link":
        files.symlink(full, picture.target);
        break;
      case "file":
        files.write(full, picture);
    }
  }
}

/** A stamp that is later than `stamp`, for what is forgotten up to it. */
export function justAfter({ date, cycle }: Stamp): Stamp {
  return { date, cycle: cycle + 1 };
}
