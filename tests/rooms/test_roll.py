"""Members in a row: each once, their columns with them, and a row that is lent stays as it was."""

from __future__ import annotations

import random
from collections.abc import Sequence

from classroom.kernel import Member, Role
from classroom.rooms.roll import Roll, Row
from classroom.rooms.session import Session
from tests.rooms.shells import Recorder


def sessions(count: int) -> list[Session]:
    made = []
    for number in range(count):
        link = Recorder()
        link.descriptor = number
        link.stuck = number * 10
        made.append(Session(Member(f"m{number}", "Asha", Role.STUDENT), link))
    return made


def is_right(row: Row, wanted: Sequence[Session]) -> None:
    """Every column tells of the same session at the same place."""
    assert list(row) == list(wanted)
    assert [row[at] for at in range(len(row))] == list(wanted)
    assert list(row.columns.descriptors) == [session.link.descriptor for session in wanted]
    assert list(row.columns.slots) == [session.link.slot for session in wanted]


def test_whoever_comes_and_goes_the_columns_go_with_them() -> None:
    dice = random.Random(7)
    everybody = sessions(60)
    roll, inside = Roll(), set[Session]()
    for _ in range(2_000):
        one = dice.choice(everybody)
        if dice.random() < 0.5:
            roll.add(one)
            inside.add(one)
        else:
            roll.discard(one)
            inside.discard(one)
        assert len(roll) == len(inside)
        assert (one in roll) == (one in inside)
    assert set(roll) == inside
    is_right(roll.row, list(roll))


def test_a_row_that_is_lent_stays_and_one_that_is_given_back_does_not_cost_a_copy() -> None:
    everybody = sessions(10)
    roll = Roll()
    for one in everybody[:8]:
        roll.add(one)
    row = roll.row
    row.lend()
    roll.discard(everybody[2])
    roll.add(everybody[9])
    is_right(row, everybody[:8])
    assert everybody[2] in row
    assert everybody[9] not in row
    assert set(roll) == {*everybody[:2], *everybody[3:8], everybody[9]}
    row = roll.row
    row.lend()
    row.give_back()
    roll.discard(everybody[0])
    assert len(row._columns.sessions) == 7, "nobody had it any more: it was changed in its place"


def test_parts_and_places() -> None:
    everybody = sessions(10)
    row = Row.of(everybody)
    part = row.part(4, 8)
    is_right(part, everybody[4:8])
    assert [part.place(one) for one in everybody] == [None] * 4 + [0, 1, 2, 3] + [None] * 2
    is_right(part.part(2, 100), everybody[6:8])
    assert len(row.part(8, 12)) == 2


def test_some_are_left_out_of_a_row_and_the_others_stand_as_they_did() -> None:
    everybody = sessions(10)
    row = Row.of(everybody)
    is_right(row.without([]), everybody)
    is_right(row.without({everybody[9], everybody[0], everybody[4]}), [*everybody[1:4], *everybody[5:9]])
    is_right(row.part(2, 6).without([everybody[1], everybody[3], *sessions(1)]), [everybody[2], *everybody[4:6]])
    is_right(row.without(everybody), [])
    is_right(row, everybody)


def test_rows_behind_each_other_are_one_and_none_of_them_is_changed() -> None:
    some = sessions(9)
    rolls = Roll(), Roll(), Roll()
    for number, session in enumerate(some):
        rolls[min(number // 3, 1)].add(session)
    rows = [roll.row for roll in rolls]

    both = Row.chain([rows[0], rows[1], rows[2]])

    is_right(both, some)
    assert [both.place(session) for session in some] == list(range(9))
    is_right(Row.chain([rows[1].part(1, 4), rows[0]]), [*some[4:7], *some[:3]])
    for roll, theirs in zip(rolls, (some[:3], some[3:], []), strict=True):
        is_right(roll.row, theirs)
