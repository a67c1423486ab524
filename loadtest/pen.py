"""What an instructor draws: strokes as the browser's client sends them, a piece of ink for every second animation frame.

What always holds: the pieces put together are the points of the command that ends the stroke. The movements of the hand are few,
made once; where they begin, when, and what they are called is new each time.
"""

from __future__ import annotations

import math
from base64 import b64encode
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from classroom.whiteboard.quantise import Packer, quantised

EVERY = 1 / 30  # seconds between two pieces
PIECES = 30
POINTS = 4  # of a piece: a pen that tells of itself 120 times a second
MOVEMENTS = 64
WIDTH, HEIGHT = 1_280, 720  # of a page


class Stroke(NamedTuple):
    """`pieces`: signals, the first with how the stroke looks. `put`: the command that ends it."""

    pieces: list[dict[str, Any]]
    put: dict[str, Any]


def stroke(dice: Random, number: int) -> Stroke:
    """The `number`th stroke of somebody: a second of handwriting somewhere on the first page."""
    hand = movement(dice.randrange(MOVEMENTS))
    left, top = float(dice.randrange(80, WIDTH - 280)), float(dice.randrange(80, HEIGHT - 80))
    id = f"{dice.randrange(1 << 64):016x}{number:04x}"
    shape = look(left, top, 180.0, 2 * hand.height, f"a{number:04d}", dice.randrange(1 << 31))
    pieces: list[dict[str, Any]] = [{"page": 0, "id": id, "after": after, "ink": ink} for after, ink in hand.pieces]
    pieces[0]["look"] = shape
    version, nonce = PIECES * POINTS + 2, dice.randrange(1 << 31)
    change = {"id": id, "version": version, "nonce": nonce, "set": shape, "points": hand.points}
    return Stroke(pieces, {"page": 0, "changes": [change], "step": number + 1})


class Movement(NamedTuple):
    """`pieces`: what of the points came before each, in bytes, and it, as it is sent; `points`: all of them."""

    height: float
    pieces: list[tuple[int, str]]
    points: str


@cache
def movement(which: int) -> Movement:
    """One of `MOVEMENTS`: the same each time, since packing it takes longer than all else about a stroke."""
    dice = Random(which)
    turns, height = dice.uniform(2, 5), dice.uniform(8, 24)
    steps = [index / (PIECES * POINTS) for index in range(PIECES * POINTS)]
    path = quantised([(180 * at, height * math.sin(turns * math.tau * at)) for at in steps])
    pressures = [round(8 + 8 * math.sin(math.pi * at)) for at in steps]
    packer = Packer(pressures=True)
    blocks = [packer.block(path[i : i + POINTS], pressures[i : i + POINTS]) for i in range(0, len(path), POINTS)]
    blocks[0] = packer.header + blocks[0]
    before = accumulate(map(len, blocks), initial=0)
    pieces = [(after, b64encode(block).decode()) for after, block in zip(before, blocks, strict=False)]
    return Movement(height, pieces, b64encode(b"".join(blocks)).decode())


def look(x: float, y: float, width: float, height: float, index: str, seed: int) -> dict[str, Any]:
    """The fields of a stroke, as Excalidraw makes them."""
    return {
        "type": "freedraw", "x": x, "y": y, "width": width, "height": height, "angle": 0, "strokeColor": "#1e1e1e",
        "backgroundColor": "transparent", "fillStyle": "solid", "strokeWidth": 2, "strokeStyle": "solid", "roughness": 1,
        "opacity": 100, "groupIds": [], "frameId": None, "index": index, "roundness": None, "seed": seed,
        "boundElements": None, "link": None, "locked": False, "simulatePressure": False, "lastCommittedPoint": None,
    }  # fmt: skip
