"""What an instructor draws: strokes as the browser's client sends them, a piece of ink for every second animation frame.

What always holds: the pieces put together are the points of the command that ends the stroke.
"""

from __future__ import annotations

import math
from base64 import b64encode
from random import Random
from typing import Any, NamedTuple

from classroom.whiteboard.quantise import Packer, quantised

EVERY = 1 / 30  # seconds between two pieces
PIECES = 30
POINTS = 4  # of a piece: a pen that tells of itself 120 times a second
WIDTH, HEIGHT = 1_280, 720  # of a page


class Stroke(NamedTuple):
    """`pieces`: signals, the first with how the stroke looks. `put`: the command that ends it."""

    pieces: list[dict[str, Any]]
    put: dict[str, Any]


def stroke(dice: Random, number: int) -> Stroke:
    """The `number`th stroke of somebody: a second of handwriting somewhere on the first page."""
    left, top = float(dice.randrange(80, WIDTH - 280)), float(dice.randrange(80, HEIGHT - 80))
    turns, height = dice.uniform(2, 5), dice.uniform(8, 24)
    steps = [index / (PIECES * POINTS) for index in range(PIECES * POINTS)]
    path = quantised([(180 * at, height * math.sin(turns * math.tau * at)) for at in steps])
    pressures = [round(8 + 8 * math.sin(math.pi * at)) for at in steps]
    packer = Packer(pressures=True)
    blocks = [packer.block(path[i : i + POINTS], pressures[i : i + POINTS]) for i in range(0, len(path), POINTS)]
    blocks[0] = packer.header + blocks[0]
    id = f"{dice.randrange(1 << 64):016x}{number:04x}"
    shape = look(left, top, 180.0, 2 * height, f"a{number:04d}", dice.randrange(1 << 31))
    pieces, after = [], 0
    for block in blocks:
        piece = {"page": 0, "id": id, "after": after, "ink": b64encode(block).decode()}
        pieces.append(piece | {"look": shape} if after == 0 else piece)
        after += len(block)
    points = b64encode(b"".join(blocks)).decode()
    change = {"id": id, "version": len(path) + 2, "nonce": dice.randrange(1 << 31), "set": shape, "points": points}
    return Stroke(pieces, {"page": 0, "changes": [change], "step": number + 1})


def look(x: float, y: float, width: float, height: float, index: str, seed: int) -> dict[str, Any]:
    """The fields of a stroke, as Excalidraw makes them."""
    return {
        "type": "freedraw", "x": x, "y": y, "width": width, "height": height, "angle": 0, "strokeColor": "#1e1e1e",
        "backgroundColor": "transparent", "fillStyle": "solid", "strokeWidth": 2, "strokeStyle": "solid", "roughness": 1,
        "opacity": 100, "groupIds": [], "frameId": None, "index": index, "roundness": None, "seed": seed,
        "boundElements": None, "link": None, "locked": False, "simulatePressure": False, "lastCommittedPoint": None,
    }  # fmt: skip
