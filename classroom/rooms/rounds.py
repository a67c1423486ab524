"""A crowd is written to in slices, between which the loop has its turn: else every answer that this worker owes, and whatever
the room's owner does here, would wait until the last of the crowd is told. What the others take for their turn, a crowd may
take for its own: else, while hundreds come in at every turn, the last of a crowd would be told many turns later.

What always holds: packets that were put here are written whole, each once to everybody it is for, unless they are dropped;
`end` is called once after each `run` or `finish`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from time import perf_counter
from typing import NamedTuple

from classroom.packets import Packet, Pair
from classroom.rooms.roll import Row
from classroom.rooms.session import Session

SLICE = 256  # members who are written to, at the least, before others of this worker have their turn
LONGEST = 0.2  # seconds that a turn may take, however long the others took for theirs


class Round(NamedTuple):
    """A packet on its way. `row`: whom it is for, but for those in `gone`, by slice; `before`: the last place they have been
    sent, None for signals."""

    packet: Packet | Pair
    row: Row
    gone: dict[int, set[Session]]
    before: int | None

    def skip(self, session: Session) -> None:
        """Leave one out who is not written to yet."""
        place = self.row.place(session)
        if place is not None:
            self.gone.setdefault(place // SLICE, set()).add(session)


class Rounds:
    """The packets of one flush on their way to crowds. `write` writes one to some: to how many. `end` is told how many frames
    the flush took, and how many seconds of this worker's time."""

    def __init__(
        self,
        write: Callable[[Packet | Pair, Collection[Session], int | None], int],
        end: Callable[[int, float], None],
    ) -> None:
        self._write = write
        self._end = end
        self._rounds: list[Round] = []
        self._turn: asyncio.Handle | None = None
        self._next = 0  # slice of the last of them
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
        return sum(len(one.row) for one in self._rounds) - self._next * SLICE

    def put(self, packet: Packet | Pair, row: Row, apart: Collection[Session], before: int | None) -> None:
        """Send a packet to all in a row but those `apart`, once `run` or `finish` is called."""
        one = Round(packet, row, {}, before)
        row.lend()
        for session in apart:
            one.skip(session)
        self._rounds.append(one)

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
        some = one.row.part(self._next * SLICE, (self._next + 1) * SLICE)
        gone = one.gone.get(self._next)
        self._next += 1
        self._frames += self._write(
            one.packet, [each for each in some if each not in gone] if gone else some, one.before
        )
        if self._next * SLICE >= len(one.row):
            self._rounds.pop()
            self._next = 0
            one.row.give_back()
        self._spent += perf_counter() - begun
