/**
 * The texts of a TypeScript source: what its string and template literals say, without comments.
 *
 * @module
 */

/** One literal's own characters, and the line it begins in. */
export interface Literal {
  readonly line: number;
  readonly text: string;
}

/** After these a slash begins a regular expression. */
const BEFORE_PATTERN = new Set([..."(,=:[!&|?{};+\n", ""]);

/** All literals of a source; code inside `${}` of a template is read as code. */
export function literalsOf(source: string): Literal[] {
  const found: Literal[] = [];
  let at = 0;
  let line = 1;
  let before = "";

  function next(): string {
    const character = source[at++] ?? "";
    if (character === "\n") line++;
    return character;
  }

  function quoted(end: string): void {
    const from = line;
    let text = "";
    while (at < source.length) {
      const character = next();
      if (character === end) break;
      text += character === "\\" ? next() : character;
    }
    found.push({ line: from, text });
  }

  function template(): void {
    const from = line;
    let text = "";
    while (at < source.length) {
      const character = next();
      if (character === "`") break;
      if (character === "$" && source[at] === "{") {
        next();
        text += "…";
        code("}");
      } else text += character === "\\" ? next() : character;
    }
    found.push({ line: from, text });
  }

  function pattern(): void {
    let inClass = false;
    while (at < source.length) {
      const character = next();
      if (character === "\\") next();
      else if (character === "[") inClass = true;
      else if (character === "]") inClass = false;
      else if (character === "/" && !inClass) return;
    }
  }

  function code(end: string): void {
    let depth = 0;
    while (at < source.length) {
      const character = next();
      if (character === end && depth === 0) return;
      if (character === "{") depth++;
      if (character === "}") depth--;
      if (character === '"' || character === "'") quoted(character);
      else if (character === "`") template();
      else if (character === "/" && source[at] === "/") {
        while (at < source.length && source[at] !== "\n") next();
      } else if (character === "/" && source[at] === "*") {
        while (at < source.length && !source.startsWith("*/", at)) next();
        at += 2;
      } else if (character === "/" && BEFORE_PATTERN.has(before)) pattern();
      if (!/[ \t]/.test(character)) before = character;
    }
  }

  code("");
  return found;
}
