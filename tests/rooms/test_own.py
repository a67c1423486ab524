"""After a vote each voter is sent a packet of their own: in the place of the others', and in slices like a crowd's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from classroom.kernel import Event, Member, Meta, Role, Stored
from classroom.metrics import Metrics
from classroom.packets import Packet
from classroom.polls.model import Ballot, Voted
from classroom.rooms import room as rooms
from classroom.rooms import rounds
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.own import Own
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from classroom.rooms.signals import Present
from classroom.wire import Codec
from tests.rooms.shells import ASHA, Recorder, say
from tests.running import until

SLICE = 3
BUFFER = 1_000
KINDS = [(Codec.JSON, False), (Codec.MSGPACK, False), (Codec.MSGPACK, True)]


class Class:
    """A room whose events are handed to the hub by hand. One slice is written in each turn of the loop."""

    def __init__(self) -> None:
        self.resynced: list[tuple[Session, int]] = []
        replica = Replica("physics", None, lambda events: None)  # type: ignore[arg-type]
        self.hub = Hub(replica, Metrics(), Bounds(0.01, BUFFER, 5.0), lambda s: self.resynced.append((s, s.since)))
        self.sessions: list[Session] = []
        self.links: list[Recorder] = []
        self.seq = 0

    def come(self, codec: Codec = Codec.JSON, shorthand: bool = False) -> None:
        link = Recorder(codec)
        session = Session(Member(f"s{len(self.links)}", "S", Role.STUDENT), link, shorthand=shorthand)
        self.hub.add(session, self.seq)
        self.sessions.append(session)
        self.links.append(link)

    def _happen(self, event: Event) -> Stored:
        self.seq += 1
        return Stored(Meta(self.seq, 1_000, ASHA.id), event)

    def said(self) -> Stored:
        return self._happen(rooms.decide(rooms.Room(), say("news"), ASHA, 1_000)[0])

    def voted(self, voters: Iterable[int]) -> Stored:
        ballots = tuple(Ballot(f"s{n}", (n % 3,)) for n in voters)
        return self._happen(Voted(id=1, count=len(ballots), ballots=ballots))

    def told(self, seq: int) -> list[int]:
        """Who has been sent the event, so far."""
        return [n for n, link in enumerate(self.links) if seq in link.seqs]

    async def begun(self, seq: int) -> int:
        """Until the first slice is sent the event: one who is still to be."""
        while not self.told(seq):
            await asyncio.sleep(0)
        return next(n for n in range(len(self.links)) if n not in self.told(seq))

    async def all_told(self) -> None:
        hub = self.hub
        await until(lambda: not (hub._rounds.under_way or hub._flush_at is not None or hub._next))


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Class]:
    monkeypatch.setattr(rounds, "SLICE", SLICE)
    monkeypatch.setattr(rounds, "LONGEST", 0)
    room = Class()
    yield room
    room.hub.close()


@pytest.mark.parametrize(("codec", "shorthand"), KINDS)
async def test_a_voters_packet_is_in_the_place_of_the_others_with_the_signals_after_it_in_one_write(
    room: Class, codec: Codec, shorthand: bool
) -> None:
    # given a class of whom most vote, some of them twice, while something is said
    for _ in range(3 * SLICE):
        room.come(codec, shorthand)
    voters, again = range(2, 3 * SLICE), range(5, 3 * SLICE)
    events = [room.said(), room.voted(voters), room.said(), room.voted(again)]

    # when all of it is told at once
    room.hub.signal(Present(9))
    room.hub.events(events)
    await room.all_told()

    # then each is shown what is theirs, in the log's order
    for n, link in enumerate(room.links):
        (name, told), signals = link.packets
        assert name == "events"
        assert [e["seq"] for e in told] == [1, *([2] if n in voters else []), 3, *([4] if n in again else [])]
        assert all(e["ballots"] == [[f"s{n}", [n % 3], None]] for e in told if e["type"] == "poll.voted")
        assert signals == ("signals", [{"type": "present", "count": 9}])
        assert link.writes == [2]


@pytest.mark.parametrize("codecs", [[Codec.JSON] * 3 * SLICE, [Codec.JSON] * SLICE + [Codec.MSGPACK] * SLICE])
async def test_who_cannot_be_told_what_is_their_own_comes_back_and_the_others_are_told(
    room: Class, monkeypatch: pytest.MonkeyPatch, codecs: list[Codec]
) -> None:
    for codec in codecs:
        room.come(codec)
    whole = Own.packet

    def packet(self: Own, session: Session, *of: Any) -> Packet | None:
        if session is room.sessions[1]:
            raise ZeroDivisionError
        return whole(self, session, *of)

    monkeypatch.setattr(Own, "packet", packet)
    room.hub.events([room.voted(range(len(codecs)))])
    await room.all_told()
    assert room.told(1) == [n for n in range(len(codecs)) if n != 1]
    assert [n for n, link in enumerate(room.links) if link.bye is not None and link.bye.code == "internal"] == [1]


async def test_while_voters_are_told_others_have_their_turn(room: Class) -> None:
    for _ in range(4 * SLICE):
        room.come()
    room.hub.events([room.voted(range(4 * SLICE))])
    told = []
    while len(room.told(1)) < 4 * SLICE:
        await asyncio.sleep(0)
        told.append(len(room.told(1)))
    assert told == [SLICE, 2 * SLICE, 3 * SLICE, 4 * SLICE]


async def test_who_leaves_before_it_is_their_turn_is_sent_nothing_more_and_who_comes_none_of_it(room: Class) -> None:
    for _ in range(3 * SLICE):
        room.come()
    room.hub.events([room.voted(range(3 * SLICE))])
    leaves = await room.begun(1)
    room.hub.remove(room.sessions[leaves])
    room.come()  # and was welcomed with their vote
    room.hub.events([room.said()])
    await room.all_told()
    assert room.links[leaves].packets == []
    assert room.links[-1].seqs == [2]
    assert all(link.seqs == [1, 2] for n, link in enumerate(room.links[:-1]) if n != leaves)


@pytest.mark.parametrize(("codec", "shorthand"), KINDS)
async def test_who_reads_no_more_before_it_is_their_turn_is_brought_up_to_date_from_before_it(
    room: Class, codec: Codec, shorthand: bool
) -> None:
    # given a class that has been told of the first event
    for _ in range(3 * SLICE):
        room.come(codec, shorthand)
    room.hub.events([room.said()])
    await room.all_told()

    # when a voter stops reading while others are sent their own
    room.hub.signal(Present(9))
    room.hub.events([room.voted(range(3 * SLICE)), room.said()])
    slow = await room.begun(2)
    before = len(room.links[slow].packets)
    room.links[slow].stuck = BUFFER + 1
    await until(lambda: len(room.told(2)) == 3 * SLICE - 1)
    assert len(room.links[slow].packets) == before

    # then they are brought up to date once they read again, and told what follows
    room.links[slow].stuck = 0
    await until(lambda: bool(room.resynced))
    room.hub.events([room.said()])
    await room.all_told()
    assert room.resynced == [(room.sessions[slow], 1)]
    assert room.links[slow].seqs == [1, 4]
    assert all(link.seqs == [1, 2, 3, 4] for n, link in enumerate(room.links) if n != slow)


async def test_what_happens_while_voters_are_told_is_told_when_the_last_of_them_is(room: Class) -> None:
    for _ in range(3 * SLICE):
        room.come()
    room.hub.events([room.voted(range(3 * SLICE))])
    await room.begun(1)
    room.hub.events([room.voted(range(SLICE + 1)), room.said()])
    while not room.told(3):
        assert not room.told(2)
        await asyncio.sleep(0)
    assert len(room.told(1)) == 3 * SLICE
    await room.all_told()
    assert [link.seqs for link in room.links] == [[1, 2, 3]] * (SLICE + 1) + [[1, 3]] * (2 * SLICE - 1)


async def test_a_room_that_closes_tells_all_voters_first(room: Class) -> None:
    for _ in range(3 * SLICE):
        room.come()
    room.hub.events([room.voted(range(3 * SLICE))])
    await room.begun(1)
    room.hub.close()
    assert all(link.seqs == [1] for link in room.links)
