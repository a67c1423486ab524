"""Short logs for the journal's tests."""

from __future__ import annotations

from classroom.chat.model import Edited, Said
from classroom.journal.port import Journal
from classroom.kernel import Event, Meta, Role, Stored

AT = 1_700_000_000_000


def said(seq: int, text: str = "hello", by: str = "asha") -> Stored:
    """A message at place `seq`."""
    return at(seq, Said(by=by, name="Asha", role=Role.STUDENT, text=text))


def edited(seq: int, id: int, text: str = "changed") -> Stored:
    """A change of the message `id`, at place `seq`."""
    return at(seq, Edited(id=id, text=text))


def at(seq: int, event: Event, by: str = "asha") -> Stored:
    """`event` at place `seq`."""
    return Stored(Meta(seq, AT + seq, by), event)


def sayings(after: int, count: int, by: str = "asha") -> list[Stored]:
    """`count` messages right after place `after`."""
    return [said(seq, f"message {seq} by {by}", by) for seq in range(after + 1, after + count + 1)]


async def whole(journal: Journal, room: str) -> list[Stored]:
    """The room's log from its start, read by page."""
    log: list[Stored] = []
    while some := await journal.read(room, log[-1].meta.seq if log else 0, 500):
        log += some
    return log


async def make(journal: Journal, room: str = "r") -> None:
    """An empty room."""
    await journal.create(room, "Physics", AT, open=True)
