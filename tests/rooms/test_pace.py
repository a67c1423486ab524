"""How often a room is told: a tick apart at least, of a share of the worker's time at most, and after a while in any case."""

from __future__ import annotations

import pytest

from classroom.kernel import Event, Member, Meta, Stored
from classroom.polls.model import Tally, TallySignal
from classroom.rooms import pace as paces
from classroom.rooms import room as rooms
from classroom.rooms.pace import Pace, patient
from classroom.rooms.roster.model import Attended
from classroom.rooms.signals import Present
from classroom.whiteboard.model import Drawn, InkBy, WentTo
from tests.rooms.shells import RAVI, TEACHER, say

TICK, NOW = 0.05, 1_000.0


def stored(event: Event) -> list[Stored]:
    return [Stored(Meta(1, 1_000, "somebody"), event)]


def said(who: Member) -> list[Stored]:
    return stored(rooms.decide(rooms.Room(), say("news"), who, 1_000)[0])


CAME = stored(Attended())
TALLY = TallySignal(1, Tally((1, 2), 3))
DRAWN = stored(Drawn(page=0, by="t", changes=(), added=1))


def told(frame_cost: float, members: int = 1_000, came: int = 0) -> Pace:
    """The pace of a room whose members have just been told, of whom some came in the second before."""
    pace = Pace(TICK, range(members))
    pace.frame_cost = frame_cost
    pace.begin(NOW - 1.0)
    pace.reach(members)
    for _ in range(came):
        pace.come()
    pace.begin(NOW)
    pace.reach(members)
    return pace


def test_where_a_flush_costs_little_the_next_one_is_a_tick_later_and_a_strokes_next_piece_sooner() -> None:
    pace = told(frame_cost=0.0)
    assert pace.tick == TICK
    assert pace.due(said(RAVI), drawing=False) == pace.due(DRAWN, drawing=False) == NOW + TICK
    assert pace.due(DRAWN, drawing=True) == pace.drawn_due == NOW + TICK * paces.DRAWN_TICK


def test_a_crowd_takes_no_more_than_its_share_of_the_worker() -> None:
    pace = told(frame_cost=0.06 / 1_000)  # all of them in 0.06 s
    assert pace.tick == pytest.approx(0.06 / paces.SHARE)
    assert pace.due(said(RAVI), drawing=False) == pytest.approx(NOW + 0.06 / paces.SHARE)
    assert pace.due(CAME, drawing=False) == pytest.approx(NOW + 0.06 / paces.LAZY_SHARE)
    assert pace.drawn_due == pytest.approx(NOW + 0.06 / paces.DRAWN_SHARE)


def test_what_the_staff_say_and_what_the_class_waits_for_is_told_a_tick_later_whatever_it_costs() -> None:
    pace = told(frame_cost=1.0)
    assert pace.due(said(TEACHER), drawing=False) == NOW + TICK
    assert pace.due([*said(RAVI), *stored(WentTo(page=1))], drawing=True) == NOW + TICK


def test_a_crowd_of_any_size_is_told_after_a_while() -> None:
    pace = told(frame_cost=1.0)
    pace.signalled()
    assert pace.due(said(RAVI), drawing=False) == pace.drawn_due == NOW + paces.LONGEST_TICK
    assert pace.due(CAME, drawing=False) == NOW + paces.LONGEST_LAZY
    assert pace.signals_due([Present(1)]) == NOW + paces.LONGEST_SIGNAL
    assert pace.signals_due([Present(1), TALLY]) == NOW + paces.LONGEST_TALLY


def test_a_tally_is_told_twice_a_second_to_as_many_as_a_worker_holds() -> None:
    pace = told(frame_cost=6e-6, members=16_667)  # three workers with 50,000
    pace.signalled()
    assert pace.signals_due([TALLY]) == pytest.approx(NOW + 0.5, abs=0.01)
    assert pace.signals_due([Present(1)]) == pytest.approx(NOW + 2, abs=0.01)


def test_a_crowd_too_large_for_a_pens_pace_is_told_of_a_stroke_as_of_all_else() -> None:
    just = paces.DRAWN_PACE * paces.DRAWN_SHARE / 1_000
    assert told(frame_cost=just * 0.99).drawn_due < NOW + paces.DRAWN_PACE
    pace = told(frame_cost=just * 1.01)
    assert pace.drawn_due == NOW + pace.tick > NOW + paces.DRAWN_PACE


def test_while_many_come_in_a_crowd_is_told_less_often() -> None:
    assert told(frame_cost=1.0, came=paces.RUSH).tick == paces.LONGEST_TICK
    pace = told(frame_cost=1.0, came=paces.RUSH + 1)
    assert pace.tick == paces.LONGEST_RUSH
    pace.begin(NOW + paces.LONGEST_RUSH)
    pace.reach(1_000)
    assert pace.tick == paces.LONGEST_TICK, "nobody came since"


def test_a_flush_to_a_few_keeps_nobody_else_waiting() -> None:
    pace = told(frame_cost=1.0)
    pace.begin(NOW + 0.5)
    pace.reach(500)
    assert pace.due(said(RAVI), drawing=False) == NOW + paces.LONGEST_TICK


def test_what_a_frame_costs_is_learnt_from_flushes_to_many() -> None:
    pace = told(frame_cost=0.0)
    pace.end(paces.COST_FROM - 1, 5.0)
    assert pace.frame_cost == 0.0
    pace.end(paces.COST_FROM, 1.0)
    assert pace.frame_cost == pytest.approx(paces.COST_WEIGHT / paces.COST_FROM)


def test_counts_can_wait_and_ink_cannot() -> None:
    assert patient(Present(1))
    assert patient(TALLY)
    assert not patient(InkBy(page=0, id="stroke", by="t", after=0, ink=b"12", look=None))
