"""The lines that fill a shape, as rough.js and hachure-fill lay them: parallel, crossed, or there and back."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, hypot, pi, sin

from classroom.files.ops import Pair

ANGLE = -41.0  # degrees
LINES_LIMIT = 4_000  # of one shape, however often its outline crosses itself; six pages wide it still has all of them

Segment = tuple[Pair, Pair]


def hachure(polygons: list[list[Pair]], gap: float, style: str, random: Callable[[], float] | None) -> list[Segment]:
    """The lines, `gap` px apart, within `polygons` (even-odd). `random` may make the gaps wider, as rough lines are."""
    gap = max(gap, 0.1)
    if style == "zigzag":
        dx, dy = gap * 0.5 * cos(pi / 180 * ANGLE), gap * 0.5 * sin(pi / 180 * ANGLE)
        found: list[Segment] = []
        for (x1, y1), end in _lines(polygons, gap, ANGLE + 90, random, LINES_LIMIT // 2):
            if hypot(x1 - end[0], y1 - end[1]):
                found += [((x1 - dx, y1 + dy), end), ((x1 + dx, y1 - dy), end)]
        return found
    angles = (ANGLE + 90, ANGLE + 180) if style == "cross-hatch" else (ANGLE + 90,)
    return [line for angle in angles for line in _lines(polygons, gap, angle, random, LINES_LIMIT // len(angles))]


def _lines(
    polygons: list[list[Pair]], gap: float, degrees: float, random: Callable[[], float] | None, most: int
) -> list[Segment]:
    angle = pi / 180 * degrees
    # Either every whole px is scanned and each gap-th line drawn, or the scan itself goes by gaps.
    by_gap = random is not None and random() > 0.7
    lying = [[_turned(point, angle) for point in polygon] for polygon in polygons if len(polygon) > 2]
    return [(_turned(a, -angle), _turned(b, -angle)) for a, b in _scan(lying, gap, not by_gap, most)]


def _scan(polygons: list[list[Pair]], gap: float, whole: bool, most: int) -> list[Segment]:
    edges = []
    for polygon in polygons:
        for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            if ay != by:
                (x, low), (_, high) = sorted(((ax, ay), (bx, by)), key=lambda point: point[1])
                edges.append((low, high, x, (bx - ax) / (by - ay)))
    if not edges:
        return []
    top, bottom = min(edge[0] for edge in edges), max(edge[1] for edge in edges)
    # A line of the scan is cut into one piece for every two edges that it crosses.
    pieces = sum(high - low for low, high, *_ in edges) / 2
    step = max(float(round(gap)) if whole else gap, pieces / most, 0.1)
    edges.sort()
    found: list[Segment] = []
    active: list[tuple[float, float, float, float]] = []
    next_edge, y = 0, top
    while y < bottom:
        while next_edge < len(edges) and edges[next_edge][0] <= y:
            active.append(edges[next_edge])
            next_edge += 1
        active = [edge for edge in active if edge[1] > y]
        crossings = sorted(x + (y - low) * slope for low, _, x, slope in active)
        found += [((round(a), y), (round(b), y)) for a, b in zip(crossings[::2], crossings[1::2], strict=False)]
        y += step
    return found


def _turned(point: Pair, angle: float) -> Pair:
    s, c = sin(angle), cos(angle)
    return point[0] * c - point[1] * s, point[0] * s + point[1] * c
