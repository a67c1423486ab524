/// One element, painted as Excalidraw paints it.
///
/// What always holds: what is painted follows from the element and the zoom alone (and the pictures and letters at hand), so that
/// whoever has the same elements has the same pixels.

import { getStroke } from "perfect-freehand";
import type { BoardElement } from "../element";
import { middle, upright } from "./bounds";
import { baseline, fontOf } from "./fonts";
import { cornerRadius, drawables, pathOf } from "./shape";
import { isSmall, paintSmall } from "./small";

type Context = CanvasRenderingContext2D;

/** A picture of an image element, if it is at hand. */
export type Pictures = (element: BoardElement) => CanvasImageSource | null;

interface Sketch {
  readonly path: Path2D;
  readonly colour: string;
  /** Missing: it is filled. */
  readonly line?: { readonly width: number; readonly dash: readonly number[] };
  readonly rule: CanvasFillRule;
}

const sketches = new WeakMap<BoardElement, readonly Sketch[]>();

function sketchesOf(element: BoardElement): readonly Sketch[] {
  let made = sketches.get(element);
  if (made === undefined) {
    made = drawables(element).flatMap(({ shape, sets, options }) =>
      sets.map(({ type, ops }): Sketch => {
        const path = pathOf(ops);
        const { stroke, strokeWidth, strokeLineDash: dash = [], fill = "", fillWeight } = options;
        if (type === "path") return { path, colour: stroke === "none" ? "transparent" : stroke, line: { width: strokeWidth, dash }, rule: "nonzero" };
        if (type === "fillSketch") return { path, colour: fill, line: { width: fillWeight < 0 ? strokeWidth / 2 : fillWeight, dash: [] }, rule: "nonzero" };
        return { path, colour: fill, rule: shape === "curve" || shape === "polygon" || shape === "path" ? "evenodd" : "nonzero" };
      }),
    );
    sketches.set(element, made);
  }
  return made;
}

const outlines = new WeakMap<BoardElement, Path2D>();

/** The outline of a pen's stroke. */
function outlineOf(element: BoardElement): Path2D {
  let path = outlines.get(element);
  if (path === undefined) {
    path = outline(element);
    outlines.set(element, path);
  }
  return path;
}

function outline(element: BoardElement): Path2D {
  const { points = [], pressures = [], simulatePressure = true, strokeWidth = 2, lastCommittedPoint } = element;
  const pressed = points.length > 0 ? points.map(([x, y], index): number[] => [x, y, pressures[index] ?? 0.5]) : [[0, 0, 0.5]];
  const shape = getStroke(simulatePressure ? (points as unknown as number[][]) : pressed, {
    simulatePressure,
    size: strokeWidth * 4.25,
    thinning: 0.6,
    smoothing: 0.5,
    streamline: 0.5,
    easing: (t) => Math.sin((t * Math.PI) / 2),
    last: lastCommittedPoint != null,
  }) as [number, number][];
  const path = new Path2D();
  const first = shape[0];
  if (first === undefined) return path;
  path.moveTo(cut(first[0]), cut(first[1]));
  shape.forEach(([x, y], index) => {
    const [nextX, nextY] = shape[index + 1] ?? first;
    path.quadraticCurveTo(cut(x), cut(y), cut((x + nextX) / 2), cut((y + nextY) / 2));
  });
  path.closePath();
  return path;
}

/** Two places after the point, cut off, as Excalidraw writes its paths. */
function cut(value: number): number {
  return Math.trunc(value * 100) / 100;
}

/** Paint the element onto a canvas whose units are px of the page. `alpha`: of what it is in. `zoom`: css px of a px of the page. */
export function paint(context: Context, element: BoardElement, pictures: Pictures, alpha = 1, zoom = 1): void {
  const { opacity = 100, angle = 0, x, y, type } = element;
  context.save();
  context.globalAlpha = (opacity / 100) * alpha;
  if (angle !== 0) {
    const [cx, cy] = middle(upright(element));
    context.translate(cx, cy);
    context.rotate(angle);
    context.translate(-cx, -cy);
  }
  context.translate(x, y);
  context.lineJoin = "round";
  context.lineCap = "round";
  if (type === "text") text(context, element);
  else if (type === "image") image(context, element, pictures);
  else if (type === "frame") frame(context, element, zoom);
  else if (isSmall(element, zoom)) paintSmall(context, element);
  else {
    for (const sketch of sketchesOf(element)) lay(context, sketch);
    if (type === "freedraw") {
      context.fillStyle = element.strokeColor ?? "#1e1e1e";
      context.fill(outlineOf(element));
    }
  }
  context.restore();
}

function lay(context: Context, { path, colour, line, rule }: Sketch): void {
  if (line === undefined) {
    context.fillStyle = colour;
    context.fill(path, rule);
    return;
  }
  context.strokeStyle = colour;
  context.lineWidth = line.width;
  context.setLineDash(line.dash as number[]);
  context.stroke(path);
}

const RTL = /^[^A-Za-z\u00C0-\u02B8\u0300-\u0590\u0800-\u1FFF\u2C00-\uFB1C\uFDFE-\uFE6F\uFEFD-\uFFFF]*[\u0591-\u07FF\uFB1D-\uFDFD\uFE70-\uFEFC]/;

function text(context: Context, element: BoardElement): void {
  const { text: words = "", width, fontSize = 20, lineHeight = 1.25, textAlign = "left" } = element;
  context.font = fontOf(element);
  context.fillStyle = element.strokeColor ?? "#1e1e1e";
  context.textAlign = textAlign as CanvasTextAlign;
  context.direction = RTL.test(words) ? "rtl" : "ltr";
  const across = textAlign === "center" ? width / 2 : textAlign === "right" ? width : 0;
  const high = fontSize * lineHeight;
  const down = baseline(element, high);
  words.split(/\r\n?|\n/).forEach((line, index) => context.fillText(line, across, index * high + down));
}

function image(context: Context, element: BoardElement, pictures: Pictures): void {
  const { width, height, crop, scale = [1, 1] } = element;
  const picture = pictures(element);
  if (scale[0] !== 1 || scale[1] !== 1) {
    context.translate(scale[0] < 0 ? width : 0, scale[1] < 0 ? height : 0);
    context.scale(scale[0] < 0 ? -1 : 1, scale[1] < 0 ? -1 : 1);
  }
  if (picture === null) {
    context.fillStyle = "#e7e7e7";
    context.fillRect(0, 0, width, height);
    return;
  }
  if (element.roundness) {
    context.beginPath();
    context.roundRect(0, 0, width, height, cornerRadius(Math.min(width, height), element));
    context.clip();
  }
  if (crop) context.drawImage(picture, crop.x, crop.y, crop.width, crop.height, 0, 0, width, height);
  else context.drawImage(picture, 0, 0, width, height);
}

function frame(context: Context, { width, height, name }: BoardElement, zoom: number): void {
  context.lineWidth = 2 / zoom;
  context.strokeStyle = "#bbb";
  context.beginPath();
  context.roundRect(0, 0, width, height, 8 / zoom);
  context.stroke();
  if (!name) return;
  context.font = "14px Assistant, system-ui, sans-serif";
  context.fillStyle = "#767676";
  context.fillText(name, 0, -6);
}
