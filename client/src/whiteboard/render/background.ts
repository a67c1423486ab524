/// What lies under a page's elements: paper, a grid, an image.

import type { Background } from "../../protocol";
import type { View } from "./view";

const GRID = 20; // px between lines
const BOLD = 5; // each fifth is bolder

/** Paint it over the whole canvas, whose units are css px. `picture`: the image, if it is at hand. */
export function paintBackground(context: CanvasRenderingContext2D, background: Background, picture: CanvasImageSource | null, view: View, width: number, height: number): void {
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  if (background.kind === "grid") grid(context, view, width, height);
  if (background.kind !== "image" && background.kind !== "pdf") return;
  const [left, top] = [-view.left * view.zoom, -view.top * view.zoom];
  const [across, down] = [(background.width ?? 0) * view.zoom, (background.height ?? 0) * view.zoom];
  if (across > 0 && down > 0) {
    context.fillStyle = "#f1f3f2"; // beside the page
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#ffffff";
    context.fillRect(left, top, across, down);
    if (picture !== null) context.drawImage(picture, left, top, across, down);
  } else if (picture !== null) {
    const { naturalWidth = 0, naturalHeight = 0 } = picture as HTMLImageElement;
    context.drawImage(picture, left, top, naturalWidth * view.zoom, naturalHeight * view.zoom);
  }
}

function grid(context: CanvasRenderingContext2D, { left, top, zoom }: View, width: number, height: number): void {
  const fine = GRID * zoom >= 7 ? 1 : BOLD;
  context.lineWidth = 1;
  for (const across of [true, false]) {
    const [start, size] = across ? [left, width] : [top, height];
    for (let line = Math.ceil(start / (GRID * fine)) * fine; (line * GRID - start) * zoom < size; line += fine) {
      const at = Math.round((line * GRID - start) * zoom) + 0.5;
      context.strokeStyle = line % BOLD === 0 ? "#dfe4e2" : "#eff2f0";
      context.beginPath();
      context.moveTo(across ? at : 0, across ? 0 : at);
      context.lineTo(across ? at : width, across ? height : at);
      context.stroke();
    }
  }
}
