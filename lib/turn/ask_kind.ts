/**
 * What the server has at an anchor's place, asked before anything is made here: a comparison, as with
 * a machine that has nothing of a single file there.
 *
 * @module
 */
import type { RelativePath } from "../core/path.ts";
import type { Position } from "../ports.ts";
import type { ProofLine } from "./prove.ts";

/** True when a file (or a link) is there; `undefined` when the server cannot say at this moment. */
export async function isFileThere(
  line: ProofLine,
  { path, head: { epoch, stamp }, nothing }: {
    readonly path: RelativePath;
    /** The server's. */
    readonly head: Position;
    /** The sums of an empty record. */
    readonly nothing: readonly string[];
  },
): Promise<boolean | undefined> {
  await line.send({
    kind: "prove",
    path,
    single: true,
    epoch,
    stamp,
    excludes: [],
    recheck: false,
  });
  const answer = await line.receive();
  if (answer.kind !== "sums") return undefined;
  await line.send({ kind: "end" });
  return answer.sums.some((sum, bucket) => sum !== nothing[bucket]);
}
