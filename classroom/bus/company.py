"""Which rooms nobody follows but this end: what is published there need not leave.

What always holds: whoever begins to follow a room is told how far it goes, if anything was kept from leaving, and is sent what
comes after. That nobody else follows a room is believed where Redis has said so, in answer to a PUBLISH, nothing has changed
since that was written, and nobody was heard of for a while. It is no longer believed once somebody else says that they follow
the room or how many they count there, or this end's own subscription is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from classroom.bus.port import Appended, Signalled

QUIET = 15.0  # seconds: who follows a room says so every few


class Company:
    """`now`: seconds of a clock that never goes back. `changes`: how often anybody has come or gone, or may have."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.changes = 0
        self._now = now
        self._alone: set[str] = set()
        self._kept: dict[str, int] = {}  # how far what was kept from leaving goes, where nobody was told
        self._heard: dict[str, float] = {}  # when somebody else was heard of last

    def reached(self, room: str, receivers: int, changes: int) -> None:
        """A PUBLISH that was written after so many `changes`, while this end followed the room, has reached so many."""
        if receivers != 1 or changes != self.changes or room in self._alone:
            return
        if self._now() - self._heard.get(room, -QUIET) >= QUIET:
            self._alone.add(room)
            self._heard.pop(room, None)

    def alone(self, room: str) -> bool:
        """Whether nobody but this end follows the room."""
        return room in self._alone

    def keeps(self, room: str, message: Appended | Signalled) -> bool:
        """Whether the message is for nobody but this end."""
        if room not in self._alone:
            return False
        if isinstance(message, Appended):
            self._kept[room] = message.after + len(message.entries)
        return True

    def came(self, room: str) -> int:
        """Somebody else follows the room: the place that they are to be told of (0: none)."""
        self.changes += 1
        self._heard[room] = self._now()
        self._alone.discard(room)
        return self._kept.pop(room, 0)

    def kept(self, room: str) -> int:
        """How far what was kept from leaving goes, where nobody was told for sure (0: nothing was)."""
        return self._kept.get(room, 0)

    def left(self, room: str) -> None:
        """This end no longer follows the room, and hears of nobody there."""
        self.changes += 1
        self._alone.discard(room)
        self._kept.pop(room, None)
        self._heard.pop(room, None)

    def lost(self) -> dict[str, int]:
        """Nothing is known any more: by room, the places that others are to be told of, now and when they come."""
        self.changes += 1
        self._alone.clear()
        return dict(self._kept)
