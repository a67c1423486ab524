"""Commands on their way into one transaction, and what those who gave them are told.

What always holds: an answer is given once, and only to who still waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from classroom.bus.port import Reply, Request
from classroom.kernel import Rejected, Stored

Key = tuple[str, str]


class Waiting(NamedTuple):
    """A request and where its answer goes."""

    request: Request
    answer: asyncio.Future[Reply]


class Batch:
    """What one transaction will hold, and who is to be told what when it has."""

    def __init__(self, after: int, now: int) -> None:
        self.after = after
        self.now = now
        self.events: list[Stored] = []
        self.done: dict[Key, int] = {}
        self.unchanged: set[Key] = set()  # those among `done` that had nothing to change
        self.kept: list[tuple[Waiting, int]] = []
        self.refused: list[tuple[Waiting, Rejected]] = []


MOVED = Reply(ok=False, code="moved", message="The room has moved to another worker; try again.", temporary=True)
UNAVAILABLE = Reply(
    ok=False, code="unavailable", message="The classroom cannot save anything right now; try again.", temporary=True
)

INTERNAL = Reply(ok=False, code="internal", message="Something went wrong here; try again.", temporary=True)


def key_of(waiting: Waiting) -> Key:
    """By what a command is known: who gave it, and under which id of their own."""
    return waiting.request.member.id, waiting.request.command.cid


def tell(waiting: Iterable[Waiting], reply: Reply) -> None:
    """Answer all of them who have no answer yet and still wait for one."""
    for one in waiting:
        if not one.answer.done():
            one.answer.set_result(reply)


def refused(error: Rejected) -> Reply:
    """A refusal as the owner answers it."""
    return Reply(ok=False, code=error.code, message=error.message, temporary=error.temporary, until=error.until)
