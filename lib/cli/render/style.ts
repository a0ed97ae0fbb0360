/**
 * Text for a terminal: colour when asked for, aligned columns, and names that cannot play tricks.
 *
 * @module
 */
import { UNSHOWN } from "../../core/unshown.ts";

/** Colours that carry meaning. */
export type Tone = "good" | "busy" | "bad" | "quiet" | "strong";

const CODES: Readonly<Record<Tone, readonly [number, number]>> = {
  good: [32, 39],
  busy: [33, 39],
  bad: [31, 39],
  quiet: [2, 22],
  strong: [1, 22],
};

/** Paints text, or gives it back as it is. */
export type Paint = (tone: Tone, text: string) => string;

/** A painter; without `colour` it changes nothing. */
export function painter(colour: boolean): Paint {
  if (!colour) return (_tone, text) => text;
  return (tone, text) => {
    const [on, off] = CODES[tone];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}

/** One cell of a table: what is seen, and its tone. */
export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

/**
 * Lines of aligned columns; the names in `right` of the first row's texts are aligned right.
 *
 * @example
 * ```ts
 * import { UNSHOWN } from "../../core/unshown.ts";
import { columns, painter } from "./style.ts";
 * import assert from "node:assert/strict";
 * const rows = [[{ text: "Anchor" }, { text: "Pending" }], [{ text: "/a" }, { text: "3" }]];
 * assert.deepEqual(columns(rows, ["Pending"], painter(false)), ["Anchor  Pending", "/a            3"]);
 * ```
 */
export function columns(
  rows: readonly (readonly Cell[])[],
  right: readonly string[],
  paint: Paint,
): string[] {
  const heads = rows[0] ?? [];
  const widths = heads.map((_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column]?.text ?? "")))
  );
  return rows.map((row) =>
    row.map((cell, column) => {
      const gap = " ".repeat((widths[column] ?? 0) - widthOf(cell.text));
      const text = cell.tone === undefined
        ? cell.text
        : paint(cell.tone, cell.text);
      if (right.includes(heads[column]?.text ?? "")) return gap + text;
      return column === row.length - 1 ? text : text + gap;
    }).join("  ")
  );
}

/** `name` with control characters as `\xNN`, so that a file name cannot move the cursor. */
export function plain(name: string): string {
  return name.replace(
    UNSHOWN,
    (character) => {
      const code = character.charCodeAt(0);
      return code < 256
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : `\\u${code.toString(16).padStart(4, "0")}`;
    },
  );
}

/** How long ago `time` (ISO 8601) was at `nowMs`: `3 s ago`, `5 min ago`; `never` for null. */
export function ago(time: string | null, nowMs: number): string {
  if (time === null) return "never";
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return plain(time);
  if (seconds < 2) return "just now";
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}

/** Columns that `text` takes: wide East Asian characters and emoji count two, marks none. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mn}|\p{Me}|\u200d|\ufe0f/u.test(character)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
          .test(character)
        ? 2
        : 1;
  }
  return width;
}
