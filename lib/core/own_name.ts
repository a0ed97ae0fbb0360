/**
 * The one name that sinkd takes in a tree; apart from what checks paths, which loads schemas.
 *
 * @module
 */

/** The name of sinkd's own directory, which never syncs at any depth. */
export const OWN_NAME = ".sinkd";
