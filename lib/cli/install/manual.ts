/**
 * Manual pages, from the command table.
 *
 * @module
 */
import { VERSION } from "../../version.ts";
import { optionText } from "../help.ts";
import { inWordsOf, type Product } from "../product.ts";
import type { Command } from "../spec.ts";

const WHAT: Readonly<Record<Product["name"], string>> = {
  "sinkd": "keep directories the same on all your machines",
  "sinkd-server": "the server that sinkd clients keep their directories on",
};

const ABOUT: Readonly<Record<Product["name"], string>> = {
  "sinkd":
    'sinkd watches directories, sends each change to its server and receives the changes of your other machines. rsync moves the bytes. "sinkd join" connects a machine to a server once, "sinkd add" names a directory, "sinkd client" or the systemd unit does the work, and "sinkd status" tells whether everything is synced, and if not, why and what to do.',
  "sinkd-server":
    'sinkd-server holds every user\'s files below /srv/sinkd and brings the machines of a user up to date, one after another, with rsync. It needs no configuration. Without a command it runs in the foreground; "sinkd-server adduser" prints the link with which a machine joins.',
};

const FILES: Readonly<Record<Product["name"], readonly [string, string][]>> = {
  "sinkd": [
    ["/etc/sinkd.conf", "The machine's configuration, see sinkd.conf(5)."],
    ["~/.config/sinkd.conf", "The user's own, which goes over it."],
    [
      "~/.local/state/sinkd",
      "Credentials and records; for root /var/lib/sinkd.",
    ],
    [".sinkd", "In each synced directory, while an update arrives."],
  ],
  "sinkd-server": [
    ["/srv/sinkd/USER", "A user's files, and in .sinkd what the server knows."],
    ["/srv/sinkd/.sinkd", "The server's certificate and log."],
    ["/run/sinkd.pid", "The pid file of the server that runs."],
  ],
};

/** The page of section 1 for one executable with its commands. */
export function manualPage(
  product: Product,
  commands: readonly Command[],
): string {
  const { name } = product;
  return [
    `.TH ${name.toUpperCase()} 1 "" "sinkd ${VERSION}" "User Commands"`,
    ".SH NAME",
    `${roff(name)} \\- ${roff(WHAT[name])}`,
    ".SH SYNOPSIS",
    `.B ${roff(name)}`,
    "COMMAND [OPTIONS]",
    ".SH DESCRIPTION",
    roff(ABOUT[name]),
    ".SH COMMANDS",
    ...commands.flatMap((command) => commandLines(product, command)),
    ".SH FILES",
    ...FILES[name].flatMap(([file, text]) => definition(file, text)),
    ".SH ENVIRONMENT",
    ...definition(
      "SINKD_CACHE",
      "Where the portable executable unpacks itself, in place of the user's cache directory.",
    ),
    ".SH EXIT STATUS",
    ...definition("0", "Up to date, or done."),
    ...definition(
      "1",
      "Working, offline, or not everything is synced; or it failed.",
    ),
    ...definition("2", "Wrong usage or configuration."),
    ...definition("3", "Nothing runs."),
    ...definition("4", "Held, paused or revoked: needs your decision."),
    ".SH SEE ALSO",
    name === "sinkd"
      ? ".BR sinkd.conf (5),\n.BR sinkd\\-server (1),\n.BR rsync (1)"
      : ".BR sinkd (1),\n.BR rsync (1)",
    "",
  ].join("\n");
}

/** The page of section 5 for the configuration file; `example` is the file with all keys. */
export function configurationPage(example: string): string {
  return [
    `.TH SINKD.CONF 5 "" "sinkd ${VERSION}" "File Formats"`,
    ".SH NAME",
    "sinkd.conf \\- configuration of the sinkd client",
    ".SH DESCRIPTION",
    roff(
      'The client reads /etc/sinkd.conf, then ~/.config/sinkd.conf, whose values go over the first ones. Both are TOML and neither needs to exist. ~ and relative paths are the user\'s home directory\'s. excludes are rsync filter patterns. After a change: "sinkd client reload"; a file with a mistake leaves the old configuration in force and is named by "sinkd status".',
    ),
    ".SH EXAMPLE",
    ".nf",
    ...example.trimEnd().split("\n").map(roff),
    ".fi",
    ".SH SEE ALSO",
    ".BR sinkd (1),\n.BR rsync (1)",
    "",
  ].join("\n");
}

function commandLines(product: Product, command: Command): string[] {
  const say = (text: string) => inWordsOf(product, text);
  const operands = command.operands.map(({ name, required }) =>
    required ? name : `[${name}]`
  );
  const title = say(["sinkd", ...command.words, ...operands].join(" "));
  return [
    `.SS ${roff(title)}`,
    roff(`${say(command.summary)}.`),
    ...command.options.flatMap((option) =>
      definition(optionText(option), `${say(option.summary)}.`)
    ),
    ...(command.notes ?? []).flatMap((note) => [".PP", roff(say(note))]),
    ".PP",
    command.examples.length === 1 ? "Example:" : "Examples:",
    ".PP",
    ".nf",
    ...command.examples.map((example) => `.RS\n${roff(say(example))}\n.RE`),
    ".fi",
  ];
}

function definition(term: string, text: string): string[] {
  return [".TP", `.B ${roff(term)}`, roff(text)];
}

/** Text as roff prints it: no escapes, no requests, hyphens that can be copied. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .replaceAll("~", "\\(ti").replaceAll("^", "\\(ha")
    .replaceAll("…", "...").replace(/^([.'])/, "\\&$1");
}
