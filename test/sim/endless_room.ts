/**
 * A disk that never fills up, for tests of turns.
 *
 * @module
 */
import type { Room } from "../../lib/ports.ts";

/** Everything fits. */
export const ENDLESS_ROOM: Room = {
  claim: () => ({
    left: new Map(),
    signal: new AbortController().signal,
    overflow: (paths) =>
      new Map(
        paths.map((
          path,
        ) => [path, { disk: "/", needBytes: 1, roomBytes: 0 }]),
      ),
    release: () => {},
  }),
};
