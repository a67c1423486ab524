"""Pictures as they are served: read from the store once, however many ask at the same moment, and held while there is room.

What always holds: what is held never takes more than its bound, and what was asked for longest ago goes first; the type of a
picture is read from its bytes, which our own encoders wrote.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from classroom.files.kinds import HEAD, IMAGES, kind_of
from classroom.files.port import NotStored, Store


class Picture(NamedTuple):
    """An image's media type and bytes."""

    type: str
    data: bytes


class Shelf:
    """`held`: bytes in memory, at most `bound`."""

    def __init__(self, store: Store, bound: int) -> None:
        self._store = store
        self._bound = bound
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._coming: dict[str, asyncio.Task[Picture]] = {}
        self.held = 0

    async def picture(self, name: str) -> Picture:
        """The image of that name. Raises `NotStored`, `StoreUnavailable`."""
        picture = self._pictures.get(name)
        if picture is not None:
            self._pictures.move_to_end(name)
            return picture
        task = self._coming.get(name)
        if task is None:
            task = asyncio.create_task(self._read(name))
            self._coming[name] = task
            task.add_done_callback(lambda done: self._arrived(name, done))
        # Who goes away must not take it from the others who wait for it.
        return await asyncio.shield(task)

    async def _read(self, name: str) -> Picture:
        data = await self._store.get(name)
        kind = kind_of(data[:HEAD])
        if kind not in IMAGES:
            raise NotStored(name)
        return Picture(kind.value, data)

    def _arrived(self, name: str, done: asyncio.Task[Picture]) -> None:
        del self._coming[name]
        if done.cancelled() or done.exception() is not None:
            return
        picture = done.result()
        self._pictures[name] = picture
        self.held += len(picture.data)
        while self.held > self._bound:
            _, oldest = self._pictures.popitem(last=False)
            self.held -= len(oldest.data)
