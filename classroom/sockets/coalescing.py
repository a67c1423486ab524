"""What members send, read together: where one after the other says something, all who have are read at the same few moments.

A small class's message, or piece of ink, takes longer to fetch from memory what it needs of interpreter and kernel than to be
carried out. Where fifteen classes are served one right after the other that is fetched once, and each costs a quarter less. So
members' sockets are watched by an epoll of their own, which is looked at twice in a tick; after quiet at once.

What always holds: what a member sends reaches the connection's protocol in order and whole, at most half a tick after it came;
whoever has so much waiting that the protocol pauses, and whoever has gone, is the loop's again, from there on.
"""

from __future__ import annotations

import asyncio
import os
import select
from contextlib import suppress

import structlog
from aiohttp.base_protocol import BaseProtocol

from classroom.sockets.reading import paused

log = structlog.get_logger(__name__)

MOST = 256  # connections that are read from before others of this worker have their turn
READ = 16_384  # bytes of one connection at a time
LATE = 0.0005  # seconds: the loop's clock counts milliseconds, and is not to wake up just before


class Coalescer:
    """Reads for connections. `every`: seconds between two looks at them."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._epoll = select.epoll() if hasattr(select, "epoll") else None  # without: the loop reads, as it always did
        self._protocols: dict[int, BaseProtocol] = {}  # by descriptor
        self._looked = 0.0
        self._next: asyncio.Handle | None = None
        self._watching = False  # the epoll, in the loop's own: nothing has come for a while

    def take(self, descriptor: int, protocol: BaseProtocol) -> None:
        """Read for a connection, with its transport's descriptor, from now on."""
        transport: asyncio.Transport | None = protocol.transport
        if self._epoll is None or transport is None or transport.is_closing():
            return
        transport.pause_reading()
        self._protocols[descriptor] = protocol
        self._epoll.register(descriptor, select.EPOLLIN)
        if self._next is None and not self._watching:
            self._watch()

    def leave(self, descriptor: int, protocol: BaseProtocol) -> None:
        """Leave a connection to the loop from now on. Its descriptor may be another's by now."""
        if self._protocols.get(descriptor) is protocol:
            self._drop(descriptor)
            transport = protocol.transport
            if transport is not None and not transport.is_closing():
                transport.resume_reading()

    def _drop(self, descriptor: int) -> None:
        assert self._epoll is not None
        del self._protocols[descriptor]
        with suppress(OSError):  # closed, and so not watched any more
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Leave everybody to the loop."""
        for descriptor, protocol in list(self._protocols.items()):
            self.leave(descriptor, protocol)
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._epoll is not None:
            if self._watching:
                asyncio.get_running_loop().remove_reader(self._epoll.fileno())
                self._watching = False
            self._epoll.close()
            self._epoll = None

    def _watch(self) -> None:
        assert self._epoll is not None
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._wake)
        self._watching = True

    def _wake(self) -> None:
        """Something has come after quiet."""
        assert self._epoll is not None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._epoll.fileno())
        self._watching = False
        if loop.time() >= self._looked + self._every:
            self._look()
        else:
            self._look_later()

    def _look_later(self) -> None:
        self._next = asyncio.get_running_loop().call_at(self._looked + self._every + LATE, self._look)

    def _look(self) -> None:
        """Read what has come."""
        assert self._epoll is not None
        loop = asyncio.get_running_loop()
        self._next = None
        self._looked = loop.time()
        ready = self._epoll.poll(0, MOST)
        more = len(ready) == MOST
        for descriptor, _ in ready:
            protocol = self._protocols.get(descriptor)
            if protocol is not None and self._read(descriptor, protocol):
                more = True
        if self._epoll is None:  # closed by what was read
            return
        if more:
            self._next = loop.call_soon(self._look)
        elif ready:
            self._look_later()
        else:
            self._watch()

    def _read(self, descriptor: int, protocol: BaseProtocol) -> bool:
        """Read from one: whether there may be more."""
        transport = protocol.transport
        if transport is None or transport.is_closing():  # and the descriptor may be anything's soon
            self._drop(descriptor)
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
        except Exception:
            log.exception("a connection failed")
            transport.abort()
        if paused(protocol) and self._protocols.get(descriptor) is protocol:
            self._drop(descriptor)  # who has paused it has it go on
        return len(data) == READ
