/**
 * The Debian packages: `sinkd-server` and `sinkd`.
 *
 * @module
 */
import { bashCompletion } from "../../lib/cli/install/completion.ts";
import { configurationPage, manualPage } from "../../lib/cli/install/manual.ts";
import { installedLauncher } from "../../lib/cli/install/plan.ts";
import {
  clientSystemUnit,
  clientUserUnit,
  EXAMPLE_CONFIG,
  serverUnit,
  SYSUSERS,
  TMPFILES,
} from "../../lib/cli/install/units.ts";
import { commandsOf, type Product } from "../../lib/cli/product.ts";
import { COMMANDS } from "../../lib/cli/table.ts";
import { VERSION } from "../../lib/version.ts";
import type { Target } from "./bundles.ts";
import { changedAt, changelog } from "./changelog.ts";
import { CHECKOUT, DIST, removeIfThere, shell, WORK } from "./checkout.ts";
import { makeContent } from "./portable.ts";
import type { System } from "./runtime.ts";

/** One file of a package: where, what, and with which mode. */
interface PackageFile {
  readonly path: string;
  readonly text: string;
  readonly mode?: number;
}

const SUMMARY: Readonly<Record<Product["name"], string>> = {
  "sinkd": "keeps directories the same on all your machines - client",
  "sinkd-server": "keeps directories the same on all your machines - server",
};

const DESCRIPTION: Readonly<Record<Product["name"], string>> = {
  "sinkd":
    ` The client watches directories, tells its server of each change and takes in
 the changes of your other machines. rsync moves the bytes; nothing is ever
 lost to a conflict. It runs as a service of each user, or as sinkd@USER.`,
  "sinkd-server":
    ` The server holds every user's files below /srv/sinkd and brings the machines
 of a user up to date with rsync. It needs no configuration and runs as an
 account of its own.`,
};

const DEPENDS: Readonly<Record<Product["name"], string>> = {
  "sinkd":
    "libc6 (>= 2.27), libgcc-s1, rsync (>= 3.2.7), init-system-helpers (>= 1.52)",
  "sinkd-server":
    "libc6 (>= 2.27), libgcc-s1, rsync (>= 3.2.7), init-system-helpers (>= 1.52)",
};

/** All times are the changelog's, so that the same input gives the same package. */
const PACK = `
find "$1" -type d -exec chmod a-s,u=rwx,go=rx {} +
find "$1" -exec touch -h -d "@$3" {} +
SOURCE_DATE_EPOCH=$3 dpkg-deb --root-owner-group -Zxz -z1 --build "$1" "$2" >/dev/null
`;

/** Makes `dist/NAME_VERSION_ARCH.deb`; gives its path. */
export async function makePackage(
  target: Target,
  system: System & { readonly debian: string },
  { bundles }: { readonly bundles: string },
): Promise<string> {
  const name = target.product;
  const tree = `${WORK}/deb/${name}`;
  const lib = `/usr/lib/${name}`;
  await removeIfThere(tree);
  await makeContent(target, system, { bundles, to: `${tree}${lib}` });
  // It is documentation here, and has its place for that.
  await Deno.remove(`${tree}${lib}/notices.txt`);
  for (const file of await packageFiles(name, lib)) await write(tree, file);
  await writeControl(tree, name, {
    arch: system.debian,
    sizeKiB: await sizeKiB(tree),
  });
  const file = `${DIST}/${name}_${VERSION}_${system.debian}.deb`;
  await shell(PACK, tree, file, `${await changedAt()}`);
  return file;
}

/** As dpkg counts: each file in whole KiB, and one for anything else; the same on any file system. */
async function sizeKiB(directory: string): Promise<number> {
  let sum = 1;
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    sum += isDirectory
      ? await sizeKiB(path)
      : Math.ceil((await Deno.stat(path)).size / 1024);
  }
  return sum;
}

async function packageFiles(
  name: Product["name"],
  lib: string,
): Promise<readonly PackageFile[]> {
  const product: Product = { name, form: "package" };
  const commands = commandsOf(product, COMMANDS)
    .filter(({ role }) => role !== "install");
  const bin = `/usr/bin/${name}`;
  const doc = `/usr/share/doc/${name}`;
  const { notices } = await import("./notices.ts");
  return [
    { path: bin, text: installedLauncher(name, { lib, bin }), mode: 0o755 },
    {
      path: `/usr/share/man/man1/${name}.1`,
      text: manualPage(product, commands),
    },
    {
      path: `/usr/share/bash-completion/completions/${name}`,
      text: bashCompletion(product, commands),
    },
    { path: `${doc}/copyright`, text: await copyright() },
    { path: `${doc}/changelog`, text: await changelog(name) },
    { path: `${doc}/notices`, text: await notices() },
    {
      path: `/usr/share/lintian/overrides/${name}`,
      text: overrides(name, lib),
    },
    ...(name === "sinkd" ? clientFiles(bin) : serverFiles(bin)),
  ];
}

function serverFiles(bin: string): readonly PackageFile[] {
  return [
    {
      path: "/usr/lib/systemd/system/sinkd-server.service",
      text: serverUnit(bin),
    },
    { path: "/usr/lib/sysusers.d/sinkd-server.conf", text: SYSUSERS },
    { path: "/usr/lib/tmpfiles.d/sinkd-server.conf", text: TMPFILES },
  ];
}

function clientFiles(bin: string): readonly PackageFile[] {
  return [
    {
      path: "/usr/lib/systemd/system/sinkd@.service",
      text: clientSystemUnit(bin),
    },
    {
      path: "/usr/lib/systemd/user/sinkd.service",
      text: clientUserUnit(bin),
    },
    { path: "/etc/sinkd.conf", text: EXAMPLE_CONFIG },
    {
      path: "/usr/share/man/man5/sinkd.conf.5",
      text: configurationPage(EXAMPLE_CONFIG),
    },
  ];
}

/** What cannot be otherwise, and why. */
function overrides(name: string, lib: string): string {
  return `# The runtime is Deno's own binary, as it is released.
${name}: hardening-no-relro [${lib.slice(1)}/deno]
${name}: embedded-library lcms2 [${lib.slice(1)}/deno]
`;
}

async function copyright(): Promise<string> {
  const license = await Deno.readTextFile(`${CHECKOUT}/LICENSE`);
  const [, holder = ""] = /Copyright \(c\) (.*)/.exec(license) ?? [];
  const body = license.slice(license.indexOf("Permission is")).trim()
    .split("\n").map((line) => line === "" ? " ." : ` ${line}`).join("\n");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: sinkd
Comment: The program contains Deno and npm packages; their licenses are in the
 file notices.gz beside this one.

Files: *
Copyright: ${holder}
License: Expat

License: Expat
${body}
`;
}

async function writeControl(
  tree: string,
  name: Product["name"],
  { arch, sizeKiB }: { readonly arch: string; readonly sizeKiB: number },
): Promise<void> {
  const text = await changelog(name);
  const [, maintainer = ""] = /^ -- (.*>) {2}/m.exec(text) ?? [];
  await write(tree, {
    path: "/DEBIAN/control",
    text: `Package: ${name}
Version: ${VERSION}
Architecture: ${arch}
Maintainer: ${maintainer}
Installed-Size: ${sizeKiB}
Depends: ${DEPENDS[name]}
Section: net
Priority: optional
Description: ${SUMMARY[name]}
${DESCRIPTION[name]}
`,
  });
  if (name === "sinkd") {
    await write(tree, { path: "/DEBIAN/conffiles", text: "/etc/sinkd.conf\n" });
  }
  const role = name === "sinkd" ? "client" : "server";
  for (const script of ["postinst", "prerm", "postrm"]) {
    const from = `${CHECKOUT}/scripts/package/debian/${role}.${script}`;
    await write(tree, {
      path: `/DEBIAN/${script}`,
      text: await Deno.readTextFile(from),
      mode: 0o755,
    });
  }
  await shell(
    `cd "$1"; find usr etc -type f 2>/dev/null | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums; chmod 644 DEBIAN/md5sums`,
    tree,
  );
}

/** Manuals and the like go in compressed, as Debian wants them. */
async function write(tree: string, file: PackageFile): Promise<void> {
  const path = `${tree}${file.path}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, file.text);
  await Deno.chmod(path, file.mode ?? 0o644);
  const packed = /\/(man\/man\d|doc\/[^/]+)\/(?!copyright$)/.test(file.path);
  if (packed) await shell(`gzip -9 -n -f "$1"`, path);
}
