/**
 * A lock on a directory that one running program has for itself, as long as it runs and wherever its
 * pid file is.
 *
 * @module
 */
import { isMissing } from "./files.ts";

const MODE = 0o600;

/** What whoever holds `file`, or held it last, says; `undefined` when nobody did, or we may not know. */
export function lastHolder(file: string): string | undefined {
  try {
    const says = Deno.readTextFileSync(file).trim();
    return says === "" ? undefined : says;
  } catch (error) {
    const isNone = isMissing(error) ||
      error instanceof Deno.errors.PermissionDenied;
    if (isNone) return undefined;
    throw error;
  }
}

/** Holds `file` for this process, and says in it who that is; or what the one who holds it says. */
export function holdFile(
  file: string,
  says: string,
): Disposable & { readonly kind: "held" } | {
  readonly kind: "taken";
  readonly says: string;
} {
  const open = Deno.openSync(file, {
    read: true,
    write: true,
    create: true,
    mode: MODE,
  });
  if (!open.tryLockSync(true)) {
    open.close();
    return { kind: "taken", says: Deno.readTextFileSync(file).trim() };
  }
  try {
    if (Deno.readTextFileSync(file) !== `${says}\n`) {
      open.truncateSync(0);
      open.writeSync(new TextEncoder().encode(`${says}\n`));
    }
  } catch (error) {
    open.close();
    throw error;
  }
  return { kind: "held", [Symbol.dispose]: () => open.close() };
}
