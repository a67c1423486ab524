"""Vectors of the whiteboard, in `tests/vectors/board/`: packed points, sheets that events change, a minute of handwriting.

- `points.json`: `good`: `{precision, points, pressures, blocks, packed, told}`, where `blocks` are how many points stand in
  each block, `packed` is in base64, and `told` are the blocks in an arithmetic code, from the second on as messages that begin
  with half a byte; `bad`: base64 of what must be refused as packed points.
- `sheets.json`: `{lesson, page, at, elements, events, final}`: a page's elements as of the place `at`, as they are fetched; the
  board's events from then on, as in an `events` packet; and the elements then, or null where they have to be fetched anew.
- `handwriting.json`: see `handwriting.py`. `shorthand.json`: see `shorthand.py`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from random import Random
from typing import Any

from classroom.kernel import Stored
from classroom.rooms import room as rooms
from classroom.whiteboard import model as board
from classroom.whiteboard.arithmetic import Block, Course, Writer
from classroom.whiteboard.quantise import Packer, pack, quantised
from classroom.wire import Codec, item
from tests.vectors import shorthand
from tests.vectors.drawing import draw, scribble
from tests.vectors.handwriting import handwriting
from tests.vectors.lesson import Lesson


def files() -> dict[str, str]:
    """File name to content."""
    return {
        "points.json": _lines({"good": good(), "bad": [b64encode(each).decode() for each in bad()]}),
        "sheets.json": _lines({"sheets": sheets()}),
        "handwriting.json": _lines({"strokes": handwriting()}),
        "shorthand.json": _lines({"rows": shorthand.rows()}),
    }


def _lines(lists: dict[str, list[Any]]) -> str:
    """JSON with an item of each list on a line."""
    told = []
    for name, items in lists.items():
        rows = ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in items)
        told.append(f'"{name}":[\n{rows}\n]')
    return "{" + ",\n".join(told) + "}\n"


def good() -> list[dict[str, Any]]:
    dice = Random(6_000)
    found = []
    for precision in (0, 2, 8):
        for length in (0, 1, 2, 17, 40):
            for spread, jump in ((2, 0.0), (40, 0.1), (0, 0.0)):
                x = y = 0
                path = []
                for _ in range(length):
                    path.append((x, y))
                    far = 1_000_000 if dice.random() < jump else 1
                    x = max(-4_000_000, min(4_000_000, x + round(dice.gauss(0, spread)) * far))
                    y = max(-4_000_000, min(4_000_000, y + round(dice.gauss(1, spread)) * far))
                pressures = [dice.randrange(33) for _ in path] if dice.random() < 0.5 else []
                found.append(_packed(path, pressures, precision, dice))
    for stroke in handwriting()[:6]:
        _, x0, y0, _ = stroke["points"][0]
        path = quantised([(px - x0, py - y0) for _, px, py, _ in stroke["points"]])
        found.append(_packed(path, [round(p * 32) for *_, p in stroke["points"]], 2, dice))
    return found


def _packed(path: list[tuple[int, int]], pressures: list[int], precision: int, dice: Random) -> dict[str, Any]:
    packer, at, blocks = Packer(precision, bool(pressures)), 0, []
    data = packer.header
    while at < len(path):
        blocks.append(min(dice.choice((1, 3, 8, 200)), len(path) - at))
        data += packer.block(path[at : at + blocks[-1]], pressures[at : at + blocks[-1]])
        at += blocks[-1]
    return {
        "precision": precision,
        "points": path,
        "pressures": pressures,
        "blocks": blocks,
        "told": [b64encode(each).decode() for each in _messages(path, pressures, blocks)],
        "packed": b64encode(data).decode(),
    }


def _messages(path: list[tuple[int, int]], pressures: list[int], blocks: list[int]) -> list[bytes]:
    """Each block in an arithmetic code, from the second on as a frame of the shorthand is: its first half a byte is 0."""
    course, at, told = Course(bool(pressures)), 0, []
    for count in blocks:
        writer = Writer()
        course.write(writer, [Block(path[at : at + count], pressures[at : at + count])])
        told.append(writer.bytes(0 if at else None))
        at += count
    return told


def bad() -> list[bytes]:
    """Nothing; unknown headers; blocks that break off, are empty, are too long, lead too far, press too hard."""
    path = pack([(0, 0), (5, 5), (90, -70)])
    hard = Packer(pressures=True)
    return [
        b"",
        b"\x20",
        b"\x0f" + path[1:],
        path[:-1],
        path + b"\x00",
        path + b"\x80",
        b"\x02\xff\xff\xff\xff\x01",
        b"\x02\x01" + b"\xff" * 20,
        b"\x02" + b"\x89\x27" + b"\xff" * 30,
        pack([(4_194_305, 0)]),
        pack([(0, 4_000_000), (0, 4_194_305)]),
        hard.header + hard.block([(0, 0)], [33]),
        Packer(pressures=True).header + Packer(pressures=True).block([(0, 0)], [-1]),
    ]


def sheets() -> list[dict[str, Any]]:
    """Each page of two lessons, from its beginning, from a third of the way and from two thirds on."""
    lessons = (Lesson("board"), Lesson("scribbles"))
    draw(lessons[0])
    scribble(lessons[1], Random(20_250_404), 300)
    return [
        sheet
        for lesson in lessons
        for since in (2, lesson.seq // 3, lesson.seq * 2 // 3)
        for sheet in _sheets(lesson, since)
    ]


def _sheets(lesson: Lesson, since: int) -> list[dict[str, Any]]:
    before = rooms.Room()
    for stored in lesson.log[:since]:
        rooms.apply(before, stored)
    rest = [stored for stored in lesson.log[since:] if isinstance(stored.event, board.BoardEvent)]
    found = []
    for id, page in before.board.pages.items():
        final = lesson.room.board.pages.get(id)
        if final is None:
            continue
        mine = [stored for stored in rest if getattr(stored.event, "page", None) == id]
        restored = any(isinstance(stored.event, board.PageRestored) for stored in mine)
        found.append(
            {
                "lesson": lesson.name,
                "page": id,
                "at": page.at,
                "elements": _elements(page),
                "events": [_told(stored) for stored in rest],
                "final": None if restored else _elements(final),
            }
        )
    return found


def _elements(page: board.Page) -> list[Any]:
    return [json.loads(element.body) for element in page.elements.values()]


def _told(stored: Stored) -> Any:
    return json.loads(item(Codec.JSON, stored.meta, stored.event))
