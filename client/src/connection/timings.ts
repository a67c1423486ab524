/// How patient the client is, in milliseconds.

export interface Timings {
  /** The bound of the first wait before reconnecting; it doubles with each failure … */
  readonly backoffBase: number;
  /** … up to this. */
  readonly backoffCap: number;
  /** From the attempt to the welcome. */
  readonly connectTimeout: number;
  /** An answer later than this: the connection is shown as degraded. */
  readonly ackSlow: number;
  /** An answer later than this is not waited for: the command is sent again, under the same `cid`. */
  readonly ackTimeout: number;
  /** Before a command that the server could not take just now is tried again; it doubles each time. */
  readonly retryBase: number;
  /** A silence of the server's ping interval and this much more: degraded; twice as much more: cut and try again. */
  readonly silenceGrace: number;
  /** How often to look. */
  readonly watchEvery: number;
}

export const TIMINGS: Timings = {
  backoffBase: 1_500,
  backoffCap: 30_000,
  connectTimeout: 15_000,
  ackSlow: 2_000,
  ackTimeout: 10_000,
  retryBase: 400,
  silenceGrace: 5_000,
  watchEvery: 500,
};
