"""What a journal promises.

- `append` is one transaction: all of its events and done-marks are kept, or none. It is conditional on the log's head
  being `after`; a log therefore has the places 1, 2, 3 … without a gap, whoever writes, however many at once.
- What `append` returned from is durable: it survives SIGKILL of any process and of the machine's.
- A command's `(actor, cid)` is marked done in the transaction that keeps its events, so it is applied once; one that had
  nothing to change is marked in a transaction that finds the head where it was decided.
- Snapshots are caches. Losing them costs time, never truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from classroom.kernel import Stored


class Conflict(Exception):
    """The log has moved on: its head is not `after`. Nothing was written. Whoever wrote is not the room's only owner."""


class Duplicate(Exception):
    """One of the commands was done before. Nothing was written. `done` finds which."""


class Unavailable(Exception):
    """The journal does not answer or cannot write now (server down, disk full). Whether something was written is not
    known; `room` and `done` tell, once it answers again."""


class RoomInfo(msgspec.Struct, frozen=True):
    """A room as the journal knows it. `epoch` tells two logs under one name apart; `created_at` is ms since 1970;
    `head` is the last place taken (0: an empty log); `open`: students may come in without a token (where the
    server allows open rooms at all)."""

    id: str
    title: str
    epoch: str
    created_at: int
    head: int
    open: bool


class Done(msgspec.Struct, frozen=True):
    """A command that was applied: by whom, under which id of their own, and the place of its last event, or of the log's
    last one where it had nothing to change."""

    actor: str
    cid: str
    seq: int


class Snapshot(msgspec.Struct, frozen=True):
    """A room's state after the event at `seq`, encoded; `version` is the state's format."""

    seq: int
    version: int
    data: bytes


class Kept(msgspec.Struct, frozen=True):
    """All that a room begins from: its newest snapshot, and events after that or before it, in order."""

    info: RoomInfo
    snapshot: Snapshot | None
    events: list[Stored]


Told = Callable[[Exception | None], None]


class Journal(Protocol):
    async def create(self, room: str, title: str, at: int, *, open: bool) -> tuple[RoomInfo, bool]:
        """Make the room, or find it as it is; the flag tells whether it was made. `epoch` is drawn here."""

    async def room(self, room: str) -> RoomInfo | None:
        """The room, or None where there is none by that name."""

    async def rooms(self, *, after: str = "", limit: int = 100) -> list[RoomInfo]:
        """Rooms by id, from the first one after `after`."""

    async def append(self, room: str, after: int, events: Sequence[Stored], done: Sequence[Done] = ()) -> None:
        """Write `events` (places after+1, after+2, …) and `done` in one transaction. Where there are none of either, it only
        tells whether the head is `after`.

        Raises `Conflict`, `Duplicate`, `Unavailable`; `KeyError` when there is no such room; `ValueError` for events
        out of place and for an actor, cid or author with a character that cannot be kept (NUL, half a surrogate pair)."""

    def submit(self, room: str, after: int, events: Sequence[Stored], done: Sequence[Done], told: Told) -> None:
        """The same for who does not wait in a task: `told` is called, later, with what was raised, or None. Raises what `append`
        does, too: then it is not called."""

    async def read(self, room: str, after: int, limit: int = 1_000) -> list[Stored]:
        """Up to `limit` events after place `after`, in order."""

    async def kept(self, room: str, recent: int = 0, limit: int = 1_000) -> Kept | None:
        """The room and what is kept of it, in one read; None where there is none by that name. The events are those after the
        snapshot, or the newest `recent` where those are more; of them the first `limit`."""

    async def done(self, room: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Of these (actor, cid), those that were applied, each with the place of its last event."""

    async def page(self, room: str, type: str, before: int, limit: int) -> list[Stored]:
        """A page of history: the newest `limit` events of `type` before place `before`, and all later events of the same
        feature (the part of `type` before the dot) whose `id` is the place of one of them; in order of seq. `ValueError`
        for a type of which there is no history (`tables.HISTORIES`)."""

    async def snapshot(self, room: str) -> Snapshot | None:
        """The newest snapshot kept."""

    async def keep_snapshot(self, room: str, snapshot: Snapshot) -> None:
        """Keep a snapshot in place of any older one; a newer one stays."""

    async def ping(self) -> None:
        """Answers when reads work; raises `Unavailable`."""

    async def close(self) -> None:
        """Let go of all connections, after what is under way."""
