/**
 * The one error class that callers look at: a fault of usage or state that decides the exit code.
 *
 * @module
 */

/** Usage or configuration (2), not running (3), needs a person (4). */
export type FaultCode = 2 | 3 | 4;

/** An error whose message is for the person at the terminal and whose cause is not a bug. */
export class UsageError extends Error {
  /** What the process exits with. */
  readonly exitCode: FaultCode;

  constructor(
    message: string,
    exitCode: FaultCode = 2,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "UsageError";
    this.exitCode = exitCode;
  }
}
