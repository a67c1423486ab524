"""Groups: sessions that are sent the same bytes, and how that is written.

What always holds: an event is encoded once for a group, whatever the number of its sessions, and once for all groups that are
shown it as it is; what a group is told in shorthand builds on nothing but what each of its sessions knows, since whoever comes
is greeted with that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from classroom import packets, wire
from classroom.kernel import Audience, Event, Stored
from classroom.packets import Packet, Pair, Stream
from classroom.rooms import room as rooms
from classroom.rooms.roll import Roll, Row
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
    signals at length; all of them in one (None: there are none)."""

    shown: dict[int, bytes]
    events: tuple[Packet, ...]
    signals: tuple[Packet, ...]
    told: Packet | None
    packet: Packet | Pair | None


def kind_of(session: Session) -> Kind:
    """The kind of the group that the session belongs to."""
    return Kind(session.kind, session.link.codec, session.shorthand)


class Group:
    """Those who are sent the same bytes."""

    __slots__ = ("_greeting", "_shorthand", "_stream", "keeping", "kind", "members")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.members = Roll()
        self.keeping = 0  # of those, who keep what they inflated
        self._stream: Stream | None = None
        self._shorthand = Shorthand() if kind.shorthand else None
        self._greeting: tuple[int, Packet | None] = (-1, None)  # what is known so far, at that turn of the shorthand

    def add(self, session: Session) -> None:
        """Let a session in."""
        if session not in self.members:
            self.members.add(session)
            self.keeping += session.link.way == "kept"

    def discard(self, session: Session) -> None:
        """Let a session go, if it is one of them."""
        if session in self.members:
            self.members.discard(session)
            self.keeping -= session.link.way == "kept"

    @property
    def apart(self) -> bool:
        """Whether its packets belong to its own shorthand or stream, and go to nobody else."""
        return self.kind.shorthand or self.keeping > 0

    def make(self, pending: Sequence[Stored], items: list[bytes | None], passing: Sequence[SignalOut]) -> Made:
        """The packets of a flush. `items`: the events as `Flush.items` has them; `passing`: signals that go along."""
        shown = {index: each for index, each in enumerate(items) if each is not None}
        packet = events_packet(self.kind.codec, list(shown.values()))
        lifted = None if self._shorthand is None else self._shorthand.events(pending)
        if lifted is not None:
            packet = packets.Brief(lifted)
        events: tuple[Packet, ...] = () if packet is None else (packet,)
        told, signals = self._tell(passing)
        return Made(shown, events, signals, told, together((*events, *signals)))

    def pass_on(self, passing: Sequence[SignalOut]) -> Made:
        """The packets of a flush of signals alone."""
        told, signals = self._tell(passing)
        return Made({}, (), signals, told, together(signals))

    def _tell(self, passing: Sequence[SignalOut]) -> tuple[Packet | None, tuple[Packet, ...]]:
        """The packet of signals at length, and all that tell of signals."""
        if self._shorthand is None:
            told = signals_packet(self.kind.codec, passing)
            return told, () if told is None else (told,)
        passing, frames = self._shorthand.signals(passing)
        told = signals_packet(self.kind.codec, passing)
        inks = tuple(packets.Brief(frame) for frame in frames)
        return told, inks if told is None else (told, *inks)

    def follow(self, made: Made, now: float) -> None:
        """What the group is about to be sent goes into its stream, where enough are with it for one."""
        if self.keeping < COMPANY:
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


class Flush:
    """What one flush has encoded: an event that several groups are shown as it is, once, and the packets of groups that are shown
    the same. `live`: by index, events for those who have seen the ink."""

    __slots__ = ("_items", "_live", "_made", "pending")

    def __init__(self, pending: Sequence[Stored], live: dict[int, Stored]) -> None:
        self.pending = pending
        self._live = live
        self._items: dict[tuple[Codec, int], bytes] = {}
        self._made: dict[Codec, tuple[list[bytes | None], Sequence[SignalOut], Made]] = {}

    def items(self, kind: Kind) -> list[bytes | None]:
        """Each event as a group is sent it at length; None: it is not shown it."""
        # Clients of any kind speak JSON: they need not know of ink.
        live = self._live if kind.codec is not Codec.JSON else {}
        return [self._item(kind, live.get(at, stored)) for at, stored in enumerate(self.pending)]

    def _item(self, kind: Kind, stored: Stored) -> bytes | None:
        shown = rooms.view(stored.event, kind.audience)
        if shown is not stored.event:
            return None if shown is None else wire.item(kind.codec, stored.meta, shown)
        key = (kind.codec, stored.meta.seq)
        known = self._items.get(key)
        if known is None:
            known = self._items[key] = wire.item(kind.codec, stored.meta, shown)
        return known

    def make(self, group: Group, items: list[bytes | None], passing: Sequence[SignalOut]) -> Made:
        """What a group is sent: the very same for groups that are shown the same."""
        if group.apart:
            return group.make(self.pending, items, passing)
        known = self._made.get(group.kind.codec)
        if known is None or known[0] != items or known[1] != passing:
            known = self._made[group.kind.codec] = items, passing, group.make(self.pending, items, passing)
        return known[2]


class Peers(NamedTuple):
    """Groups that are sent the same packet wherever they are shown the same. `row`: all who are in them, one group behind the
    other, until somebody comes or goes."""

    groups: tuple[Group, ...]
    row: Row


def peers_of(groups: Collection[Group], few: int) -> list[Peers]:
    """Those of `groups` in which anybody is, each among one's peers. A group of more than `few` has none."""
    found: list[Peers] = []
    alike: dict[Codec, list[Group]] = {}
    for group in groups:
        if group.apart or len(group.members) > few:
            found.append(Peers((group,), group.members.row))
        elif group.members:
            alike.setdefault(group.kind.codec, []).append(group)
    found += [Peers(tuple(some), Row.chain([group.members.row for group in some])) for some in alike.values()]
    return [peers for peers in found if peers.row]


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
