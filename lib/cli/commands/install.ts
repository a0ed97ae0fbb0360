/**
 * `install` and `uninstall`: puts the executable that runs in its place, with manual, completion and
 * systemd service; or takes all that away.
 *
 * @module
 */
import type { Arguments } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_codes.ts";
import { perform } from "../install/perform.ts";
import type { Scope } from "../install/plan.ts";
import { plannedSteps, scopeOf } from "../install/planned.ts";
import type { Product } from "../product.ts";
import type { Program } from "../spec.ts";

/** `install`. */
export async function install(
  given: Arguments,
  context: Context,
  program: Program,
): Promise<number> {
  const scope = await carryOut("install", { given, context, program });
  if (!given.flag("dry-run")) context.out(nextSteps(program.product, scope));
  return EXIT.done;
}

/** `uninstall`. */
export async function uninstall(
  given: Arguments,
  context: Context,
  program: Program,
): Promise<number> {
  await carryOut("uninstall", { given, context, program });
  context.out(
    program.product.name === "sinkd-server"
      ? "What is in /srv/sinkd stays, and so does its account, sinkd.\n"
      : "Synced files stay, and so do configuration and credentials.\n",
  );
  return EXIT.done;
}

async function carryOut(
  what: "install" | "uninstall",
  { given, context, program }: {
    readonly given: Arguments;
    readonly context: Context;
    readonly program: Program;
  },
): Promise<Scope> {
  const scope = scopeOf(given, context.around, program.product);
  // Bundles are beside the other parts.
  const directory = new URL(".", import.meta.url).pathname.replace(/\/$/, "");
  await perform(plannedSteps(what, program, scope, directory), {
    dryRun: given.flag("dry-run"),
    say: (line) => context.out(`${line}\n`),
  });
  return scope;
}

function nextSteps(product: Product, scope: Scope): string {
  if (product.name === "sinkd-server") {
    return "Installed. Make a user and give its link to each machine: sinkd-server adduser NAME\n";
  }
  const service = scope.kind === "user"
    ? "systemctl --user start sinkd (and 'loginctl enable-linger' to run without a login)"
    : scope.systemUser === undefined
    ? "systemctl --user enable --now sinkd, as that user"
    : `systemctl restart sinkd@${scope.systemUser}`;
  return `Installed. Then, as the user whose files they are: sinkd join - (asks for the link); sinkd add PATH; ${service}\n`;
}
