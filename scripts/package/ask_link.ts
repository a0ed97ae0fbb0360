/**
 * The join link of `sinkd join -`, for executables without a launcher that reads it.
 *
 * @module
 */

/** Keys of a terminal that gives each of them as it is. */
const KEY = {
  interrupt: 0x03,
  backspace: 0x08,
  lineFeed: 0x0a,
  enter: 0x0d,
  remove: 0x7f,
} as const;

/** One line of standard input; unseen where it is typed or pasted. `undefined`: the user gave up. */
export async function askLink(): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) return await readLine();
  const encoder = new TextEncoder();
  const question = "The link from 'sinkd-server adduser' (it is not shown):\n";
  Deno.stderr.writeSync(encoder.encode(question));
  Deno.stdin.setRaw(true);
  try {
    return await readLine();
  } finally {
    Deno.stdin.setRaw(false);
  }
}

async function readLine(): Promise<string | undefined> {
  const line: number[] = [];
  const buffer = new Uint8Array(1024);
  for (;;) {
    const count = await Deno.stdin.read(buffer) ?? 0;
    for (const byte of buffer.subarray(0, count)) {
      if (byte === KEY.interrupt) return undefined;
      if (byte === KEY.enter || byte === KEY.lineFeed) return textOf(line);
      if (byte === KEY.backspace || byte === KEY.remove) line.pop();
      else line.push(byte);
    }
    if (count === 0) return textOf(line);
  }
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder().decode(new Uint8Array(bytes)).trim();
}
