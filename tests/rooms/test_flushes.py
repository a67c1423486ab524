"""The flushes of a turn: in order, written together, and what becomes of each is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import pytest
import structlog

from classroom.packets import Packet, Pair
from classroom.rooms import flushes
from classroom.rooms.flushes import Flushes
from classroom.rooms.session import Session


class Diary:
    """A `Fanout` that notes what it is asked for, and flushes that do the same."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fails = False

    def offer(self, packet: Packet | Pair, sessions: Collection[Session], bound: int) -> list[Session]:
        raise AssertionError

    def gather(self) -> None:
        self.lines.append("gather")

    def settle(self) -> None:
        self.lines.append("settle")
        if self.fails:
            raise ZeroDivisionError

    def room(self, name: str) -> Callable[[], None]:
        return lambda: self.lines.append(name)


async def test_what_is_due_in_a_turn_is_made_in_order_before_any_is_written() -> None:
    diary = Diary()
    due = Flushes(diary)
    due.soon(diary.room("a"))
    due.soon(diary.room("b"))
    assert diary.lines == [], "not during the call"
    await asyncio.sleep(0)
    assert diary.lines == ["gather", "a", "b", "settle"]
    await asyncio.sleep(0)
    assert diary.lines[4:] == []


async def test_what_becomes_due_meanwhile_is_the_next_turns() -> None:
    diary = Diary()
    due = Flushes(diary)
    due.soon(lambda: due.soon(diary.room("later")))
    await asyncio.sleep(0)
    assert diary.lines == ["gather", "settle"]
    await asyncio.sleep(0)
    assert diary.lines[2:] == ["gather", "later", "settle"]


async def test_one_that_fails_keeps_no_other_from_being_told() -> None:
    diary = Diary()
    due = Flushes(diary)
    due.soon(lambda: [].pop())
    due.soon(diary.room("b"))
    with structlog.testing.capture_logs() as logs:
        await asyncio.sleep(0)
    assert diary.lines == ["gather", "b", "settle"]
    assert [line["log_level"] for line in logs] == ["error"]


async def test_where_writing_fails_the_rooms_of_the_next_turn_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushes, "AT_ONCE", 1)
    diary = Diary()
    diary.fails = True
    due = Flushes(diary)
    due.soon(diary.room("a"))
    due.soon(diary.room("b"))
    with structlog.testing.capture_logs() as logs:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert diary.lines == ["gather", "a", "settle", "gather", "b", "settle"]
    assert len(logs) == 2


async def test_others_have_their_turn_between_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushes, "AT_ONCE", 2)
    diary = Diary()
    due = Flushes(diary)
    for name in "abc":
        due.soon(diary.room(name))
    asyncio.get_running_loop().call_soon(diary.lines.append, "others")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert diary.lines == ["gather", "a", "b", "settle", "others", "gather", "c", "settle"]
