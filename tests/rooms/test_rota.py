"""The rota: a room in which something goes on has its turn each second, one at rest now and then."""

from __future__ import annotations

import asyncio
from collections import Counter

from classroom.rooms.house import House
from classroom.rooms.rota import SELDOM, Rota
from classroom.rooms.session import Session
from tests.rooms.shells import ASHA, RAVI, Recorder, say
from tests.rooms.test_house import house

__all__ = ["house"]
ROOMS = [f"room-{number}" for number in range(1_000)]


def seconds(rota: Rota, per_second: int, count: int) -> Counter[str]:
    """How often each has its turn in so many seconds."""
    return Counter(room for _ in range(count * per_second) for room in rota.turn())


def test_who_is_stirred_has_a_turn_a_second_and_who_rests_one_in_five() -> None:
    rota = Rota(4)
    for room in ROOMS:
        rota.add(room)
    assert set(seconds(rota, 4, SELDOM).values()) == {SELDOM}

    for room in ROOMS:
        rota.rest(room)
    rota.stir("room-7")

    assert [room for room in ROOMS if rota.is_stirred(room)] == ["room-7"]
    found = seconds(rota, 4, 2 * SELDOM)
    assert found.pop("room-7") == 2 * SELDOM
    assert set(found.values()) == {2}
    assert len(found) == len(ROOMS) - 1


def test_turns_are_spread_over_the_time() -> None:
    rota = Rota(4)
    for room in ROOMS:
        rota.add(room)
    assert max(len(rota.turn()) for _ in range(20)) < 2 * len(ROOMS) / 4
    for room in ROOMS:
        rota.rest(room)
    assert max(len(rota.turn()) for _ in range(20)) < 2 * len(ROOMS) / 20


def test_turns_that_come_late_are_longer_and_nobody_waits_longer_than_else() -> None:
    now = 100.0
    rota = Rota(4, lambda: now)
    for room in ROOMS:
        rota.add(room)
        rota.rest(room)
    rota.stir("room-7")
    had = Counter[str]()
    for _ in range(10):  # seconds, in each of which there is time for one turn only
        now += 1
        had.update(rota.turn())
    assert had.pop("room-7") == 10
    assert set(had.values()) == {2}
    assert len(had) == len(ROOMS) - 1

    now += 60
    assert sorted(rota.turn()) == sorted(ROOMS), "once, however late it is"
    now += 0.25
    assert len(rota.turn()) < len(ROOMS) / 4


def test_who_is_removed_has_no_turn_also_when_stirred_before() -> None:
    rota = Rota(1)
    rota.add("physics")
    rota.remove("physics")
    assert not seconds(rota, 1, SELDOM)
    assert not rota.is_stirred("physics")


async def test_a_room_rests_once_it_is_told_who_came_and_is_looked_at_again_when_somebody_goes(
    house: House,
) -> None:
    hall = await house.hall("physics")
    session, link = Session(ASHA, Recorder()), Recorder()
    hall.admit(session, None, None)
    hall.admit(Session(RAVI, link), None, None)
    async with asyncio.timeout(15):
        while house._rota.is_stirred("physics") or ASHA.id not in hall.replica.state.roster.members:
            await asyncio.sleep(0.05)
    assert hall.replica.state.roster.members[ASHA.id].present
    counts = [s["count"] for name, payload in link.packets if name == "signals" for s in payload if "count" in s]
    assert counts == [2]

    assert (await house.submit("physics", ASHA, say("still here"))).ok
    assert not house._rota.is_stirred("physics")  # what is said is told by itself

    hall.leave(session)
    assert house._rota.is_stirred("physics")
