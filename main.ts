/**
 * sinkd: your files, on your own machines, the same everywhere. argv goes to lib/cli.
 *
 * @module
 */
import { runCommandLine } from "./lib/cli/run.ts";

Deno.exit(await runCommandLine(Deno.args));
