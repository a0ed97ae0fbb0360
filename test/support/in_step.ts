/**
 * When machines are in step: the same trees, on the server too, and every report says so.
 *
 * @module
 */
import type { ClientReport, ServerReport } from "../../lib/core/status.ts";
import {
  asStored,
  differences,
  itemAt,
  treeOf,
  type TreeView,
} from "./tree_view.ts";
import { waitFor } from "./waiting.ts";
import type { WorldClient } from "./world_client.ts";

/** What is compared. */
export interface InStep {
  readonly clients: readonly WorldClient[];
  readonly server: () => Promise<ServerReport>;
  /** Where the server keeps what the anchor named `files` of a user holds. */
  readonly stored: (user: string) => string;
  readonly limitMs?: number;
}

/**
 * Waits until all clients of each user have the same tree as the server, and all reports say that
 * nothing is left to do.
 */
export async function waitInStep(options: InStep): Promise<void> {
  const { clients, limitMs } = options;
  let why: string | undefined;
  const look = async () => {
    why = await outOfStep(options);
    return why === undefined;
  };
  const names = clients.map(({ user, name }) => `${user}/${name}`).join(", ");
  const tell = () => why ?? "";
  await waitFor(`${names} to be in step`, look, {
    ...(limitMs === undefined ? {} : { limitMs }),
    tell,
  });
}

/** Why they are not in step now, or `undefined` when they are. */
export async function outOfStep(
  options: InStep,
): Promise<string | undefined> {
  return unequal(options, false) ?? await unsaid(options) ??
    unequal(options, true);
}

/** How trees differ, or `undefined`. */
function unequal(
  { clients, stored }: InStep,
  bytes: boolean,
): string | undefined {
  for (const [user, [first, ...others]] of byUser(clients)) {
    if (first === undefined) continue;
    const tree = carried(treeOf(first.files, { bytes }));
    for (const other of others) {
      const wrong = differences(
        tree,
        carried(treeOf(other.files, { bytes })),
      );
      if (wrong.length > 0) {
        return `${first.name} / ${other.name} differ:\n${wrong.join("\n")}`;
      }
    }
    const wrong = differences(
      asStored(tree),
      asStored(storedTree(stored(user), bytes)),
    );
    if (wrong.length > 0) {
      return `${first.name} / the server differ:\n${wrong.join("\n")}`;
    }
  }
  return undefined;
}

/** The server makes a directory with the first thing in it. */
function storedTree(root: string, bytes: boolean): TreeView {
  return itemAt(root) === undefined ? new Map() : treeOf(root, { bytes });
}

/** Without pipes and the like, which stay where they are. */
function carried(tree: TreeView): TreeView {
  return new Map([...tree].filter(([, { kind }]) => kind !== "other"));
}

/** What a report says against it, or `undefined`. */
async function unsaid(
  { clients, server }: InStep,
): Promise<string | undefined> {
  const serverReport = await server();
  if (serverReport.state !== "Sinkd") {
    return `the server is ${serverReport.state}`;
  }
  for (const client of clients) {
    const report = await client.report();
    const wrong = notInStep(report, serverReport);
    if (wrong !== undefined) return `${client.name}: ${wrong}`;
  }
  return undefined;
}

function notInStep(
  report: ClientReport,
  server: ServerReport,
): string | undefined {
  const { state, anchors } = report;
  if (state !== "Sinkd") return `state ${state}`;
  if (report.server.state !== "Sinkd") return `server ${report.server.state}`;
  const user = server.users.find(({ user }) => user === report.user);
  if (JSON.stringify(user?.stamp) !== JSON.stringify(report.stamp)) {
    return `stamp ${JSON.stringify([report.stamp, user?.stamp])}`;
  }
  const busy = anchors.find((anchor) =>
    anchor.state !== "Sinkd" || anchor.pending > 0 || anchor.held !== null
  );
  return busy === undefined ? undefined : JSON.stringify(busy);
}

function byUser(
  clients: readonly WorldClient[],
): Map<string, WorldClient[]> {
  return Map.groupBy(clients, ({ user }) => user);
}

/** Faults of a report but its notes, such as that this machine's rsync is an old one. */
export function problemsOf<Fault extends { readonly level: string }>(
  { errors }: { readonly errors: readonly Fault[] },
): Fault[] {
  return errors.filter(({ level }) => level !== "note");
}
