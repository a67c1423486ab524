"""Presence: members, not devices; a grace for reconnects; what the log is told, and told again."""

from __future__ import annotations

import pytest

from classroom.bus.port import Counted
from classroom.rooms import presence as presences
from classroom.rooms.presence import Presence
from classroom.rooms.roster.model import Attend, Person, Record
from tests.rooms.shells import ASHA, RAVI, TEACHER


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def presence(time: Time) -> Presence:
    return Presence("here", time)


def present(*members: object) -> dict[str, Record]:
    return {m.id: Record(m.id, m.name, m.role, present=True, edge="here") for m in members}  # type: ignore[attr-defined]


def test_coming_and_going_is_told_in_one_command_a_second(presence: Presence, time: Time) -> None:
    presence.came(ASHA)
    presence.came(RAVI)
    told = presence.attendance({})
    assert told == Attend(came=(Person("asha", "Asha", ASHA.role), Person("ravi", "Ravi", RAVI.role)), edge="here")
    assert presence.attendance(present(ASHA, RAVI)) is None


def test_a_reconnect_within_the_grace_is_neither_a_going_nor_a_coming(presence: Presence, time: Time) -> None:
    presence.came(ASHA)
    presence.attendance({})
    presence.left("asha")
    time.now += presences.GRACE - 1
    assert presence.attendance(present(ASHA)) is None
    assert presence.count() == 1
    presence.came(ASHA)
    time.now += presences.GRACE
    assert presence.attendance(present(ASHA)) is None
    assert presence.count() == 1


def test_who_stays_away_has_gone(presence: Presence, time: Time) -> None:
    presence.came(ASHA)
    presence.attendance({})
    presence.left("asha")
    time.now += presences.GRACE
    assert presence.attendance(present(ASHA)) == Attend(went=("asha",), edge="here")
    assert presence.count() == 0
    assert presence.empty


def test_what_the_log_did_not_take_is_told_again_as_far_as_it_still_holds(presence: Presence, time: Time) -> None:
    presence.came(ASHA)
    presence.came(RAVI)
    told = presence.attendance({})
    assert told is not None
    presence.left("ravi")
    time.now += presences.GRACE
    presence.attendance({})
    presence.again(told)
    assert presence.attendance({}) == Attend(came=(Person("asha", "Asha", ASHA.role),), edge="here")


def test_who_was_at_another_edge_has_come_to_this_one(presence: Presence) -> None:
    presence.came(ASHA)
    records = present(ASHA)
    records["asha"].edge = "there"
    assert presence.attendance(records) == Attend(came=(Person("asha", "Asha", ASHA.role),), edge="here")


def test_who_has_come_back_at_another_edge_has_not_gone(presence: Presence, time: Time) -> None:
    presence.came(ASHA)
    presence.attendance({})
    presence.left("asha")
    time.now += presences.GRACE
    records = present(ASHA)
    records["asha"].edge = "there"
    assert presence.attendance(records) is None


def test_the_count_is_the_sum_over_edges_and_a_silent_edge_is_forgotten(presence: Presence, time: Time) -> None:
    presence.came(ASHA)
    presence.heard(Counted("there", 40))
    presence.heard(Counted("here", 9))
    assert presence.count() == 41
    time.now += presences.FORGET + 1
    assert presence.count() == 1


def test_a_crowd_is_told_in_commands_of_bounded_size(presence: Presence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presences, "ATTEND_BATCH", 2)
    for member in (ASHA, RAVI, TEACHER):
        presence.came(member)
    first, second = presence.attendance({}), presence.attendance({})
    assert first is not None
    assert second is not None
    assert [len(first.came), len(second.came)] == [2, 1]
