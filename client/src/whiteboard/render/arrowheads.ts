/// The heads of arrows, as Excalidraw 0.18 has them.

import type { Drawable, Options } from "roughjs/bin/core";
import type { RoughGenerator } from "roughjs/bin/generator";
import type { BoardElement, Point } from "../element";

type End = "start" | "end";
const PAPER = "#ffffff"; // what is inside of an outlined head
const SIZES: Readonly<Record<string, number>> = { arrow: 25, diamond: 12, diamond_outline: 12, crowfoot_many: 20, crowfoot_one: 20, crowfoot_one_or_many: 20 };
const ANGLES: Readonly<Record<string, number>> = { bar: 90, arrow: 20 };

function turned([x, y]: Point, [cx, cy]: Point, degrees: number): Point {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [(x - cx) * cos - (y - cy) * sin + cx, (x - cx) * sin + (y - cy) * cos + cy];
}

/** Where the line ends and where it comes from there: its last (or first) curve. */
function ending(line: Drawable, end: End): { tip: Point; from: Point } | null {
  const ops = (line.sets.find(({ type }) => type === "path") ?? line.sets[0])?.ops ?? [];
  const place = end === "start" ? 1 : ops.length - 1;
  const [op, before] = [ops[place], ops[place - 1]];
  if (op === undefined || before === undefined || op.data.length !== 6) return null;
  const [ax, ay, bx, by, cx, cy] = op.data as [number, number, number, number, number, number];
  const start: Point = before.op === "move" ? [before.data[0] ?? 0, before.data[1] ?? 0] : before.op === "bcurveTo" ? [before.data[4] ?? 0, before.data[5] ?? 0] : [0, 0];
  const t = 0.3;
  const at = (p0: number, p1: number, p2: number, p3: number) => (1 - t) ** 3 * p3 + 3 * t * (1 - t) ** 2 * p2 + 3 * t ** 2 * (1 - t) * p1 + p0 * t ** 3;
  return { tip: end === "start" ? start : [cx, cy], from: [at(start[0], ax, bx, cx), at(start[1], ay, by, cy)] };
}

function lastStretch(points: readonly Point[], end: End): number {
  const [tip, before] = end === "end" ? [points.at(-1), points.at(-2)] : [points[0], points[1]];
  const [cx, cy] = tip ?? [0, 0];
  const [px, py] = before ?? [0, 0];
  return Math.hypot(cx - px, cy - py);
}

export function arrowhead(element: BoardElement, line: Drawable, end: End, kind: string, generator: RoughGenerator, options: Options): Drawable[] {
  const found = ending(line, end);
  if (found === null) return [];
  const { tip, from } = found;
  const distance = Math.hypot(tip[0] - from[0], tip[1] - from[1]) || 1;
  const [nx, ny] = [(tip[0] - from[0]) / distance, (tip[1] - from[1]) / distance];
  const points = element.points ?? [];
  const size = Math.min(SIZES[kind] ?? 15, lastStretch(points, end) * (kind.startsWith("diamond") ? 0.25 : 0.5));
  const base: Point = [tip[0] - nx * size, tip[1] - ny * size];
  const { strokeColor: colour = "#1e1e1e", strokeWidth = 2, strokeStyle } = element;
  const fill = kind.endsWith("_outline") ? PAPER : colour;
  const angle = ANGLES[kind] ?? 25;
  if (kind === "dot" || kind.startsWith("circle")) {
    delete options.strokeLineDash;
    const diameter = Math.hypot(base[1] - tip[1], base[0] - tip[0]) + strokeWidth - 2;
    return [generator.circle(tip[0], tip[1], diameter, { ...options, fill, fillStyle: "solid", stroke: colour, roughness: Math.min(0.5, options.roughness ?? 0) })];
  }
  const crow = kind === "crowfoot_many" || kind === "crowfoot_one_or_many";
  const [pivot, around] = crow ? [tip, base] : [base, tip];
  const [one, other] = [turned(pivot, around, -angle), turned(pivot, around, angle)];
  if (kind.startsWith("triangle") || kind.startsWith("diamond")) {
    delete options.strokeLineDash;
    const corners = kind.startsWith("triangle") ? [tip, one, other, tip] : [tip, one, opposite(points, tip, size, end), other, tip];
    return [generator.polygon(corners as [number, number][], { ...options, fill, fillStyle: "solid", roughness: Math.min(1, options.roughness ?? 0) })];
  }
  if (kind === "crowfoot_one") return [generator.line(one[0], one[1], other[0], other[1], options)];
  if (strokeStyle === "dotted") options.strokeLineDash = [1.5, 6 + strokeWidth - 1 - 1];
  else delete options.strokeLineDash;
  options.roughness = Math.min(1, options.roughness ?? 0);
  const meet = crow ? base : tip;
  const lines = [generator.line(one[0], one[1], meet[0], meet[1], options), generator.line(other[0], other[1], meet[0], meet[1], options)];
  return kind === "crowfoot_one_or_many" ? [...lines, ...arrowhead(element, line, end, "crowfoot_one", generator, options)] : lines;
}

function opposite(points: readonly Point[], tip: Point, size: number, end: End): Point {
  const [px, py] = (end === "start" ? points[1] : points.at(-2)) ?? [0, 0];
  const degrees = (angle: number) => (angle * 180) / Math.PI;
  if (end === "start") return turned([tip[0] + size * 2, tip[1]], tip, degrees(Math.atan2(py - tip[1], px - tip[0])));
  return turned([tip[0] - size * 2, tip[1]], tip, degrees(Math.atan2(tip[1] - py, tip[0] - px)));
}
