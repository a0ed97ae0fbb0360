/**
 * What `install` and `uninstall` do, as steps: pure, so that `--dry-run` shows exactly what would be
 * done, and so that the permissions follow from it.
 *
 * @module
 */
import type { Product } from "../product.ts";
import {
  clientSystemUnit,
  clientUserUnit,
  EXAMPLE_CONFIG,
  serverUnit,
  SYSUSERS,
  TMPFILES,
} from "./units.ts";

/** One step; programs that are not there are passed over with a word when `otherwise` says so. */
export type Step =
  | {
    readonly kind: "write";
    readonly path: string;
    readonly text: string;
    readonly mode: number;
    /** A file that is there stays as it is. */
    readonly keep?: boolean;
  }
  | {
    readonly kind: "copy";
    readonly from: string;
    readonly path: string;
    readonly mode: number;
  }
  | { readonly kind: "remove"; readonly path: string }
  /** Removes an own directory with all that is in it. */
  | { readonly kind: "removeTree"; readonly path: string }
  | {
    readonly kind: "run";
    readonly program: string;
    readonly args: readonly string[];
    /** `systemd`: only where systemd runs. `changed`: only when an earlier step changed something. */
    readonly when: readonly ("systemd" | "changed")[];
    /** Exit codes that are as good as 0. */
    readonly fine: readonly number[];
  };

/** For whom: root for the whole machine, or one user for themself. */
export type Scope =
  | { readonly kind: "machine"; readonly systemUser: string | undefined }
  | { readonly kind: "user"; readonly home: string };

/** What is installed. */
export interface Source {
  readonly product: Product;
  /** The executable, when it is all there is (compiled); else the directory with its parts. */
  readonly executable: string | undefined;
  readonly directory: string;
  readonly manual: string;
  readonly completion: string;
  readonly configurationManual: string;
}

/** Where things go, by scope. */
interface Places {
  readonly bin: string;
  readonly lib: string;
  readonly man: string;
  readonly completion: string;
}

/** Parts of an executable: Deno, bundles and shell parts. */
export function partsOf(name: Product["name"]): readonly string[] {
  const shared = [
    "cache.sh",
    "control.js",
    "deno",
    "flags.js",
    "launch.sh",
    "notices.txt",
    "run.sh",
  ];
  return name === "sinkd"
    ? [...shared, "client.js", "watch_worker.js"]
    : [...shared, "server.js"];
}

/** The script that runs what is in `lib`. */
export function installedLauncher(
  name: Product["name"],
  places: { readonly lib: string; readonly bin: string },
): string {
  return `#!/bin/sh
# ${name}, installed: runs what is in ${places.lib}.
set -euf
product=${name}
form=package
here=${shellWord(places.lib)}
cache=
self=${shellWord(places.bin)}
. "$here/launch.sh"
`;
}

/** Steps of `install`. */
export function installSteps(source: Source, scope: Scope): readonly Step[] {
  const { name } = source.product;
  const places = placesOf(name, scope);
  return [
    ...programSteps(source, places),
    write(`${places.man}/man1/${name}.1`, source.manual),
    write(`${places.completion}/${name}`, source.completion),
    ...(name === "sinkd"
      ? [
        write(`${places.man}/man5/sinkd.conf.5`, source.configurationManual),
        ...clientSteps(places, scope),
      ]
      : serverSteps(places)),
  ];
}

/** Steps of `uninstall`. */
export function uninstallSteps(
  product: Product,
  scope: Scope,
): readonly Step[] {
  const { name } = product;
  const places = placesOf(name, scope);
  const files = [
    ...(name === "sinkd" ? [`${places.man}/man5/sinkd.conf.5`] : []),
    `${places.man}/man1/${name}.1`,
    `${places.completion}/${name}`,
    places.bin,
  ];
  return [
    ...(name === "sinkd" ? clientEnd(scope) : serverEnd()),
    ...files.map(remove),
    { kind: "removeTree", path: places.lib },
  ];
}

/** Every path that the steps write, for the permissions. */
export function writtenBy(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case "write":
      case "copy":
        return [step.path, `${step.path}.new`];
      case "remove":
      case "removeTree":
        return [step.path];
      case "run":
        return [];
    }
  });
}

function programSteps(source: Source, places: Places): Step[] {
  const { executable, directory, product: { name } } = source;
  if (executable !== undefined) {
    return [{ kind: "copy", from: executable, path: places.bin, mode: 0o755 }];
  }
  return [
    ...partsOf(name).map((part): Step => ({
      kind: "copy",
      from: `${directory}/${part}`,
      path: `${places.lib}/${part}`,
      mode: part === "deno" ? 0o755 : 0o644,
    })),
    write(places.bin, installedLauncher(name, places), 0o755),
  ];
}

function serverSteps(places: Places): Step[] {
  const sysusers = "/etc/sysusers.d/sinkd-server.conf";
  const tmpfiles = "/etc/tmpfiles.d/sinkd-server.conf";
  return [
    write(sysusers, SYSUSERS),
    write(tmpfiles, TMPFILES),
    write("/etc/systemd/system/sinkd-server.service", serverUnit(places.bin)),
    run("systemd-sysusers", [sysusers]),
    run("systemd-tmpfiles", ["--create", tmpfiles]),
    ...started(["systemctl"], "sinkd-server.service"),
  ];
}

function serverEnd(): Step[] {
  return [
    ...stopped(["systemctl"], "sinkd-server.service"),
    ...[
      "/etc/systemd/system/sinkd-server.service",
      "/etc/tmpfiles.d/sinkd-server.conf",
      "/etc/sysusers.d/sinkd-server.conf",
      "/run/sinkd.pid",
      "/run/sinkd.sock",
    ].map(remove),
    run("systemctl", ["daemon-reload"], ["systemd"]),
  ];
}

function clientSteps(places: Places, scope: Scope): Step[] {
  if (scope.kind === "user") {
    return [
      write(
        `${scope.home}/.config/systemd/user/sinkd.service`,
        clientUserUnit(places.bin),
      ),
      ...started(["systemctl", "--user"], "sinkd.service"),
    ];
  }
  return [
    write("/etc/systemd/user/sinkd.service", clientUserUnit(places.bin)),
    write(
      "/etc/systemd/system/sinkd@.service",
      clientSystemUnit(places.bin),
    ),
    {
      kind: "write",
      path: "/etc/sinkd.conf",
      text: EXAMPLE_CONFIG,
      mode: 0o644,
      keep: true,
    },
    ...(scope.systemUser === undefined
      ? [run("systemctl", ["daemon-reload"], ["systemd"])]
      : started(["systemctl"], `sinkd@${scope.systemUser}.service`)),
  ];
}

function clientEnd(scope: Scope): Step[] {
  if (scope.kind === "user") {
    return [
      ...stopped(["systemctl", "--user"], "sinkd.service"),
      remove(`${scope.home}/.config/systemd/user/sinkd.service`),
      run("systemctl", ["--user", "daemon-reload"], ["systemd"]),
    ];
  }
  return [
    ...stopped(["systemctl"], "sinkd@*.service"),
    remove("/etc/systemd/user/sinkd.service"),
    remove("/etc/systemd/system/sinkd@.service"),
    run("systemctl", ["daemon-reload"], ["systemd"]),
  ];
}

function placesOf(name: Product["name"], scope: Scope): Places {
  const base = scope.kind === "machine" ? "/usr/local" : `${scope.home}/.local`;
  return {
    bin: `${base}/bin/${name}`,
    lib: `${base}/lib/${name}`,
    man: `${base}/share/man`,
    completion: `${base}/share/bash-completion/completions`,
  };
}

function started(systemctl: readonly string[], unit: string): Step[] {
  const [program = "", ...first] = systemctl;
  return [
    run(program, [...first, "daemon-reload"], ["systemd"]),
    run(program, [...first, "enable", unit], ["systemd"]),
    run(program, [...first, "restart", unit], ["systemd", "changed"]),
    run(program, [...first, "start", unit], ["systemd"]),
  ];
}

/** systemctl says 5 where there is no such unit. */
function stopped(systemctl: readonly string[], unit: string): Step[] {
  const [program = "", ...first] = systemctl;
  const disable = unit.includes("*") ? unit.replace("*", "") : unit;
  return [
    run(program, [...first, "stop", unit], ["systemd"], [1, 5]),
    run(program, [...first, "disable", disable], ["systemd"], [1, 5]),
  ];
}

function write(path: string, text: string, mode = 0o644): Step {
  return { kind: "write", path, text, mode };
}

function remove(path: string): Step {
  return { kind: "remove", path };
}

function run(
  program: string,
  args: readonly string[],
  when: readonly ("systemd" | "changed")[] = [],
  fine: readonly number[] = [],
): Step {
  return { kind: "run", program, args, when, fine };
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9/._-]+$/.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}
