/// The lines and fills of an element, as Excalidraw 0.18 has roughjs make them: the same seed gives the same lines.

import rough from "roughjs/bin/rough";
import type { Drawable, Op, OpSet, Options } from "roughjs/bin/core";
import type { RoughGenerator } from "roughjs/bin/generator";
import type { BoardElement, Point } from "../element";
import { arrowhead } from "./arrowheads";
import { elbow } from "./elbow";

const PROPORTIONAL = 0.25;
const ADAPTIVE = 32;
const LOOP = 8; // px; ends that are closer are one
const generator: RoughGenerator = rough.generator();

export function transparent(colour: string | undefined): boolean {
  if (colour === undefined || colour === "transparent" || colour === "") return true;
  return (colour.length === 5 && colour.endsWith("0")) || (colour.length === 9 && colour.endsWith("00"));
}

export function cornerRadius(size: number, { roundness }: BoardElement): number {
  if (roundness?.type === 1 || roundness?.type === 2) return size * PROPORTIONAL;
  if (roundness?.type !== 3) return 0;
  const fixed = roundness.value ?? ADAPTIVE;
  return size <= fixed / PROPORTIONAL ? size * PROPORTIONAL : fixed;
}

export function isLoop(points: readonly Point[]): boolean {
  const [first, last] = [points[0], points.at(-1)];
  return points.length >= 3 && first !== undefined && last !== undefined && Math.hypot(first[0] - last[0], first[1] - last[1]) <= LOOP;
}

const ROUND_TYPES = new Set(["rectangle", "line", "diamond", "image"]);

function roughnessOf({ roughness = 1, width, height, roundness, type }: BoardElement): number {
  const most = Math.max(width, height);
  const least = Math.min(width, height);
  const long = (type === "line" || type === "arrow") && most >= 50;
  if ((least >= 20 && most >= 50) || (least >= 15 && roundness && ROUND_TYPES.has(type)) || long) return roughness;
  return Math.min(roughness / (most < 10 ? 3 : 2), 2.5);
}

function optionsOf(element: BoardElement, continuous = false): Options {
  const { seed = 1, strokeStyle = "solid", strokeWidth = 2, strokeColor = "#1e1e1e", roughness = 1, fillStyle = "solid", type } = element;
  const solid = strokeStyle === "solid";
  const options: Options = {
    seed,
    disableMultiStroke: !solid,
    strokeWidth: solid ? strokeWidth : strokeWidth + 0.5,
    fillWeight: strokeWidth / 2,
    hachureGap: strokeWidth * 4,
    roughness: roughnessOf(element),
    stroke: strokeColor,
    preserveVertices: continuous || roughness < 2,
  };
  if (strokeStyle === "dashed") options.strokeLineDash = [8, 8 + strokeWidth];
  if (strokeStyle === "dotted") options.strokeLineDash = [1.5, 6 + strokeWidth];
  const path = type === "line" || type === "freedraw";
  if (type === "arrow" || (path && !isLoop(element.points ?? []))) return options;
  options.fillStyle = fillStyle;
  if (!transparent(element.backgroundColor)) options.fill = element.backgroundColor as string;
  if (type === "ellipse") options.curveFitting = 1;
  return options;
}

/** The element's lines and fills, in the order in which they are drawn. */
export function drawables(element: BoardElement): readonly Drawable[] {
  const { type, width: w, height: h } = element;
  switch (type) {
    case "rectangle": {
      if (!element.roundness) return [generator.rectangle(0, 0, w, h, optionsOf(element))];
      const r = cornerRadius(Math.min(w, h), element);
      const path = `M ${r} 0 L ${w - r} 0 Q ${w} 0, ${w} ${r} L ${w} ${h - r} Q ${w} ${h}, ${w - r} ${h} L ${r} ${h} Q 0 ${h}, 0 ${h - r} L 0 ${r} Q 0 0, ${r} 0`;
      return [generator.path(path, optionsOf(element, true))];
    }
    case "diamond":
      return [diamond(element)];
    case "ellipse":
      return [generator.ellipse(w / 2, h / 2, w, h, optionsOf(element))];
    case "line":
    case "arrow":
      return linear(element);
    case "freedraw":
      return isLoop(element.points ?? []) && !transparent(element.backgroundColor)
        ? [generator.curve(simplified(element.points ?? [], 0.75) as [number, number][], { ...optionsOf(element), stroke: "none" })]
        : [];
    default:
      return [];
  }
}

function diamond(element: BoardElement): Drawable {
  const { width, height } = element;
  const [topX, topY, rightX, rightY] = [Math.floor(width / 2) + 1, 0, width, Math.floor(height / 2) + 1];
  const [bottomX, bottomY, leftX, leftY] = [topX, height, 0, rightY];
  if (!element.roundness) {
    return generator.polygon(
      [
        [topX, topY],
        [rightX, rightY],
        [bottomX, bottomY],
        [leftX, leftY],
      ],
      optionsOf(element),
    );
  }
  const v = cornerRadius(Math.abs(topX - leftX), element);
  const r = cornerRadius(Math.abs(rightY - topY), element);
  const path = `M ${topX + v} ${topY + r} L ${rightX - v} ${rightY - r}
    C ${rightX} ${rightY}, ${rightX} ${rightY}, ${rightX - v} ${rightY + r}
    L ${bottomX + v} ${bottomY - r}
    C ${bottomX} ${bottomY}, ${bottomX} ${bottomY}, ${bottomX - v} ${bottomY - r}
    L ${leftX + v} ${leftY + r}
    C ${leftX} ${leftY}, ${leftX} ${leftY}, ${leftX + v} ${leftY - r}
    L ${topX - v} ${topY + r}
    C ${topX} ${topY}, ${topX} ${topY}, ${topX + v} ${topY + r}`;
  return generator.path(path, optionsOf(element, true));
}

function linear(element: BoardElement): readonly Drawable[] {
  const options = optionsOf(element);
  const points = (element.points?.length ? element.points : [[0, 0]]) as [number, number][];
  let line: Drawable;
  if (element.type === "arrow" && element.elbowed) line = generator.path(elbow(points, 16), optionsOf(element, true));
  else if (element.roundness) line = generator.curve(points, options);
  else if (options.fill) line = generator.polygon(points, options);
  else line = generator.linearPath(points, options);
  if (element.type !== "arrow") return [line];
  const { startArrowhead = null, endArrowhead = "arrow" } = element;
  return [
    line,
    ...(startArrowhead === null ? [] : arrowhead(element, line, "start", startArrowhead, generator, options)),
    ...(endArrowhead === null ? [] : arrowhead(element, line, "end", endArrowhead, generator, options)),
  ];
}

/** The points without those that lie within `tolerance` px of the line between others (Douglas and Peucker). */
export function simplified(points: readonly Point[], tolerance: number): readonly Point[] {
  const keep = new Uint8Array(points.length);
  const piles: [number, number][] = [[0, points.length - 1]];
  keep[0] = keep[points.length - 1] = 1;
  for (let pile = piles.pop(); pile !== undefined; pile = piles.pop()) {
    const [from, to] = pile;
    let farthest = 0;
    let at = from;
    for (let index = from + 1; index < to; index += 1) {
      const away = awayFrom(points[index] as Point, points[from] as Point, points[to] as Point);
      if (away > farthest) [farthest, at] = [away, index];
    }
    if (Math.sqrt(farthest) <= tolerance) continue;
    keep[at] = 1;
    piles.push([from, at], [at, to]);
  }
  return points.filter((_, index) => keep[index] === 1);
}

/** The square of how far `p` is from the stretch between `v` and `w`. */
function awayFrom(p: Point, v: Point, w: Point): number {
  const length = (v[0] - w[0]) ** 2 + (v[1] - w[1]) ** 2;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((p[0] - v[0]) * (w[0] - v[0]) + (p[1] - v[1]) * (w[1] - v[1])) / length));
  return (p[0] - v[0] - t * (w[0] - v[0])) ** 2 + (p[1] - v[1] - t * (w[1] - v[1])) ** 2;
}

export function pathOf(ops: readonly Op[]): Path2D {
  const path = new Path2D();
  for (const { op, data } of ops) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = data;
    if (op === "move") path.moveTo(a, b);
    else if (op === "bcurveTo") path.bezierCurveTo(a, b, c, d, e, f);
    else path.lineTo(a, b);
  }
  return path;
}

export type { Drawable, OpSet };
