/// The room as it was at any moment: the log, folded as the live page folds it.
///
/// What always holds: the state at a moment is what somebody saw who had been there from the beginning; it is folded from the
/// nearest state that was kept before it, so that going anywhere costs a bounded number of events.

import type { Stamped } from "../protocol";
import { applyEvents, type RoomState } from "../room/state";

export const STRIDE = 1_000; // events between two states that are kept

export class Past {
  readonly events: readonly Stamped[];
  /** When each event is taken to have happened: clocks may step back, the log does not. */
  readonly #times: Float64Array;
  readonly #kept: RoomState[];

  private constructor(events: readonly Stamped[], times: Float64Array, kept: RoomState[]) {
    this.events = events;
    this.#times = times;
    this.#kept = kept;
  }

  /**
   * Fold the whole log once. `breathe` is awaited now and then with the share done (0 to 1), so that the page stays alive.
   * `start`: the empty room.
   */
  static async fold(start: RoomState, events: readonly Stamped[], breathe: (share: number) => Promise<void> | void): Promise<Past> {
    const times = new Float64Array(events.length);
    const kept = [start];
    let state = start;
    let latest = 0;
    for (let at = 0; at < events.length; at += STRIDE) {
      const part = events.slice(at, at + STRIDE);
      part.forEach((event, index) => {
        latest = Math.max(latest, event.at);
        times[at + index] = latest;
      });
      state = applyEvents(state, part);
      if (part.length === STRIDE) kept.push(state);
      await breathe(Math.min(1, (at + STRIDE) / events.length));
    }
    return new Past(events, times, kept);
  }

  /** How many events had happened at a moment of class time. */
  countAt(at: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#times[middle] as number) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The state after the first `count` events. `near`: a state at hand with how many it has, which may be the nearest. */
  stateAfter(count: number, near?: { readonly state: RoomState; readonly count: number }): RoomState {
    const index = Math.min(Math.floor(count / STRIDE), this.#kept.length - 1);
    const known = { state: this.#kept[index] as RoomState, count: index * STRIDE };
    const from = near !== undefined && near.count <= count && near.count >= known.count ? near : known;
    return from.count === count ? from.state : applyEvents(from.state, this.events.slice(from.count, count));
  }
}
