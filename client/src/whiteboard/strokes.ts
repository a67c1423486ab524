/// Strokes that are being drawn somewhere: their ink so far, as signals bring it.
///
/// What always holds: the ink of a stroke is whole from its beginning, or the stroke is let be until its event.

import type { BoardInkBy } from "../protocol";
import { type BoardElement, lists } from "./element";
import { bytesOf, joined } from "./packing";

const FORGET = 60_000; // ms without a piece

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
    this.#forget(now);
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

  drawing(page: number): ReadonlySet<string> {
    return new Set([...this.#strokes.values()].filter((stroke) => stroke.page === page).map(({ by }) => by));
  }

  #forget(now: number): void {
    for (const [id, { heardAt }] of this.#strokes) if (now - heardAt > FORGET) this.#strokes.delete(id);
  }
}

/** Its line is to reach the pen, which it would else trail behind until the pen is lifted. */
function elementOf(id: string, { look, bytes }: Stroke): BoardElement {
  const path = lists(bytes, look["type"] === "freedraw");
  return { ...look, id, ...path, lastCommittedPoint: path.points.at(-1) ?? null } as unknown as BoardElement;
}
