"""What is due later, for all the members of a process: one heap, one greenlet.

What always holds: nothing is called before its time; what one call raises is told and stops no other. A member who waits
for something costs an entry of a heap and no greenlet.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import gevent

GRAIN = 0.02  # seconds: how late something may be


class Agenda:
    """Runs from `start` to `stop`. Times are seconds of `time.monotonic()`."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._greenlet: gevent.Greenlet | None = None

    def after(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call `call(*arguments)` in that many seconds."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), call, arguments))

    def start(self) -> None:
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        self._due.clear()

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            served = 0
            while self._due and self._due[0][0] <= now:
                _, _, call, arguments = heapq.heappop(self._due)
                try:
                    call(*arguments)
                except Exception:
                    traceback.print_exc(file=sys.stderr)
                served += 1
                if served % 64 == 0:
                    gevent.sleep(0)  # what has come in meanwhile is read
            gevent.sleep(GRAIN)
