/**
 * The steps of an installation for one command line: for whom, from where, with which texts.
 *
 * @module
 */
import { UsageError } from "../../core/fault.ts";
import type { Arguments } from "../arguments.ts";
import type { Surroundings } from "../context.ts";
import { homeDirectory } from "../places.ts";
import type { Product } from "../product.ts";
import type { Program } from "../spec.ts";
import { bashCompletion } from "./completion.ts";
import { configurationPage, manualPage } from "./manual.ts";
import { installSteps, type Scope, type Step, uninstallSteps } from "./plan.ts";
import { EXAMPLE_CONFIG } from "./units.ts";

/** For whom; throws when the line, the account or the program does not allow it. */
export function scopeOf(
  given: Arguments,
  around: Surroundings,
  product: Product,
): Scope {
  if (product.form === "checkout") {
    throw new UsageError(
      "Cannot install from a checkout: build the executables with scripts/build, then run dist/sinkd-server install or dist/sinkd install",
    );
  }
  const systemUser = given.text("system");
  const isRoot = around.uid === 0;
  if (product.name === "sinkd-server") {
    if (systemUser !== undefined) {
      throw new UsageError(
        "Option --system is for the client; the server has its own account",
      );
    }
    if (!isRoot && !given.flag("dry-run")) throw needsRoot("sinkd-server");
    return { kind: "machine", systemUser: undefined };
  }
  if (systemUser !== undefined) {
    if (!/^[a-z_][a-z0-9_.-]*$/i.test(systemUser)) {
      throw new UsageError(`Cannot install for '${systemUser}': no such user`);
    }
    if (!isRoot && !given.flag("dry-run")) throw needsRoot("sinkd");
  }
  return isRoot || systemUser !== undefined
    ? { kind: "machine", systemUser }
    : { kind: "user", home: homeDirectory(around) };
}

/** The steps; `directory` is where the parts of the program that runs are. */
export function plannedSteps(
  what: "install" | "uninstall",
  { product, commands }: Program,
  scope: Scope,
  directory: string,
): readonly Step[] {
  if (directory.startsWith("/usr/lib/")) {
    throw new UsageError(
      `Cannot ${what}: this ${product.name} belongs to the package ${product.name}; use the package manager`,
    );
  }
  if (what === "uninstall") return uninstallSteps(product, scope);
  return installSteps({
    product,
    executable: product.form === "compiled" ? Deno.execPath() : undefined,
    directory,
    manual: manualPage(product, commands),
    completion: bashCompletion(product, commands),
    configurationManual: configurationPage(EXAMPLE_CONFIG),
  }, scope);
}

function needsRoot(name: string): UsageError {
  return new UsageError(
    `Only root can install ${name} for the machine: run this with sudo; --dry-run shows what it would do`,
  );
}
