"""Who publishes on which machine, told over Redis.

What always holds: a publication is known to the others as long as its machine renews it, by Redis's own clock; what is not
renewed for `LEASE` seconds is over, and is told once (`vanished`). While Redis does not answer, everybody keeps what they knew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from classroom.bus.calling import Down
from classroom.bus.nodes import Nodes
from classroom.kernel import Member

KEY = "classroom:media"  # a sorted set of publications, by when they were renewed
RENEW_EVERY = 1.0  # seconds
LEASE = 5.0
FORGET_AFTER = 60.0

log = structlog.get_logger(__name__)


class Lease(msgspec.Struct, frozen=True):
    """A publication. `address`: where its machine hands it on (host:port); `key`: what opens that."""

    room: str
    member: Member
    stream: str
    address: str
    key: str


class Leases:
    """`address`: this machine's own; `vanished` is told of publications elsewhere that have ended."""

    def __init__(self, url: str, address: str, vanished: Callable[[Lease], None]) -> None:
        self.address = address
        self._nodes = Nodes(url)
        self._vanished = vanished
        self._mine: dict[str, Lease] = {}
        self._elsewhere: dict[str, Lease] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._nodes.open()
        await self._look(leave_out_mine=True)
        self._renewing = asyncio.create_task(self._renew_forever(), name="media leases")

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        for stream in list(self._mine):
            await self.release(stream)
        await self._nodes.close()

    async def hold(self, lease: Lease) -> None:
        """Tell the others. Returns also while Redis does not answer: it is told when it does."""
        self._mine[lease.stream] = lease
        await self._look()

    async def release(self, stream: str) -> None:
        lease = self._mine.pop(stream, None)
        if lease is not None:
            await self._call([("ZREM", KEY, msgspec.json.encode(lease))])

    def elsewhere(self) -> list[Lease]:
        """What other machines publish."""
        return list(self._elsewhere.values())

    async def find(self, room: str, member: str) -> Lease | None:
        """Where a member's publication is, if it is on another machine."""
        for _ in range(2):
            found = [one for one in self._elsewhere.values() if (one.room, one.member.id) == (room, member)]
            if found:
                return found[-1]
            await self._look()
        return None

    async def look(self) -> None:
        """See anew what there is."""
        await self._look()

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                await self._look()
            except Exception:
                log.exception("the publications of other machines were not understood")

    async def _look(self, *, leave_out_mine: bool = False) -> None:
        told = await self._call([("TIME",)])
        if told is None:
            return
        now = int(told[0][0]) + int(told[0][1]) / 1_000_000
        renewed = [part for lease in self._mine.values() for part in (repr(now), msgspec.json.encode(lease))]
        commands: list[Any] = [("ZADD", KEY, *renewed)] if renewed else []
        commands.append(("ZREMRANGEBYSCORE", KEY, "-inf", repr(now - FORGET_AFTER)))
        commands.append(("ZRANGEBYSCORE", KEY, repr(now - LEASE), "+inf"))
        told = await self._call(commands)
        if told is None or not isinstance(told[-1], list):
            return
        there = {}
        for entry in told[-1]:
            lease = msgspec.json.decode(entry, type=Lease)
            if lease.address != self.address:
                there[lease.stream] = lease
            elif leave_out_mine and lease.stream not in self._mine:  # of a process that was here before
                await self._call([("ZREM", KEY, entry)])
        gone = [lease for stream, lease in self._elsewhere.items() if stream not in there]
        self._elsewhere = there
        for lease in gone:
            self._vanished(lease)

    async def _call(self, commands: list[Any]) -> list[Any] | None:
        try:
            return await self._nodes.of(KEY).caller.call(commands)
        except Down as error:
            log.warning("the publications of other machines cannot be seen", error=str(error))
            self._nodes.doubt()
            return None
