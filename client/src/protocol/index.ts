/// What travels between the browser and the server. The structs are generated; here are the envelopes around them.

export * from "./generated";
import type { RoomEvent } from "./generated";

/** An event with its place in the room's log and its time (ms since 1970, the server's clock). */
export type Stamped<E = RoomEvent> = E & { readonly seq: number; readonly at: number };

/** Server → client, instead of `welcome`, when only what was missed is needed. */
export interface Resumed {
  readonly seq: number;
  readonly now: number;
  readonly events: readonly Stamped[];
}

/** The command was kept; the last event that it made is at `seq`, or, where nothing had to change, the log ended there. */
export interface Kept {
  readonly ok: true;
  readonly seq: number;
}

/** The command was refused. `temporary`: the same may succeed later; `until`: from then on (ms since 1970), where known. */
export interface Refused {
  readonly ok: false;
  readonly code: string;
  readonly message: string;
  readonly temporary: boolean;
  readonly until?: number | null;
}

/** The one answer that every command gets. */
export type Ack = Kept | Refused;
