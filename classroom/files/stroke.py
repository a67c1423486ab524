"""A pen's stroke as an outline, as perfect-freehand 1.2 draws it and Excalidraw uses it.

What always holds: the same numbers come out as from the JavaScript, so that a stroke in an export is the stroke that was seen.
`points` are (x, y) or (x, y, pressure), in px.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, hypot, pi, sin
from typing import Any, NamedTuple

from classroom.files.ops import Ops, Pair

RATE = 0.275  # how fast simulated pressure follows speed
HALF_TURN = pi + 0.0001
SIZE, THINNING, SMOOTHING, STREAMLINE = 4.25, 0.6, 0.5, 0.5  # Excalidraw's, the first times the stroke's width


class Step(NamedTuple):
    point: Pair
    pressure: float
    vector: Pair
    distance: float
    length: float  # of the stroke so far


def freedraw(element: dict[str, Any]) -> Ops:
    """The outline of a `freedraw` element, to be filled; relative to its `x`, `y`."""
    simulated = bool(element.get("simulatePressure", True))
    points = [tuple(point[:2]) for point in element.get("points") or ()] or [(0.0, 0.0)]
    if not simulated:
        pressures = [p for p in element.get("pressures") or () if isinstance(p, int | float)]
        points = [(*point, pressures[i]) if i < len(pressures) else point for i, point in enumerate(points)]
    size = float(element.get("strokeWidth", 1)) * SIZE
    return smooth(outline(points, size, simulated, last=True))


def smooth(points: Sequence[Pair]) -> Ops:
    """A closed path through the middles between the points, bent towards them (Excalidraw's `getSvgPathFromStroke`)."""
    if not points:
        return []
    ops: Ops = [("M", *points[0])]
    at = points[0]
    for index, point in enumerate(points):
        following = points[(index + 1) % len(points)]
        end = ((point[0] + following[0]) / 2, (point[1] + following[1]) / 2)
        # A quadratic curve as a cubic one, which is all that PDF has.
        ops.append((
            "C",
            at[0] + 2 / 3 * (point[0] - at[0]), at[1] + 2 / 3 * (point[1] - at[1]),
            end[0] + 2 / 3 * (point[0] - end[0]), end[1] + 2 / 3 * (point[1] - end[1]),
            *end,
        ))  # fmt: skip
        at = end
    ops += [("L", *points[0]), ("Z",)]
    return ops


def outline(points: Sequence[tuple[float, ...]], size: float, simulated: bool, last: bool) -> list[Pair]:
    """perfect-freehand's `getStroke`, without tapers and with round caps."""
    steps = _steps(points, size, last)
    if not steps or size <= 0:
        return []
    left, right, first_radius, radius = _sides(steps, size, simulated)
    first = steps[0].point
    if len(steps) == 1:
        end = (first[0] + 1, first[1] + 1)
        start = _along(first, _unit(_across(_minus(first, end))), -(first_radius or radius))
        return [_turned(start, first, HALF_TURN * 2 * t) for t in _stairs(13, inclusive=True)]
    begin_cap = [_turned(right[0], first, HALF_TURN * t) for t in _stairs(13, inclusive=True)]
    final = steps[-1].point
    vector = steps[-1].vector
    start = _along(final, _across((-vector[0], -vector[1])), radius)
    end_cap = [_turned(start, final, HALF_TURN * 3 * t) for t in _stairs(29, inclusive=False)]
    return [*left, *end_cap, *reversed(right), *begin_cap]


def _steps(points: Sequence[tuple[float, ...]], size: float, last: bool) -> list[Step]:
    if not points:
        return []
    pull = 0.15 + (1 - STREAMLINE) * 0.85
    given = list(points)
    if len(given) == 2:
        end = given.pop()
        given += [_between(given[0], end, i / 4) for i in range(1, 5)]
    if len(given) == 1:
        given.append((given[0][0] + 1, given[0][1] + 1, *given[0][2:]))
    previous = Step((given[0][0], given[0][1]), _pressure(given[0], 0.25), (1, 1), 0, 0)
    steps = [previous]
    reached, length, most = False, 0.0, len(given) - 1
    for index in range(1, len(given)):
        each = given[index]
        point = (each[0], each[1]) if last and index == most else _between(previous.point, each, pull)
        if point == previous.point:
            continue
        distance = hypot(point[1] - previous.point[1], point[0] - previous.point[0])
        length += distance
        if index < most and not reached:
            if length < size:
                continue
            reached = True
        vector = _unit(_minus(previous.point, point))
        previous = Step(point, _pressure(each, 0.5), vector, distance, length)
        steps.append(previous)
    steps[0] = steps[0]._replace(vector=steps[1].vector if len(steps) > 1 else (0, 0))
    return steps


def _sides(steps: list[Step], size: float, simulated: bool) -> tuple[list[Pair], list[Pair], float, float]:
    """Both sides of the line, and its radius at the beginning and at the end."""
    total, nearest = steps[-1].length, (size * SMOOTHING) ** 2
    left: list[Pair] = []
    right: list[Pair] = []
    pressure_before = steps[0].pressure
    for step in steps[:10]:
        pressure = _simulated(step, pressure_before, size) if simulated else step.pressure
        pressure_before = (pressure_before + pressure) / 2
    radius = _radius(size, steps[-1].pressure)
    first_radius = 0.0
    vector_before = steps[0].vector
    was_left = was_right = steps[0].point
    sharp = False
    for index, step in enumerate(steps):
        ends = index == len(steps) - 1
        if not ends and total - step.length < 3:
            continue
        point, vector = step.point, step.vector
        pressure = _simulated(step, pressure_before, size) if simulated else step.pressure
        radius = max(0.01, _radius(size, pressure))
        first_radius = first_radius or radius
        following = vector if ends else steps[index + 1].vector
        turn = 1.0 if ends else _dot(vector, following)
        if (_dot(vector, vector_before) < 0 and not sharp) or turn < 0:
            away = _times(_across(vector_before), radius)
            t = 0.0
            while t <= 1:
                was_left = _turned(_minus(point, away), point, HALF_TURN * t)
                was_right = _turned(_plus(point, away), point, HALF_TURN * -t)
                left.append(was_left)
                right.append(was_right)
                t += 1 / 13
            sharp = sharp or turn < 0
            continue
        sharp = False
        if ends:
            away = _times(_across(vector), radius)
            left.append(_minus(point, away))
            right.append(_plus(point, away))
            continue
        away = _times(_across(_between(following, vector, turn)), radius)
        one, other = _minus(point, away), _plus(point, away)
        if index <= 1 or _square(was_left, one) > nearest:
            left.append(one)
            was_left = one
        if index <= 1 or _square(was_right, other) > nearest:
            right.append(other)
            was_right = other
        pressure_before, vector_before = pressure, vector
    return left, right, first_radius, radius


def _simulated(step: Step, before: float, size: float) -> float:
    speed = min(1.0, step.distance / size)
    rest = min(1.0, 1 - speed)
    return min(1.0, before + (rest - before) * (speed * RATE))


def _radius(size: float, pressure: float) -> float:
    return size * sin((0.5 - THINNING * (0.5 - pressure)) * pi / 2)


def _stairs(steps: int, inclusive: bool) -> list[float]:
    """As a loop in JavaScript adds them up, with what floats make of that."""
    found, step = [], 1 / steps
    t = step
    while t < 1 or (inclusive and t <= 1):
        found.append(t)
        t += step
    return found


def _pressure(point: Sequence[float], otherwise: float) -> float:
    return point[2] if len(point) > 2 and point[2] >= 0 else otherwise


def _plus(a: Pair, b: Pair) -> Pair:
    return a[0] + b[0], a[1] + b[1]


def _minus(a: Pair, b: Pair) -> Pair:
    return a[0] - b[0], a[1] - b[1]


def _times(a: Pair, n: float) -> Pair:
    return a[0] * n, a[1] * n


def _across(a: Pair) -> Pair:
    return a[1], -a[0]


def _dot(a: Pair, b: Pair) -> float:
    return a[0] * b[0] + a[1] * b[1]


def _square(a: Pair, b: Pair) -> float:
    return (a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1])


def _unit(a: Pair) -> Pair:
    length = hypot(a[0], a[1])
    return (a[0] / length, a[1] / length) if length else (0.0, 0.0)


def _between(a: Sequence[float], b: Sequence[float], t: float) -> Pair:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _along(a: Pair, direction: Pair, far: float) -> Pair:
    return a[0] + direction[0] * far, a[1] + direction[1] * far


def _turned(a: Pair, centre: Pair, angle: float) -> Pair:
    s, c = sin(angle), cos(angle)
    x, y = a[0] - centre[0], a[1] - centre[1]
    return x * c - y * s + centre[0], x * s + y * c + centre[1]
