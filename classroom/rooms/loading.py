"""Bringing a room's state back: the newest usable snapshot, then the events after it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import structlog

from classroom.journal.port import Journal
from classroom.kernel import Stored
from classroom.rooms import room as rooms

log = structlog.get_logger(__name__)

PAGE = 1_000


async def load(journal: Journal, room: str) -> tuple[rooms.Room, int]:
    """The state of `room`, and the place of the snapshot it began from (0: none). Raises `KeyError` when there is no such
    room, `Unavailable`."""
    if await journal.room(room) is None:
        raise KeyError(room)
    state = rooms.Room()
    snapshot = await journal.snapshot(room)
    if snapshot is not None and snapshot.version == rooms.SNAPSHOT_VERSION:
        try:
            state = rooms.decode(snapshot.data)
        except msgspec.DecodeError as error:
            log.warning("a snapshot cannot be read; folding from the start", room=room, error=str(error))
    began = state.seq
    async for page in pages(journal, room, began):
        for stored in page:
            rooms.apply(state, stored)
    return state, began


async def pages(journal: Journal, room: str, after: int) -> AsyncIterator[list[Stored]]:
    """All that the journal has after place `after`, page by page, in order."""
    while page := await journal.read(room, after, PAGE):
        yield page
        after = page[-1].meta.seq
        if len(page) < PAGE:
            break
