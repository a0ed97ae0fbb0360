/**
 * What the demo prints: headings, one line per step, tables of nothing else.
 *
 * @module
 */

const WIDTH = 66;
const colour = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR") &&
  Deno.env.get("TERM") !== "dumb";

function paint(code: string, text: string): string {
  return colour ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** Writes a line. */
export function say(line = ""): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** A heading. */
export function heading(text: string): void {
  say();
  say(paint("1", text));
}

/** A step and how long it took. */
export function step(text: string, tookMs: number): void {
  say(`  ${text.padEnd(WIDTH)} ${seconds(tookMs).padStart(8)}`);
}

/** Something that was checked and is right. */
export function right(text: string): void {
  say(`  ${paint("32", "ok")}  ${text}`);
}

/** Something that is wrong. */
export function wrong(text: string): void {
  say(paint("31", text));
}

/** Seconds with three digits. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** Lines, indented. */
export function block(text: string): void {
  for (const line of text.split("\n")) {
    say(line === "" ? "" : `  ${line}`);
  }
}
