/**
 * The command line of `scripts/build`.
 *
 * @module
 */
import { ownSystem, type System, systemOf, SYSTEMS } from "./runtime.ts";

/** What to build. */
export type Choice = {
  readonly kind: "build";
  /** `undefined`: compiled where Deno's runtime for that can be had, else portable. */
  readonly form: "compile" | "portable" | undefined;
  readonly system: System;
  readonly packages: boolean;
};

/** Outcome of {@linkcode readChoice}. */
export type Line = Choice | { readonly kind: "help" } | {
  readonly kind: "wrong";
  readonly message: string;
};

/** See `--help`. */
export const USAGE = `Builds the executables sinkd-server and sinkd into dist/.

Usage: scripts/build [--form compile|portable] [--target SYSTEM] [--packages]

  --form compile    by 'deno compile', with Deno's runtime for it (denort)
  --form portable   a shell script with Deno and the program packed behind it
                    (default: compile where denort can be had, else portable)
  --target SYSTEM   ${SYSTEMS.map(({ short }) => short).join(", ")}
  --packages        also the Debian packages

Example: scripts/build --form portable --packages`;

/** Reads the arguments; never throws. */
export function readChoice(args: readonly string[]): Line {
  let form: Choice["form"];
  let system = ownSystem();
  let packages = false;
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [name, attached] = word.split("=", 2);
    switch (name) {
      case "--help":
      case "-h":
        return { kind: "help" };
      case "--packages":
        packages = true;
        break;
      case "--form": {
        const value = attached ?? rest.shift();
        if (value !== "compile" && value !== "portable") {
          return wrong("--form must be compile or portable");
        }
        form = value;
        break;
      }
      case "--target": {
        const found = systemOf(attached ?? rest.shift() ?? "");
        if (found === undefined) {
          return wrong("--target must be a known system");
        }
        system = found;
        break;
      }
      default:
        return wrong(`unknown argument '${word}'`);
    }
  }
  return { kind: "build", form, system, packages };
}

function wrong(message: string): Line {
  return { kind: "wrong", message };
}
