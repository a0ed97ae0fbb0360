/**
 * What a user's own directory tells of who served it last: it goes with the directory when a user
 * moves, and an old copy is known by its number.
 *
 * @module
 */
import { z } from "zod";
import { OWN_NAME } from "../core/own_name.ts";
import { lstatIfAny } from "./files.ts";
import { replaceFile } from "./replace_file.ts";

const tenureSchema = z.strictObject({
  /** The fencing number of the last lease; 0 when there was none. */
  number: z.int().min(0),
  /** Id of the server that had it. */
  holder: z.string(),
  /** True when it was let go cleanly. */
  released: z.boolean(),
  /** True when a person said that this directory is to be used, though there was a newer one. */
  adopted: z.boolean(),
});

/** See the module. */
export type TenureRecord = z.infer<typeof tenureSchema>;

const NONE: TenureRecord = {
  number: 0,
  holder: "",
  released: false,
  adopted: false,
};

/** Reads `<user's directory>/.sinkd/lease.json`. */
export function readTenure(directory: string): TenureRecord {
  const file = fileIn(directory);
  if (lstatIfAny(file) === undefined) return NONE;
  try {
    return tenureSchema.parse(JSON.parse(Deno.readTextFileSync(file)));
  } catch (cause) {
    throw new Error(
      `Cannot use ${file}: it is damaged; remove it when no other server has this user`,
      { cause },
    );
  }
}

/** Writes it, so that a crash leaves the old or the new one. */
export function writeTenure(directory: string, record: TenureRecord): void {
  replaceFile(fileIn(directory), `${JSON.stringify(record)}\n`);
}

function fileIn(directory: string): string {
  return `${directory}/${OWN_NAME}/lease.json`;
}
