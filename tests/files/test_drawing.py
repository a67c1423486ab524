"""Strokes and shapes in exports have the numbers that the browser's own libraries give: both are run, side by side."""

from __future__ import annotations

import json
import math
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from classroom.files import sketch
from classroom.files.ops import Ops
from classroom.files.sketch import Style
from classroom.files.stroke import outline
from tests.services import program

CLIENT = Path(__file__).parent.parent.parent / "client"
SCRIPT = """
import { getStroke } from "perfect-freehand";
import rough from "roughjs";
const wanted = JSON.parse(await new Promise((done) => {
  let text = "";
  process.stdin.on("data", (chunk) => (text += chunk)).on("end", () => done(text));
}));
const generator = rough.generator();
const answers = wanted.map(([what, args]) =>
  what === "stroke"
    ? getStroke(args[0], { simulatePressure: args[2], size: args[1], thinning: 0.6, smoothing: 0.5, streamline: 0.5,
        easing: (t) => Math.sin((t * Math.PI) / 2), last: true })
    : generator[what](...args).sets.filter((set) => set.type === "path").flatMap((set) => set.ops));
process.stdout.write(JSON.stringify(answers));
"""


def in_javascript(wanted: list[tuple[str, list[Any]]]) -> list[Any]:
    """What the libraries answer to these calls."""
    done = subprocess.run(
        [program("node", "nodejs"), "--input-type=module", "-e", SCRIPT],
        input=json.dumps(wanted).encode(),
        stdout=subprocess.PIPE,
        cwd=CLIENT,
        check=True,
        timeout=60,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def hand(seed: int, count: int, speed: float) -> list[list[float]]:
    """A path as a hand draws it, with turns, rests and pressures."""
    dice = random.Random(seed)
    x = y = 0.0
    angle = dice.random() * 6
    points = []
    for _ in range(count):
        angle += dice.gauss(0, 0.6)
        step = 0.0 if dice.random() < 0.1 else speed * dice.random()
        x, y = x + math.cos(angle) * step, y + math.sin(angle) * step
        points.append([round(x, 2), round(y, 2), round(dice.random(), 3)])
    return points


def test_a_stroke_has_the_outline_that_perfect_freehand_gives_it() -> None:
    strokes = [(hand(seed, count, speed), size, simulated) for seed, (count, speed, size, simulated) in enumerate(
        (count, speed, size, simulated)
        for count in (1, 2, 3, 5, 40, 300) for speed in (0.5, 6, 60) for size in (4.25, 17) for simulated in (True, False)
    )]  # fmt: skip
    given = [([p[:2] if simulated else p for p in points], size, simulated) for points, size, simulated in strokes]
    answers = in_javascript([("stroke", list(each)) for each in given])
    for (points, size, simulated), expected in zip(given, answers, strict=True):
        found = outline([tuple(point) for point in points], size, simulated, last=True)
        assert len(found) == len(expected)
        for (x, y), (ex, ey) in zip(found, expected, strict=True):
            assert math.isclose(x, ex, abs_tol=1e-6)
            assert math.isclose(y, ey, abs_tol=1e-6)


def options(style: Style) -> dict[str, Any]:
    """The same for rough.js."""
    return {
        "seed": style.seed,
        "roughness": style.roughness,
        "strokeWidth": style.stroke_width,
        "disableMultiStroke": style.single,
        "preserveVertices": style.preserve,
        "curveFitting": style.curve_fitting,
    }


STYLES = [
    Style(seed=seed, roughness=roughness, stroke_width=2, single=single, preserve=preserve, curve_fitting=fitting)
    for seed in (1, 987_654_321)
    for roughness in (0, 0.5, 1, 2)
    for single, preserve, fitting in ((False, False, 0.95), (True, True, 1))
]
ROUND = "M 8 0 L 92 0 Q 100 0, 100 8 L 100 52 Q 100 60, 92 60"
ROUND_OPS: Ops = [
    ("M", 8, 0),
    ("L", 92, 0),
    ("C", 92 + 2 / 3 * 8, 0, 100, 8 - 2 / 3 * 8, 100, 8),
    ("L", 100, 52),
    ("C", 100, 52 + 2 / 3 * 8, 92 + 2 / 3 * 8, 60, 92, 60),
]
POINTS: list[tuple[float, float]] = [(0, 0), (30.5, 200), (400, 5.25), (120, 60.25)]


def test_shapes_have_the_outlines_that_rough_gives_them() -> None:
    wanted: list[tuple[str, list[Any]]] = []
    found: list[Ops] = []
    for style in STYLES:
        o = options(style)
        calls: list[tuple[str, list[Any], list[sketch.Part]]] = [
            ("line", [0, 0, 300, 40, o], sketch.line(0, 0, 300, 40, style)),
            ("line", [5, 5, 6, 7, o], sketch.line(5, 5, 6, 7, style)),
            ("polygon", [POINTS, o], sketch.linear_path(POINTS, style, close=True)),
            ("linearPath", [POINTS, o], sketch.linear_path(POINTS, style)),
            ("curve", [POINTS, o], sketch.curve(POINTS, style)),
            ("curve", [POINTS[:2], o], sketch.curve(POINTS[:2], style)),
            ("ellipse", [60, 30, 120, 60, o], sketch.ellipse(60, 30, 120, 60, style)),
            ("path", [ROUND, o], sketch.path(ROUND_OPS, style)),
        ]
        for what, args, parts in calls:
            wanted.append((what, args))
            found.append([op for part in parts if part.kind == "outline" for op in part.ops])
    letters = {"move": "M", "lineTo": "L", "bcurveTo": "C"}
    for call, ours, theirs in zip(wanted, found, in_javascript(wanted), strict=True):
        assert [op[0] for op in ours] == [letters[op["op"]] for op in theirs], call
        for mine, other in zip(ours, theirs, strict=True):
            assert list(mine[1:]) == pytest.approx(other["data"], abs=1e-6), call
