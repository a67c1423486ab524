"""Groups: sessions that are sent the same bytes, and how that is written.

What always holds: an event is encoded once for a group, whatever the number of its sessions, and once for all groups that are
shown it as it is; what a group is told in shorthand builds on nothing but what each of its sessions knows, since whoever comes
is greeted with that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from classroom import packets, wire
from classroom.kernel import Audience, Event, Stored
from classroom.packets import Packet, Pair, Stream
from classroom.rooms import room as rooms
from classroom.rooms.roll import Roll
from classroom.rooms.session import Session
from classroom.rooms.shorthand import Shorthand
from classroom.rooms.signals import SignalOut
from classroom.whiteboard.model import InkBy
from classroom.wire import Codec

COMPANY = 16  # members of a group who can be with its stream, from which on it has one


class Kind(NamedTuple):
    """What sessions of a group have in common. `shorthand`: they read it."""

    audience: Audience
    codec: Codec
    shorthand: bool


class Made(NamedTuple):
    """A group's part of a flush: by index, the events that it is shown, as they are sent at length; the packets, and the one of
    signals at length."""

    shown: dict[int, bytes]
    events: tuple[Packet, ...]
    signals: tuple[Packet, ...]
    told: Packet | None


class Encoded:
    """What one flush has encoded, for groups that are shown the same. A packet goes to several of them where nobody keeps what it
    inflated: else it belongs to one stream alone."""

    __slots__ = ("_events", "_items", "_pairs", "_signals")

    def __init__(self) -> None:
        self._items: dict[tuple[Codec, int], bytes] = {}
        self._events: dict[Codec, tuple[list[bytes], Packet | None]] = {}
        self._signals: dict[Codec, tuple[Sequence[SignalOut], Packet | None]] = {}
        self._pairs: dict[tuple[Packet, ...], Packet | Pair | None] = {}

    def item(self, codec: Codec, stored: Stored, audience: Audience) -> bytes | None:
        """An event as an audience is shown it, encoded; None where it is not."""
        shown = rooms.view(stored.event, audience)
        if shown is None:
            return None
        if shown is not stored.event:
            return wire.item(codec, stored.meta, shown)
        known = self._items.get((codec, stored.meta.seq))
        if known is None:
            known = self._items[codec, stored.meta.seq] = wire.item(codec, stored.meta, shown)
        return known

    def events(self, codec: Codec, items: list[bytes]) -> Packet | None:
        """As `events_packet`: the same packet for the same items."""
        known = self._events.get(codec)
        if known is None or known[0] != items:
            known = self._events[codec] = items, events_packet(codec, items)
        return known[1]

    def signals(self, codec: Codec, signals: Sequence[SignalOut]) -> Packet | None:
        """As `signals_packet`: the same packet for the same signals."""
        known = self._signals.get(codec)
        if known is None or known[0] != signals:
            known = self._signals[codec] = signals, signals_packet(codec, signals)
        return known[1]

    def together(self, several: tuple[Packet, ...]) -> Packet | Pair | None:
        """As `together`: the same for the same packets."""
        if several not in self._pairs:
            self._pairs[several] = together(several)
        return self._pairs[several]


def kind_of(session: Session) -> Kind:
    """The kind of the group that the session belongs to."""
    return Kind(session.kind, session.link.codec, session.shorthand)


class Group:
    """Those who are sent the same bytes."""

    __slots__ = ("_greeting", "_keeping", "_shorthand", "_stream", "kind", "members")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.members = Roll()
        self._keeping = 0  # of those, who keep what they inflated
        self._stream: Stream | None = None
        self._shorthand = Shorthand() if kind.shorthand else None
        self._greeting: tuple[int, Packet | None] = (-1, None)  # what is known so far, at that turn of the shorthand

    def add(self, session: Session) -> None:
        """Let a session in."""
        if session not in self.members:
            self.members.add(session)
            self._keeping += session.link.way == "kept"

    def discard(self, session: Session) -> None:
        """Let a session go, if it is one of them."""
        if session in self.members:
            self.members.discard(session)
            self._keeping -= session.link.way == "kept"

    def items(self, encoded: Encoded, pending: Sequence[Stored], live: dict[int, Stored]) -> list[bytes | None]:
        """Each event as it is sent at length; None: this audience is not shown it. `live`: by index, events for those who
        have seen the ink."""
        if self.kind.codec is Codec.JSON:  # which clients of any kind speak: they need not know of ink
            live = {}
        codec, audience = self.kind.codec, self.kind.audience
        return [encoded.item(codec, live.get(index, stored), audience) for index, stored in enumerate(pending)]

    def make(
        self,
        encoded: Encoded,
        pending: Sequence[Stored],
        items: list[bytes | None],
        passing: Sequence[SignalOut],
    ) -> Made:
        """The packets of a flush. `items`: the events as `items` has them; `passing`: signals that go along."""
        codec = self.kind.codec
        if self._keeping:
            encoded = Encoded()
        shown = {index: each for index, each in enumerate(items) if each is not None}
        packet = encoded.events(codec, list(shown.values()))
        events: tuple[Packet, ...] = () if packet is None else (packet,)
        if self._shorthand is None:
            told = encoded.signals(codec, passing)
            return Made(shown, events, () if told is None else (told,), told)
        lifted = self._shorthand.events(pending)
        passing, frames = self._shorthand.signals(passing)
        told = encoded.signals(codec, passing)
        inks = tuple(packets.Brief(frame) for frame in frames)
        return Made(
            shown, events if lifted is None else (packets.Brief(lifted),), inks if told is None else (told, *inks), told
        )

    def follow(self, made: Made, now: float) -> None:
        """What the group is about to be sent goes into its stream, where enough are with it for one."""
        if self._keeping < COMPANY:
            self._stream = None
            return
        if self._stream is None:
            self._stream = Stream()
        for each in (*made.events, *made.signals):
            if not isinstance(each, packets.Brief):
                self._stream.take(each, now)

    def forget(self) -> None:
        """Nobody is here who knows anything."""
        self._stream = None
        if self._shorthand is not None and self._shorthand.turn > 0:
            self._shorthand = Shorthand()
            self._greeting = (-1, None)

    def greeting(self, inks: Sequence[InkBy]) -> Packet | Pair | None:
        """What somebody who comes must be told to go on from here like all others. `inks`: the strokes under way so far."""
        if self._shorthand is None:
            return signals_packet(self.kind.codec, inks)
        if self._greeting[0] != self._shorthand.turn:
            self._greeting = (self._shorthand.turn, signals_packet(self.kind.codec, self._shorthand.known()))
        known = self._greeting[1]
        others = signals_packet(self.kind.codec, [ink for ink in inks if not self._shorthand.tells(ink)])
        return together(tuple(each for each in (others, known) if each is not None))


def item(codec: Codec, stored: Stored, audience: Audience) -> bytes | None:
    """An event as an audience is shown it, encoded; None where it is not."""
    shown: Event | None = rooms.view(stored.event, audience)
    return None if shown is None else wire.item(codec, stored.meta, shown)


def events_packet(codec: Codec, items: list[bytes]) -> Packet | None:
    """Events in one packet, if there are any."""
    return packets.message(codec, "events", wire.join(codec, items)) if items else None


def signals_packet(codec: Codec, signals: Sequence[SignalOut]) -> Packet | None:
    """Signals in one packet, if there are any."""
    if not signals:
        return None
    return packets.message(codec, "signals", wire.join(codec, [wire.encode(codec, signal) for signal in signals]))


def together(several: tuple[Packet, ...]) -> Packet | Pair | None:
    """Packets that go out in one write, as one."""
    return several[0] if len(several) == 1 else Pair(*several) if several else None
