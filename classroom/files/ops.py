"""What shapes are made of before anybody draws them: moves, lines, curves, closings; in px, y downwards."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, sin
from typing import Any

Pair = tuple[float, float]
Op = tuple[Any, ...]
"""("M", x, y), ("L", x, y), ("C", x1, y1, x2, y2, x, y) or ("Z",)."""
Ops = list[Op]


def moved(ops: Ops, x: float, y: float) -> Ops:
    """The same, so far to the right and down."""
    return [(op[0], *(value + (y if i % 2 else x) for i, value in enumerate(op[1:]))) for op in ops]


def turned(ops: Ops, angle: float, centre: Pair) -> Ops:
    """The same, turned clockwise by `angle` (radians) around `centre`."""
    if not angle:
        return ops
    return [(op[0], *_turned(op[1:], angle, centre)) for op in ops]


def _turned(values: Sequence[float], angle: float, centre: Pair) -> list[float]:
    s, c = sin(angle), cos(angle)
    found = []
    for x, y in zip(values[::2], values[1::2], strict=True):
        dx, dy = x - centre[0], y - centre[1]
        found += [dx * c - dy * s + centre[0], dx * s + dy * c + centre[1]]
    return found


def bounds(ops: Ops) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of all points (a curve lies within its control points)."""
    xs = [value for op in ops for value in op[1::2]]
    ys = [value for op in ops for value in op[2::2]]
    return (min(xs), min(ys), max(xs), max(ys)) if xs else None


def flat(ops: Ops, steps: int = 12) -> list[list[Pair]]:
    """Polygons that follow the paths, a curve by `steps` lines."""
    polygons: list[list[Pair]] = []
    at = (0.0, 0.0)
    for op in ops:
        if op[0] == "M":
            polygons.append([(op[1], op[2])])
        elif op[0] == "L":
            polygons[-1].append((op[1], op[2]))
        elif op[0] == "C":
            a, b, c = (op[1], op[2]), (op[3], op[4]), (op[5], op[6])
            for i in range(1, steps + 1):
                t = i / steps
                u = 1 - t
                w = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
                polygons[-1].append((
                    w[0] * at[0] + w[1] * a[0] + w[2] * b[0] + w[3] * c[0],
                    w[0] * at[1] + w[1] * a[1] + w[2] * b[1] + w[3] * c[1],
                ))  # fmt: skip
        if len(op) > 2:
            at = (op[-2], op[-1])
    return polygons
