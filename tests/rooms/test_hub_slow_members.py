"""Who cannot keep up with a room: they are bounded, brought up to date, or told why not, and hold up nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from classroom import wire
from classroom.kernel import Member, Role
from classroom.rooms import rounds
from classroom.rooms.session import Session
from classroom.rooms.signals import Present
from classroom.wire import Codec
from tests.rooms.edge import TICK, Edge
from tests.rooms.shells import ASHA, RAVI, TEACHER, Recorder, ask, say
from tests.running import until

encoded = wire.item


async def test_a_slow_member_is_bounded_brought_up_to_date_and_holds_up_nobody(edge: Edge) -> None:
    session, slow = edge.enter(ASHA)
    _, other = edge.enter(RAVI)
    slow.stuck = 5_000
    for n in range(3):
        await ask(edge.owner, TEACHER, say(f"while stuck {n}"))
        await asyncio.sleep(TICK * 1.5)
    got_while_stuck = list(slow.packets)
    slow.stuck = 0
    await edge.quiet()
    await ask(edge.owner, TEACHER, say("after"))
    await edge.quiet()
    assert got_while_stuck == []
    assert edge.resynced == [session]
    assert session.since == 0
    assert other.seqs == [1, 2, 3, 4]
    assert slow.seqs == [4]


async def test_a_member_who_stays_behind_is_disconnected_with_the_reason(edge: Edge) -> None:
    session, slow = edge.enter(ASHA)
    slow.stuck = 5_000
    await ask(edge.owner, TEACHER, say("too much"))
    await asyncio.sleep(0.4)
    assert slow.bye is not None
    assert (slow.bye.code, slow.bye.temporary) == ("too_slow", True)
    assert session not in edge.hub.sessions


@pytest.mark.parametrize("codec", Codec)
async def test_who_missed_a_signal_alone_is_brought_up_to_date_too(edge: Edge, codec: Codec) -> None:
    """It may have been the last: the count that stays as it is from then on."""
    session, slow = edge.enter(ASHA, codec)
    _, other = edge.enter(RAVI, codec)
    await edge.quiet()
    slow.stuck = 5_000
    edge.hub.signal(Present(7))
    await until(lambda: other.packets != [])
    slow.stuck = 0
    await until(lambda: edge.resynced == [session])
    edge.hub.signal(Present(8))
    await until(lambda: slow.packets != [])


async def test_who_missed_a_signal_before_any_event_is_brought_up_to_date_from_where_they_came_in(edge: Edge) -> None:
    slow = Recorder()
    edge.hub.add(session := Session(ASHA, slow), 7)  # of a room that has long been there
    slow.stuck = 5_000
    edge.hub.signal(Present(7))
    await until(lambda: session.lagging > 0)
    assert session.since == 7


async def test_who_came_in_during_a_tick_and_missed_its_events_and_signals_has_missed_the_events(edge: Edge) -> None:
    edge.enter(RAVI)
    await ask(edge.owner, TEACHER, say("at once"))
    await ask(edge.owner, TEACHER, say("in their welcome"))
    session, slow = edge.enter(ASHA)
    slow.stuck = 5_000
    await ask(edge.owner, TEACHER, say("missed"))
    edge.hub.signal(Present(2))
    edge.hub.flush()
    assert session.lagging > 0
    assert session.since == 2


async def test_a_write_that_fails_stops_nothing_and_who_missed_it_is_brought_up_to_date(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, link = edge.enter(ASHA)
    await edge.quiet()
    with monkeypatch.context() as patch:
        patch.setattr(edge.hub, "_offer", _fail)
        await ask(edge.owner, RAVI, say("first"))
        await edge.quiet()
    await until(lambda: edge.resynced == [session])
    await ask(edge.owner, RAVI, say("second"))
    await edge.quiet()
    assert link.seqs[-1] == edge.replica.seq


async def test_what_cannot_be_told_has_all_come_back_to_a_welcome_and_the_room_goes_on(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SLICE", 2)
    crowd = [edge.enter(Member(f"s{n}", "S", Role.STUDENT))[1] for n in range(5)]  # on their way when it fails
    _, other = edge.enter(RAVI, Codec.MSGPACK)
    done: list[str] = []
    monkeypatch.setattr(edge.hub._flushes.fanout, "settle", lambda: done.append("settle"))
    monkeypatch.setattr(other, "end", lambda bye: done.append(bye.code))
    await edge.quiet()
    done.clear()
    with monkeypatch.context() as patch:
        patch.setattr(wire, "item", _fail_in_msgpack)
        await ask(edge.owner, RAVI, say("first"))
        await edge.quiet()
    assert done[:2] == ["settle", "internal"], "what was gathered may be theirs"
    assert {link.bye and link.bye.code for link in crowd} == {"internal"}
    assert not edge.hub.sessions
    _, link = edge.enter(ASHA)
    await ask(edge.owner, RAVI, say("second"))
    await edge.quiet()
    assert link.seqs == [edge.replica.seq]


async def test_a_flush_that_was_done_before_its_turn_is_not_done_again(edge: Edge) -> None:
    _, link = edge.enter(ASHA)
    await edge.quiet()
    edge.hub.signal(Present(3))  # told in the next turn
    assert link.packets == []
    edge.hub.flush()
    at = edge.hub._pace.flushed
    await edge.quiet()
    assert link.packets == [("signals", [{"type": "present", "count": 3}])]
    assert edge.hub._pace.flushed == at


def _fail(*_: object) -> list[Session]:
    raise ZeroDivisionError


def _fail_in_msgpack(codec: Codec, *of: Any) -> bytes:
    if codec is Codec.MSGPACK:
        raise ZeroDivisionError
    return encoded(codec, *of)
