/**
 * Writing the log to standard error: nothing that goes wrong with it ends the program, and what could
 * not be written is counted and told as soon as something can be.
 *
 * @module
 */
import { errorText } from "../core/error_text.ts";
import { counted } from "../core/plural.ts";
import type { LogFile } from "./log_file.ts";

/** Where lines go. */
export interface LogOutput {
  writeSync(bytes: Uint8Array): number;
}

const encoder = new TextEncoder();

/** See the module. */
export class LogWriter {
  readonly #output: LogOutput;
  readonly #file: LogFile | undefined;
  readonly #note: (text: string) => string;
  #lost = 0;
  #reason = "";

  /** `file` is what `output` is, where it is a file; `note` makes a line of a few words about the log. */
  constructor(
    output: LogOutput,
    file: LogFile | undefined,
    note: (text: string) => string,
  ) {
    this.#output = output;
    this.#file = file;
    this.#note = note;
  }

  /** Writes a line, which ends with a newline. */
  write(line: string): void {
    try {
      if (this.#lost > 0) {
        const what = `${counted(this.#lost, "line")} could not be written`;
        // What was written of a line in part has no end.
        this.#append(`\n${this.#note(`${what}: ${this.#reason}`)}`);
        this.#lost = 0;
      }
      this.#append(line);
    } catch (error) {
      this.#lost++;
      this.#reason = errorText(error);
    }
  }

  #append(text: string): void {
    const bytes = encoder.encode(text);
    const fault = this.#file?.makeRoom(bytes.length);
    if (fault !== undefined) writeAll(this.#output, this.#note(fault));
    writeAll(this.#output, bytes);
  }
}

function writeAll(output: LogOutput, text: Uint8Array | string): void {
  let rest = typeof text === "string" ? encoder.encode(text) : text;
  while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
}
