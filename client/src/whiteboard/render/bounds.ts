/// Where elements are on a page.

import type { BoardElement, Point } from "../element";

/** In px of the page. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const boxes = new WeakMap<BoardElement, Box>(); // of paths, whose points are all looked at for it

/** The box of the element before it is turned: what it is turned around the middle of. The element does not change. */
export function upright(element: BoardElement): Box {
  const { x, y, width, height, points } = element;
  if (points === undefined || points.length === 0) return { left: x, top: y, right: x + width, bottom: y + height };
  let box = boxes.get(element);
  if (box === undefined) {
    box = around(x, y, points);
    boxes.set(element, box);
  }
  return box;
}

function around(x: number, y: number, points: readonly Point[]): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [px, py] of points) {
    left = Math.min(left, px);
    right = Math.max(right, px);
    top = Math.min(top, py);
    bottom = Math.max(bottom, py);
  }
  return { left: x + left, top: y + top, right: x + right, bottom: y + bottom };
}

export function middle({ left, top, right, bottom }: Box): readonly [number, number] {
  return [(left + right) / 2, (top + bottom) / 2];
}

/** A box that everything drawn for the element is in, turned and roughened as it is. */
export function reach(element: BoardElement): Box {
  const box = upright(element);
  const { strokeWidth = 1, roughness = 1, angle = 0, type, fontSize = 20 } = element;
  const size = Math.max(box.right - box.left, box.bottom - box.top);
  const thick = type === "freedraw" ? strokeWidth * 4.25 : strokeWidth;
  // A curve swings out over its points, arrowheads stand out, letters hang over their lines.
  const more = thick + 8 * roughness + 4 + (element.points !== undefined && type !== "freedraw" ? 30 + size * 0.15 : 0) + (type === "text" ? fontSize : 0) + (type === "frame" ? 24 : 0);
  const wide = { left: box.left - more, top: box.top - more, right: box.right + more, bottom: box.bottom + more };
  if (angle === 0) return wide;
  const [cx, cy] = middle(box);
  const radius = Math.hypot(wide.right - wide.left, wide.bottom - wide.top) / 2;
  return { left: cx - radius, top: cy - radius, right: cx + radius, bottom: cy + radius };
}

export function united(one: Box | null, other: Box): Box {
  if (one === null) return other;
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
  };
}

export function touching(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
