"""The heads of arrows, as Excalidraw lays them at the ends of a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import atan2, cos, hypot, pi, sin

from classroom.files import sketch
from classroom.files.ops import Ops, Pair
from classroom.files.sketch import Part, Style

SIZES = {"arrow": 25.0, "diamond": 12.0, "diamond_outline": 12.0}
CROWFOOT = ("crowfoot_many", "crowfoot_one", "crowfoot_one_or_many")


def head(kind: str, points: Sequence[Pair], outline: Ops, start: bool, style: Style) -> list[Part]:
    """The head of that kind at the start or the end of a line whose `outline` is drawn already."""
    tip, towards = _direction(outline, start)
    if tip is None or towards is None:
        return []
    size = _size(kind, points, start)
    back = (tip[0] - towards[0] * size, tip[1] - towards[1] * size)
    style = replace(style, roughness=min(1, style.roughness), fill=None)
    if kind in ("dot", "circle", "circle_outline"):
        diameter = max(1.0, hypot(back[0] - tip[0], back[1] - tip[1]) + style.stroke_width - 2)
        fill = None if kind == "circle_outline" else "solid"
        round_style = replace(style, fill=fill, roughness=min(0.5, style.roughness))
        return sketch.ellipse(*tip, diameter, diameter, round_style)
    degrees = 90 if kind == "bar" else 20 if kind == "arrow" else 25
    if kind in CROWFOOT:
        one, other = _turned(tip, back, -degrees), _turned(tip, back, degrees)
        if kind == "crowfoot_one":
            return sketch.line(*one, *other, style)
        lines = sketch.line(*one, *back, style) + sketch.line(*other, *back, style)
        return lines + (sketch.line(*one, *other, style) if kind == "crowfoot_one_or_many" else [])
    one, other = _turned(back, tip, -degrees), _turned(back, tip, degrees)
    if kind in ("triangle", "triangle_outline"):
        return sketch.linear_path([tip, one, other, tip], _filled(style, kind), close=True)
    if kind in ("diamond", "diamond_outline"):
        far = _far(points, tip, size, start)
        return sketch.linear_path([tip, one, far, other, tip], _filled(style, kind), close=True)
    return sketch.line(*one, *tip, style) + sketch.line(*other, *tip, style)


def _filled(style: Style, kind: str) -> Style:
    return replace(style, fill=None if kind.endswith("outline") else "solid")


def _direction(outline: Ops, start: bool) -> tuple[Pair | None, Pair | None]:
    """Where the line ends, and which way it goes there."""
    index = 1 if start else len(outline) - 1
    if not 1 <= index < len(outline) or outline[index][0] != "C":
        return None, None
    op, before = outline[index], outline[index - 1]
    p0, p1, p2, p3 = (before[-2], before[-1]), (op[1], op[2]), (op[3], op[4]), (op[5], op[6])
    t, u = 0.3, 0.7
    near = tuple(u**3 * p3[i] + 3 * t * u**2 * p2[i] + 3 * t**2 * u * p1[i] + t**3 * p0[i] for i in (0, 1))
    tip = p0 if start else p3
    length = hypot(tip[0] - near[0], tip[1] - near[1])
    return (tip, ((tip[0] - near[0]) / length, (tip[1] - near[1]) / length)) if length else (None, None)


def _size(kind: str, points: Sequence[Pair], start: bool) -> float:
    end, next_to = (points[0], points[1]) if start else (points[-1], points[-2])
    length = hypot(end[0] - next_to[0], end[1] - next_to[1])
    part = 0.25 if kind in ("diamond", "diamond_outline") else 0.5
    return min(SIZES.get(kind, 20.0 if kind in CROWFOOT else 15.0), length * part)


def _far(points: Sequence[Pair], tip: Pair, size: float, start: bool) -> Pair:
    """The corner of a diamond that lies on the line."""
    px, py = points[1] if start else points[-2]
    away = atan2(py - tip[1], px - tip[0])
    return tip[0] + 2 * size * cos(away), tip[1] + 2 * size * sin(away)


def _turned(point: Pair, centre: Pair, degrees: float) -> Pair:
    angle = degrees * pi / 180
    s, c = sin(angle), cos(angle)
    x, y = point[0] - centre[0], point[1] - centre[1]
    return x * c - y * s + centre[0], x * s + y * c + centre[1]
