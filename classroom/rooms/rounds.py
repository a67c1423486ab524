"""A crowd is written to in slices, between which the loop has its turn: else every answer that this worker owes, and whatever
the room's owner does here, would wait until the last of the crowd is told. What the others take for their turn, a crowd may
take for its own: else, while hundreds come in at every turn, the last of a crowd would be told many turns later.

What always holds: what was put here is written once to everybody it is for, unless they are dropped; `end` is called once after
each `run` or `finish`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from time import perf_counter
from typing import Protocol

from classroom.rooms.roll import Row
from classroom.rooms.session import Session

SLICE = 256  # members who are written to, at the least, before others of this worker have their turn
LONGEST = 0.2  # seconds that a turn may take, however long the others took for theirs


Write = Callable[[Collection[Session]], int]
"""Writes to some what is meant for them: how many frames that took."""


class Round(Protocol):
    """What is on its way to many."""

    @property
    def left(self) -> int:
        """How many are still to be written to, at most."""

    def skip(self, session: Session) -> None:
        """Leave one out who is not written to yet."""

    def slice(self) -> int:
        """Write to the next of them: how many frames that took."""


class Alike:
    """A round to all in a row who are sent the same."""

    __slots__ = ("_gone", "_next", "_row", "_write")

    def __init__(self, write: Write, row: Row) -> None:
        self._write = write
        self._row = row
        self._next = 0  # slice
        self._gone: dict[int, set[Session]] = {}  # by slice: the others are written to as they stand
        row.lend()

    @property
    def left(self) -> int:
        return max(0, len(self._row) - self._next * SLICE)

    def skip(self, session: Session) -> None:
        place = self._row.place(session)
        if place is not None:
            self._gone.setdefault(place // SLICE, set()).add(session)

    def slice(self) -> int:
        some = self._row.part(self._next * SLICE, (self._next + 1) * SLICE)
        gone = self._gone.get(self._next)
        self._next += 1
        frames = self._write([each for each in some if each not in gone] if gone else some)
        if not self.left:
            self._row.give_back()
        return frames


class Apart:
    """A round to some who are each sent their own."""

    __slots__ = ("_todo", "_write")

    def __init__(self, write: Write, todo: set[Session]) -> None:
        self._write = write
        self._todo = todo

    @property
    def left(self) -> int:
        return len(self._todo)

    def skip(self, session: Session) -> None:
        self._todo.discard(session)

    def slice(self) -> int:
        return self._write([self._todo.pop() for _ in range(min(SLICE, len(self._todo)))])


class Rounds:
    """The packets of one flush on their way to crowds. `end` is told how many frames the flush took, and how many seconds of
    this worker's time."""

    def __init__(self, end: Callable[[int, float], None]) -> None:
        self._end = end
        self._rounds: list[Round] = []
        self._turn: asyncio.Handle | None = None
        self._frames = 0
        self._spent = 0.0
        self._left = 0.0  # when the others were let have their turn
        self._loop = asyncio.get_running_loop()

    @property
    def under_way(self) -> bool:
        """Whether anybody is still to be written to."""
        return bool(self._rounds)

    @property
    def waiting(self) -> int:
        """How many writes are still to come, at most."""
        return sum(one.left for one in self._rounds)

    def put(self, write: Write, row: Row, apart: Collection[Session]) -> None:
        """Have all in a row but those `apart` be written the same, once `run` or `finish` is called."""
        one = Alike(write, row)
        for session in apart:
            one.skip(session)
        self._rounds.append(one)

    def put_apart(self, write: Write, apart: set[Session]) -> None:
        """The same for those who are each written their own. The set is this round's from now on."""
        self._rounds.append(Apart(write, apart))

    def drop(self, session: Session) -> None:
        """Write nothing more to this one."""
        for one in self._rounds:
            one.skip(session)

    def run(self, frames: int, spent: float) -> None:
        """Write some slices in each turn of the loop. `frames`, `spent`: what the flush took before."""
        self._frames, self._spent = frames, spent
        self._left = perf_counter()
        self._go_on()

    def finish(self, frames: int = 0, spent: float = 0.0) -> None:
        """Write all that is left without a pause. `frames`, `spent`: what has not been counted yet."""
        self._frames += frames
        self._spent += spent
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        while self._rounds:
            self._slice()
        self._ended()

    def _go_on(self) -> None:
        """Write a slice, and more for as long as the others have taken; the next ones when they have had their turn."""
        self._turn = None
        begun = perf_counter()
        until = begun + min(begun - self._left, LONGEST)
        while self._rounds:
            self._slice()
            if perf_counter() >= until:
                break
        if self._rounds:
            self._left = perf_counter()
            self._turn = self._loop.call_soon(self._go_on)
        else:
            self._ended()

    def _ended(self) -> None:
        frames, spent = self._frames, self._spent
        self._frames, self._spent = 0, 0.0
        self._end(frames, spent)

    def _slice(self) -> None:
        begun = perf_counter()
        one = self._rounds[-1]
        self._frames += one.slice()
        if not one.left:
            self._rounds.pop()
        self._spent += perf_counter() - begun
