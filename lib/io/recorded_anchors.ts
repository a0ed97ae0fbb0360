/**
 * What a client's record says of its anchors, read by programs beside the client: before it starts, or
 * while it is joined to another server.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";

const rowSchema = z.object({ path: z.string(), identity: z.string() });
const identitySchema = z.object({ single: z.boolean(), user: z.string() });

/** An anchor that was synced. */
export interface RecordedAnchor {
  readonly path: string;
  readonly user: string;
  /** True for an anchor that is one file. */
  readonly single: boolean;
}

/** The anchors of the record; none where it cannot be read, which the client itself reports. */
export function recordedAnchors(stateDirectory: string): RecordedAnchor[] {
  try {
    using database = new DatabaseSync(`${stateDirectory}/client.db`, {
      readOnly: true,
    });
    return database.prepare(
      "select path, identity from anchors where identity is not null",
    ).all().map((row) => {
      const { path, identity } = rowSchema.parse(row);
      return { path, ...identitySchema.parse(JSON.parse(identity)) };
    });
  } catch {
    return [];
  }
}
