"""Ink on its way: every viewer has a stroke's points once, and the event that ends it does not bring them again."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from classroom.bus.local import LocalBus
from classroom.journal.sql import open_journal
from classroom.kernel import ALL, STAFF
from classroom.metrics import Metrics
from classroom.rooms import inks
from classroom.rooms.hub import TRAIL, Bounds, Hub
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from classroom.whiteboard.model import CursorBy, InkBy, LaserBy
from classroom.whiteboard.quantise import Packer
from classroom.wire import Codec
from tests.rooms.shells import ASHA, RAVI, TEACHER, Clock, Recorder, ask, command, owner_of
from tests.vectors.drawing import fields

LOOK = fields("freedraw", 3, 4)


class Class:
    """A room whose flushes happen when told to, or when an event comes."""

    def __init__(self, owner: Any, replica: Replica, hub: Hub) -> None:
        self.owner, self.replica, self.hub = owner, replica, hub

    def enter(self, codec: Codec = Codec.MSGPACK, member: Any = RAVI) -> Recorder:
        link = Recorder(codec)
        self.hub.add(Session(member, link), self.replica.seq)
        return link

    def ink(self, id: str, after: int, data: bytes) -> None:
        look = LOOK if after == 0 else None
        self.hub.signal(InkBy(page=0, id=id, by=TEACHER.id, after=after, ink=data, look=look))

    async def put(self, id: str, points: bytes) -> None:
        change = {"id": id, "version": 1, "nonce": 7, "set": LOOK, "points": b64encode(points).decode()}
        reply = await ask(self.owner, TEACHER, command("board.put", page=0, changes=[change]))
        assert reply.ok, reply
        self.hub.flush()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Class]:
    journal = await open_journal(f"sqlite:///{tmp_path}/journal.db")
    bus = LocalBus()
    owner = await owner_of(journal, bus, Clock())
    replica = Replica("physics", journal, lambda events: hub.events(events), recent=100)
    hub = Hub(replica, Metrics(), Bounds(1_000.0, 1_000, 0.2), lambda session: None)
    hub.flush()  # from now on nothing leaves by itself for a long time
    await bus.subscribe("physics", replica.hear)
    await replica.load()
    yield Class(owner, replica, hub)
    hub.close()
    await replica.stop()
    await owner.stop()
    await journal.close()


def pieces(count: int = 3) -> list[bytes]:
    """A stroke in pieces of four points."""
    packer = Packer()
    blocks = [packer.block([(n * 9 + k, n * 5 - k * k) for k in range(4)]) for n in range(count)]
    return [packer.header + blocks[0], *blocks[1:]]


def told(link: Recorder, name: str) -> list[dict[str, Any]]:
    return [each for packet, payload in link.packets if packet == name for each in payload]


def points_of(link: Recorder, id: str) -> bytes | None:
    """What a client takes for the points of a stroke, from what it was sent; None: it has to fetch the event."""
    have = b""
    for piece in (each for each in told(link, "signals") if each.get("id") == id):
        ink = piece["ink"] if isinstance(piece["ink"], bytes) else b64decode(piece["ink"])
        if piece["after"] == len(have):
            have += ink
    (change,) = [change for event in told(link, "events") for change in event["changes"] if change["id"] == id]
    if "inked" not in change:
        points: bytes | str = change["points"]
        return points if isinstance(points, bytes) else b64decode(points)
    size, total = change["inked"]
    if crc32(have[:size]) != total:
        return None
    return have[:size] + change.get("append", b"")


async def test_the_event_speaks_of_the_ink_that_passed(room: Class) -> None:
    link = room.enter()
    stroke = pieces()
    after = 0
    for piece in stroke:
        room.ink("s", after, piece)
        room.hub.flush()
        after += len(piece)

    await room.put("s", b"".join(stroke))

    (event,) = told(link, "events")
    assert event["changes"][0]["inked"] == [after, crc32(b"".join(stroke))]
    assert "points" not in event["changes"][0]
    assert points_of(link, "s") == b"".join(stroke)


async def test_ink_that_waits_when_the_event_comes_is_in_it(room: Class) -> None:
    link = room.enter()
    stroke = pieces()
    room.ink("s", 0, stroke[0])
    room.hub.flush()
    room.ink("s", len(stroke[0]), stroke[1])

    await room.put("s", b"".join(stroke))

    assert [each["after"] for each in told(link, "signals")] == [0]
    assert points_of(link, "s") == b"".join(stroke)


async def test_ink_of_one_tick_goes_on_in_one_signal(room: Class) -> None:
    link = room.enter()
    stroke = pieces()
    after = 0
    for piece in stroke:
        room.ink("s", after, piece)
        after += len(piece)
    room.hub.flush()

    (signal,) = told(link, "signals")
    assert (signal["after"], signal["ink"], signal["look"]) == (0, b"".join(stroke), LOOK)


async def test_who_comes_in_the_middle_of_a_stroke_has_all_of_it(room: Class) -> None:
    early = room.enter()
    stroke = pieces()
    room.ink("s", 0, stroke[0])
    room.hub.flush()
    room.ink("s", len(stroke[0]), stroke[1])
    late = room.enter()
    assert told(late, "signals") == [
        {
            "type": "board.ink_by",
            "page": 0,
            "id": "s",
            "by": "teacher",
            "after": 0,
            "ink": stroke[0] + stroke[1],
            "look": LOOK,
        }
    ]
    room.hub.flush()

    await room.put("s", b"".join(stroke))

    for link in (early, late):
        assert points_of(link, "s") == b"".join(stroke)
        assert "inked" in told(link, "events")[0]["changes"][0]


async def test_stock_clients_of_the_json_parser_get_the_points_in_the_event(room: Class) -> None:
    link = room.enter(Codec.JSON)
    stroke = pieces()
    room.ink("s", 0, b"".join(stroke))
    room.hub.flush()

    await room.put("s", b"".join(stroke))

    assert "inked" not in told(link, "events")[0]["changes"][0]
    assert points_of(link, "s") == b"".join(stroke)


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_stroke_with_a_hole_comes_whole_in_the_event(room: Class, lost: int) -> None:
    link = room.enter()
    stroke = pieces()
    after = 0
    for number, piece in enumerate(stroke):
        if number != lost:
            room.ink("s", after, piece)
            room.hub.flush()
        after += len(piece)

    await room.put("s", b"".join(stroke))

    assert points_of(link, "s") == b"".join(stroke)


async def test_a_stroke_that_was_drawn_otherwise_comes_whole(room: Class) -> None:
    link = room.enter()
    room.ink("s", 0, pieces()[0])
    room.hub.flush()
    other = Packer()
    points = other.header + other.block([(7, 7), (9, 9)])

    await room.put("s", points)

    assert points_of(link, "s") == points
    assert room.hub._inks.so_far() == []


async def test_a_member_who_missed_ink_can_tell(room: Class) -> None:
    link = room.enter()
    stroke = pieces()
    room.ink("s", 0, stroke[0])
    room.hub.flush()
    link.stuck = 10_000
    room.ink("s", len(stroke[0]), stroke[1])
    room.hub.flush()
    link.stuck = 0
    room.ink("s", len(stroke[0] + stroke[1]), stroke[2])
    room.hub.flush()

    await room.put("s", b"".join(stroke))

    assert points_of(link, "s") is None


def test_what_is_kept_of_strokes_is_bounded_and_forgotten() -> None:
    now = 0.0
    kept = inks.Inks(lambda: now)
    for number in range(200):
        assert kept.hear(InkBy(page=0, id=f"s{number}", by="t", after=0, ink=b"123", look=LOOK))
    assert len(kept) <= inks.STROKES
    assert not kept.hear(InkBy(page=0, id="s199", by="somebody else", after=3, ink=b"4"))
    assert not kept.hear(InkBy(page=0, id="s199", by="t", after=3, ink=bytes(inks.STROKE_BYTES)))

    now = inks.PATIENCE + 1

    assert kept.so_far() == []
    assert len(kept) == 0


def test_who_comes_ends_no_stroke_however_many_are_under_way() -> None:
    kept = inks.Inks(lambda: 0.0)
    for number in range(inks.STROKES):
        kept.hear(InkBy(page=0, id=f"s{number}", by="t", after=0, ink=b"123", look=LOOK))

    assert len(kept.so_far()) == inks.STROKES
    assert kept.hear(InkBy(page=0, id="s0", by="t", after=3, ink=b"4"))


def test_a_stroke_that_begins_anew_ends_nobody_else_s() -> None:
    kept = inks.Inks(lambda: 0.0)
    for number in range(inks.STROKES):
        kept.hear(InkBy(page=0, id=f"s{number}", by="t", after=0, ink=b"123", look=LOOK))

    assert kept.hear(InkBy(page=0, id="s9", by="t", after=0, ink=b"12", look=LOOK))

    assert len(kept) == inks.STROKES
    assert kept.hear(InkBy(page=0, id="s0", by="t", after=3, ink=b"4"))
    assert kept.hear(InkBy(page=0, id="s9", by="t", after=2, ink=b"3"))


async def test_the_newest_cursor_waits_and_laser_points_are_put_together(room: Class) -> None:
    link, staff = room.enter(), room.enter(member=TEACHER)
    for n in range(5):
        room.hub.signal(CursorBy(page=0, by="t", x=float(n), y=0.0), STAFF)
        room.hub.signal(LaserBy(page=0, by="t", points=((float(n), 1.0),)), ALL)
    room.hub.signal(LaserBy(page=0, by=ASHA.id, points=((9.0, 9.0),) * 400))
    room.hub.flush()

    lasers = [
        {"type": "board.laser_by", "page": 0, "by": "t", "points": [[float(n), 1.0] for n in range(5)]},
        {"type": "board.laser_by", "page": 0, "by": "asha", "points": [[9.0, 9.0]] * 400},
    ]
    assert told(link, "signals") == lasers
    assert told(staff, "signals") == [{"type": "board.cursor_by", "page": 0, "by": "t", "x": 4.0, "y": 0.0}, *lasers]
    for _ in range(40):
        room.hub.signal(LaserBy(page=0, by="t", points=((1.0, 1.0),) * 60))
    room.hub.flush()
    assert len(told(link, "signals")[-1]["points"]) == TRAIL
