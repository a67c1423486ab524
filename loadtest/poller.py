"""What has come for the members of a process: looked for many times a second, and not waited for.

What always holds: a member's call is made at each look at which its socket is ready; what one call raises is told and stops
no other; a look comes `LOOK_EVERY` after the calls of the one before.

Why: a process that waits for each of twelve thousand sockets is woken for each frame, and on one machine the server, who
wakes it, pays for that, which no network would ask of it. What is measured here is later by half of `LOOK_EVERY` on the
average.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
from gevent import monkey

LOOK_EVERY = 0.01  # seconds
AT_ONCE = 512  # sockets that are served before others have their turn
READ, WRITE = 1, 4  # EPOLLIN, EPOLLOUT


class Poller:
    """Runs from `start` to `stop`."""

    def __init__(self) -> None:
        # gevent takes epoll out of `select`, since waiting for it would stop all else; this one never waits.
        self._epoll: Any = monkey.get_original("select", "epoll")()
        self._calls: dict[int, Callable[[], None]] = {}
        self._greenlet: gevent.Greenlet | None = None

    def watch(self, number: int, events: int, call: Callable[[], None]) -> None:
        """Call whenever the socket `number` is ready for `events`; takes the place of what was said of it before."""
        if number in self._calls:
            self._epoll.modify(number, events)
        else:
            self._epoll.register(number, events)
        self._calls[number] = call

    def forget(self, number: int) -> None:
        """Call no more. To be said before the socket is closed."""
        if self._calls.pop(number, None) is not None:
            with suppress(OSError):
                self._epoll.unregister(number)

    def start(self) -> None:
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _run(self) -> None:
        calls = self._calls
        while True:
            ready = self._epoll.poll(0, AT_ONCE)
            for number, _ in ready:
                call = calls.get(number)
                if call is None:  # closed by what came for another
                    continue
                try:
                    call()
                except Exception:
                    traceback.print_exc(file=sys.stderr)
            gevent.sleep(0 if len(ready) == AT_ONCE else LOOK_EVERY)
