/**
 * A file that lists users: one name a line; what follows a `#` at the start of a line or after a
 * space is a comment.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { UsageError } from "../core/fault.ts";
import { nameFault } from "../core/path.ts";

const MAX_BYTES = 100_000_000;

/** The names, in order, each once. */
export function parseUserList(text: string, source: string): string[] {
  const names: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const name = line.replace(/(^|\s)#.*$/, "").trim();
    if (name === "") continue;
    const fault = nameFault(name);
    if (fault !== undefined) {
      throw new UsageError(
        `Cannot use ${source}: the name '${name}' in line ${
          index + 1
        } ${fault}`,
      );
    }
    names.push(name);
  }
  return [...new Set(names)];
}

/** Reads such a file; throws what to do when it cannot be used. */
export function readUserList(file: string): string[] {
  let text: string;
  try {
    const { size } = Deno.statSync(file);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes`);
    text = Deno.readTextFileSync(file);
  } catch (cause) {
    const why = errorText(cause);
    throw new UsageError(
      `Cannot read the list of users ${file}: ${why}; make it, one name a line`,
      2,
      { cause },
    );
  }
  return parseUserList(text, file);
}
