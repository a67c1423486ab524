"""When the owners of a worker begin their commits: at once while few rooms have anything to commit, together where many have.

What always holds: nobody waits for longer than `tick`. A commit costs the same few changes of threads and waits for the disk
whatever it holds: what many rooms have to say within a tick goes into one, and over the bus in one write. So many begin one
right after the other, without anybody being woken for it; between some and the next others have their turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

log = structlog.get_logger(__name__)

MANY = 3  # rooms within two ticks
AT_ONCE = 64  # rooms that begin in one turn of the loop


class Turns:
    """`tick`: seconds between two beginnings, where many rooms are busy."""

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._busy: set[str] = set()
        self._busy_before: set[str] = set()
        self._counted_from = 0.0
        self._next = 0.0
        self._waiting: list[Callable[[], None]] = []

    def join(self, room: str, begin: Callable[[], None]) -> bool:
        """Have `begin` called when the room's commit may begin together with those of others; never during this call. False: few
        rooms are busy, it need not wait for any."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._count(room, now)
        if len(self._busy_before) + len(self._busy) < MANY:
            return False
        if not self._waiting:
            loop.call_at(max(now, self._next), self._begin)
        self._waiting.append(begin)
        return True

    async def wait(self, room: str) -> None:
        """Until the room's commit may begin."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.join(room, partial(_settle, turn)):
            await turn

    def _count(self, room: str, now: float) -> None:
        if now - self._counted_from >= self._tick:
            self._busy_before = self._busy if now - self._counted_from < 2 * self._tick else set()
            self._busy = set()
            self._counted_from = now
        self._busy.add(room)

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._next = asyncio.get_running_loop().time() + self._tick
        self._let_begin(waiting)

    def _let_begin(self, waiting: Sequence[Callable[[], None]]) -> None:
        for begin in waiting[:AT_ONCE]:
            try:
                begin()
            except Exception:  # the others have their turn
                log.exception("a room's turn failed")
        if len(waiting) > AT_ONCE:
            asyncio.get_running_loop().call_soon(self._let_begin, waiting[AT_ONCE:])


def _settle(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
