"""The way out to one Redis node: whatever waits leaves in one pipeline, then whatever came meanwhile leaves in the next.

What always holds: nothing here makes a publisher wait; a request that could not be delivered is told so at once. What comes
after quiet leaves at once, the next a few milliseconds later with all that has come by then: a pipeline costs about as much
as thirty messages in it. Heads and counts gather for a fifth of a second, so that those of thousands of rooms are a few
messages.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog
from redis.exceptions import ResponseError

from classroom.bus.calling import Backoff, Command, Complaints, Down
from classroom.bus.nodes import Node
from classroom.bus.outbox import Outbox, Parcel

log = structlog.get_logger(__name__)

PULSE_EVERY = 0.2  # seconds
SPACING = 0.004  # seconds between the beginnings of two pipelines

Undelivered = Callable[[Iterable[int]], None]


class Sender:
    """Empties `outbox` to `node` by `verb` (PUBLISH or SPUBLISH). `undelivered` is told the numbers of requests that
    reached nobody; `wanted` says whether a request's asker still waits; `reached` is told of each channel how many a message has
    reached, and what `changes` said before it was written."""

    def __init__(
        self,
        node: Node,
        verb: str,
        outbox: Outbox,
        *,
        wanted: Callable[[int], bool],
        undelivered: Undelivered,
        changes: Callable[[], int],
        reached: Callable[[str, int, int], None],
        doubt: Callable[[], None],
    ) -> None:
        self.node = node
        self.outbox = outbox
        self.bytes_out = 0
        self.parcels_out = 0
        self._verb = verb
        self._wanted = wanted
        self._undelivered = undelivered
        self._changes = changes
        self._reached = reached
        self._doubt = doubt
        self._stirred = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pulse_timer: asyncio.TimerHandle | None = None
        self._pulse_due = self._closing = False
        self._pulsed = -PULSE_EVERY
        self._left = -SPACING
        self._task = asyncio.create_task(self._run(), name=f"redis sender {node.name}")

    def stir(self) -> None:
        """There is something in the outbox."""
        self._stirred.set()

    def stir_pulse(self) -> None:
        """There is a head or a count in the outbox."""
        if self._pulse_timer is None:
            when = max(self._loop.time(), self._pulsed + PULSE_EVERY)
            self._pulse_timer = self._loop.call_at(when, self._beat)

    def pulse(self) -> None:
        """There is something in the outbox that must not wait for the next pulse."""
        self._pulse_due = True
        self.stir()

    async def close(self, patience: float) -> None:
        """Send what waits, for at most `patience` seconds, and end."""
        if self._pulse_timer is not None:
            self._pulse_timer.cancel()
        self._pulse_due = self._closing = True
        self.stir()
        await asyncio.wait((self._task,), timeout=patience)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._undelivered(self.outbox.drop_asks())

    def _beat(self) -> None:
        self._pulse_timer = None
        self._pulsed = self._loop.time()
        self._pulse_due = True
        self.stir()

    def _take(self) -> list[Parcel]:
        now = time.time()
        parcels = self.outbox.take(now, self._wanted)
        if self._pulse_due:
            self._pulse_due = False
            parcels += self.outbox.take_pulse(self.node.pulse, now)
        return parcels

    async def _run(self) -> None:
        backoff, complaints = Backoff(), Complaints()
        while True:
            await self._stirred.wait()
            parcels: list[Parcel] = []
            try:
                if not self._closing:
                    await self._space()
                await self.node.caller.call([])  # what waits stays in the outbox until there is a connection
                self._stirred.clear()
                parcels = self._take()
                await self._deliver(parcels)
                backoff.reset()
                complaints.over()
                if self._closing and not self._stirred.is_set():
                    return
            except Down as error:
                if complaints.is_new(str(error)):
                    log.warning("Redis cannot be reached; connecting again", node=self.node.name, error=str(error))
                self._undelivered([*self.outbox.drop_asks(), *(n for parcel in parcels for n in parcel.asks)])
                self._doubt()
                if self._closing:
                    return
                await backoff.wait()

    async def _space(self) -> None:
        pause = self._left + SPACING - self._loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
        self._left = self._loop.time()

    async def _deliver(self, parcels: list[Parcel]) -> None:
        if not parcels:
            return
        commands: list[Command] = [(self._verb, parcel.channel, parcel.body) for parcel in parcels]
        changes = self._changes()
        answers = await self.node.caller.call(commands)
        self.parcels_out += len(parcels)
        self.bytes_out += sum(len(parcel.body) for parcel in parcels)
        for parcel, answer in zip(parcels, answers, strict=True):
            if isinstance(answer, ResponseError):
                log.warning("Redis refuses a message", node=self.node.name, channel=parcel.channel, error=str(answer))
                self._doubt()
            else:
                self._reached(parcel.channel, answer, changes)
            if parcel.asks and (isinstance(answer, ResponseError) or answer == 0):
                self._undelivered(parcel.asks)
