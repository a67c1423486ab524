"""Commands on their way into one transaction, and what those who gave them are told.

What always holds: an answer is given once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from classroom.bus.port import Reply, Request
from classroom.journal.port import Done
from classroom.kernel import Rejected, Stored

log = structlog.get_logger(__name__)

Key = tuple[str, str]


class Waiting:
    """A request, and who is to be told the answer."""

    __slots__ = ("_done", "request")

    def __init__(self, request: Request, done: Callable[[Reply], None] | None) -> None:
        self.request = request
        self._done = done

    def tell(self, reply: Reply) -> None:
        """Give the answer, unless one has been given."""
        done, self._done = self._done, None
        if done is None:
            return
        try:
            done(reply)
        except Exception:
            log.exception("an answer could not be given")


class Batch:
    """What one transaction will hold, and who is to be told what when it has."""

    def __init__(self, waiting: list[Waiting], after: int, now: int) -> None:
        self.waiting = waiting
        self.after = after
        self.now = now
        self.events: list[Stored] = []
        self.done: dict[Key, int] = {}
        self.unchanged: set[Key] = set()  # those among `done` that had nothing to change
        self.kept: list[tuple[Waiting, int]] = []
        self.refused: list[tuple[Waiting, Rejected]] = []

    def marks(self) -> list[Done]:
        """What the journal is to know the commands by."""
        return [Done(actor, cid, seq) for (actor, cid), seq in self.done.items()]


MOVED = Reply(ok=False, code="moved", message="The room has moved to another worker; try again.", temporary=True)
UNAVAILABLE = Reply(
    ok=False, code="unavailable", message="The classroom cannot save anything right now; try again.", temporary=True
)

INTERNAL = Reply(ok=False, code="internal", message="Something went wrong here; try again.", temporary=True)


def key_of(waiting: Waiting) -> Key:
    """By what a command is known: who gave it, and under which id of their own."""
    return waiting.request.member.id, waiting.request.command.cid


def tell(waiting: Iterable[Waiting], reply: Reply) -> None:
    """Answer all of them who have no answer yet."""
    for one in waiting:
        one.tell(reply)


def refused(error: Rejected) -> Reply:
    """A refusal as the owner answers it."""
    return Reply(ok=False, code=error.code, message=error.message, temporary=error.temporary, until=error.until)
