"""Strokes in shorthand and at length: `tests/vectors/board/shorthand.json`.

Rows in the order in which a viewer is sent them: `{"signals": […]}` and `{"events": […]}` as in packets of those names;
`{"short", "says"}`: a frame in base64, and the signal or the event that it stands for; `{"new": true}`: somebody who knows
nothing comes, and reads on from there. Bytes are in base64 throughout.
"""

from __future__ import annotations

import json
from base64 import b64encode
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from classroom.kernel import Meta, Stored
from classroom.rooms.shorthand import LETTERS, Shorthand
from classroom.whiteboard.model import Changed, Drawn, InkBy
from classroom.whiteboard.quantise import Packer, quantised
from classroom.wire import Codec, item
from tests.vectors.drawing import fields
from tests.vectors.handwriting import handwriting

Row = dict[str, Any]


class Hand:
    """Strokes of one member, as their client sends them."""

    def __init__(self, by: str, dice: Random, precision: int = 2) -> None:
        self.by, self._dice, self._precision = by, dice, precision
        self.colour, self.page, self._count = "#1e1e1e", 0, 0
        self.counts = True  # as the editor's own ids do
        self._id = "".join(dice.choice(LETTERS) for _ in range(17))

    def stroke(self, points: list[list[float]], pieces: int) -> tuple[list[InkBy], Drawn]:
        """The pieces of ink, the last of which is not sent, and the event."""
        dice, unit = self._dice, 1 << self._precision
        _, x, y, _ = points[0]
        x, y = round(x * 4) / 4, round(y * 4) / 4
        path = quantised([(px - x, py - y) for _, px, py, _ in points], self._precision)
        pressures = [round(p * 32) for *_, p in points]
        packer = Packer(self._precision, pressures=True)
        each = -(-len(path) // pieces)
        blocks = [packer.block(path[at : at + each], pressures[at : at + each]) for at in range(0, len(path), each)]
        blocks[0] = packer.header + blocks[0]
        self._count += 1
        id = self._id + "".join(LETTERS[self._count * 7 >> 6 * place & 63] for place in (3, 2, 1, 0))
        if not self.counts:
            id = "".join(dice.choice(LETTERS) for _ in range(21))
        look = fields("freedraw", x, y) | {"strokeColor": self.colour, "seed": dice.randrange(1 << 31)}
        look |= {"index": f"a{self._count:02d}", "lastCommittedPoint": None, **_box(path[:each], unit)}
        inks, after = [], 0
        for block in blocks:
            told = look if after == 0 else None
            inks.append(InkBy(page=self.page, id=id, by=self.by, after=after, ink=block, look=told))
            after += len(block)
        end = [path[-1][0] / unit, path[-1][1] / unit]
        changed = Changed(
            id=id,
            version=len(path),
            nonce=dice.randrange(1 << 32),
            set=look | _box(path, unit) | {"lastCommittedPoint": end},
            points=b"".join(blocks),
        )
        step = 1_790_000_000_000 + dice.randrange(10_000)
        return inks, Drawn(page=self.page, by=self.by, changes=(changed,), added=1, step=step)

    def moved(self) -> Drawn:
        """The last stroke lies elsewhere."""
        id = self._id + "".join(LETTERS[self._count * 7 >> 6 * place & 63] for place in (3, 2, 1, 0))
        changed = Changed(id=id, version=900, nonce=self._dice.randrange(1 << 32), base=1, set={"x": 7})
        return Drawn(page=self.page, by=self.by, changes=(changed,))


def _box(path: list[tuple[int, int]], unit: int) -> dict[str, float]:
    xs, ys = [x for x, _ in path], [y for _, y in path]
    return {"width": (max(xs) - min(xs)) / unit, "height": (max(ys) - min(ys)) / unit}


class Telling:
    """What a viewer is sent, row by row."""

    def __init__(self) -> None:
        self.shorthand, self.rows, self._seq = Shorthand(), list[Row](), 0

    def ink(self, *inks: InkBy) -> None:
        long, frames = self.shorthand.signals(inks)
        if long:
            self.rows.append({"signals": [_told(each) for each in long]})
        short = [ink for ink in inks if ink.id not in {each.id for each in long if isinstance(each, InkBy)}]
        for ink, frame in zip(short, frames, strict=True):
            self.rows.append({"short": b64encode(frame).decode(), "says": _told(ink)})

    def enter(self) -> None:
        self.rows += [{"new": True}, {"signals": [_told(each) for each in self.shorthand.known()]}]

    def happen(self, *events: Drawn) -> None:
        stored = []
        for event in events:
            self._seq += 3
            stored.append(Stored(Meta(self._seq, 1_790_000_000_000 + 700 * self._seq, event.by), event))
        told = [json.loads(item(Codec.JSON, each.meta, each.event)) for each in stored]
        frame = self.shorthand.events(stored)
        if frame is None:
            self.rows.append({"events": told})
        else:
            self.rows.append({"short": b64encode(frame).decode(), "says": told[0]})


def _told(signal: Any) -> Any:
    return msgspec.to_builtins(signal)


def rows() -> list[Row]:
    """Two who write at once; one takes another colour; a stroke is moved; somebody joins between strokes and inside one;
    a page is turned; two strokes end in one tick; more write than there are slots."""
    dice, telling, strokes = Random(21), Telling(), [each["points"] for each in handwriting()]
    meera, dev = Hand("teacher-7Qk2", dice), Hand("guest:0f", dice, precision=4)

    def write(hand: Hand, points: list[list[float]], pieces: int) -> None:
        inks, event = hand.stroke(points, pieces)
        for ink in inks[:-1]:
            telling.ink(ink)
        telling.happen(event)

    for number in range(3):
        write(meera, strokes[number], 10)
    ours, theirs = meera.stroke(strokes[3], 8), dev.stroke(strokes[4], 5)
    for ink in range(4):
        telling.ink(ours[0][ink], theirs[0][ink])
    telling.happen(ours[1], theirs[1])
    telling.enter()
    write(dev, strokes[5], 4)
    meera.colour = "#e03131"
    write(meera, strokes[6], 10)
    telling.happen(meera.moved())
    write(meera, strokes[7], 10)
    inks, event = meera.stroke(strokes[8], 10)
    for number, ink in enumerate(inks[:-1]):
        if number == 5:
            telling.enter()
        telling.ink(ink)
    telling.happen(event)
    write(meera, strokes[9], 3)  # pieces of many points
    meera.page, meera.counts = 4, False
    write(meera, strokes[10], 10)
    write(meera, strokes[11], 10)
    crowd = [Hand(f"guest:{number}", dice).stroke(strokes[12 + number][:40], 4) for number in range(6)]
    for ink in range(3):
        telling.ink(*(inks[ink] for inks, _ in crowd))
    for _, event in crowd:
        telling.happen(event)
    write(meera, strokes[20], 10)
    inks, event = meera.stroke(strokes[21], 10)
    telling.ink(inks[0])
    for ink, then in zip(inks[1::2], inks[2::2], strict=False):  # two pieces in a tick
        telling.ink(replace(ink, ink=ink.ink + then.ink))
    telling.happen(event)
    return telling.rows
