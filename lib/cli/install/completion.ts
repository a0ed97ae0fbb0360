/**
 * Completion for bash, from the command table.
 *
 * @module
 */
import { type Product, spokenWords } from "../product.ts";
import type { Command } from "../spec.ts";

/** A script that bash-completion loads for the executable. */
export function bashCompletion(
  product: Product,
  commands: readonly Command[],
): string {
  const spoken = commands.map((command) => ({
    words: spokenWords(product, command.words),
    command,
  }));
  const firsts = [
    ...new Set(spoken.flatMap(({ words }) => words.slice(0, 1))),
  ];
  const name = product.name.replaceAll("-", "_");
  return `# Completion of ${product.name} for bash.
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} words=
  COMPREPLY=()
  case $previous in
    ${pathOptions(commands)})
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...firsts, "--help", "--version"].join(" ")}"
  else
    case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${
    spoken.toSorted(byLength).map(({ words, command }) =>
      branch(words, command, spoken)
    ).join("\n")
  }
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  [ "\${#COMPREPLY[@]}" -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -o filenames -F _${name} ${product.name}
`;
}

interface Spoken {
  readonly words: readonly string[];
  readonly command: Command;
}

function byLength(left: Spoken, right: Spoken): number {
  return right.words.length - left.words.length;
}

function branch(
  words: readonly string[],
  command: Command,
  all: readonly Spoken[],
): string {
  const options = command.options.map(({ name }) => `--${name}`);
  const next = all.filter((other) =>
    other.words.length === words.length + 1 &&
    words.every((word, at) => other.words[at] === word)
  ).map((other) => other.words.at(-1) ?? "");
  const pattern = words.length === 0
    ? "*"
    : words.length === 1
    ? `"${words[0]} "*`
    : `"${words.join(" ")}"`;
  return `      ${pattern}) words="${
    [...next, ...options, "--help"].join(" ")
  }" ;;`;
}

function pathOptions(commands: readonly Command[]): string {
  const names = commands.flatMap(({ options }) =>
    options.filter(({ kind }) => kind === "path").map(({ name }) => `--${name}`)
  );
  return [...new Set(names)].join(" | ");
}
