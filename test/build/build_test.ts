import assert from "node:assert/strict";
import { ENVIRONMENT_NAMES } from "../../lib/cli/context.ts";
import { commandsOf, inWordsOf, type Product } from "../../lib/cli/product.ts";
import { COMMANDS } from "../../lib/cli/table.ts";
import { BAKED_FLAGS } from "../../scripts/package/compile.ts";
import { VERSION } from "../../lib/version.ts";
import {
  missingForMachine,
  RELEASES,
  runOnCleanMachine,
} from "./clean_machine.ts";
import { LACKS_ROOT, lacksProgram, testUnless } from "../support/needs.ts";
import { build, DIST, run, type Said } from "./executable.ts";

const SERVER = `${DIST}/sinkd-server`;
const CLIENT = `${DIST}/sinkd`;
const CACHE = `${DIST}/.cache`;
const ENV = { SINKD_CACHE: CACHE };
const NOBODY = 65534;
const isRoot = Deno.uid() === 0;
const CHECKOUT = new URL("../../", import.meta.url).pathname;

async function inDirectory(
  work: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "sinkd-package-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function isHere(program: string): boolean {
  const places = ["/usr/bin", "/bin", "/usr/sbin"];
  return places.some((place) => {
    try {
      return Deno.statSync(`${place}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

function fine({ code, err }: Said): void {
  assert.equal(code, 0, err);
}

/** What is built, and all that is needed for it but Deno. */
const SOURCES = "lib scripts main.ts deno.json deno.lock LICENSE README.md"
  .split(" ");

// The other tests run what scripts/test built before.
Deno.test("scripts/build gives the same bytes anywhere, whenever, whoever builds, with checksums and a bill of materials", () =>
  inDirectory(async (directory) => {
    for (const name of SOURCES) {
      fine(await run("cp", ["-r", `${CHECKOUT}${name}`, directory]));
    }
    await Deno.symlink(`${CHECKOUT}.deno`, `${directory}/.deno`);
    const args = isHere("dpkg-deb") ? ["--packages"] : [];
    const script = 'umask 077; exec scripts/build --form portable "$@"';
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", script, "sh", ...args],
      cwd: directory,
      env: { TZ: "Asia/Tokyo", DENO_DIR: `${CHECKOUT}.deno/cache` },
    }).output();
    const decoder = new TextDecoder();
    assert.ok(success, decoder.decode(stderr));
    const out = decoder.decode(stdout);
    assert.match(out, /dist\/sinkd-server: portable form .*, \d+\.\d MiB\n/);
    assert.match(out, /dist\/sinkd: portable form .*, \d+\.\d MiB\n/);
    const sums = await Deno.readTextFile(`${directory}/dist/SHA256SUMS`);
    const here = await Deno.readTextFile(`${DIST}/SHA256SUMS`);
    for (const line of sums.trim().split("\n")) {
      assert.ok(here.split("\n").includes(line), `${line}\n${here}`);
    }
    const built = [...Deno.readDirSync(`${directory}/dist`)]
      .filter(({ isFile }) => isFile).map(({ name }) => name).sort();
    const summed = sums.trim().split("\n").map((line) => line.slice(66));
    assert.deepEqual([...summed, "SHA256SUMS"].sort(), built);
    const check = await new Deno.Command("sha256sum", {
      args: ["--check", "--quiet", "SHA256SUMS"],
      cwd: DIST,
    }).output();
    assert.ok(check.success, decoder.decode(check.stdout));
    const [bill = ""] = built.filter((name) => name.endsWith(".cdx.json"));
    const { bomFormat, specVersion, components } = JSON.parse(
      await Deno.readTextFile(`${DIST}/${bill}`),
    );
    assert.deepEqual([bomFormat, specVersion], ["CycloneDX", "1.6"]);
    for (const name of ["deno", "mqtt", "zod", "aedes"]) {
      const part = components.find((one: { name: string }) =>
        one.name === name
      );
      assert.match(part?.version ?? "", /^\d/, name);
      assert.match(part.hashes[0].content, /^[0-9a-f]{64,128}$/, name);
      assert.equal(part.licenses[0].license.id, "MIT", name);
    }
  }));

Deno.test("scripts/build --form compile goes as far as a runtime that is not denort lets it", async () => {
  const { code, err } = await build(["--form", "compile"], {
    DENORT_BIN: Deno.execPath(),
  });
  assert.equal(code, 1);
  assert.match(err, /sinkd-server was compiled, .* is not denort\n$/);
  const made = await Deno.readFile(`${DIST}/.work/compiled/sinkd-server`);
  const text = new TextDecoder("latin1").decode(made.subarray(-16_000_000));
  assert.match(text, /"argv":\["sinkd-server","compiled"\]/);
  assert.match(text, /"unstable_config".{0,200}worker-options/);
});

Deno.test("scripts/build says what is wrong with its arguments", async () => {
  const { code, err } = await build(["--form", "tablet"]);
  assert.equal(code, 2);
  assert.equal(
    err,
    "build: --form must be compile or portable; see 'scripts/build --help'\n",
  );
});

for (
  const [program, name] of [[SERVER, "sinkd-server"], [
    CLIENT,
    "sinkd",
  ]] as const
) {
  Deno.test(`${name} --version tells form, Deno and rsync`, async () => {
    const { code, out } = await run(program, ["--version"], { env: ENV });
    assert.equal(code, 0);
    assert.match(
      out,
      new RegExp(
        `^${name} ${VERSION} \\(portable, deno \\d+\\.\\d+\\.\\d+, rsync \\d+\\.\\d+\\.\\d+\\)\\n$`,
      ),
    );
  });

  Deno.test(`${name} has every command of its own, and not the other's`, async () => {
    const product: Product = { name, form: "portable" };
    const own = commandsOf(product, COMMANDS);
    const lines = own.map(({ words }) =>
      inWordsOf(product, ["sinkd", ...words].join(" ")).split(" ").slice(1)
    );
    const helps = lines.map((words) =>
      run(program, [...words, "--help"], { env: ENV })
    );
    for (const [at, help] of (await Promise.all(helps)).entries()) {
      fine(help);
      const wanted = ["Usage:", name, ...lines[at] ?? []].join(" ");
      const general = lines[at]?.length === 0;
      assert.ok(help.out.includes(general ? `Usage: ${name}` : wanted), wanted);
    }
    const wrong = await run(program, [name === "sinkd" ? "adduser" : "join"], {
      env: ENV,
    });
    assert.equal(wrong.code, 2);
  });
}

Deno.test("executables exit as the checkout's program does", async () => {
  const pid = ["--pid", "/nonexistent/sinkd.pid"];
  const codes: readonly [string, readonly string[], number, RegExp][] = [
    [CLIENT, ["status", ...pid], 3, /^sinkd: Nothing runs here/],
    [SERVER, ["status", ...pid], 3, /'sinkd-server start'/],
    [CLIENT, ["dance"], 2, /^sinkd: Unknown command 'dance'/],
    [SERVER, ["--dance"], 2, /see 'sinkd-server --help'/],
    [CLIENT, ["client", "--dance"], 2, /^sinkd: Unknown option/],
    [
      SERVER,
      ["users", "--root", "/nonexistent"],
      2,
      /there is no such directory; .* sinkd-server start --root/,
    ],
  ];
  for (const [program, args, code, said] of codes) {
    const result = await run(program, args, { env: { ...ENV, HOME: "/" } });
    assert.equal(result.code, code, `${program} ${args.join(" ")}`);
    assert.match(result.err, said);
  }
});

Deno.test("sinkd server starts the server's executable beside it", async () => {
  const { code, out } = await run(CLIENT, ["server", "--version"], {
    env: ENV,
  });
  assert.equal(code, 0);
  assert.match(out, /^sinkd-server /);
});

Deno.test("executables give status the same permissions with and without a look at the line", async () => {
  const runs = [...Deno.readDirSync(CACHE)].map(({ name }) => name)
    .filter((name) => /^[0-9a-f]{64}$/.test(name));
  const here = runs.map((name) => `${CACHE}/${name}`).find((directory) => {
    const sealed = Deno.readTextFileSync(CLIENT.replace(/$/, "")).slice(
      0,
      8000,
    );
    return sealed.includes(directory.slice(-64));
  });
  assert.ok(here !== undefined);
  const show = `
    set -euf
    here=$1 product=sinkd form=portable self=/x/sinkd cache=${CACHE} uid=$(id -u)
    shift
    eval "$(sed -e '/^case $product/,$d' -e '/^run_program/d' "$here/launch.sh")"
    if [ "$1" = slow ]; then status_flags() { return 1; }; fi
    shift
    eval "set -- $(permission_flags "$@")"
    printf '%s\\n' "$@"
  `;
  const lines = [
    ["status"],
    ["status", "--json"],
    ["status", "--watch", "--json"],
    ["status", "--pid", "/run/x.pid"],
  ];
  const places: readonly Record<string, string>[] = [
    {},
    { XDG_RUNTIME_DIR: "/run/user/7" },
    { XDG_RUNTIME_DIR: "/run/user/7", USER: "bob" },
    { USER: "../bob" },
  ];
  for (const uid of isRoot ? [undefined, NOBODY] : [undefined]) {
    for (const line of lines) {
      for (const env of places) {
        const flags = async (way: string) => {
          const said = await run("sh", ["-c", show, "sh", here, way, ...line], {
            env: { ...env, HOME: "/" },
            ...(uid === undefined ? {} : { uid }),
          });
          fine(said);
          return said.out.split("\n").filter((flag) => flag !== "--no-prompt")
            .toSorted();
        };
        assert.deepEqual(await flags("fast"), await flags("slow"), `${line}`);
      }
    }
  }
  assert.ok(ENVIRONMENT_NAMES.includes("USER"));
});

Deno.test("executables unpack once when several start at the same time", () =>
  inDirectory(async (directory) => {
    const env = { SINKD_CACHE: `${directory}/cache` };
    const starts = Array.from(
      { length: 3 },
      () => run(CLIENT, ["--version"], { env }),
    );
    for (const said of await Promise.all(starts)) fine(said);
    const names = [...Deno.readDirSync(env.SINKD_CACHE)].map(({ name }) =>
      name
    );
    assert.equal(names.filter((name) => /^[0-9a-f]{64}$/.test(name)).length, 1);
    assert.equal(names.some((name) => name.startsWith("new.")), false);
  }));

Deno.test("executables refuse to run from a cache that others may write", () =>
  inDirectory(async (directory) => {
    const open = `${directory}/open`;
    await Deno.mkdir(open);
    await Deno.chmod(open, 0o777);
    await Deno.mkdir(`${directory}/own`, { mode: 0o700 });
    await Deno.symlink(`${directory}/own`, `${directory}/link`);
    for (const cache of [open, `${directory}/link`, "relative"]) {
      const { code } = await run(CLIENT, ["--version"], {
        env: { SINKD_CACHE: cache, TMPDIR: open },
      });
      // It then takes one of its own below TMPDIR.
      assert.equal(code, 0);
      const names = [...Deno.readDirSync(open)].map(({ name }) => name);
      assert.deepEqual(names, [`sinkd-${Deno.uid()}`]);
      assert.deepEqual([...Deno.readDirSync(`${directory}/own`)], []);
    }
    const own = `${open}/sinkd-${Deno.uid()}`;
    await Deno.chmod(own, 0o770);
    const { code, err } = await run(CLIENT, ["--version"], {
      env: { SINKD_CACHE: open, TMPDIR: open },
    });
    assert.equal(code, 1);
    assert.match(
      err,
      /^sinkd: Cannot unpack: found no directory .* SINKD_CACHE\n$/,
    );
  }));

testUnless(LACKS_ROOT)(
  "executables pass over a cache of another account and one without exec",
  () =>
    inDirectory(async (directory) => {
      await Deno.chmod(directory, 0o755);
      for (const name of ["theirs", "noexec", "tmp"]) {
        await Deno.mkdir(`${directory}/${name}`);
      }
      await Deno.chmod(`${directory}/tmp`, 0o1777);
      await Deno.chown(`${directory}/theirs`, 1, 1);
      fine(
        await run("mount", [
          "-t",
          "tmpfs",
          "-o",
          "noexec,mode=0700",
          "tmpfs",
          `${directory}/noexec`,
        ]),
      );
      try {
        await Deno.chown(`${directory}/noexec`, NOBODY, NOBODY);
        for (const name of ["theirs", "noexec"]) {
          const said = await run(CLIENT, ["--version"], {
            env: {
              SINKD_CACHE: `${directory}/${name}`,
              TMPDIR: `${directory}/tmp`,
            },
            uid: NOBODY,
          });
          fine(said);
          const left = [...Deno.readDirSync(`${directory}/${name}`)];
          assert.deepEqual(left, []);
        }
      } finally {
        fine(await run("umount", [`${directory}/noexec`]));
      }
    }),
);

Deno.test("executables that were cut short say so", () =>
  inDirectory(async (directory) => {
    const whole = await Deno.readFile(CLIENT);
    const cut = `${directory}/sinkd`;
    await Deno.writeFile(cut, whole.subarray(0, whole.length - 1000), {
      mode: 0o755,
    });
    const { code, err } = await run(cut, ["--version"], {
      env: { SINKD_CACHE: `${directory}/cache` },
    });
    assert.equal(code, 1);
    assert.match(
      err,
      /^sinkd: Cannot unpack .*: it is damaged; get it again\n$/,
    );
  }));

Deno.test("sinkd install and uninstall go round for one user", () =>
  inDirectory(async (directory) => {
    if (isRoot) await Deno.chown(directory, NOBODY, NOBODY);
    const options = {
      env: { HOME: directory, XDG_CACHE_HOME: `${directory}/cache` },
      ...(isRoot ? { uid: NOBODY } : {}),
    };
    const files = async () => {
      const { out } = await run("find", [
        directory,
        "-type",
        "f",
        "!",
        "-path",
        `${directory}/cache/*`,
      ]);
      return out.split("\n").filter((line) => line !== "");
    };
    const dry = await run(CLIENT, ["install", "--dry-run"], options);
    fine(dry);
    assert.deepEqual(await files(), []);
    const first = await run(CLIENT, ["install"], options);
    fine(first);
    assert.equal(
      first.out.replaceAll(/^write /gm, "would write ").split("Installed")[0],
      dry.out,
    );
    const installed = `${directory}/.local/bin/sinkd`;
    const version = await run(installed, ["--version"], options);
    assert.match(version.out, /\(package, /);
    const again = await run(installed, ["install"], options);
    fine(again);
    assert.doesNotMatch(again.out, /^write/m);
    fine(await run(installed, ["uninstall"], options));
    assert.deepEqual(await files(), []);
  }));

testUnless(lacksProgram("lintian"))(
  "packages give lintian no reason for an error",
  async () => {
    const packages = [...Deno.readDirSync(DIST)].map(({ name }) => name)
      .filter((name) => name.endsWith(".deb"));
    assert.equal(packages.length, 2);
    const said = await run("lintian", [
      "--fail-on=error",
      ...packages.map((name) => `${DIST}/${name}`),
    ]);
    assert.equal(said.code, 0, said.out);
  },
);

/** The launchers that a compiled executable would be: the same bundles and baked permissions. */
async function makeEmulated(): Promise<string> {
  const directory = `${DIST}/.work/emulated`;
  await Deno.mkdir(directory, { recursive: true });
  for (const name of ["sinkd", "sinkd-server"]) {
    const other = name === "sinkd"
      ? `if [ "\${1:-}" = server ]; then shift; exec "$here/sinkd-server" "$@"; fi`
      : "";
    await Deno.writeTextFile(
      `${directory}/${name}`,
      `#!/bin/sh
here=${directory}
[ -z "\${SINKD_LOG:-}" ] || exec >>"$SINKD_LOG" 2>&1
unset SINKD_LOG
${other}
export SINKD_LAUNCHER="$here/${name}" DENO_DIR=${CACHE}/deno
exec ${Deno.execPath()} run -q --no-remote --no-npm --no-config --no-lock \\
  ${
        BAKED_FLAGS.join(" ")
      } ${DIST}/.work/bundles/compiled.js ${name} compiled "$@"
`,
      { mode: 0o755 },
    );
  }
  return "dist/.work/emulated";
}

Deno.test("sinkd join - reads the link from standard input, in each form", async () => {
  for (const program of [CLIENT, `${CHECKOUT}${await makeEmulated()}/sinkd`]) {
    await inDirectory(async (home) => {
      const child = new Deno.Command(program, {
        args: ["join", "-", "--state", `${home}/state`],
        clearEnv: true,
        env: { PATH: "/usr/bin:/bin", HOME: home, ...ENV },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      const link = `sinkd://alice:${"t".repeat(43)}@127.0.0.1:1#${
        "0".repeat(64)
      }`;
      await writer.write(new TextEncoder().encode(`${link}\n`));
      await writer.close();
      const { code, stderr } = await child.output();
      const said = new TextDecoder().decode(stderr);
      assert.equal(code, 1, said);
      assert.match(said, /127\.0\.0\.1:1/);
    });
  }
});

/** scripts/test runs all of them with the portable form; SINKD_PACKAGE_E2E=test/e2e does here too. */
const E2E = {
  checkout: "test/e2e/commands_test.ts",
  compiled: "test/e2e/changes_embedded_test.ts test/e2e/commands_test.ts",
};

for (const form of ["checkout", "compiled"] as const) {
  Deno.test(`end-to-end tests that scripts/test runs portable pass ${form}`, async () => {
    const rooms = Deno.env.get("SINKD_PACKAGE_E2E") ?? E2E[form];
    const under = form === "checkout" ? "scripts" : await makeEmulated();
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: ["test", "-A", "--no-check", "--quiet", ...rooms.split(" ")],
        cwd: CHECKOUT,
        env: { SINKD_UNDER_TEST: under, NO_COLOR: "1" },
      },
    ).output();
    const decoder = new TextDecoder();
    assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
  });
}

/** The packages once more under a later version. */
async function newerPackages(directory: string): Promise<Map<string, string>> {
  const script = `
    dpkg-deb -R "$1" "$2/tree"
    sed -i 's/^Version: .*/&+next/' "$2/tree/DEBIAN/control"
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$2/tree" "$3"
    rm -rf "$2/tree"
  `;
  const files = new Map<string, string>();
  for (const { name } of Deno.readDirSync(DIST)) {
    if (!name.endsWith(".deb")) continue;
    files.set(name, `${DIST}/${name}`);
    const newer = `${directory}/${name}`;
    fine(
      await run("sh", [
        "-euc",
        script,
        "sh",
        `${DIST}/${name}`,
        directory,
        newer,
      ]),
    );
    files.set(`newer/${name}`, newer);
  }
  return files;
}

for (const release of RELEASES) {
  const test = testUnless(missingForMachine(release));

  test(`executables install, sync as services and uninstall on a clean ${release}`, async () => {
    const files = new Map([["sinkd", CLIENT], ["sinkd-server", SERVER]]);
    const phase = "install";
    const { code, said } = await runOnCleanMachine({ release, phase }, files);
    assert.equal(code, 0, said);
    assert.match(said, /ok: uninstall leaves the files and nothing else\n$/);
  });

  test(`packages install, upgrade, sync as services and purge on a clean ${release}`, () =>
    inDirectory(async (directory) => {
      const files = await newerPackages(directory);
      const phase = "packages";
      const { code, said } = await runOnCleanMachine({ release, phase }, files);
      assert.equal(code, 0, said);
      assert.match(said, /ok: purge leaves the files and nothing else\n$/);
    }));
}
