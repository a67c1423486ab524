"""Signals of a room: the newest replaces the one that waits, and those that can wait go along with events."""

from __future__ import annotations

import asyncio

import pytest

from classroom.kernel import STAFF, Meta, Stored
from classroom.polls.model import Tally, TallySignal
from classroom.rooms import pace
from classroom.rooms.signals import Present, Reactions, TypingBy
from classroom.whiteboard.model import Changed, Drawn, InkBy
from tests.rooms.edge import TICK, Crowd, Edge
from tests.rooms.shells import ASHA, RAVI, TEACHER, ask, say


async def test_signals_of_one_kind_replace_each_other_and_the_staffs_stay_with_the_staff(edge: Edge) -> None:
    _, asha = edge.enter(ASHA)
    _, teacher = edge.enter(TEACHER)
    edge.hub.signal(Present(1))
    await asyncio.sleep(TICK)
    for n in range(2, 6):
        edge.hub.signal(Present(n))
    edge.hub.signal(TypingBy("ravi", "Ravi"), STAFF)
    await edge.quiet()
    counts = [s["count"] for name, payload in asha.packets for s in payload if s["type"] == "present"]
    assert counts == [1, 5]
    assert "typing_by" not in str(asha.packets)
    assert "typing_by" in str(teacher.packets)


async def test_the_staffs_signals_stay_with_them_in_a_write_with_events_for_all(edge: Edge) -> None:
    _, teacher = edge.enter(TEACHER)
    _, asha = edge.enter(ASHA)
    await ask(edge.owner, TEACHER, say("for all"))
    edge.hub.flush()
    edge.hub.signal(TypingBy("ravi", "Ravi"), STAFF)
    edge.hub.events([Stored(Meta(2, 0, "teacher"), edge.replica.recent[-1].event)])
    edge.hub.flush()
    assert [name for name, _ in teacher.packets] == ["events", "events", "signals"]
    assert teacher.writes == [1, 2]
    assert [name for name, _ in asha.packets] == ["events", "events"]


async def test_in_a_crowd_counts_wait_for_company_and_go_in_one_write_with_it(edge: Edge) -> None:
    _, asha = edge.enter(ASHA)
    _, teacher = edge.enter(TEACHER)
    edge.hub.signal(Present(1))
    await asyncio.sleep(TICK)
    edge.hub._pace.frame_cost = 1.0  # what a frame to each of a hundred thousand members costs
    edge.hub.signal(Present(2))
    await edge.quiet()
    alone = [s["count"] for _, payload in asha.packets for s in payload]
    assert [s["count"] for _, payload in teacher.packets for s in payload] == [1, 2]
    await ask(edge.owner, TEACHER, say("look here"))
    await edge.quiet()
    assert alone == [1]
    assert [name for name, _ in asha.packets] == ["signals", "events", "signals"]
    assert asha.packets[-1][1] == [{"type": "present", "count": 2}]
    assert asha.writes == [1, 2]


async def test_in_a_crowd_counts_are_told_after_a_while_where_nothing_else_happens(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LONGEST_SIGNAL", 0.2)
    _, asha = edge.enter(ASHA)
    edge.hub._pace.frame_cost = 1.0
    edge.hub.signal(Present(1))
    edge.hub.signal(Present(2))
    await asyncio.sleep(0.1)
    early = len(asha.packets)
    edge.hub.signal(Present(3))
    await asyncio.sleep(0.3)
    assert early <= 1
    assert asha.packets[-1][1] == [{"type": "present", "count": 3}]
    assert len(asha.packets) == early + 1


async def test_reactions_that_wait_add_up(edge: Edge) -> None:
    """They come four times a second from each edge, and a crowd is told of them seldom."""
    _, asha = edge.enter(ASHA)
    edge.hub.signal(Present(1))
    await asyncio.sleep(TICK)
    edge.hub.signal(Reactions({"👏": 3}))
    edge.hub.signal(Reactions({"👏": 2, "🎉": 1}))
    edge.hub.flush()
    assert asha.packets[-1][1] == [{"type": "reactions", "counts": {"👏": 5, "🎉": 1}}]


async def test_in_a_crowd_a_tally_is_told_sooner_than_a_count(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LONGEST_TALLY", 0.1)
    _, asha = edge.enter(ASHA)
    edge.hub._pace.frame_cost = 1.0
    edge.hub.signal(Present(1))
    await asyncio.sleep(2 * TICK)
    before = len(asha.packets)
    edge.hub.signal(Present(2))
    await asyncio.sleep(0.2)
    alone = asha.packets[before:]
    edge.hub.signal(TallySignal(1, Tally((1, 2), 3)))
    await asyncio.sleep(0.2)
    assert alone == []
    assert [[signal["type"] for signal in payload] for _, payload in asha.packets[before:]] == [
        ["present", "poll.tally"]
    ]


async def test_nothing_waits_for_an_audience_that_is_not_here(edge: Edge) -> None:
    edge.enter(TEACHER)
    edge.hub.signal(Present(1))
    await edge.quiet()
    assert edge.hub._flush_at is None


async def test_a_signal_that_finds_no_room_is_let_go(edge: Edge) -> None:
    _, slow = edge.enter(ASHA)
    slow.stuck = 5_000
    edge.hub.signal(Present(1))
    await edge.quiet()
    assert slow.packets == []


async def test_a_stroke_goes_on_and_ends_sooner_than_a_tick_after_its_last_piece(edge: Edge) -> None:
    # given a stroke of which a crowd has just been told
    crowd, soon = Crowd(edge), TICK * pace.DRAWN_TICK
    edge.hub._pace.frame_cost = 0.0

    def ink(after: int) -> None:
        look = {"type": "freedraw"} if after == 0 else None
        edge.hub.signal(InkBy(page=0, id="stroke", by="t", after=after, ink=b"12", look=look))

    def told() -> int:
        return sum(name == "signals" for name, _ in crowd.links[0].packets)

    ink(0)
    crowd.clock.pass_by(0.0)
    assert told() == 1

    # when it goes on, then it is told soon
    ink(2)
    crowd.clock.pass_by(soon / 2)
    assert told() == 1
    crowd.clock.pass_by(soon / 2)
    assert told() == 2

    # and so is that it has ended, but not what somebody says
    assert not crowd.told_within(soon, RAVI)
    change = Changed(id="stroke", version=1, nonce=1, set={"type": "freedraw"}, points=b"12")
    edge.hub.events([Stored(Meta(90, 1_000, "t"), Drawn(page=0, by="t", changes=(change,), added=1))])
    crowd.clock.pass_by(0.0)
    assert crowd.links[0].seqs[-1] == 90


async def test_a_very_large_crowd_is_told_of_a_stroke_as_of_all_else(edge: Edge) -> None:
    crowd = Crowd(edge)
    edge.hub._pace.frame_cost = 0.3 * pace.DRAWN_SHARE / len(crowd.links)
    for after in (0, 2):
        look = {"type": "freedraw"} if after == 0 else None
        edge.hub.signal(InkBy(page=0, id="stroke", by="t", after=after, ink=b"12", look=look))
        crowd.clock.pass_by(0.33 * after / 2)
    assert [name for name, _ in crowd.links[0].packets].count("signals") == 1
    crowd.clock.pass_by(0.15)
    assert [name for name, _ in crowd.links[0].packets].count("signals") == 2
