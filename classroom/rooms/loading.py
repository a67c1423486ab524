"""Bringing a room's state back: the newest usable snapshot, then the events after it."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import msgspec
import structlog

from classroom.journal.port import Journal, Snapshot
from classroom.kernel import Stored
from classroom.rooms import room as rooms

log = structlog.get_logger(__name__)

PAGE = 1_000


class Loaded(NamedTuple):
    """A room's state, the place of the snapshot it began from (0: none), and the events before it that were asked for."""

    state: rooms.Room
    began: int
    recent: Sequence[Stored]


async def load(journal: Journal, room: str, recent: int = 0) -> Loaded:
    """Bring `room` back, with its newest `recent` events; for most rooms that is one read. Raises `KeyError` when there is no
    such room, `Unavailable`."""
    kept = await journal.kept(room, recent, PAGE)
    if kept is None:
        raise KeyError(room)
    state = _begun(room, kept.snapshot)
    began, newest = state.seq, deque[Stored](maxlen=recent)
    of_use = kept.snapshot is None or kept.snapshot.seq == began
    async for page in pages(journal, room, began, kept.events if of_use else None):
        for stored in page:
            if stored.meta.seq > state.seq:
                rooms.apply(state, stored)
        newest.extend(page)
    return Loaded(state, began, newest)


def _begun(room: str, snapshot: Snapshot | None) -> rooms.Room:
    if snapshot is not None and snapshot.version == rooms.SNAPSHOT_VERSION:
        try:
            return rooms.decode(snapshot.data)
        except msgspec.DecodeError as error:
            log.warning("a snapshot cannot be read; folding from the start", room=room, error=str(error))
    return rooms.Room()


async def pages(
    journal: Journal, room: str, after: int, page: Sequence[Stored] | None = None
) -> AsyncIterator[Sequence[Stored]]:
    """All that the journal has after place `after`, page by page, in order. `page`: the first one, where it is at hand."""
    if page is None:
        page = await journal.read(room, after, PAGE)
    while page:
        yield page
        if len(page) < PAGE:
            break
        page = await journal.read(room, page[-1].meta.seq, PAGE)
