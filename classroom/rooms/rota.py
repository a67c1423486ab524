"""When each room has its turn to see what time has brought about in it.

What always holds: a room in which something goes on (`stir`) has its turn within a second, again and again until it is at rest;
one at rest has it every `SELDOM` seconds. Turns are spread over the time: thousands of rooms at once would hold up everybody for
a moment, and what a room at rest costs is to be looked at.
"""

from __future__ import annotations

SELDOM = 5  # seconds


class Rota:
    """`turn` is called `per_second` times a second."""

    def __init__(self, per_second: int) -> None:
        self._slots: list[dict[str, None]] = [{} for _ in range(SELDOM * per_second)]
        self._stirred: list[dict[str, None]] = [{} for _ in range(per_second)]
        self._now = 0

    def add(self, room: str) -> None:
        """A new one, which is not at rest."""
        self._slots[hash(room) % len(self._slots)][room] = None
        self.stir(room)

    def remove(self, room: str) -> None:
        self._slots[hash(room) % len(self._slots)].pop(room, None)
        self.rest(room)

    def stir(self, room: str) -> None:
        """Something goes on there."""
        self._stirred[hash(room) % len(self._stirred)][room] = None

    def rest(self, room: str) -> None:
        """Nothing does any more."""
        self._stirred[hash(room) % len(self._stirred)].pop(room, None)

    def is_stirred(self, room: str) -> bool:
        """Whether something goes on there."""
        return room in self._stirred[hash(room) % len(self._stirred)]

    def turn(self) -> list[str]:
        """Those whose turn is next."""
        self._now = (self._now + 1) % len(self._slots)
        return list(self._stirred[self._now % len(self._stirred)] | self._slots[self._now])
