/// Elements that are seen from far away: where wobbly lines and the edges of a pen's stroke are finer than anybody sees, a few
/// plain lines stand for them. A page of thousands of elements is there in a fraction of the time.

import type { BoardElement } from "../element";
import { transparent } from "./shape";

type Context = CanvasRenderingContext2D;

const SMALL = 12; // css px that a shape is wide and high at most
const THIN = 2; // css px that a pen's stroke is wide at most
const PEN = 4.25; // of a stroke's width, as Excalidraw has it
const THINNING = 0.6;
const SIMULATED = 0.4; // the pressure of most of a stroke where none was measured

/** Whether the element is so small at this zoom that `paintSmall` serves. */
export function isSmall({ type, width, height, strokeWidth = 2 }: BoardElement, zoom: number): boolean {
  if (type === "freedraw") return strokeWidth * PEN * zoom <= THIN;
  return (type === "rectangle" || type === "ellipse" || type === "diamond") && Math.max(Math.abs(width), Math.abs(height)) * zoom <= SMALL;
}

/** Paint it onto a canvas whose units are px of the page, with the element's corner in (0, 0). */
export function paintSmall(context: Context, element: BoardElement): void {
  const { type, strokeWidth = 2, strokeColor = "#1e1e1e", strokeStyle = "solid", backgroundColor } = element;
  context.beginPath();
  if (type === "freedraw") pen(context, element);
  else shape(context, element);
  if (type !== "freedraw" && !transparent(backgroundColor)) {
    context.fillStyle = backgroundColor as string;
    context.fill();
  }
  context.strokeStyle = strokeColor;
  context.lineWidth = type === "freedraw" ? widthOf(element) : strokeWidth;
  context.setLineDash(strokeStyle === "dashed" ? [8, 8 + strokeWidth] : strokeStyle === "dotted" ? [1.5, 6 + strokeWidth] : []);
  context.stroke();
}

function pen(context: Context, { points = [] }: BoardElement): void {
  const [x, y] = points[0] ?? [0, 0];
  context.moveTo(x, y);
  if (points.length < 2) context.lineTo(x + 0.01, y);
  for (const [px, py] of points) context.lineTo(px, py);
}

/** How wide perfect-freehand makes the stroke, on the whole. */
function widthOf({ strokeWidth = 2, pressures = [], simulatePressure = true }: BoardElement): number {
  const measured = simulatePressure || pressures.length === 0 ? SIMULATED : pressures.reduce((sum, each) => sum + each, 0) / pressures.length;
  return 2 * strokeWidth * PEN * Math.sin(((0.5 - THINNING * (0.5 - measured)) * Math.PI) / 2) * 0.75;
}

function shape(context: Context, { type, width: w, height: h }: BoardElement): void {
  if (type === "rectangle") context.rect(0, 0, w, h);
  else if (type === "ellipse") context.ellipse(w / 2, h / 2, Math.abs(w / 2), Math.abs(h / 2), 0, 0, 2 * Math.PI);
  else {
    context.moveTo(w / 2, 0);
    context.lineTo(w, h / 2);
    context.lineTo(w / 2, h);
    context.lineTo(0, h / 2);
    context.closePath();
  }
}
