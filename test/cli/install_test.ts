import assert from "node:assert/strict";
import { lacksProgram, testUnless } from "../support/needs.ts";
import { parseArguments } from "../../lib/cli/arguments.ts";
import type { Surroundings } from "../../lib/cli/context.ts";
import { bashCompletion } from "../../lib/cli/install/completion.ts";
import { configurationPage, manualPage } from "../../lib/cli/install/manual.ts";
import { type Step, writtenBy } from "../../lib/cli/install/plan.ts";
import { plannedSteps, scopeOf } from "../../lib/cli/install/planned.ts";
import {
  clientSystemUnit,
  clientUserUnit,
  EXAMPLE_CONFIG,
  serverUnit,
} from "../../lib/cli/install/units.ts";
import { lineGrants } from "../../lib/cli/line_grants.ts";
import {
  commandsOf,
  inWordsOf,
  type Product,
  tableWords,
} from "../../lib/cli/product.ts";
import { COMMANDS } from "../../lib/cli/table.ts";
import { parseFileValues } from "../../lib/core/config_schema.ts";
import { parse } from "smol-toml";

const SERVER: Product = { name: "sinkd-server", form: "portable" };
const CLIENT: Product = { name: "sinkd", form: "portable" };
const FROM = "/cache/abc";

function around(uid: number): Surroundings {
  const variable = (name: string) =>
    name === "HOME" ? "/home/alice" : undefined;
  return { uid, directory: "/", variable };
}

function programOf(product: Product) {
  return { product, commands: commandsOf(product, COMMANDS) };
}

function given(product: Product, line: string) {
  const program = programOf(product);
  const parsed = parseArguments(
    tableWords(product, line.split(" ")),
    program.commands,
  );
  assert.ok(parsed.kind === "run", line);
  return parsed.given;
}

function steps(
  product: Product,
  uid: number,
  line = "install",
): readonly Step[] {
  const scope = scopeOf(given(product, line), around(uid), product);
  const what = line.startsWith("uninstall") ? "uninstall" : "install";
  return plannedSteps(what, programOf(product), scope, FROM);
}

const mappings: readonly [readonly string[], readonly string[]][] = [
  [[], ["server"]],
  [["--listen", "0.0.0.0:1"], ["server", "--listen", "0.0.0.0:1"]],
  [["adduser", "alice"], ["server", "adduser", "alice"]],
  [["server", "start"], ["server", "start"]],
  [["stop"], ["server", "stop"]],
  [["status", "--json"], ["status", "--json"]],
  [["install"], ["install"]],
  [["--version"], ["--version"]],
  [["--help"], ["help"]],
  [["help", "adduser"], ["help", "server", "adduser"]],
];

for (const [typed, wanted] of mappings) {
  Deno.test(`tableWords() makes '${wanted.join(" ")}' of sinkd-server ${typed.join(" ")}`, () => {
    assert.deepEqual(tableWords(SERVER, typed), wanted);
    assert.deepEqual(tableWords(CLIENT, typed), typed);
  });
}

Deno.test("inWordsOf() writes commands as the executable's user types them", () => {
  const text = "run 'sinkd server adduser', 'sinkd status' or 'sinkd add'";
  assert.equal(
    inWordsOf(SERVER, text),
    "run 'sinkd-server adduser', 'sinkd-server status' or 'sinkd add'",
  );
  assert.equal(
    inWordsOf(CLIENT, text),
    "run 'sinkd-server adduser', 'sinkd status' or 'sinkd add'",
  );
  assert.equal(inWordsOf({ name: "sinkd", form: "checkout" }, text), text);
});

Deno.test("uninstall takes away all that install writes, but the configuration", () => {
  for (
    const [product, uid] of [[SERVER, 0], [CLIENT, 0], [CLIENT, 1000]] as const
  ) {
    const written = steps(product, uid).flatMap((step) =>
      step.kind === "write" || step.kind === "copy" ? [step.path] : []
    ).filter((path) => path !== "/etc/sinkd.conf");
    const removed = steps(product, uid, "uninstall").flatMap((step) =>
      step.kind === "remove" || step.kind === "removeTree" ? [step.path] : []
    );
    const left = written.filter((path) =>
      !removed.some((gone) => path === gone || path.startsWith(`${gone}/`))
    );
    assert.deepEqual(left, []);
  }
});

Deno.test("install of one user writes below the home directory and never as root", () => {
  const paths = writtenBy(steps(CLIENT, 1000));
  assert.ok(paths.every((path) => path.startsWith("/home/alice/")));
  assert.throws(
    () => steps(SERVER, 1000),
    /Only root can install sinkd-server/,
  );
  assert.throws(() => steps(CLIENT, 1000, "install --system bob"), /Only root/);
  assert.ok(steps(SERVER, 1000, "install --dry-run").length > 0);
  assert.throws(
    () => steps(CLIENT, 0, "install --system ../x"),
    /no such user/,
  );
  assert.throws(
    () => steps(SERVER, 0, "install --system bob"),
    /for the client/,
  );
});

Deno.test("install gets permission for what it writes and runs alone", async () => {
  const grants = await lineGrants(["install"], around(0), {
    ...programOf(SERVER),
    modules: `${FROM}/`,
    launcher: "/x",
  });
  assert.deepEqual(grants.run, [
    "systemd-sysusers",
    "systemd-tmpfiles",
    "systemctl",
  ]);
  assert.deepEqual(grants.net, []);
  assert.ok(grants.write.every((path) => /^\/(usr\/local|etc)\//.test(path)));
  const refused = await lineGrants(["install"], around(1000), {
    ...programOf(SERVER),
    modules: `${FROM}/`,
    launcher: "/x",
  });
  assert.deepEqual(refused.write, []);
});

Deno.test("install out of a package or a checkout is refused", () => {
  const scope = { kind: "machine", systemUser: undefined } as const;
  assert.throws(
    () =>
      plannedSteps(
        "install",
        programOf(SERVER),
        scope,
        "/usr/lib/sinkd-server",
      ),
    /belongs to the package/,
  );
  const checkout: Product = { name: "sinkd", form: "checkout" };
  assert.throws(
    () => scopeOf(given(CLIENT, "install"), around(0), checkout),
    /build the executables/,
  );
});

Deno.test("EXAMPLE_CONFIG parses as it is and with every line in force", () => {
  const bare = EXAMPLE_CONFIG.replaceAll(/^#(?=[a-z_[])/gm, "");
  for (const text of [EXAMPLE_CONFIG, bare]) {
    const parsed = parseFileValues(parse(text));
    assert.deepEqual(parsed.ok ? [] : parsed.faults, []);
  }
  assert.ok(bare.includes("\npath = "));
});

const units: readonly [string, string][] = [
  ["sinkd-server.service", serverUnit("/bin/true")],
  ["sinkd@alice.service", clientSystemUnit("/bin/true")],
];

async function said(
  program: string,
  args: readonly string[],
  directory: string,
) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: directory,
    env: { SYSTEMD_COLORS: "0", XDG_RUNTIME_DIR: directory },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

testUnless(lacksProgram("systemd-analyze"))(
  "units are fine for systemd-analyze and expose at most 2.5",
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      for (
        const [name, text] of [
          ...units,
          ["sinkd.service", clientUserUnit("/bin/true")] as const,
        ]
      ) {
        await Deno.writeTextFile(`${directory}/${name}`, text);
        const verify = await said("systemd-analyze", [
          ...(name === "sinkd.service" ? ["--user"] : []),
          "verify",
          "--man=no",
          `./${name}`,
        ], directory);
        const faults = verify.text.split("\n").filter((line) =>
          line.includes("sinkd")
        );
        assert.deepEqual(faults, []);
      }
      for (const [name] of units) {
        const { text } = await said("systemd-analyze", [
          "security",
          "--offline=yes",
          `./${name}`,
        ], directory);
        const level = Number(/exposure level for .*: ([\d.]+)/.exec(text)?.[1]);
        assert.ok(level <= 2.5, `${name}: ${level}`);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

for (const product of [SERVER, CLIENT]) {
  const { commands } = programOf(product);

  testUnless(lacksProgram("groff"))(
    `manualPage() of ${product.name} gives groff nothing to warn of`,
    async () => {
      const directory = await Deno.makeTempDir();
      try {
        const pages = [
          manualPage(product, commands),
          configurationPage(EXAMPLE_CONFIG),
        ];
        for (const page of pages) {
          await Deno.writeTextFile(`${directory}/page`, page);
          const { text } = await said("groff", [
            "-ww",
            "-man",
            "-z",
            "-Tutf8",
            "page",
          ], directory);
          assert.equal(text, "");
        }
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  );

  testUnless(lacksProgram("bash"))(
    `bashCompletion() of ${product.name} offers commands, then options`,
    async () => {
      const script = `${bashCompletion(product, commands)}
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${
        product.name.replace("-", "_")
      }; echo "\${COMPREPLY[*]}"; }
        ask ${product.name} st; ask ${product.name} status --j; ask ${product.name} ${
        product.name === "sinkd" ? "client st" : "adduser --r"
      }`;
      const { text } = await said("bash", ["-c", script], "/");
      assert.equal(
        text,
        product.name === "sinkd"
          ? "status\n--json\nstart stop\n"
          : "status start stop\n--json\n--root\n",
      );
    },
  );
}
