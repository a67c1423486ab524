"""The bus over Redis: pub/sub on one server, sharded pub/sub on a cluster.

What always holds: `publish` neither waits nor raises; a subscriber in this process hears a message during `publish`, and
the copy that Redis brings back is left out by its edge; requests are begun in the order in which they arrive. A lost
connection is made anew and everything subscribed again without anybody's asking; what was lost meanwhile, the journal has.

A room has one channel for what is published, and one for requests, each subscribed only while somebody here listens or
serves; each edge has one for replies. Heads and counts of all rooms travel together, on a channel that every end hears:
of these, only the newest of a room may arrive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from time import monotonic

import msgspec
import structlog
from redis.exceptions import AskError, ResponseError

from classroom.bus import envelopes
from classroom.bus.asking import CONFIRM_SECONDS, Asking
from classroom.bus.calling import Down, heard, patience, words
from classroom.bus.company import Company
from classroom.bus.nodes import Node, Nodes
from classroom.bus.outbox import Outbox
from classroom.bus.port import Bus, Cancel, Counted, Handler, Head, Message, Reply, Request, Server, Unreachable
from classroom.bus.sending import Sender

log = structlog.get_logger(__name__)

PING_SECONDS = 2.0
PINGED_MS = 1_000  # that what a ping writes is kept
LAST_WORDS_SECONDS = 1.0  # for what waits in the outbox when the bus is closed


async def open_bus(url: str, edge: str) -> RedisBus:
    """A bus end for the worker `edge`. `url`: `redis://`, `rediss://`, `unix://path`, or `redis+cluster://host:port`.

    Returns also while Redis does not answer: the bus works as soon as it does. Raises `ValueError` for another URL."""
    bus = RedisBus(url, edge)
    await bus.open()
    return bus


class RedisBus(Bus):
    """`Bus` for a worker among many. The counters are for metrics: messages and bytes since the start, `lag` in seconds
    from leaving another edge to arriving here, for the last message (by both machines' clocks)."""

    def __init__(self, url: str, edge: str) -> None:
        self.edge = edge
        self.published = self.received = self.bytes_in = 0
        self.lag = 0.0
        self._nodes = Nodes(url)
        self._senders: dict[str, Sender] = {}
        self._ended_bytes = self._ended_parcels = self._ended_dropped = 0
        self._handlers: dict[str, dict[object, Handler]] = {}
        self._rooms: dict[str, str] = {}  # that are followed here, by channel
        self._company = Company(monotonic)
        self._asking = Asking(edge, self._nodes, self._sender, self._heard)
        self._pulses: set[str] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    # --- what travels, for metrics ----------------------------------------------------------------------------------

    @property
    def bytes_out(self) -> int:
        """Bytes of messages that Redis has taken."""
        return self._ended_bytes + sum(sender.bytes_out for sender in self._senders.values())

    @property
    def parcels_out(self) -> int:
        """How many PUBLISHes carried them."""
        return self._ended_parcels + sum(sender.parcels_out for sender in self._senders.values())

    @property
    def dropped(self) -> int:
        """Messages that were dropped because too many waited."""
        return self._ended_dropped + sum(sender.outbox.dropped for sender in self._senders.values())

    # --- coming and going -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Make connections, and wait a little until this edge can be answered."""
        self._nodes.on_change = self._use_nodes
        self._nodes.on_begin = self._follows
        self._nodes.on_loss = self._know_nothing
        await self._nodes.open()
        self._use_nodes()
        channels = [self._asking.open(), *self._pulses]
        await asyncio.gather(*(self._nodes.live(channel, CONFIRM_SECONDS) for channel in channels))

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._handlers.clear()
        await self._asking.stop_serving()
        await asyncio.gather(*(sender.close(LAST_WORDS_SECONDS) for sender in self._senders.values()))
        self._asking.stop_asking()
        await self._nodes.close()
        if self._endings:
            await asyncio.wait(self._endings)

    def _use_nodes(self) -> None:
        """Have a sender for each node, and hear each node's pulse."""
        if self._closed:
            return
        nodes = {node.name: node for node in self._nodes.all}
        for name in [name for name, sender in self._senders.items() if nodes.get(name) is not sender.node]:
            ending = asyncio.create_task(self._end(self._senders.pop(name)))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
        for name, node in nodes.items():
            if name not in self._senders:
                self._senders[name] = self._make_sender(node)
        pulses = {node.pulse for node in nodes.values()}
        for channel in self._pulses - pulses:
            self._nodes.unwant(channel)
        for channel in pulses - self._pulses:
            self._nodes.want(channel, self._hear_pulse)
        self._pulses = pulses
        self._know_nothing()

    def _make_sender(self, node: Node) -> Sender:
        return Sender(
            node,
            self._nodes.publish,
            Outbox(self.edge),
            wanted=self._asking.waits_for,
            undelivered=self._asking.undelivered,
            changes=lambda: self._company.changes,
            reached=self._reached,
            doubt=self._nodes.doubt,
        )

    async def _end(self, sender: Sender) -> None:
        await sender.close(0)
        self._ended_bytes += sender.bytes_out
        self._ended_parcels += sender.parcels_out
        self._ended_dropped += sender.outbox.dropped

    def _sender(self, channel: str) -> Sender:
        return self._senders[self._nodes.of(channel).name]

    def _check_open(self) -> None:
        if self._closed:
            raise Unreachable("the bus is closed")

    async def ping(self) -> None:
        """Of a cluster, most nodes must answer: rooms of the others are reached by nobody now, wherever they are."""
        self._check_open()
        nodes = self._nodes.all
        troubles = [trouble for trouble in await asyncio.gather(*map(self._trouble, nodes)) if trouble]
        if len(troubles) * 2 >= len(nodes):
            raise Unreachable(troubles[0] if troubles else "the bus is closed")

    async def _trouble(self, node: Node) -> str:
        """Why the node is of no use; empty: it does its work."""
        if not node.listener.connected:
            return f"Redis does not answer: {node.listener.trouble}"
        try:
            async with patience(PING_SECONDS):
                # A write, since one that takes none answers all the same. The name is one that is this node's to keep.
                heard(await node.caller.call([("SET", node.pulse, "", "PX", PINGED_MS)]))
        except AskError:  # that name's slot is another node's by now (MOVED), or is just being moved (ASK)
            self._nodes.doubt()
        except ResponseError as error:
            return f"Redis takes no writes: {words(error)}"
        except (Down, TimeoutError) as error:
            return f"Redis does not answer: {words(error)}"
        return ""

    # --- messages ---------------------------------------------------------------------------------------------------

    def publish(self, room: str, message: Message) -> None:
        if self._closed:
            return
        self.published += 1
        self._dispatch(room, message)
        if isinstance(message, (Head, Counted)):
            sender = self._sender(_room_channel(room))
            sender.outbox.beat(room, message)
            sender.stir_pulse()
            return
        if self._company.keeps(room, message):
            return
        channel = _room_channel(room)
        sender = self._sender(channel)
        try:
            sender.outbox.say(channel, message)
        except envelopes.UNPACKABLE:
            log.exception("a message cannot travel; edges will read the journal", room=room)
            return
        sender.stir()

    def alone(self, room: str) -> bool:
        return self._company.alone(room)

    async def subscribe(self, room: str, handler: Handler) -> Cancel:
        self._check_open()
        key = object()
        channel = _room_channel(room)
        handlers = self._handlers.setdefault(room, {})
        handlers[key] = handler
        if len(handlers) == 1:
            self._rooms[channel] = room
            self._nodes.want(channel, partial(self._hear_news, room))

        async def cancel() -> None:
            left = self._handlers.get(room, {})
            if left.pop(key, None) is not None and not left:
                del self._handlers[room], self._rooms[channel]
                self._company.left(room)
                self._nodes.unwant(channel)

        try:
            await self._nodes.live(channel, CONFIRM_SECONDS)
        except asyncio.CancelledError:
            await cancel()
            raise
        return cancel

    def _dispatch(self, room: str, message: Message) -> None:
        # A copy: a handler may lead to subscribing or cancelling while the others are still being told.
        for handler in tuple(self._handlers.get(room, {}).values()):
            try:
                handler(message)
            except Exception:
                log.exception("bus handler failed", room=room, message=type(message).__name__)

    def _hear_news(self, room: str, body: bytes) -> None:
        try:
            batch = envelopes.decode_batch(body)
            if batch.edge == self.edge:
                return
            messages = envelopes.decode_messages(batch.items)
        except msgspec.DecodeError as error:
            log.warning("a bus message cannot be read", room=room, error=str(error))
            return
        self._heard(batch.at, len(messages), len(body))
        for message in messages:
            self._dispatch(room, message)

    def _hear_pulse(self, body: bytes) -> None:
        try:
            pulse = envelopes.decode_pulse(body)
        except msgspec.DecodeError as error:
            log.warning("a bus pulse cannot be read", error=str(error))
            return
        if pulse.edge == self.edge:
            return
        self._heard(pulse.at, 1, len(body))
        for room, seq in pulse.heads.items():
            if room in self._handlers:
                self._dispatch(room, Head(seq))
        for edge, counts in pulse.counts.items():
            for room, count in counts.items():
                if room in self._handlers:
                    self._accompanied(room)
                    self._dispatch(room, Counted(edge, count))
        for room in pulse.follows:
            if room in self._handlers:
                self._accompanied(room)

    # --- who else follows a room --------------------------------------------------------------------------------------

    def _follows(self, channel: str) -> None:
        """This end hears a room from now on, and says so."""
        room = self._rooms.get(channel)
        if room is not None and not self._closed:
            self._company.changes += 1
            sender = self._sender(channel)
            sender.outbox.follow(room)
            sender.pulse()
            # Whoever has come while this end heard nothing said so to nobody, and hears it by now.
            self._tell_how_far(room, self._company.kept(room))

    def _reached(self, channel: str, receivers: int, changes: int) -> None:
        room = self._rooms.get(channel)
        if room is not None and self._nodes.is_live(channel):
            self._company.reached(room, receivers, changes)

    def _accompanied(self, room: str) -> None:
        self._tell_how_far(room, self._company.came(room))

    def _know_nothing(self) -> None:
        for room, seq in self._company.lost().items():
            self._tell_how_far(room, seq)

    def _tell_how_far(self, room: str, seq: int) -> None:
        if seq and not self._closed:
            sender = self._sender(_room_channel(room))
            sender.outbox.beat(room, Head(seq))
            sender.pulse()

    def _heard(self, at: float, messages: int, size: int) -> None:
        self.received += messages
        self.bytes_in += size
        self.lag = max(0.0, time.time() - at)

    # --- requests ---------------------------------------------------------------------------------------------------

    def send(self, room: str, request: Request) -> asyncio.Future[Reply]:
        return self._asking.send(room, request)

    async def ask(self, room: str, request: Request, timeout: float) -> Reply:
        self._check_open()
        return await self._asking.ask(room, request, timeout)

    async def serve(self, room: str, server: Server, displaced: Callable[[], None] | None = None) -> Cancel:
        self._check_open()
        return await self._asking.serve(room, server, displaced)


def _room_channel(room: str) -> str:
    return f"classroom:{{{room}}}"
