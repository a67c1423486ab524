"""A crowd is told in slices, and has as much of the worker's time as those who have theirs in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from classroom.kernel import Member, Role
from classroom.rooms.roll import Row
from classroom.rooms.rounds import SLICE, Rounds
from classroom.rooms.session import Session
from tests.rooms.shells import Recorder


async def turns_of(members: int, others: float, each: float = 0.0) -> tuple[int, int]:
    """How many turns of the loop a crowd takes, and how many are told, while others take so many seconds in each, and a slice
    takes `each`."""
    told = 0
    done = asyncio.Event()

    def write(sessions: Collection[Session]) -> int:
        nonlocal told
        time.sleep(each)
        told += len(sessions)
        return len(sessions)

    rounds = Rounds(lambda _frames, _spent: done.set())
    everybody = Row.of(Session(Member(f"m{n}", "Asha", Role.STUDENT), Recorder()) for n in range(members))
    rounds.put(write, everybody, ())
    rounds.run(0, 0.0)
    turns = 1
    while not done.is_set():
        turns += 1
        time.sleep(others)  # noqa: ASYNC251 (as joins do, it holds up the loop)
        await asyncio.sleep(0)
    return turns, told


async def test_a_crowd_is_told_slice_by_slice_where_others_take_no_time() -> None:
    # What another process takes of the core meanwhile counts as the others', so a few turns may be saved.
    turns, told = await turns_of(40 * SLICE, 0.0, 0.002)
    assert told == 40 * SLICE
    assert turns > 3


async def test_the_last_of_a_crowd_does_not_wait_for_many_long_turns_of_others() -> None:
    turns, told = await turns_of(40 * SLICE, 0.02)
    assert told == 40 * SLICE
    assert turns <= 5


async def test_who_is_apart_or_leaves_is_not_written_to_and_all_others_are_once() -> None:
    everybody = [Session(Member(f"m{n}", "Asha", Role.STUDENT), Recorder()) for n in range(3 * SLICE + 7)]
    told: list[Session] = []
    rounds = Rounds(lambda _frames, _spent: None)
    apart = [everybody[3], everybody[SLICE], everybody[-1]]
    rounds.put(lambda some: told.extend(some) or len(some), Row.of(everybody), apart)
    rounds._slice()
    rounds.drop(everybody[2 * SLICE])
    rounds.drop(everybody[0])  # was told before
    rounds.finish()
    missing = {*apart, everybody[2 * SLICE]}
    assert told == [one for one in everybody if one not in missing]
    assert not rounds.under_way


async def test_of_those_who_are_sent_their_own_whoever_leaves_is_not_written_to_and_all_others_are_once() -> None:
    everybody = [Session(Member(f"m{n}", "Asha", Role.STUDENT), Recorder()) for n in range(2 * SLICE + 7)]
    told: list[Session] = []
    rounds = Rounds(lambda _frames, _spent: None)
    rounds.put_apart(lambda some: told.extend(some) or len(some), set(everybody))
    assert rounds.waiting == len(everybody)
    rounds._slice()
    assert len(told) == SLICE
    leaves = next(one for one in everybody if one not in told)
    rounds.drop(leaves)
    rounds.drop(told[0])
    rounds.finish()
    assert len(told) == len(everybody) - 1
    assert set(told) == set(everybody) - {leaves}
    assert not rounds.under_way
