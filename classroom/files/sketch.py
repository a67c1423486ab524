"""Lines as if drawn by hand, as rough.js 4.6 draws them and Excalidraw uses it.

What always holds: outlines have the same numbers as from the JavaScript with the same seed, so that a shape in an export
wobbles as it did on the board. What fills a shape follows its outline as closely as is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, cos, pi, sin, sqrt
from typing import NamedTuple

from classroom.files.hachure import hachure
from classroom.files.ops import Op, Ops, Pair, flat

CURVE_STEPS, MAX_OFFSET = 9, 2
GAIN = 0.8  # by how much rougher the edge of a solid fill is than its outline


class Random:
    """Park and Miller's numbers from 0 to 1; without a seed always the middle."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def next(self) -> float:
        if not self.seed:
            return 0.5
        self.seed = self.seed * 48_271 & 0xFFFFFFFF
        return (self.seed & 0x7FFFFFFF) / 2**31


@dataclass
class Style:
    """How to draw. `random` is made of `seed` by whoever needs it first, and then shared by copies."""

    seed: int = 0
    roughness: float = 1
    stroke_width: float = 1
    single: bool = False  # one stroke in place of two
    preserve: bool = False  # corners stay where they are
    curve_fitting: float = 0.95
    fill: str | None = None  # "solid", "hachure", "cross-hatch", "zigzag"
    hachure_gap: float = 4
    stroked: bool = True
    random: Random | None = None

    def next(self) -> float:
        if self.random is None:
            self.random = Random(self.seed)
        return self.random.next()

    def offset(self, least: float, most: float, gain: float = 1) -> float:
        return self.roughness * gain * (self.next() * (most - least) + least)

    def around(self, far: float, gain: float = 1) -> float:
        return self.offset(-far, far, gain)


class Part(NamedTuple):
    """Part of a shape: its "outline", a "fill" by colour, or the "lines" that fill it."""

    kind: str
    ops: Ops


def line(x1: float, y1: float, x2: float, y2: float, style: Style) -> list[Part]:
    return [Part("outline", _double(x1, y1, x2, y2, replace(style, random=None)))]


def linear_path(points: Sequence[Pair], style: Style, close: bool = False) -> list[Part]:
    """Straight lines from point to point; a polygon where `close`."""
    o = replace(style, random=None)
    outline = _linear(points, close, o)
    filled = _filled([list(points)], o) if close else []
    return [*filled, *_stroke(outline, o)]


def curve(points: Sequence[Pair], style: Style) -> list[Part]:
    """A curve through the points."""
    o = replace(style, random=None)
    outline = _curve_of(points, o)
    parts: list[Part] = []
    if o.fill and len(points) >= 3:
        if o.fill == "solid":
            rough = o.roughness + GAIN if o.roughness else 0
            parts = [Part("fill", _merged(_curve_of(points, replace(o, single=True, roughness=rough))))]
        else:
            parts = _filled(flat(_spline([points[0], *points, points[-1]])), o)
    return parts + _stroke(outline, o)


def ellipse(x: float, y: float, width: float, height: float, style: Style) -> list[Part]:
    """An ellipse around (x, y)."""
    o = replace(style, random=None)
    around = sqrt(pi * 2 * sqrt(((width / 2) ** 2 + (height / 2) ** 2) / 2))
    step = pi * 2 / ceil(max(CURVE_STEPS, CURVE_STEPS / sqrt(200) * around))
    rx, ry = abs(width / 2), abs(height / 2)
    rest = 1 - o.curve_fitting
    rx += o.around(rx * rest)
    ry += o.around(ry * rest)
    outline, core = _ellipse(x, y, rx, ry, step, o)
    parts: list[Part] = []
    if o.fill == "solid":
        parts = [Part("fill", _ellipse(x, y, rx, ry, step, o)[0])]
    elif o.fill:
        parts = _filled([core], o)
    return parts + _stroke(outline, o)


def path(ops: Ops, style: Style) -> list[Part]:
    """A path of lines and curves."""
    o = replace(style, random=None)
    outline = _along(ops, o)
    parts: list[Part] = []
    if o.fill == "solid":
        rough = o.roughness + GAIN if o.roughness else 0
        parts = [Part("fill", _merged(_along(ops, replace(o, single=True, roughness=rough))))]
    elif o.fill:
        parts = _filled(flat(ops), o)
    return parts + _stroke(outline, o)


def _stroke(outline: Ops, o: Style) -> list[Part]:
    return [Part("outline", outline)] if o.stroked else []


def _filled(polygons: list[list[Pair]], o: Style) -> list[Part]:
    if not o.fill:
        return []
    if o.fill == "solid":
        ops: Ops = []
        for points in polygons:
            if len(points) > 2:
                for index, (x, y) in enumerate(points):
                    ops.append(("L" if index else "M", x + o.around(MAX_OFFSET), y + o.around(MAX_OFFSET)))
        return [Part("fill", ops)]
    lines = hachure(polygons, o.hachure_gap, o.fill, (lambda: o.next()) if o.roughness >= 1 else None)
    found: Ops = []
    for (x1, y1), (x2, y2) in lines:
        found += _double(x1, y1, x2, y2, replace(o, single=False))
    return [Part("lines", found)]


def _merged(ops: Ops) -> Ops:
    return [op for index, op in enumerate(ops) if index == 0 or op[0] != "M"]


def _linear(points: Sequence[Pair], close: bool, o: Style) -> Ops:
    if len(points) < 2:
        return []
    if len(points) == 2:
        return _double(*points[0], *points[1], o)
    ops: Ops = []
    for start, end in pairwise(points):
        ops += _double(*start, *end, o)
    if close:
        ops += _double(*points[-1], *points[0], o)
    return ops


def _double(x1: float, y1: float, x2: float, y2: float, o: Style) -> Ops:
    ops = _line(x1, y1, x2, y2, o, overlay=False)
    return ops if o.single else ops + _line(x1, y1, x2, y2, o, overlay=True)


def _line(x1: float, y1: float, x2: float, y2: float, o: Style, overlay: bool) -> Ops:
    squared = (x1 - x2) ** 2 + (y1 - y2) ** 2
    length = sqrt(squared)
    gain = 1.0 if length < 200 else 0.4 if length > 500 else -0.0016668 * length + 1.233334
    offset = length / 10 if squared < MAX_OFFSET * MAX_OFFSET * 100 else float(MAX_OFFSET)
    far = offset / 2 if overlay else offset
    diverge = 0.2 + o.next() * 0.2
    mid_x = o.around(MAX_OFFSET * (y2 - y1) / 200, gain)
    mid_y = o.around(MAX_OFFSET * (x1 - x2) / 200, gain)

    def shaken() -> float:
        return o.around(far, gain)

    def corner() -> float:
        return 0 if o.preserve else shaken()

    start: Op = ("M", x1 + corner(), y1 + corner())
    bend: Op = (
        "C",
        mid_x + x1 + (x2 - x1) * diverge + shaken(), mid_y + y1 + (y2 - y1) * diverge + shaken(),
        mid_x + x1 + 2 * (x2 - x1) * diverge + shaken(), mid_y + y1 + 2 * (y2 - y1) * diverge + shaken(),
        x2 + corner(), y2 + corner(),
    )  # fmt: skip
    return [start, bend]


def _curve_of(points: Sequence[Pair], o: Style) -> Ops:
    ops = _shaken_spline(points, 1 * (1 + o.roughness * 0.2), o)
    if not o.single:
        other = replace(o, random=None, seed=o.seed + 1 if o.seed else 0)
        ops = ops + _shaken_spline(points, 1.5 * (1 + o.roughness * 0.22), other)
    return ops


def _shaken_spline(points: Sequence[Pair], far: float, o: Style) -> Ops:
    def shaken(point: Pair) -> Pair:
        return point[0] + o.around(far), point[1] + o.around(far)

    found = [shaken(points[0]), shaken(points[0])]
    for index in range(1, len(points)):
        found.append(shaken(points[index]))
        if index == len(points) - 1:
            found.append(shaken(points[index]))
    return _double(*found[0], *found[1], o) if len(found) == 2 else _spline(found)


def _spline(points: Sequence[Pair]) -> Ops:
    """A curve through all but the first and the last point, which say where it comes from and leads to."""
    if len(points) < 3:
        return []
    ops: Ops = [("M", *points[1])]
    if len(points) == 3:
        return [*ops, ("C", *points[1], *points[2], *points[2])]
    for i in range(1, len(points) - 2):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[i - 1 : i + 3]
        ops.append(("C", bx + (cx - ax) / 6, by + (cy - ay) / 6, cx + (bx - dx) / 6, cy + (by - dy) / 6, cx, cy))
    return ops


def _ellipse(x: float, y: float, rx: float, ry: float, step: float, o: Style) -> tuple[Ops, list[Pair]]:
    overlap = step * o.offset(0.1, o.offset(0.4, 1))
    every, core = _ring(step, x, y, rx, ry, 1, overlap, o)
    ops = _spline(every)
    if not o.single and o.roughness != 0:
        ops = ops + _spline(_ring(step, x, y, rx, ry, 1.5, 0, o)[0])
    return ops, core


def _ring(
    step: float, cx: float, cy: float, rx: float, ry: float, far: float, overlap: float, o: Style
) -> tuple[list[Pair], list[Pair]]:
    if o.roughness == 0:
        step = step / 4
        core = []
        angle = 0.0
        while angle <= pi * 2:
            core.append((cx + rx * cos(angle), cy + ry * sin(angle)))
            angle += step
        before = (cx + rx * cos(-step), cy + ry * sin(-step))
        return [before, *core, (cx + rx, cy), (cx + rx * cos(step), cy + ry * sin(step))], core

    def at(angle: float, part: float = 1) -> Pair:
        return o.around(far) + cx + part * rx * cos(angle), o.around(far) + cy + part * ry * sin(angle)

    start = o.around(0.5) - pi / 2
    every = [at(start - step, 0.9)]
    angle = start
    while angle < pi * 2 + start - 0.01:
        every.append(at(angle))
        angle += step
    core = every[1:]
    every += [at(start + pi * 2 + overlap * 0.5), at(start + overlap, 0.98), at(start + overlap * 0.5, 0.9)]
    return every, core


def _along(ops: Ops, o: Style) -> Ops:
    found: Ops = []
    first = at = (0.0, 0.0)
    for op in ops:
        if op[0] == "M":
            first = at = (op[1], op[2])
        elif op[0] == "L":
            found += _double(*at, op[1], op[2], o)
            at = (op[1], op[2])
        elif op[0] == "C":
            found += _bend(op, at, o)
            at = (op[5], op[6])
        else:
            found += _double(*at, *first, o)
            at = first
    return found


def _bend(op: Op, at: Pair, o: Style) -> Ops:
    found: Ops = []
    x1, y1, x2, y2, x, y = op[1:]
    for index in range(1 if o.single else 2):
        far = MAX_OFFSET + 0.3 * index
        if index == 0:
            found.append(("M", *at))
        else:
            found.append(("M", *(value if o.preserve else value + o.around(MAX_OFFSET) for value in at)))
        end = (x, y) if o.preserve else (x + o.around(far), y + o.around(far))
        found.append(
            ("C", x1 + o.around(far), y1 + o.around(far), x2 + o.around(far), y2 + o.around(far), *end)
        )  # fmt: skip
    return found
