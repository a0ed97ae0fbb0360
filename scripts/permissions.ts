/**
 * Prints, as shell words, the permission flags for one command line: `permissions.ts LAUNCHER ARGS…`.
 * A line that the program will refuse gets the flags of a command that touches nothing.
 *
 * @module
 */
import { parseArguments } from "../lib/cli/arguments.ts";
import { splitAddress } from "../lib/core/address.ts";
import { readSurroundings } from "../lib/cli/context.ts";
import {
  flagsOf,
  type Grants,
  grantsOf,
  shellWords,
} from "../lib/cli/permissions.ts";
import { clientPlaces } from "../lib/cli/places.ts";
import { COMMANDS } from "../lib/cli/table.ts";

const [launcher = "", ...argv] = Deno.args;

/** What the program gets when the line is wrong: it then says so in its own words. */
const NOTHING: Grants = { read: [], write: [], net: [], run: [], sys: ["uid"] };

async function grants(): Promise<Grants> {
  const line = parseArguments(argv, COMMANDS);
  if (line.kind !== "run") return NOTHING;
  const around = readSurroundings();
  const known = {
    anchors: [] as readonly string[],
    addresses: [] as readonly string[],
    modules: new URL("../lib/", import.meta.url).pathname,
    launcher,
    linkedConfig: undefined,
  };
  switch (line.command.role) {
    case "client": {
      const look = await import("./known_client.ts");
      const found = look.knownClient(clientPlaces(line.given, around), around);
      return grantsOf("client", line.given, around, {
        ...known,
        ...await found,
      });
    }
    case "join": {
      const [link = ""] = line.given.operands;
      return grantsOf("join", line.given, around, {
        ...known,
        addresses: linkAddress(link),
      });
    }
    case "anchors":
      return grantsOf("anchors", line.given, around, {
        ...known,
        linkedConfig: linkTarget(
          clientPlaces(line.given, around).userConfig,
        ),
      });
    default:
      return grantsOf(line.command.role, line.given, around, known);
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function linkAddress(link: string): string[] {
  const address = /@([^@#/]+)/.exec(link)?.[1] ?? "";
  return splitAddress(address) === undefined ? [] : [address];
}

async function flags(): Promise<string[]> {
  try {
    return flagsOf(await grants());
  } catch (error) {
    if (error instanceof Error) return flagsOf(NOTHING);
    throw error;
  }
}

await Deno.stdout.write(
  new TextEncoder().encode(`${shellWords(await flags())}\n`),
);
