/**
 * What one command line may do: its role's grants, with what disk and join link tell. A line that
 * the program will refuse gets the grants of a command that touches nothing.
 *
 * @module
 */
import { pidFileOnRoot } from "../io/server_root.ts";
import { splitAddress } from "../core/address.ts";
import { type Arguments, parseArguments } from "./arguments.ts";
import type { Surroundings } from "./context.ts";
import { type Grants, grantsOf, type Known } from "./permissions.ts";
import { clientPlaces, joinLinkText, serverRoot } from "./places.ts";
import type { Program, Role } from "./spec.ts";

/** The program itself, and where it is. */
export interface Installation extends Program {
  /** Directory of its modules. */
  readonly modules: string;
  /** What starts it again. */
  readonly launcher: string;
}

/** What the program gets when the line is wrong: it then says so in its own words. */
const NOTHING: Grants = { read: [], write: [], net: [], run: [], sys: ["uid"] };
/** `--version` asks rsync for its own. */
const VERSION: Grants = { ...NOTHING, run: ["rsync"] };

/** See the module; `argv` is in the table's words. */
export async function lineGrants(
  argv: readonly string[],
  around: Surroundings,
  installation: Installation,
): Promise<Grants> {
  const line = parseArguments(argv, installation.commands);
  if (line.kind === "version") return VERSION;
  if (line.kind !== "run") return NOTHING;
  const { command, given } = line;
  try {
    if (command.role === "install") {
      return await installGrants(command.words[0], given, around, installation);
    }
    const found = await look(command.role, given, around);
    return grantsOf(command.role, given, around, {
      anchors: [],
      addresses: [],
      linkedConfig: undefined,
      serverPidFile: undefined,
      ...installation,
      ...found,
    });
  } catch (error) {
    if (error instanceof Error) return NOTHING;
    throw error;
  }
}

/** Just what the steps write and run. */
async function installGrants(
  word: string | undefined,
  given: Arguments,
  around: Surroundings,
  installation: Installation,
): Promise<Grants> {
  const { plannedSteps, scopeOf } = await import("./install/planned.ts");
  const { writtenBy } = await import("./install/plan.ts");
  const steps = plannedSteps(
    word === "install" ? "install" : "uninstall",
    installation,
    scopeOf(given, around, installation.product),
    installation.modules.replace(/\/$/, ""),
  );
  const written = writtenBy(steps);
  const directories = written.map((path) => path.replace(/\/[^/]*$/, ""));
  const sources = steps.flatMap((step) =>
    step.kind === "copy" ? [step.from] : []
  );
  const programs = steps.flatMap((step) =>
    step.kind === "run" ? [step.program] : []
  );
  return {
    read: [...written, ...sources, ...directories, "/run/systemd/system"],
    write: [...written, ...directories],
    net: [],
    run: [...new Set(programs)],
    sys: ["uid"],
  };
}

async function look(
  role: Role,
  given: Arguments,
  around: Surroundings,
): Promise<Partial<Known>> {
  switch (role) {
    case "client": {
      const { knownClient } = await import("./known_client.ts");
      return await knownClient(clientPlaces(given, around), around);
    }
    case "join":
      return { addresses: linkAddress(joinLinkText(given, around)) };
    case "anchors":
      return { linkedConfig: realPath(clientPlaces(given, around).userConfig) };
    case "accounts":
      return { serverPidFile: pidFileOnRoot(serverRoot(given, around)) };
    case "server":
    case "control":
    case "lifecycle":
      return {};
  }
}

function realPath(path: string): string | undefined {
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
