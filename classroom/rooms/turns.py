"""When the owners of a worker begin their commits: at once while few rooms have anything to commit, together where many have.

What always holds: nobody waits for longer than `tick`. A commit costs the same few changes of threads and waits for the disk
whatever it holds: what many rooms have to say within a tick goes into one, and over the bus in one write.
"""

from __future__ import annotations

import asyncio

MANY = 3  # rooms within two ticks


class Turns:
    """`tick`: seconds between two beginnings, where many rooms are busy."""

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._busy: set[str] = set()
        self._busy_before: set[str] = set()
        self._counted_from = 0.0
        self._next = 0.0
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self, room: str) -> None:
        """Until the room's commit may begin."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._count(room, now)
        if len(self._busy_before) + len(self._busy) < MANY:
            return
        if not self._waiting:
            if now >= self._next:
                self._next = now + self._tick
                return
            loop.call_at(self._next, self._begin)
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
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
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
