"""What members send, read together: where many say something, all who have are read at the same few moments.

A small class's message, or piece of ink, takes longer to fetch from memory what it needs of interpreter and kernel than to be
carried out. Where ten classes are served one right after the other that is fetched once, and each costs a sixth less. So
members' sockets are watched by an epoll of their own, which is looked at twice in a tick; at once while few say anything.

What always holds: what a member sends reaches the connection's protocol in order and whole, at most half a tick after it came,
and (up to 1 MiB, `LAST`) also where the connection is lost meanwhile; whoever has so much waiting that the protocol pauses, and
whoever has gone, is the loop's again, from there on. Whatever goes wrong with one, the others are read.

How: while little comes the loop is told of it by a second epoll, which holds the first. To put the first into the loop's own
each time would take the kernel a look at every socket in it.
"""

from __future__ import annotations

import asyncio
import math
import os
import select
from contextlib import suppress
from contextvars import Context
from time import monotonic

import structlog
from aiohttp.base_protocol import BaseProtocol

from classroom.sockets.reading import paused

log = structlog.get_logger(__name__)

MANY = 3  # connections on which something comes between two looks, from which on they are read together
MOST = 256  # connections that are read from before others of this worker have their turn
READ = 16_384  # bytes of one connection at a time
LAST = 64  # times that, which are read of one that is lost
LONGEST = 0.025  # seconds between two looks, however long a tick is
ONCE = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLONESHOT", 0)
LATE = 0.0005  # seconds: the loop's clock counts milliseconds, and is not to wake up just before


class Coalescer:
    """Reads for connections. `every`: seconds between two looks at them."""

    def __init__(self, every: float) -> None:
        self._every = every
        there = hasattr(select, "epoll")
        self._epoll = select.epoll() if there else None  # without: the loop reads, as it always did
        self._alarm = select.epoll() if there else None  # told once when something comes
        self._protocols: dict[int, BaseProtocol] = {}  # by descriptor
        self._begun = False
        self._next: asyncio.Handle | None = None  # look; None: the alarm is set
        self._seen = 0.0
        self._came = self._came_before = 0  # in the time between two looks, and in that before
        self._counted_from = 0.0

    def seen(self) -> float:
        """What had come by then (of `monotonic`) has been read, but for what the loop is just about to."""
        return math.inf if self._next is None else self._seen

    def take(self, descriptor: int, protocol: BaseProtocol) -> None:
        """Read for a connection, with its transport's descriptor, from now on."""
        transport: asyncio.Transport | None = protocol.transport
        if self._epoll is None or transport is None or transport.is_closing():
            return
        try:
            if not self._begun:
                Context().run(self._begin)  # and not in that of whoever comes first
                self._begun = True
            self._epoll.register(descriptor, select.EPOLLIN)
        except OSError as error:  # the kernel watches no more for this user
            log.warning("a connection is read for by itself", error=str(error))
            return
        transport.pause_reading()
        self._protocols[descriptor] = protocol

    def leave(self, descriptor: int, protocol: BaseProtocol) -> None:
        """Leave a connection to the loop from now on. Its descriptor may be another's by now."""
        if self._protocols.get(descriptor) is protocol:
            self._drop(descriptor)
            transport = protocol.transport
            if transport is not None and not transport.is_closing():
                transport.resume_reading()

    def unread(self, descriptor: int, protocol: BaseProtocol) -> bytes:
        """What of a connection has not been read, which is lost, and whose descriptor is about to be closed."""
        parts: list[bytes] = []
        if self._protocols.get(descriptor) is protocol:
            self._drop(descriptor)
            with suppress(OSError):
                while len(parts) < LAST and (data := os.read(descriptor, READ)):
                    parts.append(data)
        return b"".join(parts)

    def close(self) -> None:
        """Leave everybody to the loop."""
        for descriptor, protocol in list(self._protocols.items()):
            self.leave(descriptor, protocol)
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._epoll is None or self._alarm is None:
            return
        if self._begun:
            asyncio.get_running_loop().remove_reader(self._alarm.fileno())
        self._alarm.close()
        self._epoll.close()
        self._epoll = self._alarm = None

    def _drop(self, descriptor: int) -> None:
        del self._protocols[descriptor]
        self._forget(descriptor)

    def _forget(self, descriptor: int) -> None:
        assert self._epoll is not None
        with suppress(OSError):  # closed, and so not watched any more
            self._epoll.unregister(descriptor)

    def _begin(self) -> None:
        assert self._epoll is not None
        assert self._alarm is not None
        self._alarm.register(self._epoll.fileno(), ONCE)
        asyncio.get_running_loop().add_reader(self._alarm.fileno(), self._wake)

    def _wake(self) -> None:
        """Something has come while little does."""
        assert self._alarm is not None
        if self._alarm.poll(0, 1) and self._next is None:
            self._look()

    def _look(self) -> None:
        """Read what has come."""
        loop, looked = asyncio.get_running_loop(), monotonic()
        due = loop.time() + self._every + LATE
        self._next = loop.call_at(due, self._look)  # whatever happens
        assert self._epoll is not None
        assert self._alarm is not None
        ready = self._epoll.poll(0, MOST)
        more = len(ready) == MOST
        self._count(len(ready), looked)
        for descriptor, _ in ready:
            protocol = self._protocols.get(descriptor)
            if protocol is not None and self._read(descriptor, protocol):
                more = True
        if self._next is None:  # closed by what was read
            return
        if len(ready) < MOST:
            self._seen = looked  # but for more of one who sends without end
        if more:
            self._next.cancel()
            self._next = loop.call_soon(self._look)
            return
        if max(self._came, self._came_before) < MANY:
            self._next.cancel()
            self._next = None
            self._alarm.modify(self._epoll.fileno(), ONCE)

    def _count(self, came: int, now: float) -> None:
        if now - self._counted_from >= self._every:
            self._came_before = self._came if now - self._counted_from < 2 * self._every else 0
            self._came = 0
            self._counted_from = now
        self._came += came

    def _read(self, descriptor: int, protocol: BaseProtocol) -> bool:
        """Read from one: whether there may be more."""
        transport = protocol.transport
        if transport is None or transport.is_closing():
            self._forget(descriptor)  # `unread` is asked for before the descriptor is another's
            return False
        try:
            data = os.read(descriptor, READ)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self.leave(descriptor, protocol)  # the loop finds the end there, too
            return False
        try:
            protocol.data_received(data)
        except (Exception, asyncio.CancelledError):
            log.exception("a connection failed")
            transport.abort()
        if paused(protocol) and self._protocols.get(descriptor) is protocol:
            self._drop(descriptor)  # who has paused it has it go on
        return len(data) == READ
