"""What engine.io itself has for one member on a WebSocket: its pings and the answers to CONNECT, until they are written.

What always holds: packets leave in the order in which they came; None ends it, after what came before. It stands in
place of the `asyncio.Queue` of an engine.io session and of its `poll`, for one reader: the queue's four `deque`s, and a
timer and a task for each packet that is waited for, would be an eighth of what a member costs. That timer is not
missed: `watch.py` ends a session whose pongs stay away.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Outbox:
    """`queue`: the one that it takes the place of, with what is in there already."""

    __slots__ = ("_closed", "_items", "_joining", "_news")

    def __init__(self, queue: asyncio.Queue[Any]) -> None:
        self._items: list[Any] = []
        self._news: asyncio.Future[None] | None = None
        self._joining: asyncio.Future[None] | None = None
        self._closed = False
        while not queue.empty():
            self._items.append(queue.get_nowait())

    def qsize(self) -> int:
        """How many wait."""
        return len(self._items)

    async def put(self, packet: Any) -> None:
        self.put_nowait(packet)

    def put_nowait(self, packet: Any) -> None:
        """Add a packet, or None for the end."""
        self._items.append(packet)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def poll(self) -> list[Any]:
        """All that waits, at least one; an empty list at the end. What was polled before is taken for written."""
        while not self._items:
            self._tell()
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            finally:
                self._news = None
        items, self._items = self._items, []
        if None not in items:
            return items
        end = items.index(None)
        if end:
            self._items = items[end:]
            return items[:end]
        self._closed = True
        self._tell()
        return []

    async def join(self) -> None:
        """Wait until all is written, or nothing more ever will be."""
        if self._closed or (not self._items and self._news is not None):
            return
        if self._joining is None:
            self._joining = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._joining)

    def _tell(self) -> None:
        if self._joining is not None and not self._joining.done():
            self._joining.set_result(None)
        self._joining = None
