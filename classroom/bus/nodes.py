"""The Redis nodes that carry the bus: one, or the masters of a cluster with their slots.

What always holds: a channel belongs to one node, the same for every worker that knows the same slots; what is wanted is
subscribed at its node, and moves with its slot. Names in braces are hashed alone, so that a room's channels stay together.
A node that cannot be reached costs the other nodes nothing.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ResponseError

from classroom.bus.calling import Caller, Down
from classroom.bus.listening import Hear, Listener

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 2.0
LEARN_SECONDS = 1.5  # for one node to tell the slots
LEARN_PAUSE = 0.25  # between two readings of the slots
CLUSTER = "+cluster"


@dataclass(eq=False)
class Node:
    """One Redis process. `pulse`: a channel of its own, found by every worker alike."""

    name: str
    caller: Caller
    listener: Listener
    pulse: str


class Nodes:
    """`url`: `redis://`, `rediss://`, `unix://path`, or `redis+cluster://`, `rediss+cluster://` with one of the masters."""

    def __init__(self, url: str) -> None:
        scheme, separator, rest = url.partition("://")
        self.sharded = scheme.endswith(CLUSTER)
        options: dict[str, Any] = dict(parse_url(scheme.removesuffix(CLUSTER) + separator + rest))
        self._class: type[AbstractConnection] = options.pop("connection_class", Connection)
        self._options = {"socket_connect_timeout": CONNECT_SECONDS, **options, "protocol": 2, "socket_timeout": None}
        # What the URL asks for and there is not would else be found out by whoever connects.
        self._class(**self._options)
        self.publish = "SPUBLISH" if self.sharded else "PUBLISH"
        self._seed = (
            self._name(options.get("host", "localhost"), options.get("port", 6379)) if self.sharded else "redis"
        )
        self._slots: list[str] = []  # by slot, the node's name; empty: not known yet, or not a cluster
        self._nodes: dict[str, Node] = {}
        self._gone: list[Node] = []  # nodes whose connections are still to be let go
        self._wanted: dict[str, tuple[Hear, Node]] = {}
        self._doubted = asyncio.Event()
        self._learning: asyncio.Task[None] | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.on_begin: Callable[[str], None] = lambda channel: None
        self.on_loss: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Make connections. A Redis that does not answer yet is waited for elsewhere, not here."""
        if self.sharded:
            await self._learn()
            self._learning = asyncio.create_task(self._learn_forever(), name="redis slots")
        if not self._nodes:
            self._nodes[self._seed] = self._make(self._seed)
            self.doubt()

    async def close(self) -> None:
        """Let go of all connections."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)
        nodes, self._nodes = [*self._nodes.values(), *self._gone], {}
        self._wanted.clear()
        for node in nodes:
            await self._end(node)

    @property
    def all(self) -> list[Node]:
        """Every node there is now."""
        return list(self._nodes.values())

    def of(self, channel: str) -> Node:
        """The node that a channel or key belongs to. Raises `Down` when closed."""
        if self._slots:
            node = self._nodes.get(self._slots[key_slot(channel.encode())])
            if node is not None:
                return node
        for node in self._nodes.values():
            return node
        raise Down("closed")

    def want(self, channel: str, hear: Hear) -> None:
        """Be subscribed to the channel from now on; `hear` takes the place of an earlier one."""
        node = self.of(channel)
        self._wanted[channel] = hear, node
        node.listener.want(channel.encode(), hear)

    def unwant(self, channel: str) -> None:
        """Be no longer subscribed. What is on its way is still heard."""
        wanted = self._wanted.pop(channel, None)
        if wanted is not None:
            wanted[1].listener.unwant(channel.encode())

    async def live(self, channel: str, timeout: float) -> bool:
        """Wait until the subscription is confirmed, at most `timeout` seconds; whether it is."""
        wanted = self._wanted.get(channel)
        return wanted is not None and await wanted[1].listener.live(channel.encode(), timeout)

    def is_live(self, channel: str) -> bool:
        """Whether the subscription is confirmed."""
        wanted = self._wanted.get(channel)
        return wanted is not None and wanted[1].listener.is_live(channel.encode())

    def doubt(self) -> None:
        """Something was not where it should be: have the slots read again, soon."""
        self._doubted.set()

    def _name(self, host: str, port: int) -> str:
        return f"{host}:{port}"

    def _connection(self, name: str) -> AbstractConnection:
        options = dict(self._options)
        if self.sharded:
            host, _, port = name.rpartition(":")
            options |= {"host": host, "port": int(port)}
        return self._class(**options)

    def _make(self, name: str) -> Node:
        def connect() -> AbstractConnection:
            return self._connection(name)

        listener = Listener(
            name, connect, sharded=self.sharded, doubt=self.doubt, began=self._begun, lost=lambda: self.on_loss()
        )
        return Node(name, Caller(connect), listener, self._pulse(name))

    def _begun(self, channel: str) -> None:
        self.on_begin(channel)

    def _pulse(self, name: str) -> str:
        base = "classroom:pulse"
        if not self._slots or name not in self._slots:
            return base
        tried = (f"{base}:{number}" for number in itertools.count())
        return next(channel for channel in tried if self._slots[key_slot(channel.encode())] == name)

    async def _end(self, node: Node) -> None:
        await node.listener.close()
        await node.caller.close()

    async def _learn_forever(self) -> None:
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            await self._learn()
            await asyncio.sleep(LEARN_PAUSE)

    async def _learn(self) -> None:
        for name in dict.fromkeys([*self._nodes, self._seed]):
            slots = await self._ask_slots(name)
            if slots:
                if slots != self._slots:
                    await self._use(slots)
                return

    async def _ask_slots(self, name: str) -> list[str]:
        """The slots as one node knows them; empty where it does not tell."""
        caller = Caller(lambda: self._connection(name))
        try:
            async with asyncio.timeout(LEARN_SECONDS):
                (ranges,) = await caller.call([("CLUSTER", "SLOTS")])
        except (Down, TimeoutError):
            return []
        finally:
            await caller.close()
        if isinstance(ranges, ResponseError) or not ranges:
            return []
        slots = [""] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, master, *_ in ranges:
            host = (master[0] or b"").decode() or name.rpartition(":")[0]  # no name: the one that it was reached by
            slots[first : last + 1] = [self._name(host, master[1])] * (last + 1 - first)
        return slots

    async def _use(self, slots: list[str]) -> None:
        self._slots = slots
        names = dict.fromkeys(name for name in slots if name)
        log.info("Redis slots are known", nodes=list(names))
        gone = [node for name, node in self._nodes.items() if name not in names]
        self._nodes = {name: self._nodes.get(name) or self._make(name) for name in names}
        for name, node in self._nodes.items():
            node.pulse = self._pulse(name)
        for channel, (hear, before) in list(self._wanted.items()):
            now = self.of(channel)
            if now is not before:
                before.listener.unwant(channel.encode())
                self._wanted[channel] = hear, now
                now.listener.want(channel.encode(), hear)
        self.on_change()
        self._gone += gone
        while self._gone:
            await self._end(self._gone[0])
            self._gone.pop(0)
