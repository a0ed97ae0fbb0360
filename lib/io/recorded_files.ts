/**
 * Which anchors are single files, by a client's record: asked before the client starts, where the
 * file itself is not there to tell.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";

const rowSchema = z.object({ path: z.string(), identity: z.string() });
const singleSchema = z.object({ single: z.boolean() });

/** Paths of the anchors that are one file; none where the record cannot be read. */
export function recordedFiles(stateDirectory: string): ReadonlySet<string> {
  try {
    using database = new DatabaseSync(`${stateDirectory}/client.db`, {
      readOnly: true,
    });
    const rows = database.prepare(
      "select path, identity from anchors where identity is not null",
    ).all().map((row) => rowSchema.parse(row));
    return new Set(
      rows.filter(({ identity }) =>
        singleSchema.parse(JSON.parse(identity)).single
      ).map(({ path }) => path),
    );
  } catch {
    return new Set(); // the client itself says what is wrong with it
  }
}
