"""The pages of a board as they are fetched: made once per change, however many ask.

What always holds: what stands at the address of a page and a place never changes; it is encoded and compressed once; no
request makes the event loop wait for the compression of a page.

How: a page's elements are compressed as of some place (the *base*), in a thread, and kept. What changed since goes behind
them as events, compressed by itself: pieces that end at a byte's boundary and look back at nothing before them can be put
one behind the other (RFC 1951, 3.2), so that the many places of a page that is being drawn on cost a few events each. When
that tail grows long a new base is made beside it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from classroom import wire
from classroom.kernel import Rejected, Stored
from classroom.metrics import Metrics
from classroom.rooms.replica import Replica
from classroom.whiteboard.model import Drawn, Page, PageCleared, PageDuplicated, PageRemoved, PageRestored
from classroom.wire import Codec

LEVEL = 6
TAIL = 100  # events behind a base until another is made
LONGEST_TAIL = 2_000  # events behind a base that nobody asks for, until it is let go
KEPT = 16  # newest places of a page that are kept ready
NEAR = 1_000  # places by which this edge may be behind what is asked for
PATIENCE = 3.0  # seconds that a place ahead of this edge is waited for
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # gzip (RFC 1952) without a name or a time


class Base(msgspec.Struct, frozen=True):
    """A page's elements as of `at`: deflated, their CRC-32 and their size."""

    at: int
    deflated: bytes
    crc: int
    size: int


class Moved(Exception):
    """What is asked for is not at hand; the newest place of the page is `seq`."""

    def __init__(self, seq: int) -> None:
        super().__init__(seq)
        self.seq = seq


class Kept:
    """What is at hand of one page. `tail`: its changes after the base, oldest first."""

    def __init__(self) -> None:
        self.base: Base | None = None
        self.tail: list[Stored] = []
        self.building: asyncio.Task[None] | None = None
        self.ready: OrderedDict[int, bytes] = OrderedDict()


class Sheets:
    """The pages of one room, as this edge's replica has them. `built`: how many bases have been made."""

    def __init__(self, replica: Replica, metrics: Metrics) -> None:
        self.built = 0
        self._replica = replica
        self._metrics = metrics
        self._pages: dict[int, Kept] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    def follow(self, events: Sequence[Stored]) -> None:
        """The replica has applied these."""
        if self._pages:
            for stored in events:
                self._take(stored)
        for one in self._waiting:
            if not one.done():
                one.set_result(None)

    async def get(self, page: int, seq: int) -> bytes:
        """The page as of `seq`, one of its places, in gzip. Raises `Moved`, `Rejected("not_found")`."""
        await self.reach(seq)
        standing = self._page(page)
        kept = self._pages.setdefault(page, Kept())
        if kept.base is None:
            if seq != standing.at:
                raise Moved(standing.at)
            await self._build(standing, kept)
        body = kept.ready.get(seq) or self._assemble(page, kept, seq)
        if len(kept.tail) > TAIL and kept.building is None:
            kept.building = asyncio.create_task(self._make(standing, kept))
        return body

    async def reach(self, seq: int) -> None:
        """Wait until the replica is at `seq`. Raises `Rejected("not_found")` where that takes too long."""
        if seq <= self._replica.seq:
            return
        if seq > self._replica.seq + NEAR:
            raise _ahead()
        try:
            async with asyncio.timeout(PATIENCE):
                while seq > self._replica.seq:
                    news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.add(news)
                    try:
                        await news
                    finally:
                        self._waiting.discard(news)
        except TimeoutError as error:
            raise _ahead() from error

    async def close(self) -> None:
        """End what is under way."""
        tasks = [kept.building for kept in self._pages.values() if kept.building is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _page(self, id: int) -> Page:
        page = self._replica.state.board.pages.get(id)
        if page is None:
            raise _no_page()
        return page

    def _take(self, stored: Stored) -> None:
        event = stored.event
        if isinstance(event, Drawn):
            kept = self._pages.get(event.page)
            if kept is not None:
                kept.tail.append(stored)
                if len(kept.tail) > LONGEST_TAIL:
                    del self._pages[event.page]
        elif isinstance(event, PageCleared | PageRestored | PageRemoved):
            self._pages.pop(event.page, None)
        elif isinstance(event, PageDuplicated):
            self._pages.pop(stored.meta.seq, None)

    async def _build(self, page: Page, kept: Kept) -> None:
        """Have a base, whoever makes it; who stops waiting for it stops nothing."""
        if kept.building is None:
            kept.building = asyncio.create_task(self._make(page, kept))
        await asyncio.shield(kept.building)

    async def _make(self, page: Page, kept: Kept) -> None:
        try:
            # The bodies are never changed, only replaced; what comes meanwhile is in the tail.
            at, bodies = page.at, [element.body for element in page.elements.values()]
            base = await asyncio.to_thread(compress, page.id, at, bodies)
            self.built += 1
            self._metrics.board_encoded.labels("page").inc()
            kept.base = base
            kept.tail = [stored for stored in kept.tail if stored.meta.seq > at]
        finally:
            kept.building = None

    def _assemble(self, page: int, kept: Kept, seq: int) -> bytes:
        base = kept.base
        if base is None or (seq != base.at and all(stored.meta.seq != seq for stored in kept.tail)):
            raise Moved(self._page(page).at)
        events = [wire.item(Codec.JSON, each.meta, each.event) for each in kept.tail if each.meta.seq <= seq]
        rest = b',"events":' + wire.join(Codec.JSON, events) + b',"seq":%d}' % seq
        deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
        tail = deflater.compress(rest) + deflater.flush()
        self._metrics.board_encoded.labels("tail").inc()
        crc, size = zlib.crc32(rest, base.crc), base.size + len(rest)
        body = b"".join((_HEADER, base.deflated, tail, crc.to_bytes(4, "little"), (size % 2**32).to_bytes(4, "little")))
        kept.ready[seq] = body
        while len(kept.ready) > KEPT:
            kept.ready.popitem(last=False)
        return body


def compress(page: int, at: int, bodies: list[bytes]) -> Base:
    """The beginning of a page's sheet, up to and with its elements."""
    start = b'{"page":%d,"elements":[' % page + b",".join(bodies) + b"]"
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    deflated = deflater.compress(start) + deflater.flush(zlib.Z_FULL_FLUSH)
    return Base(at, deflated, zlib.crc32(start), len(start))


def _ahead() -> Rejected:
    return Rejected("not_found", "The room has not come that far yet.", temporary=True)


def _no_page() -> Rejected:
    return Rejected("not_found", "There is no such page.")
