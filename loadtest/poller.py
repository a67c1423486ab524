"""What has come for the members of a process: looked for many times a second, and not waited for.

What always holds: a member's call is made at each look at which its socket is ready, or it is read for with the others of
the herd; what one call raises is told and stops no other; a look comes `LOOK_EVERY` after the calls of the one before;
probes are looked at before the others, and again and again between them, since no phone waits until thousands of others
have read.

Why: a process that waits for each of twelve thousand sockets is woken for each frame, and on one machine the server, who
wakes it, pays for that, which no network would ask of it. What is measured here is later by half of `LOOK_EVERY` on the
average.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import gevent
from gevent import monkey

LOOK_EVERY = 0.02  # seconds
AT_ONCE = 128  # sockets that are served before others have their turn
READ, WRITE = 1, 4  # EPOLLIN, EPOLLOUT


class Poller:
    """Runs from `start` to `stop`. `read_herd` reads for those members whom `join_herd` told of."""

    def __init__(self, read_herd: Callable[[Sequence[Any]], None]) -> None:
        # gevent takes epoll out of `select`, since waiting for it would stop all else; this one never waits.
        epoll: Any = monkey.get_original("select", "epoll")
        self._all, self._probes = epoll(), epoll()
        self._calls: dict[int, tuple[Any, Callable[[], None]]] = {}
        self._herd: dict[int, Any] = {}
        self._read_herd = read_herd
        self._greenlet: gevent.Greenlet | None = None

    def watch(self, number: int, events: int, call: Callable[[], None], *, probe: bool = False) -> None:
        """Call whenever the socket `number` is ready for `events`; takes the place of what was said of it before."""
        epoll = self._probes if probe else self._all
        if number in self._calls:
            epoll.modify(number, events)
        else:
            epoll.register(number, events)
        self._calls[number] = epoll, call
        self._herd.pop(number, None)

    def join_herd(self, number: int, member: Any) -> None:
        """From now on a member, whose socket is watched already, is read for with others."""
        self._herd[number] = member

    def forget(self, number: int) -> None:
        """Call no more. To be said before the socket is closed."""
        self._herd.pop(number, None)
        known = self._calls.pop(number, None)
        if known is not None:
            with suppress(OSError):
                known[0].unregister(number)

    def start(self) -> None:
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _run(self) -> None:
        while True:
            self._look(self._probes, -1)
            full = self._look(self._all, AT_ONCE) == AT_ONCE
            gevent.sleep(0 if full else LOOK_EVERY)

    def _look(self, epoll: Any, most: int) -> int:
        """Serve what is ready: how many."""
        ready = epoll.poll(0, most)
        herd = []
        for number, _ in ready:
            member = self._herd.get(number)
            if member is not None:
                herd.append(member)
                continue
            known = self._calls.get(number)
            if known is not None:  # else closed by what came for another
                self._call(known[1])
        if herd:
            self._call(self._read_herd, herd)
        return len(ready)

    def _call(self, call: Callable[..., None], *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception:
            traceback.print_exc(file=sys.stderr)
