"""Who publishes on which machine, told over Redis.

What always holds: a publication is known to the others as long as its machine renews it, by each observer's own monotonic clock;
what is not renewed for `LEASE` seconds is over, and what its machine says is over is so at once; it is told once (`vanished`).
While Redis does not answer, or takes no writes, everybody keeps what they knew; one that has lost what it held is told anew in
time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import structlog
from redis.exceptions import ResponseError

from classroom.bus.calling import Command, Complaints, Down, heard
from classroom.bus.nodes import Nodes
from classroom.kernel import Member

KEY = "classroom:media"  # a sorted set of publications, by when they were renewed
RENEW_EVERY = 1.0  # seconds
LEASE = 5.0
FORGET_AFTER = 60.0
OVER = 30.0  # so long ago was renewed what is over: past `LEASE`, and still there for the others to see

log = structlog.get_logger(__name__)


class Lease(msgspec.Struct, frozen=True):
    """A publication. `address`: where its machine hands it on (host:port); `key`: what opens that."""

    room: str
    member: Member
    stream: str
    address: str
    key: str


class _Known(NamedTuple):
    """A publication elsewhere: when it was renewed by Redis's clock, and when that was first seen, by ours."""

    lease: Lease
    renewed: float
    seen: float


class Leases:
    """`address`: this machine's own; `vanished` is told of publications elsewhere that have ended."""

    def __init__(self, url: str, address: str, vanished: Callable[[Lease], None]) -> None:
        self.address = address
        self._nodes = Nodes(url)
        self._vanished = vanished
        self._mine: dict[str, Lease] = {}
        self._elsewhere: dict[str, _Known] = {}  # by stream, the one that was renewed last at the end
        self._over: dict[str, float] = {}  # by stream, when it was renewed last, of what is still told of there
        self._reached = True
        self._complaints = Complaints()
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
        if lease is None:
            return
        try:
            # Not removed: what is missing Redis may have lost.
            await self._call([("ZADD", KEY, repr(await self._now() - OVER), msgspec.json.encode(lease))])
        except (Down, ResponseError) as error:
            self._complain(error)

    def elsewhere(self) -> list[Lease]:
        """What other machines publish."""
        return [known.lease for known in self._elsewhere.values()]

    async def find(self, room: str, member: str) -> Lease | None:
        """Where a member's publication is, if it is on another machine."""
        for _ in range(2):
            found = [one for one in self.elsewhere() if (one.room, one.member.id) == (room, member)]
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
        try:
            now = await self._now()
            renewed = [part for lease in self._mine.values() for part in (repr(now), msgspec.json.encode(lease))]
            # Written to in any case: where nobody can renew anything, nothing is over for it.
            *_, listed = await self._call(
                [
                    ("ZADD", KEY, *renewed) if renewed else ("ZADD", KEY, "XX", "0", ""),
                    ("ZREMRANGEBYSCORE", KEY, "-inf", repr(now - FORGET_AFTER)),
                    ("ZRANGE", KEY, 0, -1, "WITHSCORES"),
                ]
            )
            told: dict[str, tuple[Lease, float]] = {}
            for entry, renewed_at in zip(listed[::2], map(float, listed[1::2]), strict=True):
                lease = msgspec.json.decode(entry, type=Lease)
                if lease.address != self.address:
                    told[lease.stream] = lease, renewed_at
                elif leave_out_mine and lease.stream not in self._mine:  # of a process that was here before
                    await self._call([("ZREM", KEY, entry)])
        except (Down, ResponseError) as error:
            self._complain(error)
            self._reached = False
            self._nodes.doubt()
            return
        self._complaints.over()
        self._see(told, now, asyncio.get_running_loop().time())

    def _see(self, told: dict[str, tuple[Lease, float]], redis_now: float, now: float) -> None:
        before = self._elsewhere
        if not self._reached:
            # Nobody could say anything for a while: all have as long as ever to say it again.
            before = {stream: known._replace(seen=now) for stream, known in before.items()}
            self._reached = True
        after = {stream: known for stream, known in before.items() if stream not in told}
        for stream, (lease, renewed) in told.items():
            known = before.get(stream)
            if known is not None and known.renewed == renewed:
                after[stream] = known
            elif known is not None and renewed > known.renewed:
                # However long ago: Redis's clock may have gone forward since.
                after[stream] = _Known(lease, renewed, now)
            elif redis_now - renewed <= LEASE and self._over.get(stream) != renewed:
                after[stream] = _Known(lease, renewed, now)
        self._elsewhere = {stream: known for stream, known in after.items() if now - known.seen <= LEASE}
        gone = {stream: known for stream, known in before.items() if stream not in self._elsewhere}
        # Where that clock has gone back, what is over is for a while told of as renewed in time to come.
        over = self._over | {stream: known.renewed for stream, known in gone.items()}
        self._over = {stream: renewed for stream, renewed in over.items() if stream in told}
        for known in gone.values():
            self._vanished(known.lease)

    async def _now(self) -> float:
        ((seconds, microseconds),) = await self._call([("TIME",)])
        return int(seconds) + int(microseconds) / 1_000_000

    async def _call(self, commands: list[Command]) -> list[Any]:
        return heard(await self._nodes.of(KEY).caller.call(commands))

    def _complain(self, error: Exception) -> None:
        if self._complaints.is_new(str(error)):
            log.warning("the publications of other machines cannot be seen", error=str(error))
