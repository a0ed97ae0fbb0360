/**
 * Work as an account that file modes bind, when the tests run as root.
 *
 * @module
 */
import process from "node:process";
import { tempDirectory } from "./temp.ts";

const NOBODY = 65534;

/**
 * Runs `work` as nobody (the whole process, for as long as it takes: tests of a process run one after
 * the other); as it is when the tests do not run as root. Every rsync that it starts is nobody's
 * altogether: rsync goes by the real account, which the process keeps so that it can come back.
 */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (Deno.uid() !== 0) return await work();
  if (process.setegid === undefined || process.seteuid === undefined) {
    throw new Error("Cannot become nobody: this system has no seteuid");
  }
  const path = Deno.env.get("PATH") ?? "";
  await using bin = tempDirectory("sinkd-nobody-");
  Deno.chmodSync(bin.path, 0o755);
  Deno.writeTextFileSync(
    `${bin.path}/rsync`,
    `#!/bin/sh
PATH='${path}' exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --keep-groups rsync "$@"
`,
    { mode: 0o755 },
  );
  Deno.env.set("PATH", `${bin.path}:${path}`);
  process.setegid(NOBODY);
  process.seteuid(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid(0);
    process.setegid(0);
    Deno.env.set("PATH", path);
  }
}
