"""The owners of this worker: which rooms it owns, from when to when.

What always holds: a room is owned here only while its lease is held here, or could not be asked about; a room whose home is
another worker now is handed over: what waits is answered, a snapshot is kept, the lease is given back, the new home is
woken. Whose place another owner has taken is let go, and the room owned anew when it is asked for. A room that nobody is in
and nothing happens in is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from classroom.bus.placement import Placement
from classroom.journal.port import Unavailable
from classroom.keyed import KeyedLocks
from classroom.rooms.owner import Owner
from classroom.rooms.rota import Rota

log = structlog.get_logger(__name__)

LEAVING = 15.0  # seconds that a worker may be gone until those who were there count as gone too


class Owners:
    """`make` makes the owner of a room; `idle_after`: seconds without anybody until a room is let go."""

    def __init__(self, make: Callable[[str], Owner], placement: Placement, idle_after: float) -> None:
        self._make = make
        self._placement = placement
        self._idle_after = idle_after
        self._owners: dict[str, Owner] = {}
        self._rota = Rota(1)
        self._workers: tuple[str, ...] = ()
        self._locks = KeyedLocks()
        self._moving: set[asyncio.Task[None]] = set()
        self._closed = False
        placement.on_wake(self.ensure)

    def __len__(self) -> int:
        """How many rooms are owned here, those that are being handed over included."""
        return len(self._owners) + len(self._moving)

    def get(self, room: str) -> Owner | None:
        """The room's owner, if it is here."""
        return self._owners.get(room)

    async def ensure(self, room: str) -> None:
        """Own the room if its home is here and nobody else holds it. Never raises: what cannot be had now is tried again
        by whoever asks next."""
        if self._closed or self._is_owned(room) or self._placement.home(room) != self._placement.worker:
            return
        async with self._locks.hold(room):
            if self._closed or self._is_owned(room):
                return
            lost = self._owners.pop(room, None)
            if lost is not None:
                await lost.stop()
            if not await self._placement.claim(room):
                return
            if self._closed:
                await self._placement.release(room)
                return
            await self._begin(room)

    async def _begin(self, room: str) -> None:
        """Own a room whose lease is held. What is asked of its owner from now on waits until that knows the room."""
        owner = self._owners[room] = self._make(room)
        owner.stir = partial(self._rota.stir, room)
        self._rota.add(room)
        try:
            await owner.start()
        except BaseException as error:
            if self._owners.get(room) is owner:
                del self._owners[room]
                self._rota.remove(room)
            await self._placement.release(room)
            if not isinstance(error, Unavailable | KeyError):
                raise
            log.warning("a room cannot be owned now", room=room, error=str(error))

    def _is_owned(self, room: str) -> bool:
        """Whether the owner here is the room's: one that has been lost is only on its way out."""
        owner = self._owners.get(room)
        return owner is not None and not owner.lost.is_set()

    def check(self) -> None:
        """Called once a second: let go of what is lost, idle, or at home elsewhere; have the others say how far they are. Where
        nothing goes on it is looked at now and then."""
        now = asyncio.get_running_loop().time()
        workers = tuple(self._placement.workers())
        if workers != self._workers:  # rooms may be at home elsewhere, and members gone with their worker
            self._workers = workers
            for room in self._owners:
                self._rota.stir(room)
        for room in self._rota.turn():
            owner = self._owners.get(room)
            if owner is None:
                self._rota.remove(room)
                continue
            try:
                self._look(room, owner, workers, now)
            except Exception:  # the others have their turn
                log.exception("a room was not looked at", room=room)

    def _look(self, room: str, owner: Owner, workers: tuple[str, ...], now: float) -> None:
        elsewhere = self._placement.home(room) != self._placement.worker
        if owner.lost.is_set() or elsewhere or owner.idle(now, self._idle_after):
            del self._owners[room]
            self._rota.remove(room)
            task = asyncio.create_task(self._let_go(room, owner, elsewhere), name=f"moving {room}")
            self._moving.add(task)
            task.add_done_callback(self._moving.discard)
            return
        owner.announce(now)
        owner.sweep(workers, now, LEAVING)
        if not owner.restless(now):
            self._rota.rest(room)

    async def _let_go(self, room: str, owner: Owner, elsewhere: bool) -> None:
        async with self._locks.hold(room):
            await owner.stop()
            if room not in self._owners:  # it may be owned anew by now, on the same lease
                await self._placement.release(room)
        if elsewhere:
            await self._placement.wake(room)

    async def close(self) -> None:
        """Hand over every room."""
        self._closed = True
        if self._moving:
            await asyncio.wait(self._moving)
        owners, self._owners = self._owners, {}
        await asyncio.gather(*(self._end(room, owner) for room, owner in owners.items()))
        await asyncio.gather(*(self._placement.release(room) for room in owners))

    async def _end(self, room: str, owner: Owner) -> None:
        async with self._locks.hold(room):  # it may only just begin
            await owner.stop()
