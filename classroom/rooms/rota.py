"""When each room has its turn to see what time has brought about in it.

What always holds: a room in which something goes on (`stir`) has its turn within a second, again and again until it is at rest;
one at rest has it every `SELDOM` seconds. Turns are spread over the time: thousands of rooms at once would hold up everybody for
a moment, and what a room at rest costs is to be looked at. Where this worker was held up, all whose time came meanwhile have
their turn: others take an edge that says nothing for gone (`presence.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

SELDOM = 5  # seconds


class Rota:
    """`turn` is called `per_second` times a second, or as often as there is time for. `time`: a monotonic clock in seconds."""

    def __init__(self, per_second: int, time: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._time = time
        self._slots: list[dict[str, None]] = [{} for _ in range(SELDOM * per_second)]
        self._stirred: list[dict[str, None]] = [{} for _ in range(per_second)]
        self._now = int(time() * per_second)

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
        """Those whose time has come."""
        before, self._now = self._now, max(self._now + 1, int(self._time() * self._per_second))
        due: dict[str, None] = {}
        for number in range(max(before, self._now - len(self._slots)) + 1, self._now + 1):
            due |= self._stirred[number % len(self._stirred)] | self._slots[number % len(self._slots)]
        return list(due)
