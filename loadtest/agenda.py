"""What is due later, for all the members of a process: one heap, looked at between two looks at their sockets (`poller`), since
waking up costs a process more than most of what it wakes up for.

What always holds: nothing is called before its time; what one call raises is told (`unexpected`) and stops no other. A member
who waits for something costs an entry of a heap and no greenlet.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any

AT_ONCE = 64  # calls before what has come in meanwhile is read


class Agenda:
    """Times are seconds of `time.monotonic()`."""

    def __init__(self, unexpected: Callable[[Callable[..., None], Exception], None]) -> None:
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._unexpected = unexpected

    def after(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call `call(*arguments)` in that many seconds."""
        self.at(time.monotonic() + seconds, call, *arguments)

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call `call(*arguments)` then."""
        heapq.heappush(self._due, (when, next(self._order), call, arguments))

    def clear(self) -> None:
        """Nothing of all that is to be done any more."""
        self._due.clear()

    def serve(self) -> bool:
        """Do what is due; whether there may be more of it."""
        now = time.monotonic()
        for _ in range(AT_ONCE):
            if not self._due or self._due[0][0] > now:
                return False
            _, _, call, arguments = heapq.heappop(self._due)
            try:
                call(*arguments)
            except Exception as error:
                self._unexpected(call, error)
        return True
