"""What waits to be written to one Redis node.

What always holds: it is bounded, however long the node does not answer; messages of a room leave in the order in which
they came; past the bound the oldest signals are dropped first, then the oldest messages (the journal has them). Heads and
counts replace the older one of their room, and of all rooms leave together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from classroom.bus.envelopes import Pulse, Yielded, encode, pack
from classroom.bus.port import Appended, Counted, Head, Reply, Request, Signalled

ROOM = 4 << 20  # bytes of messages that may wait
EACH = 100  # bytes that a message takes here besides its own
ASKS = 20_000  # requests, and replies, that may wait


class Parcel(msgspec.Struct, frozen=True):
    """One PUBLISH; `asks`: the numbers of the requests in it."""

    channel: str
    body: bytes
    asks: tuple[int, ...] = ()


class _Waiting(NamedTuple):
    channel: str
    body: bytes
    passing: bool  # a signal

    @property
    def weight(self) -> int:
        return len(self.body) + EACH


class Outbox:
    """`edge`: whose it is; `room`: bytes of messages that may wait."""

    def __init__(self, edge: str, room: int = ROOM) -> None:
        self._edge = edge
        self._room = room
        self._messages: deque[_Waiting] = deque()
        self._weight = 0
        self._heads: dict[str, int] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self._follows: dict[str, None] = {}
        self._asks: dict[str, list[tuple[int, bytes]]] = {}
        self._asked = 0
        self._replies: dict[str, list[bytes]] = {}
        self._replied = 0
        self._yields: list[Parcel] = []
        self.dropped = 0  # messages and replies that found no room, since the start

    def __len__(self) -> int:
        """How many messages for rooms wait."""
        return len(self._messages)

    def say(self, channel: str, message: Appended | Signalled) -> None:
        """Add a message for a room's channel. Raises `UNPACKABLE`."""
        waiting = _Waiting(channel, encode(message), isinstance(message, Signalled))
        self._messages.append(waiting)
        self._weight += waiting.weight
        if self._weight > self._room:
            self._make_room()

    def beat(self, room: str, message: Head | Counted) -> None:
        """Note a room's head or count, in place of the one that waits. Of heads the one further on stays: one that was kept is
        said again late."""
        if isinstance(message, Head):
            self._heads[room] = max(self._heads.get(room, 0), message.seq)
        else:
            self._counts.setdefault(message.edge, {})[room] = message.count

    def follow(self, room: str) -> None:
        """Note that this end has begun to follow a room."""
        self._follows[room] = None

    def ask(self, channel: str, number: int, request: Request) -> bool:
        """Add a request; False: too many wait. Raises `UNPACKABLE`."""
        if self._asked >= ASKS:
            return False
        self._asks.setdefault(channel, []).append((number, encode((number, request))))
        self._asked += 1
        return True

    def reply(self, channel: str, number: int, reply: Reply | None) -> None:
        """Add a reply for an edge's channel. Raises `UNPACKABLE`."""
        if self._replied >= ASKS:
            self.dropped += 1
            return
        self._replies.setdefault(channel, []).append(encode((number, reply)))
        self._replied += 1

    def yielded(self, channel: str, token: int) -> None:
        """Tell a new server that an older one has stood down."""
        self._yields.append(Parcel(channel, encode(Yielded(token))))

    def drop_asks(self) -> list[int]:
        """Forget the requests that wait; their numbers."""
        numbers = [number for asks in self._asks.values() for number, _ in asks]
        self._asks, self._asked = {}, 0
        return numbers

    def take(self, now: float, wanted: Callable[[int], bool]) -> list[Parcel]:
        """All that waits, except heads and counts. `now`: seconds since 1970; `wanted`: whether somebody still waits
        for the answer to a request."""
        by_channel: dict[str, list[bytes]] = {}
        for waiting in self._messages:
            by_channel.setdefault(waiting.channel, []).append(waiting.body)
        parcels = [Parcel(channel, pack(self._edge, now, bodies)) for channel, bodies in by_channel.items()]
        for channel, asks in self._asks.items():
            if kept := [ask for ask in asks if wanted(ask[0])]:
                numbers = tuple(number for number, _ in kept)
                parcels.append(Parcel(channel, pack(self._edge, now, (body for _, body in kept)), numbers))
        parcels += [Parcel(channel, pack(self._edge, now, bodies)) for channel, bodies in self._replies.items()]
        parcels += self._yields
        self._messages.clear()
        self._asks, self._replies, self._yields = {}, {}, []
        self._weight = self._asked = self._replied = 0
        return parcels

    def take_pulse(self, channel: str, now: float) -> list[Parcel]:
        """The heads and counts that wait, and the rooms followed since, in one parcel; none where nothing waits."""
        if not (self._heads or self._counts or self._follows):
            return []
        pulse = Pulse(self._edge, now, self._heads, self._counts, tuple(self._follows))
        self._heads, self._counts, self._follows = {}, {}, {}
        return [Parcel(channel, encode(pulse))]

    def _make_room(self) -> None:
        """Drop down to three quarters of the bound, so that this is done once in many messages."""
        target = self._room * 3 // 4
        kept: deque[_Waiting] = deque()
        for waiting in self._messages:
            if self._weight > target and waiting.passing:
                self._weight -= waiting.weight
                self.dropped += 1
            else:
                kept.append(waiting)
        while self._weight > target and len(kept) > 1:
            self._weight -= kept.popleft().weight
            self.dropped += 1
        self._messages = kept
