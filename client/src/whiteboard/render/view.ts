/// What part of a page is looked at, and where on the screen it stands.

import type { Background } from "../../protocol";
import { type BoardElement, plain, type RawElement } from "../element";
import { type Box, united, upright } from "./bounds";

/** A place (x, y) of the page stands at ((x - left) * zoom, (y - top) * zoom) css px of the canvas. */
export interface View {
  readonly left: number;
  readonly top: number;
  readonly zoom: number;
}

export const ZOOM_LEAST = 0.05;
export const ZOOM_MOST = 16;
const SHEET: Box = { left: 0, top: 0, right: 1280, bottom: 720 }; // what is shown of an empty page
const STEP = 160; // px; so that a page does not move with every stroke at its edge
const MARGIN = 20;

/** All of the page that is worth looking at: the same for everybody who has the same page. */
export function extent(elements: Iterable<RawElement>, background: Background): Box {
  let box: Box | null = null;
  if (background.width && background.height) box = { left: 0, top: 0, right: background.width, bottom: background.height };
  else box = SHEET;
  for (const raw of elements) {
    const element: BoardElement = plain(raw);
    const { left, top, right, bottom } = upright(element);
    if (left >= box.left && top >= box.top && right <= box.right && bottom <= box.bottom) continue;
    const snapped = { left: floor(left - MARGIN), top: floor(top - MARGIN), right: -floor(-right - MARGIN), bottom: -floor(-bottom - MARGIN) };
    box = united(box, snapped);
  }
  return box;
}

function floor(value: number): number {
  return Math.floor(value / STEP) * STEP;
}

/** The view in which `box` fills a canvas of this size (css px). */
export function fitting(box: Box, width: number, height: number, most = ZOOM_MOST): View {
  const zoom = within(Math.min(width / (box.right - box.left), height / (box.bottom - box.top)), ZOOM_LEAST, most);
  return {
    zoom,
    left: (box.left + box.right - width / zoom) / 2,
    top: (box.top + box.bottom - height / zoom) / 2,
  };
}

/** Closer or farther, with the place under (x, y) css px staying where it is. */
export function zoomed(view: View, factor: number, x: number, y: number): View {
  const zoom = within(view.zoom * factor, ZOOM_LEAST, ZOOM_MOST);
  return { zoom, left: view.left + x / view.zoom - x / zoom, top: view.top + y / view.zoom - y / zoom };
}

export function moved(view: View, dx: number, dy: number): View {
  return { ...view, left: view.left - dx / view.zoom, top: view.top - dy / view.zoom };
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
