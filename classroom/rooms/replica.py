"""A replica: an edge's copy of a room, kept by applying the log's events as they are announced.

What always holds: events are applied in order, without a gap, each once. An announcement that does not fit (a gap, a head
further on) makes the replica read the journal, and so does silence; what is announced meanwhile is found there too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

import structlog

from classroom.bus.port import Appended, Head, Message
from classroom.journal.port import Journal, Unavailable
from classroom.kernel import Stored
from classroom.rooms import room as rooms
from classroom.rooms.loading import load, pages

log = structlog.get_logger(__name__)

SILENCE = 12.0  # seconds; an owner says at least every five how far the log goes
RETRY_AFTER = 0.5  # seconds before the journal is asked again when it did not answer


class Replica:
    """The copy of `room`. `follower` is called with each run of events right after they are applied."""

    def __init__(
        self, room: str, journal: Journal, follower: Callable[[Sequence[Stored]], None], *, recent: int = 2_000
    ) -> None:
        self.room = room
        self.state = rooms.Room()
        self.recent: deque[Stored] = deque(maxlen=recent)
        self._journal = journal
        self._follower = follower
        self._wanted = 0
        self._catching_up: asyncio.Task[None] | None = None
        self._loaded = False
        self._heard = monotonic()

    @property
    def seq(self) -> int:
        """The place of the last event applied."""
        return self.state.seq

    @property
    def behind(self) -> int:
        """Events that the log is known to have and that are not here yet."""
        return max(0, self._wanted - self.seq)

    async def load(self) -> None:
        """Read the room. Announcements heard before and during it are taken into account. Raises `KeyError`,
        `Unavailable`."""
        # What returning members missed is most often just before the head: fetch it once for all of them.
        self.state, _, recent = await load(self._journal, self.room, self.recent.maxlen or 0)
        self.recent.extend(recent)
        self._loaded = True
        self.want(self._wanted)

    def reaches(self, seq: int) -> bool:
        """Whether all events after place `seq` are kept here."""
        return seq == self.seq or (seq < self.seq and bool(self.recent) and self.recent[0].meta.seq <= seq + 1)

    def since(self, seq: int) -> list[Stored] | None:
        """The events after place `seq`, or None when they go back further than is kept here."""
        if not self.reaches(seq):
            return None
        missed = self.seq - seq
        return [self.recent[index] for index in range(len(self.recent) - missed, len(self.recent))]

    def hear(self, message: Message) -> None:
        """Take an announcement from the bus."""
        self._heard = monotonic()
        if isinstance(message, Appended):
            if self._loaded and message.after <= self.seq:
                self._apply([Stored(e.meta, e.event) for e in message.entries])
            else:
                self.want(message.after + len(message.entries))
        elif isinstance(message, Head):
            self.want(message.seq)

    def want(self, seq: int) -> None:
        """Know that the log reaches to `seq`; read it if that is not here yet."""
        self._wanted = max(self._wanted, seq)
        if self._loaded and self._wanted > self.seq and self._catching_up is None:
            self._catching_up = asyncio.create_task(self._catch_up(), name=f"replica {self.room}")

    def mind_silence(self) -> None:
        """Called now and then. An owner is heard of every few seconds: where nothing is, the bus may be what is silent, and what
        the log has by now is read."""
        now = monotonic()
        if self._loaded and self._catching_up is None and now - self._heard >= SILENCE:
            self._heard = now
            self._catching_up = asyncio.create_task(self._catch_up(unasked=True), name=f"replica {self.room}")

    async def stop(self) -> None:
        """End what is under way."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)

    def _apply(self, events: Sequence[Stored]) -> None:
        """Apply those that are new. What is announced while the journal is being read comes both ways."""
        new = [stored for stored in events if stored.meta.seq > self.seq]
        if not new:
            return
        for stored in new:
            rooms.apply(self.state, stored)
        self.recent.extend(new)
        self._follower(new)

    async def _catch_up(self, *, unasked: bool = False) -> None:
        try:
            while unasked or self._wanted > self.seq:
                unasked = False
                try:
                    async for page in pages(self._journal, self.room, self.seq):
                        self._apply(page)
                except Unavailable as error:
                    log.warning("the journal does not answer; asking again", room=self.room, error=str(error))
                    await asyncio.sleep(RETRY_AFTER)
                if self._wanted > self.seq:
                    # Announced, yet not readable: a lagging read. Ask again rather than spin.
                    await asyncio.sleep(RETRY_AFTER)
        finally:
            self._catching_up = None
