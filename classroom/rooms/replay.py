"""A room's state, folded from the first event on, and whether the snapshot kept of it tells the same."""

from __future__ import annotations

import msgspec

from classroom.journal.port import Journal
from classroom.rooms import room as rooms
from classroom.rooms.loading import pages


class Compared(msgspec.Struct, frozen=True):
    """The snapshot kept at `seq`: whether it `agrees` with the log, byte for byte. One in an older format (`version`) is
    never used, and counts as agreeing."""

    seq: int
    version: int
    agrees: bool


class Replayed(msgspec.Struct, frozen=True):
    """`digest`: SHA-256 of the state's bytes, in hexadecimal."""

    room: str
    seq: int
    digest: str
    snapshot: Compared | None
    state: rooms.Room

    def json(self) -> str:
        """As indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()


async def replay(journal: Journal, room: str) -> Replayed:
    """Fold the whole log. Raises `KeyError` when there is no such room, `Unavailable`."""
    if await journal.room(room) is None:
        raise KeyError(room)
    kept = await journal.snapshot(room)
    current = kept is not None and kept.version == rooms.SNAPSHOT_VERSION
    at_snapshot: bytes | None = None
    state = rooms.Room()
    async for page in pages(journal, room, 0):
        for stored in page:
            rooms.apply(state, stored)
            if current and kept is not None and state.seq == kept.seq:
                at_snapshot = rooms.encode(state)
    compared = None
    if kept is not None:
        # A snapshot beyond the log's end is never reached, and disagrees.
        compared = Compared(kept.seq, kept.version, not current or at_snapshot == kept.data)
    return Replayed(room, state.seq, rooms.digest(state), compared, state)
