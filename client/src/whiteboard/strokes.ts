/// Strokes that are being drawn somewhere: their ink so far, as signals bring it.
///
/// What always holds: the ink of a stroke is whole from its beginning, or the stroke is let be until its event. One that nobody
/// ends is not told of as being drawn for longer than the server keeps it, and forgotten when it can hardly go on any more.

import type { BoardInkBy } from "../protocol";
import { type BoardElement, lists } from "./element";
import { bytesOf, joined } from "./packing";

const RESTS = 20_000; // ms without a piece; the server forgets then, where another stroke begins
const FORGET = 60_000;

interface Stroke {
  readonly page: number;
  readonly by: string;
  readonly look: Readonly<Record<string, unknown>>;
  bytes: Uint8Array;
  broken: boolean;
  heardAt: number;
  element: BoardElement | null;
}

export class Strokes {
  readonly #strokes = new Map<string, Stroke>();

  /** A piece has come. Whether something is to be seen of it. */
  take({ page, id, by, after, ink, look }: BoardInkBy, now: number): boolean {
    const piece = bytesOf(ink);
    let stroke = this.#strokes.get(id);
    if (stroke === undefined) {
      if (after > 0 || look == null) return false; // its beginning was missed
      stroke = { page, by, look, bytes: new Uint8Array(), broken: false, heardAt: now, element: null };
      this.#strokes.set(id, stroke);
    }
    stroke.heardAt = now;
    const known = stroke.bytes.length - after;
    if (known < 0) stroke.broken = true;
    if (stroke.broken || known >= piece.length) return false;
    stroke.bytes = joined(stroke.bytes, piece.subarray(known));
    stroke.element = null;
    return true;
  }

  ink(id: string): Uint8Array | null {
    const stroke = this.#strokes.get(id);
    return stroke === undefined || stroke.broken ? null : stroke.bytes;
  }

  /** Its event is here. Whether there was such a stroke. */
  done(id: string): boolean {
    return this.#strokes.delete(id);
  }

  clear(): void {
    this.#strokes.clear();
  }

  /** What is to be seen on a page, but for strokes of `but`. */
  on(page: number, but?: string): readonly BoardElement[] {
    const shown = [...this.#strokes].filter(([, stroke]) => stroke.page === page && stroke.by !== but && !stroke.broken && stroke.bytes.length > 1);
    return shown.map(([id, stroke]) => (stroke.element ??= elementOf(id, stroke)));
  }

  /** Who draws on a page just now. */
  drawing(page: number, now: number): ReadonlySet<string> {
    const going = [...this.#strokes.values()].filter((stroke) => stroke.page === page && now - stroke.heardAt <= RESTS);
    return new Set(going.map(({ by }) => by));
  }

  get size(): number {
    return this.#strokes.size;
  }

  /** Let go of strokes that have not gone on for long. The pages that they were on. */
  forget(now: number): ReadonlySet<number> {
    const old = [...this.#strokes].filter(([, { heardAt }]) => now - heardAt > FORGET);
    for (const [id] of old) this.#strokes.delete(id);
    return new Set(old.map(([, { page }]) => page));
  }
}

/** Its line is to reach the pen, which it would else trail behind until the pen is lifted. */
function elementOf(id: string, { look, bytes }: Stroke): BoardElement {
  const path = lists(bytes, look["type"] === "freedraw");
  return { ...look, id, ...path, lastCommittedPoint: path.points.at(-1) ?? null } as unknown as BoardElement;
}
