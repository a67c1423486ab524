/// Pointers of others on a page: cursors that fade, and laser trails that burn down.

import type { BoardCursorBy, BoardLaserBy } from "../protocol";
import type { View } from "./render/view";

const CURSOR_STAYS = 5_000; // ms
const LASER_STAYS = 900; // ms
const COLOURS = ["#0b6f59", "#945700", "#7b3fa0", "#b3261e", "#1f5fa8", "#5b6400"];

interface Cursor {
  readonly page: number;
  readonly x: number;
  readonly y: number;
  readonly until: number;
}

interface Spot {
  readonly page: number;
  readonly x: number;
  readonly y: number;
  readonly at: number;
}

export class Passing {
  readonly #cursors = new Map<string, Cursor>();
  readonly #lasers = new Map<string, Spot[]>();

  take(signal: BoardCursorBy | BoardLaserBy, now: number): void {
    if (signal.type === "board.cursor_by") {
      this.#cursors.set(signal.by, { page: signal.page, x: signal.x, y: signal.y, until: now + CURSOR_STAYS });
      return;
    }
    this.#cursors.delete(signal.by);
    const trail = (this.#lasers.get(signal.by) ?? []).filter((spot) => now - spot.at < LASER_STAYS);
    trail.push(...signal.points.map(([x, y]) => ({ page: signal.page, x, y, at: now })));
    this.#lasers.set(signal.by, trail);
  }

  /** Whether something goes on to move. */
  paint(context: CanvasRenderingContext2D, page: number, { zoom }: View, now: number, nameOf: (id: string) => string | undefined): boolean {
    let more = false;
    for (const [by, cursor] of this.#cursors) {
      if (cursor.until < now) this.#cursors.delete(by);
      else {
        more = true;
        if (cursor.page === page) arrow(context, cursor, 1 / zoom, colourOf(by), nameOf(by));
      }
    }
    for (const [by, all] of this.#lasers) {
      const trail = all.filter((spot) => now - spot.at < LASER_STAYS);
      if (trail.length === 0) this.#lasers.delete(by);
      else {
        more = true;
        burn(context, trail.filter((spot) => spot.page === page), 1 / zoom, now);
      }
    }
    return more;
  }
}

export function colourOf(member: string): string {
  let sum = 0;
  for (const letter of member) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return COLOURS[sum % COLOURS.length] as string;
}

function arrow(context: CanvasRenderingContext2D, { x, y }: Cursor, px: number, colour: string, name: string | undefined): void {
  context.save();
  context.translate(x, y);
  context.scale(px, px);
  context.fillStyle = colour;
  context.strokeStyle = "#ffffff";
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(4.5, 14);
  context.lineTo(7.5, 8);
  context.lineTo(13.5, 5.5);
  context.closePath();
  context.fill();
  context.stroke();
  if (name) {
    context.font = "600 12px system-ui, sans-serif";
    const width = context.measureText(name).width + 12;
    context.beginPath();
    context.roundRect(10, 14, width, 20, 6);
    context.fill();
    context.fillStyle = "#ffffff";
    context.fillText(name, 16, 28);
  }
  context.restore();
}

function burn(context: CanvasRenderingContext2D, trail: readonly Spot[], px: number, now: number): void {
  context.save();
  context.lineCap = "round";
  context.strokeStyle = context.fillStyle = "#e5002b";
  trail.forEach((spot, index) => {
    const left = Math.max(0, 1 - (now - spot.at) / LASER_STAYS);
    context.globalAlpha = left;
    const before = trail[index - 1];
    context.lineWidth = (2 + 4 * left) * px;
    context.beginPath();
    context.moveTo(before?.x ?? spot.x, before?.y ?? spot.y);
    context.lineTo(spot.x, spot.y);
    context.stroke();
  });
  const last = trail.at(-1);
  if (last !== undefined) {
    context.globalAlpha = 1;
    context.beginPath();
    context.arc(last.x, last.y, 5 * px, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}
