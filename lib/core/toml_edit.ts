/**
 * Edits of a hand-written TOML file as text: all that is not the edit itself stays, comments too.
 *
 * @module
 */
import { placeStatements, scanToml, type TomlStatement } from "./toml_text.ts";

/** What `[[anchors]]` gets. */
export interface NewAnchor {
  readonly path: string;
  readonly name?: string | undefined;
  readonly excludes?: readonly string[] | undefined;
  /** When it was added. */
  readonly added?: string | undefined;
}

/** True when anchors are written as `anchors = [...]`, which is for hands only. */
export function hasInlineAnchors(text: string): boolean {
  for (const { path, statement } of placeStatements(scanToml(text))) {
    if (statement.kind === "pair" && path.length === 1) {
      if (path[0] === "anchors") return true;
    }
  }
  return false;
}

/** `text` with one more `[[anchors]]` at its end. */
export function appendAnchor(text: string, anchor: NewAnchor): string {
  const eol = lineBreakOf(text);
  const lines = ["[[anchors]]", `path = ${tomlString(anchor.path)}`];
  if (anchor.name !== undefined) {
    lines.push(`name = ${tomlString(anchor.name)}`);
  }
  if (anchor.excludes !== undefined && anchor.excludes.length > 0) {
    lines.push(`excludes = [${anchor.excludes.map(tomlString).join(", ")}]`);
  }
  if (anchor.added !== undefined) {
    lines.push(`added = ${tomlString(anchor.added)}`);
  }
  const before = text === "" || text.endsWith("\n") ? text : text + eol;
  const gap = before === "" || endsBlank(before) ? "" : eol;
  return before + gap + lines.join(eol) + eol;
}

/** `text` without its `[[anchors]]` number `index`, counted from 0; its comments stay as lines of their own. */
export function removeAnchor(text: string, index: number): string {
  const statements = scanToml(text);
  const headers = statements.filter(({ kind, keys }) =>
    kind === "array" && keys.length === 1 && keys[0] === "anchors"
  );
  const header = headers[index];
  if (header === undefined) {
    throw new Error(
      `Cannot remove anchor ${index}: the text has ${headers.length}`,
    );
  }
  const from = statements.indexOf(header);
  const next = statements.findIndex(({ kind }, at) =>
    at > from && (kind === "table" || kind === "array")
  );
  const own = statements.slice(from, next < 0 ? undefined : next);
  const before = text.slice(0, header.start);
  const after = next < 0 ? "" : text.slice(statements[next]?.start);
  const left = own.map((statement) => remainder(text, statement)).join("");
  if (left.trim() !== "") return before + left + after;
  if (after !== "") {
    return before + (before === "" || endsBlank(before) ? "" : left) + after;
  }
  return endsBlank(before) ? before.replace(/[ \t]*\r?\n$/, "") : before;
}

/** What stays of a statement: all of a blank line or comment, only the comments of the rest. */
function remainder(text: string, statement: TomlStatement): string {
  if (statement.kind === "blank" || statement.kind === "comment") {
    return text.slice(statement.start, statement.end);
  }
  const eol = lineBreakOf(text);
  return statement.comments.map((comment) => comment + eol).join("");
}

function lineBreakOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function endsBlank(text: string): boolean {
  return /(?:^|\n)[ \t]*\r?\n$/.test(text);
}

/** A TOML basic string. */
function tomlString(value: string): string {
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}
