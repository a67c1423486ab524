"""A stroke as probes are shown it: in MessagePack its points come as ink, and are held against the record as all else is."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from zlib import crc32

import msgspec
import pytest

from classroom.kernel import Meta, Stored
from classroom.metrics import Metrics
from classroom.rooms import room as rooms
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from classroom.whiteboard.model import InkBy
from classroom.wire import Codec
from loadtest import pen, wire
from loadtest.figures import Figures
from loadtest.ink import Ink
from loadtest.probe import Findings, Probe, Record, check
from tests.rooms.shells import RAVI, TEACHER, Recorder, command

BOTH = list(Codec)


class Lesson:
    """A stroke of the load test's pen, through a hub. `pieces`: after so many of them the pen is lifted, with the rest."""

    def __init__(self, pieces: int = pen.PIECES) -> None:
        replica = Replica("physics", None, lambda events: None)  # type: ignore[arg-type]
        self.hub = Hub(replica, Metrics(), Bounds(tick=1_000.0), lambda session: None)
        self.stroke = pen.stroke(Random(5), 0)
        self.pieces = pieces
        self.lines: list[bytes] = []

    def come(self, codec: Codec) -> Recorder:
        link = Recorder(codec)
        self.hub.add(Session(RAVI, link), 0)
        return link

    def ink(self, start: int, stop: int) -> None:
        for piece in self.stroke.pieces[start:stop]:
            ink = InkBy(
                page=0,
                id=piece["id"],
                by=TEACHER.id,
                after=piece["after"],
                ink=b64decode(piece["ink"]),
                look=piece.get("look"),
            )
            self.hub.signal(ink)
            self.hub.flush()

    def lift(self) -> None:
        put = command("board.put", **self.stroke.put)
        for event in rooms.decide(rooms.Room(), put, TEACHER, 1_000):
            self.lines.append(
                msgspec.json.encode({"seq": 1, "at": 1_000, "by": TEACHER.id} | msgspec.to_builtins(event))
            )
            self.hub.events([Stored(Meta(1, 1_000, TEACHER.id), event)])
        self.hub.flush()

    def drawn(self) -> None:
        self.ink(0, self.pieces)
        self.lift()

    def seen(self, link: Recorder, spoil: Any = lambda name, payload: payload) -> Findings:
        """What the load test says of what came to one of them. `spoil` makes something else of a packet's payload."""
        probe = Probe(link.codec.value, Figures(), lambda item: None)
        probe.welcome(wire.Greeting(RAVI.id, "epoch", 0, 0))
        encode = msgspec.json.encode if link.codec is Codec.JSON else msgspec.msgpack.encode
        for name, payload in link.packets:
            body = encode(spoil(name, payload))
            probe.events(body) if name == "events" else probe.signals(body)
        return check(probe, Record(b"\n".join(self.lines), 1))


@pytest.fixture
async def whole() -> AsyncIterator[Lesson]:
    lesson = Lesson()
    yield lesson
    lesson.hub.close()


@pytest.fixture
async def half() -> AsyncIterator[Lesson]:
    """The last half of the ink has not come when the pen is lifted."""
    lesson = Lesson(pen.PIECES // 2)
    yield lesson
    lesson.hub.close()


@pytest.mark.parametrize("codec", BOTH)
async def test_a_stroke_as_it_was_drawn_is_clean(whole: Lesson, half: Lesson, codec: Codec) -> None:
    for lesson in (whole, half):
        link = lesson.come(codec)
        lesson.drawn()
        found = lesson.seen(link)
        assert found.clean, found
        assert found.checked == 1


async def test_so_it_is_for_who_comes_while_it_is_drawn(half: Lesson) -> None:
    half.ink(0, 3)
    link = half.come(Codec.MSGPACK)
    half.ink(3, half.pieces)
    half.lift()
    assert half.seen(link).clean


def moved(change: dict[str, Any], way: str) -> None:
    """The last byte is another: a point lies elsewhere."""
    data = change[way]
    change[way] = data[:-1] + (bytes([data[-1] ^ 1]) if isinstance(data, bytes) else "A")


async def test_a_point_that_was_moved_in_the_ink_is_found(whole: Lesson) -> None:
    link = whole.come(Codec.MSGPACK)
    whole.drawn()

    def spoil(name: str, payload: Any) -> Any:
        for signal in payload:
            if signal["type"] == "board.ink_by" and signal["after"] == whole.stroke.pieces[7]["after"]:
                moved(signal, "ink")
        return payload

    found = whole.seen(link, spoil)
    assert (found.inkless, found.changed, found.clean) == (1, 0, False)
    assert found.samples == ["ravi: not with its ink: 1"]


@pytest.mark.parametrize(("codec", "way"), [(Codec.MSGPACK, "append"), (Codec.JSON, "points")])
async def test_a_point_that_was_moved_in_the_event_is_found(half: Lesson, codec: Codec, way: str) -> None:
    link = half.come(codec)
    half.drawn()

    def spoil(name: str, payload: Any) -> Any:
        if name == "events":
            moved(payload[0]["changes"][0], way)
        return payload

    found = half.seen(link, spoil)
    assert (found.inkless, found.changed, found.clean) == (0, 1, False)


@pytest.mark.parametrize("faults", [{"size": -1}, {"sum": 1}])
async def test_an_event_that_speaks_of_other_ink_is_found(half: Lesson, faults: dict[str, int]) -> None:
    link = half.come(Codec.MSGPACK)
    half.drawn()

    def spoil(name: str, payload: Any) -> Any:
        if name == "events":
            size, total = payload[0]["changes"][0]["inked"]
            payload[0]["changes"][0]["inked"] = [size + faults.get("size", 0), total + faults.get("sum", 0)]
        return payload

    assert half.seen(link, spoil).inkless == 1


async def test_a_piece_that_was_lost_is_found(whole: Lesson) -> None:
    link = whole.come(Codec.MSGPACK)
    whole.drawn()
    del link.packets[9]
    assert whole.seen(link).inkless == 1


def test_pieces_that_come_twice_change_nothing_and_after_its_end_nothing_is_at_hand() -> None:
    ink = Ink()
    for after, piece in ((0, b"abc"), (3, b"def"), (0, b"ab"), (2, b"cd")):
        ink.hear({"page": 0, "id": "s", "after": after, "ink": piece})
    change = {"id": "s", "inked": [5, crc32(b"abcde")], "append": b"xyz"}
    again = dict(change)
    assert ink.end(0, change)
    assert change == {"id": "s", "points": b"abcdexyz"}
    assert not ink.end(0, again)
