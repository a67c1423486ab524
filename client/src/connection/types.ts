/// What a connection tells about itself.

import type { Ack, ClientCommand, Refused } from "../protocol";

/**
 * - `connecting`: the first time, nothing to show yet
 * - `live`: connected, and answers come in time
 * - `degraded`: connected, but an answer is late or the server has been silent for too long
 * - `reconnecting`: cut off, trying again at `retryAt`
 * - `offline`: this device has no network; tries again as soon as it has (and at `retryAt` all the same)
 * - `refused`: the server does not let us in, and trying again would not help
 * - `closed`: ended, by the server for good (removed, replaced by another device …) or by `stop()`
 */
export type Phase = "connecting" | "live" | "degraded" | "reconnecting" | "offline" | "refused" | "closed";

/**
 * Why. The server's stable code and its sentence, or one of ours: `no_network`, `unreachable`, `cut`, `silent`, `slow`,
 * `stopped` (then `message` is empty: the words are the user interface's).
 */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

export interface Status {
  readonly phase: Phase;
  readonly reason: Reason | null;
  /** When it will try again (ms since 1970, this device's clock); null: no attempt is waiting. */
  readonly retryAt: number | null;
  /** Attempts that failed since it was last live. */
  readonly attempt: number;
  /** Many are coming in at once: our place in the line (1 is the next), and when it may be our turn (ms since 1970). */
  readonly waiting?: { readonly place: number; readonly until: number };
}

/** A command whose event is not here yet, or which was refused and waits for its author to see that. */
export interface Pending {
  readonly cid: string;
  readonly command: ClientCommand;
  /** `queued`: waits for the connection. `sending`: sent, its event not here yet. `refused`: see `reason`. */
  readonly state: "queued" | "sending" | "refused";
  /** When it was given to us (ms since 1970, this device's clock). */
  readonly at: number;
  readonly reason: Refused | null;
  /** It was too soon: it is sent then (ms since 1970, this device's clock). Null: nothing was said of a time. */
  readonly until: number | null;
}

export interface SendOptions {
  /** Keep it in `pending` as `refused` until dismissed, if refused. By default: commands that carry a written text. */
  readonly keepRefused?: boolean;
}

export type Send = (command: ClientCommand, options?: SendOptions) => Promise<Ack>;
