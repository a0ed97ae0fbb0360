/**
 * The end of a bundled command: the process's, or that of the worker which a compiled executable
 * runs it in.
 *
 * @module
 */

/** Ends with `code`. */
export function finish(code: number): void {
  const scope: object = globalThis;
  if (isWorker(scope)) scope.postMessage(code);
  else Deno.exit(code);
}

function isWorker(scope: object): scope is { postMessage(code: number): void } {
  return "WorkerGlobalScope" in scope;
}
