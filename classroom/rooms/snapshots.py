"""The snapshots of a room that its owner keeps, so that who loads it need not fold all of its log.

What always holds: a snapshot is of what is committed; nobody waits for one to be kept; keeping them takes a small share of the
time, and where one cannot be kept the next one will do: they are only a cache.
"""

from __future__ import annotations

import asyncio

import structlog

from classroom.journal.port import Journal, Snapshot, Unavailable
from classroom.rooms import room as rooms

log = structlog.get_logger(__name__)

SHARE = 0.01  # of the time that may go into keeping snapshots, which holds up what is to be committed meanwhile


class Snapshots:
    """Those of `room`; `every`: events between two. `seq`: the place of the last one."""

    def __init__(self, room: str, journal: Journal, every: int) -> None:
        self.seq = 0
        self._room = room
        self._journal = journal
        self._every = every
        self._not_before = 0.0
        self._keeping: asyncio.Task[None] | None = None

    def look(self, state: rooms.Room) -> None:
        """Begin to keep a snapshot when there is enough to be folded anew without it, and the one before has cost little of the
        time since."""
        if state.seq - self.seq < self._every:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before or (self._keeping is not None and not self._keeping.done()):
            return
        begun = loop.time()
        snapshot = _of(state)

        async def keep() -> None:
            await self._keep(snapshot)
            self._not_before = loop.time() + (loop.time() - begun) / SHARE

        self._keeping = asyncio.create_task(keep(), name=f"snapshot of {self._room}")

    async def end(self, state: rooms.Room | None) -> None:
        """Keep a last one, of what has come since the one before."""
        if self._keeping is not None:
            await self._keeping
        if state is not None and state.seq > self.seq:
            await self._keep(_of(state))

    async def _keep(self, snapshot: Snapshot) -> None:
        self.seq = snapshot.seq
        try:
            await self._journal.keep_snapshot(self._room, snapshot)
        except Unavailable as error:
            log.warning("no snapshot kept", room=self._room, error=str(error))


def _of(state: rooms.Room) -> Snapshot:
    return Snapshot(state.seq, rooms.SNAPSHOT_VERSION, rooms.encode(state))
