"""What has come for the members of a process: looked for many times a second, and not waited for. After each look comes what is
due by then (`agenda`).

What always holds: a member's call is made at each look at which its socket is ready, or it is read for with the others of
the herd (`herd`); what one call raises is told (`unexpected`) and stops no other; a look comes `LOOK_EVERY` after the calls
of the one before; probes are looked at before the others, and again and again between them, since no phone waits until
thousands of others have read.

Why: a process that waits for each of twelve thousand sockets is woken for each frame, and on one machine the server, who
wakes it, pays for that, which no network would ask of it. What is measured here is later by half of `LOOK_EVERY` on the
average.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import gevent
from gevent import monkey

if TYPE_CHECKING:
    from loadtest.agenda import Agenda
    from loadtest.herd import OneByOne

LOOK_EVERY = 0.02  # seconds
READ, WRITE = 1, 4  # EPOLLIN, EPOLLOUT

Other = tuple[int, int, int]  # a socket; how many bytes of it were read, or `NOT_READ`; where they are
NOT_READ = -1_000_000


class Poller:
    """Runs from `start` to `stop`. `herd`: reads for those members whom `join_herd` told of."""

    def __init__(
        self, herd: OneByOne, agenda: Agenda, unexpected: Callable[[Callable[..., None], Exception], None]
    ) -> None:
        # gevent takes epoll out of `select`, since waiting for it would stop all else; this one never waits.
        epoll: Any = monkey.get_original("select", "epoll")
        self._all, self._probes = epoll(), epoll()
        self._calls: dict[int, tuple[Any, Callable[[], None]]] = {}
        self._herd = herd
        self._agenda = agenda
        self._unexpected = unexpected
        self._greenlet: gevent.Greenlet | None = None

    def watch(self, number: int, events: int, call: Callable[[], None], *, probe: bool = False) -> None:
        """Call whenever the socket `number` is ready for `events`; takes the place of what was said of it before."""
        epoll = self._probes if probe else self._all
        self._herd.part(number)
        if number in self._calls:
            epoll.modify(number, events)
        else:
            self.head(number)  # of one who had this number before
            epoll.register(number, events)
        self._calls[number] = epoll, call

    def join_herd(self, number: int, member: Any) -> None:
        """From now on a member, whose socket is watched already, is read for with others."""
        events = self._herd.join(number, member)
        if events:
            self._calls[number][0].modify(number, events)

    def part(self, number: int) -> None:
        """The member of this socket is called again."""
        if self._herd.part(number):
            self._calls[number][0].modify(number, READ)

    def head(self, number: int) -> tuple[bytes, bool]:
        """What was read for the member of this socket last, of what tells where it is: see `OneByOne.head`."""
        return self._herd.head(number)

    def forget(self, number: int) -> None:
        """Call no more. To be said before the socket is closed."""
        self._herd.part(number)
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
            more = self.look()
            gevent.sleep(0 if self._agenda.serve() or more else LOOK_EVERY)

    def look(self) -> bool:
        """Look once, and serve what is ready; whether there may be more."""
        more = self._look(self._probes)
        return self._look(self._all) or more

    def _look(self, epoll: Any) -> bool:
        at_once = self._herd.at_once
        count, others = self._herd.look(epoll, at_once)
        for number, got, at in others:
            known = self._calls.get(number)
            if known is None:  # closed by what came for another
                continue
            try:
                if got != NOT_READ:
                    self._herd.take(number, got, at)
                else:
                    known[1]()
            except Exception as error:
                self._unexpected(known[1], error)
        return count == at_once
