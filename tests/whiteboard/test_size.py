"""A big board: 100 pages, 5,000 elements on one. Bounds are of CPU and wide: they tell what is linear from what is not."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest

from classroom.kernel import Meta, Stored
from classroom.rooms import room as rooms
from classroom.rooms.sheets import LEVEL, compress
from classroom.whiteboard import model as board
from classroom.whiteboard.quantise import pack
from tests.vectors.drawing import fields
from tests.whiteboard.playing import TEACHER

PAGES, ELEMENTS, OTHERS = 100, 5_000, 20


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.process_time()
    yield
    took = time.process_time() - begun
    assert took < seconds, f"{took:.2f} s of CPU"


@pytest.fixture(scope="module")
def log() -> list[Stored]:
    """The board's log: pages, strokes on all of them, and the first page's moved about."""
    dice, found = Random(5), []

    def happen(event: board.BoardEvent) -> None:
        found.append(Stored(Meta(len(found) + 1, 1_790_000_000_000 + len(found), TEACHER.id), event))

    for _ in range(PAGES - 1):
        happen(board.PageAdded())
    points = [pack([(n * 3, dice.randrange(40)) for n in range(40)]) for _ in range(20)]
    for page in range(PAGES):
        for number in range(OTHERS if page else ELEMENTS):
            look = fields("freedraw", dice.randrange(4_000) / 4, dice.randrange(4_000) / 4)
            change = board.Changed(id=f"e{number}", version=1, nonce=number, set=look, points=dice.choice(points))
            happen(board.Drawn(page=page, by=TEACHER.id, changes=(change,), added=1))
    for number in range(1_000):
        change = board.Changed(id=f"e{number}", version=2, nonce=9, base=number, set={"x": number})
        happen(board.Drawn(page=0, by=TEACHER.id, changes=(change,)))
    return found


def fold(log: list[Stored]) -> rooms.Room:
    room = rooms.Room()
    for stored in log:
        rooms.apply(room, stored)
    return room


def test_it_is_folded_in_a_moment(log: list[Stored]) -> None:
    with within(4.0):
        room = fold(log)
    assert len(room.board.pages) == PAGES
    assert len(room.board.pages[0].elements) == ELEMENTS


def test_its_snapshot_for_the_journal_does_not_stall_the_owner(log: list[Stored]) -> None:
    room = fold(log)
    with within(0.25):
        data = rooms.encode(room)
    with within(0.5):
        again = rooms.decode(data)
    assert rooms.encode(again) == data


def test_a_page_is_compressed_in_a_moment_and_can_be_read(log: list[Stored]) -> None:
    page = fold(log).board.pages[0]
    with within(1.5):
        base = compress(0, page.at, [element.body for element in page.elements.values()])
    start = zlib.decompressobj(-15).decompress(base.deflated)
    assert len(json.loads(start + b"}")["elements"]) == ELEMENTS
    assert len(base.deflated) < len(gzip.compress(start, LEVEL)) * 1.01


def test_a_welcome_does_not_grow_with_what_is_drawn(log: list[Stored]) -> None:
    room = fold(log)
    shown = rooms.board_rules.show(room.board)
    assert len(json.dumps([str(page) for page in shown.pages])) < PAGES * 400


def test_each_change_costs_the_same_however_much_is_there(log: list[Stored]) -> None:
    def cost(of: Callable[[], object]) -> float:
        begun = time.process_time()
        of()
        return time.process_time() - begun

    strokes = [stored for stored in log if isinstance(stored.event, board.Drawn) and stored.event.page == 0]
    room, times = rooms.Room(), []
    for start in range(0, ELEMENTS, 500):
        part = strokes[start : start + 500]

        def apply(part: list[Stored] = part) -> None:
            for stored in part:
                rooms.apply(room, Stored(Meta(room.seq + 1, stored.meta.at, stored.meta.by), stored.event))

        times.append(cost(apply))
    assert min(times[-3:]) < 4 * min(times[:3])
