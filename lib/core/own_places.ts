/**
 * sinkd's own places: state with credentials, configuration, sockets, caches, the server's root. They
 * may lie inside an anchor (`sinkd add ~`), and are never synced from or to it, whatever is configured.
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import { type ExcludeRules, excludesOf } from "./excludes.ts";
import { ancestorsOf, isWithin, type RelativePath } from "./path.ts";

/** What of one anchor is sinkd's own. */
export interface OwnPaths {
  /** Own places by path in the anchor, also those that only exist on other machines. */
  readonly paths: ReadonlySet<string>;
  /** What leads to them: only as directories do these sync. */
  readonly ways: ReadonlySet<string>;
  /** Own places that a scan came across; they join `paths`. */
  readonly found: Set<string>;
}

/** Below any home directory, for an anchor that holds several, or another machine's. */
const IN_ANY_HOME = [
  ".local/state/sinkd",
  ".config/sinkd.conf",
  ".cache/sinkd",
];

/** Where things are when nobody says otherwise, as absolute paths. */
export function usualPlaces(home: string): string[] {
  return [
    ...IN_ANY_HOME.map((path) => `${home}/${path}`),
    "/etc/sinkd.conf",
    "/var/lib/sinkd",
    "/var/cache/sinkd",
    "/run/sinkd",
    "/run/sinkd.pid",
    "/run/sinkd.sock",
    "/srv/sinkd",
  ];
}

/** What of an anchor is sinkd's own; `roots` are its path and where that really is. */
export function ownPathsIn(
  roots: readonly string[],
  places: readonly string[],
): OwnPaths {
  const paths = new Set(
    roots.flatMap((root) => {
      const prefix = root === "/" ? root : `${root}/`;
      return places.filter((place) => place.startsWith(prefix))
        .map((place) => place.slice(prefix.length));
    }),
  );
  const ways = new Set(
    [...paths].flatMap((path) => ancestorsOf(path as RelativePath)),
  );
  return { paths, ways, found: new Set() };
}

/** `rules` with those for own places before them, so that no pattern lets one in. */
export function withOwnPaths(
  rules: ExcludeRules,
  { paths }: OwnPaths,
): ExcludeRules {
  const own = excludesOf({ whole: [...paths], last: IN_ANY_HOME });
  return { ...rules, list: [...own, ...rules.list] };
}

/** True for what {@linkcode withOwnPaths} cannot tell by name alone. */
export function isOwn(
  { ways, found }: OwnPaths,
  path: RelativePath,
  entry: Entry | undefined,
): boolean {
  if (entry !== undefined && entry.kind !== "directory" && ways.has(path)) {
    return true;
  }
  if (found.size === 0) return false;
  return found.has(path) || ancestorsOf(path).some((above) => found.has(above));
}

/** The place that an anchor is, or lies in: it cannot be synced. */
export function placeAround(
  roots: readonly string[],
  places: readonly string[],
): string | undefined {
  return places.find((place) => roots.some((root) => isWithin(root, place)));
}
