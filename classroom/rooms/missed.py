"""What returning members have missed, encoded once for all of a kind.

What always holds: what comes out is what `view` shows each of them, in order; an event is looked at and encoded once for each
kind of audience and codec, however many missed it. Thousands come back together, from a network that was gone or a worker
that was replaced, and an event of which each of them is shown nothing may name thousands.
"""

from __future__ import annotations

from typing import NamedTuple

from classroom import wire
from classroom.kernel import Audience, Event, Stored
from classroom.rooms import room as rooms
from classroom.rooms.groups import item
from classroom.rooms.replica import Replica
from classroom.rooms.roster.model import Appointed
from classroom.rooms.session import Session
from classroom.wire import Codec

KEPT_SECONDS = 60.0  # for others, once it was made for somebody
JOINED = 16  # runs of events that are kept as they are sent


class Kind(NamedTuple):
    """Those who are shown the same, but for what is one member's own."""

    audience: Audience
    codec: Codec


class _Made:
    """An event. `own`: the members who are shown something else of it; `appointed`: whose role it changes; `items`: it, as the
    others are sent it."""

    __slots__ = ("appointed", "items", "own")

    def __init__(self, event: Event) -> None:
        self.own = frozenset(rooms.addressees(event))
        self.appointed = event.member if isinstance(event, Appointed) else None
        self.items: dict[Kind, bytes | None] = {}


class Missed:
    """Of the room that `replica` follows, as far back as that reaches."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._made: dict[int, _Made] = {}
        self._joined: dict[tuple[Kind, int], bytes] = {}  # from a place to `_head`
        self._head = 0
        self._asked = 0.0

    def since(self, seq: int, session: Session, now: float) -> bytes | None:
        """The items after place `seq` as this session is to be sent them, joined. None: that is further back than is kept, or
        their role is another since. `now`: seconds of a monotonic clock."""
        missed = self._replica.since(seq)
        if missed is None:
            return None
        self._asked = now
        self._turn_to(self._replica.seq)
        kind = Kind(session.kind, session.link.codec)
        made = [self._of(stored) for stored in missed]
        member = session.member.id
        if any(one.appointed == member for one in made):
            return None
        own = {index for index, one in enumerate(made) if member in one.own}
        joined = None if own else self._joined.get((kind, seq))
        if joined is None:
            items = (
                item(kind.codec, stored, session.audience) if index in own else _shared(one, stored, kind)
                for index, (stored, one) in enumerate(zip(missed, made, strict=True))
            )
            joined = wire.join(kind.codec, [each for each in items if each is not None])
            if not own and len(self._joined) < JOINED:
                self._joined[kind, seq] = joined
        return joined

    def rest(self, now: float) -> None:
        """Let go of what was made, when nobody has come back for a while."""
        if now - self._asked > KEPT_SECONDS:
            self._made.clear()
            self._joined.clear()

    def _turn_to(self, head: int) -> None:
        if head == self._head:
            return
        self._head = head
        self._joined.clear()
        if len(self._made) > 2 * (self._replica.recent.maxlen or 0):
            self._made.clear()  # most of it is further back than anybody can ask for

    def _of(self, stored: Stored) -> _Made:
        made = self._made.get(stored.meta.seq)
        if made is None:
            made = self._made[stored.meta.seq] = _Made(stored.event)
        return made


def _shared(made: _Made, stored: Stored, kind: Kind) -> bytes | None:
    if kind not in made.items:
        made.items[kind] = item(kind.codec, stored, kind.audience)
    return made.items[kind]
