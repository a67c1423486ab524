/// The path of an arrow that goes around corners, its corners rounded.

import type { Point } from "../element";

const away = (one: Point, other: Point) => Math.hypot(one[0] - other[0], one[1] - other[1]);

/** Whether the way from `other` to `point` is rather horizontal. */
function horizontal(point: Point, other: Point): boolean {
  const [x, y] = [point[0] - other[0], Math.abs(point[1] - other[1])];
  return x > y || x <= -y;
}

/** As an SVG path. */
export function elbow(points: readonly Point[], radius: number): string {
  const parts: Point[] = [];
  for (let index = 1; index < points.length - 1; index += 1) {
    const [before, point, after] = [points[index - 1], points[index], points[index + 1]] as [Point, Point, Point];
    const corner = Math.min(radius, away(point, after) / 2, away(point, before) / 2);
    parts.push(towards(point, before, horizontal(point, before), corner), point, towards(point, after, horizontal(after, point), corner));
  }
  const [first, last] = [points[0] ?? [0, 0], points.at(-1) ?? [0, 0]];
  const path = [`M ${first[0]} ${first[1]}`];
  for (let index = 0; index < parts.length; index += 3) {
    const [from, corner, to] = [parts[index], parts[index + 1], parts[index + 2]] as [Point, Point, Point];
    path.push(`L ${from[0]} ${from[1]}`, `Q ${corner[0]} ${corner[1]}, ${to[0]} ${to[1]}`);
  }
  path.push(`L ${last[0]} ${last[1]}`);
  return path.join(" ");
}

function towards(point: Point, other: Point, across: boolean, by: number): Point {
  if (across) return [other[0] < point[0] ? point[0] - by : point[0] + by, point[1]];
  return [point[0], other[1] < point[1] ? point[1] - by : point[1] + by];
}
