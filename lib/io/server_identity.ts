/**
 * Who a server is among several on one broker: an id that its root keeps, and that no copy of the
 * root takes along.
 *
 * @module
 */
import { z } from "zod";
import { lstatIfAny } from "./files.ts";
import { placeOf } from "./state_file.ts";
import { randomHex } from "./turn_lines.ts";

const MODE = 0o600;
const idSchema = z.string().regex(/^[0-9a-f]{16}$/);

/** The id in `<own directory>/server-id`, made when it is missing, or when the file is a copy. */
export function serverId(ownDirectory: string): string {
  const file = `${ownDirectory}/server-id`;
  if (lstatIfAny(file) !== undefined) {
    const [id, place] = Deno.readTextFileSync(file).trim().split(" ");
    const known = idSchema.safeParse(id);
    if (known.success && place === placeOf(file)) return known.data;
  }
  const id = randomHex(8);
  // In place: a file that is moved here is another one, by which a copy is told.
  Deno.writeTextFileSync(file, "", { mode: MODE });
  Deno.writeTextFileSync(file, `${id} ${placeOf(file)}\n`);
  return id;
}
