/**
 * A program that logs as sinkd does, for tests of the log: FILE MAX_BYTES LINES, then what each line
 * says and, for lines that others cause, a source; a number in either stands for the line's own.
 *
 * @module
 */
import { configureLog, endLog, heard, logger } from "../../lib/io/log.ts";

const [file = "", maxBytes, lines, words = "", source = ""] = Deno.args;
const log = logger("test");

await configureLog("info", {
  journal: false,
  file: file === "" ? undefined : file,
  bounds: { maxBytes: Number(maxBytes), files: 3 },
});
for (let line = 0; line < Number(lines); line++) {
  const own = (text: string) => text.replaceAll("%", String(line));
  const name = JSON.parse(`"${own(words)}"`);
  if (source === "") log.warn`${name}`;
  else {
    heard(log, { kind: "refused logins", source: own(source) })
      .warn`${name}`;
  }
}
await endLog();
