"""What returning members have missed, made once for all of a kind.

What always holds: what comes out is what `view` shows each of them, in order, but for the words of messages that were deleted and
doubts that were dismissed or withdrawn since: those are their author's and the staff's, else whoever says to come back could
read them for as long as events are held. That something was taken away is told to all, since they may have had it before. An
event is looked at once, and encoded once for each kind of audience and codec, however many missed it. What one who returns
costs besides is to copy the bytes, and to make what is shown to nobody else. Thousands come back together, from a network that
was gone or a worker that was replaced, and an event of which each of them is shown nothing may name thousands.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Sequence
from typing import NamedTuple

from classroom import wire
from classroom.chat.model import Deleted, Edited, Pinned, Promoted, Said
from classroom.doubts import model as doubts
from classroom.doubts.sight import doubt_of
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


class _Run:
    """Events, one after the other, as those of a kind are sent them who have no part in them."""

    __slots__ = ("_before", "_gone", "_items", "_kind")

    def __init__(self, kind: Kind, gone: Container[int]) -> None:
        self._kind = kind
        self._gone: Container[int] = () if kind.audience.sees_all else gone
        self._items: list[bytes] = []
        self._before: list[int] = [0]  # how many items there are before each event, and before the next one

    def follow(self, events: Sequence[Stored]) -> None:
        """Take those of `events` that have come since."""
        for index in range(len(self._before) - 1, len(events)):
            made = None
            if index not in self._gone:
                made = item(self._kind.codec, events[index], self._kind.audience)
            if made is not None:
                self._items.append(made)
            self._before.append(len(self._items))

    def cut(self, index: int) -> None:
        """Let go of the events from `index` on: others of them are left out now."""
        if not self._kind.audience.sees_all:
            del self._before[index + 1 :]
            del self._items[self._before[-1] :]

    def between(self, start: int, stop: int) -> list[bytes]:
        """The items of the events from index `start` to before `stop`."""
        return self._items[self._before[start] : self._before[stop]]


class Missed:
    """Of the room that `replica` follows, as far back as that reaches."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._events: list[Stored] = []  # up to `_head`; what is below is about these, by index
        self._head = 0
        self._own: dict[str, list[int]] = {}  # of which a member is shown something else than others
        self._appointed: dict[str, int] = {}  # the last that changed a member's role
        self._of_messages: dict[int, list[int]] = {}  # by message, those that have its words in them
        self._of_doubts: dict[int, list[int]] = {}  # by doubt, those that tell of it alone, but that it is gone
        self._gone: dict[int, str | None] = {}  # those of what is not there any more, and who is told all the same
        self._runs: dict[Kind, _Run] = {}
        self._joined: dict[tuple[Kind, int], bytes] = {}  # from a place to `_head`
        self._asked = 0.0

    def since(self, seq: int, session: Session, now: float) -> bytes | None:
        """The items after place `seq` as this session is to be sent them, joined. None: that is further back than is kept, or
        their role is another since. `now`: seconds of a monotonic clock."""
        if not self._replica.reaches(seq):
            return None
        self._asked = now
        self._turn_to(self._replica.seq)
        stop = len(self._events)
        start = stop - (self._head - seq)
        member = session.member.id
        if self._appointed.get(member, -1) >= start:
            return None
        kind = Kind(session.kind, session.link.codec)
        own: Sequence[int] = self._own.get(member, ())
        own = own[bisect_left(own, start) :]
        joined = None if own else self._joined.get((kind, seq))
        if joined is None:
            joined = wire.join(kind.codec, self._items(kind, start, own, session.audience))
            if not own and len(self._joined) < JOINED:
                self._joined[kind, seq] = joined
        return joined

    def rest(self, now: float) -> None:
        """Let go of what was made, when nobody has come back for a while."""
        if now - self._asked > KEPT_SECONDS:
            self._forget()

    def _items(self, kind: Kind, start: int, own: Sequence[int], audience: Audience) -> list[bytes]:
        """The events from index `start` on: at the indexes `own` as `audience`, one member, is shown them, else as the others."""
        run = self._runs.get(kind)
        if run is None:
            run = self._runs[kind] = _Run(kind, self._gone)
        run.follow(self._events)
        items: list[bytes] = []
        for index in own:
            items += run.between(start, index)
            stored = self._events[index]
            if index not in self._gone or audience.sees_all or self._gone[index] == audience.member:
                mine = item(kind.codec, stored, audience)
                if mine is not None:
                    items.append(mine)
            start = index + 1
        return items + run.between(start, len(self._events))

    def _turn_to(self, head: int) -> None:
        """Look at the events up to place `head` that have come since."""
        if head == self._head:
            return
        new = self._replica.since(self._head) if self._events else None
        if new is None or len(self._events) > 2 * (self._replica.recent.maxlen or 0):
            self._forget()  # most of it is further back than anybody can ask for
            new = list(self._replica.recent)
        first = len(self._events)
        self._events += new
        for index, stored in enumerate(new, first):
            for member in frozenset(rooms.addressees(stored.event)):
                self._own.setdefault(member, []).append(index)
            if isinstance(stored.event, Appointed):
                self._appointed[stored.event.member] = index
            self._learn(index, stored)
        self._head = head
        self._joined.clear()

    def _learn(self, index: int, stored: Stored) -> None:
        """Know which events tell of a message, or a doubt, and which of them nobody is to be told of any more."""
        seq = stored.meta.seq
        match stored.event:
            case Said():
                self._of_messages[seq] = [index]
            case Edited(id=id) | Pinned(id=id):
                self._of_messages.setdefault(id, []).append(index)
            case Promoted(id=id):  # which has two ids from now on
                both = self._of_messages.setdefault(id, [])
                both.append(index)
                self._of_messages[seq] = both
            case Deleted(id=id) if gone := self._of_messages.pop(id, None):
                self._take_back({each: _author(self._events[each].event) for each in gone})
            case doubts.Dismissed(id=id, by=by) | doubts.Withdrawn(id=id, by=by):
                self._take_back(dict.fromkeys(self._of_doubts.get(id, ()), by))
            case event if id := doubt_of(event, seq):
                of_it = self._of_doubts.setdefault(id, [])
                of_it.append(index)
                if isinstance(event, doubts.Published) and of_it[0] in self._gone:  # opened again
                    for each in of_it:
                        self._gone.pop(each, None)
                    self._cut(of_it[0])
            case _:
                pass

    def _take_back(self, gone: dict[int, str | None]) -> None:
        """Tell of these events, in rising order, none but the staff and whom they are mapped to."""
        if gone:
            self._gone |= gone
            for index, whose in gone.items():
                self._is_own(whose, index)
            self._cut(next(iter(gone)))

    def _cut(self, index: int) -> None:
        for run in self._runs.values():
            run.cut(index)

    def _is_own(self, member: str | None, index: int) -> None:
        """Know that the member is shown something else of this event than others, if it is not known."""
        if member is not None:
            own = self._own.setdefault(member, [])
            at = bisect_left(own, index)
            if own[at : at + 1] != [index]:
                own.insert(at, index)

    def _forget(self) -> None:
        self._events = []
        self._head = 0
        about = (self._of_messages, self._of_doubts, self._gone)
        for made in (self._own, self._appointed, *about, self._runs, self._joined):
            made.clear()


def _author(event: Event) -> str | None:
    """Whose message the event tells. They are told that it was promoted, too: else they would keep it under its first id."""
    match event:
        case Said(by=by):
            return by
        case Promoted(message=message):
            return message.by
        case _:
            return None
