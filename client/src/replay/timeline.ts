/// The class as a line to move along: its days one behind the other, and the takes of its recording over them.
///
/// Two clocks. *Class time* is the server's (ms since 1970), in which events have their `at` and takes their `start`. A
/// *position* (ms from 0) is where the player is: class time without the stretches in which there was no class.

import type { Stamped } from "../protocol";

/** A file of the recording. `duration` in ms. */
export interface Take {
  readonly name: string;
  readonly kind: "camera" | "screen" | "sound";
  readonly start: number;
  readonly duration: number;
  readonly size: number;
  readonly finished: boolean;
}

/** A stretch in which there was class, in class time. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What the player shows at once: the camera with the voices (or the voices alone), and the screen. */
export type Track = "main" | "screen";

const LEAST = 1_000; // ms
const HOLE = 1_500; // ms without a recording that are worth telling

export class Timeline {
  readonly spans: readonly Span[];
  readonly length: number;
  readonly #takes: Readonly<Record<Track, readonly Take[]>>;

  constructor(spans: readonly Span[], takes: readonly Take[]) {
    this.spans = spans;
    this.length = spans.reduce((sum, { from, to }) => sum + to - from, 0);
    const byStart = [...takes].sort((one, other) => one.start - other.start);
    this.#takes = {
      main: byStart.filter(({ kind }) => kind !== "screen"),
      screen: byStart.filter(({ kind }) => kind === "screen"),
    };
  }

  /** Class time at a position; at a seam between two days the later one. */
  toClass(position: number): number {
    let left = Math.max(0, position);
    for (const { from, to } of this.spans) {
      if (left < to - from) return from + left;
      left -= to - from;
    }
    return this.spans.at(-1)?.to ?? 0;
  }

  /** The position of a moment of class time; where there was no class, that of the next one. */
  toPosition(at: number): number {
    let position = 0;
    for (const { from, to } of this.spans) {
      if (at < from) return position;
      if (at < to) return position + at - from;
      position += to - from;
    }
    return position;
  }

  /** What was recorded at a moment of class time. Where two takes overlap (a publisher who came back), the later one. */
  takeAt(track: Track, at: number): Take | null {
    return this.#takes[track].findLast((take) => take.start <= at && at < take.start + take.duration) ?? null;
  }

  has(track: Track): boolean {
    return this.#takes[track].some((take) => this.spans.some(({ from, to }) => take.start < to && take.start + take.duration > from));
  }

  get recorded(): boolean {
    return this.has("main") || this.has("screen");
  }

  /** Stretches without any recording, in positions. All of it where nothing was recorded. */
  holes(): readonly Span[] {
    const takes = [...this.#takes.main, ...this.#takes.screen].sort((one, other) => one.start - other.start);
    const found: Span[] = [];
    let position = 0;
    for (const { from, to } of this.spans) {
      let reached = from;
      const hole = (until: number): void => {
        if (until - reached > HOLE) found.push({ from: position + reached - from, to: position + until - from });
      };
      for (const { start, duration } of takes) {
        if (start >= to) break;
        hole(start);
        reached = Math.max(reached, start + duration);
      }
      hole(to);
      position += to - from;
    }
    return found;
  }
}

/** The days of a class, as its log tells them. Where it was never begun: from what was recorded or said first. */
export function spansOf(events: readonly Stamped[], takes: readonly Take[]): readonly Span[] {
  const spans: Span[] = [];
  let from: number | null = null;
  const close = (to: number): void => {
    if (from !== null) spans.push({ from, to: Math.max(to, from + LEAST) });
    from = null;
  };
  for (const event of events) {
    if (event.type === "class.started") from ??= event.at;
    else if (event.type === "class.ended") {
      if (spans.length === 0) from ??= firstOf(events, takes, event.at);
      close(event.at);
    }
  }
  close(events.at(-1)?.at ?? 0);
  return spans;
}

function firstOf(events: readonly Stamped[], takes: readonly Take[], before: number): number {
  return Math.min(before, events[0]?.at ?? before, ...takes.map(({ start }) => start));
}
