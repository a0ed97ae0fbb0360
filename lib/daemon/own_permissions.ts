/**
 * What this process may do: Deno's permissions were fixed when it started, from the configuration of
 * that moment.
 *
 * @module
 */

/** True when a server at `host:port` may be reached. */
export function mayReach(address: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "net", host: address });
  return state === "granted";
}

/** True when what is at and below a path may be read and written. */
export function mayUse(path: string): boolean {
  return (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path }).state === "granted"
  );
}
