"""A network that loses, delays and holds back: a UDP relay between peers and the media port.

What always holds: dice are thrown from a seed; what is over the rate waits in a queue of at most `QUEUE` seconds, and is lost
beyond. Used in place of `tc netem`, which not every kernel has: the same kinds of trouble by the same numbers.
"""

from __future__ import annotations

import asyncio
import random
from typing import NamedTuple

QUEUE = 0.2  # seconds


class Trouble(NamedTuple):
    """Towards the peers: share lost, seconds of jitter (each packet is late by 0 to so much, so they overtake each other), and
    bits a second (0: any). `up` is the share lost on the way back, `up_rate` the bits a second that it carries."""

    loss: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    up: float = 0.0
    up_rate: float = 0.0


class Relay:
    """Peers send to `port`; each reaches the media port from an address of its own."""

    def __init__(self, trouble: Trouble, seed: int = 1) -> None:
        self.trouble = trouble
        self.port = 0
        self.carried = self.lost = 0
        self._dice = random.Random(seed)
        self._server = ("", 0)
        self._free = self._up_free = 0.0
        self._front: asyncio.DatagramTransport | None = None
        self._ways: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._opening: dict[tuple[str, int], list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, server: tuple[str, int]) -> int:
        """Relay to `server`; the port."""
        self._server = server
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(lambda: _Front(self), ("127.0.0.1", 0))
        self.port = self._front.get_extra_info("sockname")[1]
        return self.port

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for way in [self._front, *self._ways.values()]:
            if way is not None:
                way.close()
        await asyncio.sleep(0)

    def up(self, data: bytes, peer: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = max(now, self._up_free)
        if self._dice.random() < self.trouble.up or at - now > QUEUE:
            return
        if not self.trouble.up_rate:
            self._up(data, peer)
            return
        self._up_free = at + 8 * (len(data) + 28) / self.trouble.up_rate
        loop.call_at(self._up_free, self._up, data, peer)

    def _up(self, data: bytes, peer: tuple[str, int]) -> None:
        way = self._ways.get(peer)
        if way is not None:
            way.sendto(data)
        elif peer in self._opening:
            self._opening[peer].append(data)
        else:
            self._opening[peer] = [data]
            task = asyncio.create_task(self._open(peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, peer: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        way, _ = await loop.create_datagram_endpoint(lambda: _Back(self, peer), remote_addr=self._server)
        self._ways[peer] = way
        for data in self._opening.pop(peer):
            way.sendto(data)

    def down(self, data: bytes, peer: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = max(now, self._free)
        if self._dice.random() < self.trouble.loss or at - now > QUEUE:
            self.lost += 1
            return
        self.carried += 1
        if self.trouble.rate:
            at += 8 * (len(data) + 28) / self.trouble.rate
            self._free = at
        at += self._dice.random() * self.trouble.jitter
        loop.call_at(at, self._arrive, data, peer)

    def _arrive(self, data: bytes, peer: tuple[str, int]) -> None:
        if self._front is not None and not self._front.is_closing():
            self._front.sendto(data, peer)


class _Front(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._relay.up(data, addr)


class _Back(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, peer: tuple[str, int]) -> None:
        self._relay, self._peer = relay, peer

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._relay.down(data, self._peer)
