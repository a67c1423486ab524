"""Which load process carries whom."""

from __future__ import annotations

from collections import Counter

import pytest

from loadtest.crowd import Crowd
from loadtest.party import Options
from loadtest.scenarios import SCENARIOS


def crowds(users: int, rooms: int, processes: int) -> list[Crowd]:
    return [
        Crowd(
            Options(
                run="r", hosts=["http://127.0.0.1:1"], users=users, seed=1, codec="json", deflate=False,
                scenario=SCENARIOS["campus"], pace=1.0, worker=worker, workers=processes,
            ),
            [f"r-{n}" for n in range(rooms)],
            "", lambda _kind, _data: None, lambda _what, _took: None, lambda _what, _why: None,
        )
        for worker in range(processes)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("users", "rooms", "processes"),
    [(9_600, 400, 1), (9_600, 400, 3), (9_601, 400, 3), (100, 10, 3), (100, 2, 3), (100, 2, 4), (50, 12, 8), (7, 1, 4)],
)
def test_who_is_expected_in_a_room_comes_whatever_is_divided_by_what(users: int, rooms: int, processes: int) -> None:
    each, more = divmod(users, processes)
    came: Counter[str] = Counter()
    said: Counter[str] = Counter()
    taught: Counter[str] = Counter()
    everybody = crowds(users, rooms, processes)
    for crowd in everybody:
        last = crowd.options.worker >= processes - more  # of some there is one more, and nobody knows of which
        mine = [crowd.room_of(number) for number in range(each + last)]
        assert set(mine) <= set(crowd.rooms)
        assert set(crowd._taught) <= set(crowd.rooms)
        came.update(mine)
        taught.update(crowd._taught)
        said.update(dict.fromkeys(crowd.rooms, crowd._share))
    expected = {room: everybody[0].expected(room) for room in taught}
    assert len(taught) == taught.total() == rooms
    assert set(said.values()) == {1}
    assert sum(expected.values()) == users - more
    assert all(0 <= came[room] - count <= more for room, count in expected.items())
    assert max(expected.values()) - min(expected.values()) <= 1


def test_rooms_that_can_be_divided_by_the_processes_are_in_one_each() -> None:
    assert [crowd.rooms for crowd in crowds(40, 4, 2)] == [["r-0", "r-2"], ["r-1", "r-3"]]
