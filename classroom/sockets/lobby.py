"""The lobby: when more come at once than a worker lets in, they wait in line, and are told their place.

What always holds: first come, first let in; nobody is refused for coming all at once; who waits has connected already, so
that they cost little and lose nothing; who leaves gives up their place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from classroom import packets, wire
from classroom.sockets.link import Link

STEP = 0.05  # seconds between two times that some are let in
TOLD_EVERY = 60  # steps between two times that one who waits is told their place


class Lobby:
    """`admit` lets one in. `rate`: how many a second; as many may come at once after a quiet second."""

    def __init__(self, rate: float, admit: Callable[[Link], None]) -> None:
        self._rate = rate
        self._admit = admit
        self._tokens = rate
        self._filled = 0.0
        self._line: dict[Link, int] = {}  # in order of coming, each with the step at which they came
        self._step = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._line)

    def enter(self, link: Link) -> None:
        """Let one in at once, or have them wait."""
        self._fill()
        if not self._line and self._tokens >= 1:
            self._tokens -= 1
            self._admit(link)
            return
        self._line[link] = self._step
        self._tell(link, len(self._line))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STEP, self._go)

    def leave(self, link: Link) -> None:
        """One who waited is gone; nothing happens where they did not wait."""
        self._line.pop(link, None)

    def close(self) -> None:
        """Nobody is let in any more."""
        self._line.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _go(self) -> None:
        self._timer = None
        self._step += 1
        self._fill()
        while self._line and self._tokens >= 1:
            self._tokens -= 1
            link = next(iter(self._line))
            del self._line[link]
            self._admit(link)
        # Each is told again after a while, not all of them in the same step.
        for place, (link, since) in enumerate(self._line.items(), 1):
            if (self._step - since) % TOLD_EVERY == 0:
                self._tell(link, place)
        if self._line:
            self._timer = asyncio.get_running_loop().call_later(STEP, self._go)

    def _fill(self) -> None:
        now = asyncio.get_running_loop().time()
        self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate)
        self._filled = now

    def _tell(self, link: Link, place: int) -> None:
        waiting = wire.Waiting(place, int(place / self._rate * 1_000))
        link.write(packets.message(link.codec, "lobby", wire.encode(link.codec, waiting)))
