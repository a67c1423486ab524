"""Strokes in shorthand: whoever reads them knows what those know who are told at length, whatever happens on the way."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from classroom.kernel import Meta, Stored
from classroom.metrics import Metrics
from classroom.packets import Packet
from classroom.rooms import room as rooms
from classroom.rooms.groups import COMPANY
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from classroom.wire import Codec
from loadtest.bench.writing import play, strokes
from tests.rooms.shells import ASHA, RAVI, TEACHER, Recorder
from tests.rooms.shorthand_reader import Reader
from tests.vectors.shorthand import Hand

VECTOR = Path(__file__).parents[1] / "vectors" / "board" / "shorthand.json"
HANDWRITING = VECTOR.with_name("handwriting.json")
WRITING = [each["points"] for each in json.loads(HANDWRITING.read_text("utf-8"))["strokes"]]


def test_the_vector_can_be_read_and_has_every_kind_of_frame() -> None:
    reader, kinds = Reader(), set()
    for row in json.loads(VECTOR.read_text("utf-8"))["rows"]:
        if "short" in row:
            frame = b64decode(row["short"])
            kinds.add(frame[0] & 0x48 if frame[0] & 0x40 else 0)
            assert json.loads(msgspec.json.encode(reader.read(frame))) == row["says"]
        elif "new" in row:
            reader = Reader()
        elif "events" in row:
            reader.events(row["events"])
        else:
            reader.signals(
                [each | ({"ink": b64decode(each["ink"])} if "ink" in each else {}) for each in row["signals"]]
            )
    assert kinds == {0, 0x40, 0x48}


async def test_a_minute_of_handwriting_costs_a_viewer_two_bytes_a_point_at_the_most() -> None:
    minute = strokes()
    viewer = await play(minute, Codec.MSGPACK, "with context", shorthand=True, coming=True)
    assert sum(stroke.points for stroke in minute) == 6_000
    assert viewer.bytes <= 2 * 6_000


class Viewer(Recorder):
    """One who reads shorthand, and knows in the end what each stroke is."""

    def __init__(self) -> None:
        super().__init__(Codec.MSGPACK)
        self.reader, self.short, self.long = Reader(), 0, 0
        self.session: Session | None = None
        self.inks: dict[str, bytes] = {}
        self.elements: dict[str, Any] = {}
        self.heard: list[int] = []

    def _take(self, packet: Packet) -> None:
        if packet.data[0] < 128:
            self.short += 1
            said = self.reader.read(packet.data)
            return self._drawn(said) if said["type"] == "board.drawn" else self._ink(said)
        super()._take(packet)
        name, payload = self.packets[-1]
        self.long += 1
        if name == "signals":
            self.reader.signals(payload)
            for signal in payload:
                if signal["type"] == "board.ink_by":
                    self._ink(signal)
        elif name == "events":
            self.reader.events(payload)
            for event in payload:
                self._drawn(event)

    def _ink(self, signal: Any) -> None:
        had = b"" if signal["after"] == 0 else self.inks.get(signal["id"], b"")
        if len(had) >= signal["after"]:
            self.inks[signal["id"]] = had[: signal["after"]] + signal["ink"]

    def _drawn(self, event: Any) -> None:
        self.heard.append(event["seq"])
        for change in event["changes"]:
            if "base" in change:
                continue
            points = change.get("points")
            if points is None:
                points = self.inks[change["id"]][: change["inked"][0]] + change.get("append", b"")
            self.elements[change["id"]] = (change["version"], change["nonce"], change["set"], points)


class NoJournal:
    """The replica is told everything here."""


class Class:
    """A room that is told what happens, and viewers who come, stall and go on."""

    def __init__(self) -> None:
        self.replica = Replica("room", NoJournal(), lambda events: self.hub.events(events))  # type: ignore[arg-type]
        self.hub = Hub(self.replica, Metrics(), Bounds(1_000.0, 1_000, 1e9), self.resync)
        self.log: list[Stored] = []
        self.viewers: list[Viewer] = []

    def enter(self, member: Any = RAVI) -> Viewer:
        viewer = Viewer()
        self.viewers.append(viewer)
        viewer.session = Session(member, viewer, shorthand=True)
        self.hub.add(viewer.session, self.replica.seq)
        return viewer

    def appoint(self, viewer: Viewer) -> None:
        """Make one of the staff a student, and the other way round; the welcome that they are sent says what there is so far."""
        assert viewer.session is not None
        self.hub.flush()
        if viewer.session.lagging:
            return
        self.hub.change(viewer.session, RAVI if viewer.session.member is TEACHER else TEACHER)
        viewer.reader = Reader()

    def resync(self, session: Session) -> None:
        viewer = session.link
        assert isinstance(viewer, Viewer)
        viewer.reader = Reader()
        for stored in self.log[session.since :]:
            event = msgspec.to_builtins(stored.event, builtin_types=(bytes,))
            viewer._drawn({"seq": stored.meta.seq, **event})

    def happen(self, *events: Any) -> None:
        for event in events:
            stored = Stored(Meta(self.replica.seq + 1, 1_790_000_000_000 + 500 * self.replica.seq, event.by), event)
            rooms.apply(self.replica.state, stored)
            self.log.append(stored)
            self.hub.events([stored])

    def expect_all(self, since: dict[int, int]) -> None:
        """Everybody knows every stroke since they came, each event once and in order."""
        for viewer in self.viewers:
            mine = self.log[since[id(viewer)] :]
            assert viewer.heard == [stored.meta.seq for stored in mine]
            for stored in mine:
                assert isinstance(stored.event, rooms.board.Drawn)
                for change in (each for each in stored.event.changes if each.base is None):
                    told = (change.version, change.nonce, change.set, change.points)
                    assert viewer.elements[change.id] == told


@pytest.mark.parametrize("seed", range(12))
async def test_all_know_every_stroke_whoever_comes_or_stalls(seed: int) -> None:
    dice, room = Random(seed), Class()
    hands = [Hand(f"guest:{number}", dice, dice.choice((2, 3))) for number in range(6)]
    since, under_way = dict[int, int](), list[tuple[list[Any], Any]]()
    for count in range(COMPANY if seed % 2 else 2):
        since[id(room.enter(TEACHER if count == 1 else RAVI))] = 0
    for _ in range(250):
        match dice.randrange(12):
            case 0 | 1 if len(under_way) < 6:
                hand = dice.choice(hands)
                hand.colour = dice.choice(("#1e1e1e", "#1e1e1e", "#e03131"))
                under_way.append(hand.stroke(dice.choice(WRITING)[: dice.randrange(5, 60)], dice.randrange(1, 9)))
            case 2 | 3 | 4 | 5 if under_way:
                inks, event = dice.choice(under_way)
                if inks:
                    room.hub.signal(inks.pop(0))
                if not inks:
                    under_way.remove((inks, event))
                    room.happen(event)
            case 6 if dice.random() < 0.3:
                since[id(room.enter(dice.choice((RAVI, ASHA, TEACHER))))] = room.replica.seq
            case 6 if dice.random() < 0.2:
                room.appoint(dice.choice(room.viewers))
            case 7 if dice.random() < 0.4:
                dice.choice(room.viewers).stuck = 10_000
            case 8 | 9:
                dice.choice(room.viewers).stuck = 0
            case _:
                room.hub.flush()
    for viewer in room.viewers:
        viewer.stuck = 0
    for _ in range(3):
        room.hub.flush()
    room.expect_all(since)
    assert sum(viewer.short for viewer in room.viewers) > 20
    room.hub.close()


@pytest.mark.parametrize("pending", [False, True])
async def test_a_class_where_people_come_and_go_is_told_in_shorthand(pending: bool) -> None:
    # given a class that has been told of two strokes
    room, hand = Class(), Hand("teacher-7Qk2", Random(4))
    first, other = room.enter(), room.enter()
    since = {id(first): 0, id(other): 0}

    def write(number: int, come: bool) -> None:
        inks, event = hand.stroke(WRITING[number], 8)
        for at, ink in enumerate(inks[:-1]):
            room.hub.signal(ink)
            if at % 3 != 1 or not come:
                room.hub.flush()
            if come and at % 3 == 1:
                since[id(room.enter())] = room.replica.seq
        room.happen(event)
        if come and pending:
            since[id(room.enter())] = room.replica.seq
        room.hub.flush()

    for number in range(2):
        write(number, come=False)
    short, long = first.short, first.long

    # when somebody comes again and again, between strokes and in the middle of them
    for number in range(2, 12):
        write(number, come=True)
        if number % 3 == 0:  # that a stroke is changed later is another matter than that it ends
            room.happen(hand.moved())
            room.hub.flush()
            long += 1

    # then nobody is told anything at length for that, and all know all
    assert first.long == long
    assert first.short > short + 50
    room.expect_all(since)
    room.hub.close()
