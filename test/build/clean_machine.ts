/**
 * A clean Debian with systemd as its first process, in a container: none of this machine's programs,
 * no network but its own loopback, and whatever it changes is gone afterwards.
 *
 * @module
 */

const CHECKOUT = new URL("../../", import.meta.url).pathname;

/** Debian 12 and 13 as they are installed, without their security archive. */
export const RELEASES = ["bookworm", "trixie"] as const;
/** One of them. */
export type Release = typeof RELEASES[number];

const directoryOf = (release: Release) => `${CHECKOUT}.deno/clean/${release}`;
const LIMIT_S = 240;

const SERVICE = `[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/built/machine.sh "$(cat /built/phase)" >/built/out 2>&1; echo $? >/built/code; systemctl poweroff --no-block'
`;

/** Why no such machine can be had here; \`undefined\` when it can. */
export function missingForMachine(release: Release): string | undefined {
  if (Deno.uid() !== 0) return "root";
  if (!isThere(`${directoryOf(release)}/.whole`)) {
    return `a clean ${release}, which debootstrap could not make`;
  }
  const nspawn = ["/usr/bin/systemd-nspawn", "/bin/systemd-nspawn"];
  return nspawn.some(isThere) ? undefined : "systemd-nspawn";
}

/** Boots it with \`files\` (paths by their names in /built), runs machine.sh and gives what it said. */
export async function runOnCleanMachine(
  { release, phase }: {
    readonly release: Release;
    readonly phase: "install" | "packages";
  },
  files: ReadonlyMap<string, string>,
): Promise<{ readonly code: number; readonly said: string }> {
  const built = await Deno.makeTempDir({ prefix: "sinkd-machine-" });
  try {
    await Deno.mkdir(`${built}/newer`);
    for (const [name, path] of files) {
      await Deno.copyFile(path, `${built}/${name}`);
    }
    await Deno.copyFile(
      `${CHECKOUT}test/build/machine.sh`,
      `${built}/machine.sh`,
    );
    await Deno.writeTextFile(`${built}/phase`, phase);
    await Deno.writeTextFile(`${built}/check.service`, SERVICE);
    const { stdout, stderr } = await new Deno.Command("timeout", {
      args: [
        `${LIMIT_S}`,
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--private-network",
        "--volatile=overlay",
        `--machine=sinkd-${release}-${phase}`,
        `--bind=${built}:/built`,
        `--bind-ro=${built}/check.service:/etc/systemd/system/check.service`,
        `--directory=${directoryOf(release)}`,
        "--boot",
        "systemd.wants=check.service",
      ],
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    const console = decoder.decode(stdout) + decoder.decode(stderr);
    return {
      code: Number(textOf(`${built}/code`) ?? "99"),
      said: textOf(`${built}/out`) ?? `it said nothing; console: ${console}`,
    };
  } finally {
    await Deno.remove(built, { recursive: true });
  }
}

function textOf(path: string): string | undefined {
  return isThere(path) ? Deno.readTextFileSync(path) : undefined;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
