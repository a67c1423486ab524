"""A minute of handwriting: 60 strokes of 100 points each, as a pen at 120 Hz gives them to a browser.

It is made, not recorded from a person, so that it is nobody's: by the kinematic theory of rapid human movements (Plamondon,
1995). A stroke is a chain of overlapping submovements, each with a lognormal speed along an arc; a slow tremor and the
digitiser's noise are added, and the pressure rises, rests and falls with the speed's changes. Letters are about 30 px high
and are written at about 350 px a second, which is what people do on a tablet; each line of writing is a line on the page.

A stroke is `{at, points}`: when the pen comes down (ms since the start), and `[ms since then, x, y, pressure]` in px.
"""

from __future__ import annotations

from functools import cache
from math import cos, exp, log, pi, sin, sqrt
from random import Random
from typing import Any

STROKES = 60
POINTS = 100
RATE = 120  # Hz
LINE = 90.0  # px from line to line
WIDTH = 1_100.0


@cache
def handwriting(seed: int = 1_995) -> list[dict[str, Any]]:
    """The minute; the same for the same seed."""
    dice = Random(seed)
    strokes: list[dict[str, Any]] = []
    x, y, now = 60.0, 80.0, 120.0
    for _ in range(STROKES):
        stroke, width = _stroke(dice, x, y)
        strokes.append({"at": round(now), "points": stroke})
        x += width + dice.uniform(8, 26)
        if x > WIDTH:
            x, y = 60.0 + dice.uniform(-6, 6), y + LINE
        now += POINTS * 1_000 / RATE + dice.uniform(90, 230)
    return strokes


def _stroke(dice: Random, x: float, y: float) -> tuple[list[list[float]], float]:
    """The points of one stroke that begins about (x, y), and how wide it is."""
    movements = []
    start, angle = -0.03, dice.uniform(-0.6, 0.2)
    for number in range(12):
        # Up and down in turn, leaning forward, as letters are joined.
        towards = -pi / 2 + dice.gauss(0.75, 0.25) if number % 2 else pi / 2 - dice.gauss(0.35, 0.3)
        movements.append(
            (start, dice.uniform(22, 40), angle, towards, dice.gauss(-2.15, 0.08), dice.uniform(0.22, 0.32))
        )
        start += dice.gauss(0.078, 0.012)
        angle = towards
    px, py, sway_x, sway_y, pressure = x + dice.gauss(0, 2), y + dice.gauss(0, 3), 0.0, 0.0, 0.18
    points, left, right, steps = [], px, px, 8
    for number in range(POINTS):
        speed = 0.0
        for step in range(steps):
            vx, vy = _velocity(movements, (number + step / steps) / RATE)
            px, py = px + vx / RATE / steps, py + vy / RATE / steps
            speed = sqrt(vx * vx + vy * vy)
        sway_x, sway_y = sway_x * 0.9 + dice.gauss(0, 0.05), sway_y * 0.9 + dice.gauss(0, 0.05)
        ends = min(1.0, (number + 1) / 7, (POINTS - number) / 6)
        wanted = (0.62 - min(0.28, speed / 2_600)) * ends
        pressure += (wanted - pressure) * 0.25 + dice.gauss(0, 0.004)
        left, right = min(left, px), max(right, px)
        points.append(
            [
                round(number * 1_000 / RATE, 1),
                round(px + sway_x + dice.gauss(0, 0.03), 3),
                round(py + sway_y + dice.gauss(0, 0.03), 3),
                round(min(1.0, max(0.02, pressure)), 4),
            ]
        )
    return points, right - left


def _velocity(movements: list[tuple[float, float, float, float, float, float]], t: float) -> tuple[float, float]:
    """Of all submovements together at the time `t` (s), in px a second."""
    vx = vy = 0.0
    for start, length, angle, towards, mean, width in movements:
        since = t - start
        if since <= 0.001:
            continue
        z = (log(since) - mean) / width
        if abs(z) > 5:
            continue
        speed = length / (since * width * sqrt(2 * pi)) * exp(-z * z / 2)
        done = 1 / (1 + exp(-1.7 * z))  # about the normal distribution function
        heading = angle + (towards - angle) * done
        vx, vy = vx + speed * cos(heading), vy + speed * sin(heading)
    return vx, vy
