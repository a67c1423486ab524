"""Presence: who is in a room. A count for everybody about once a second, and attendance for the log in batches.

What always holds: members are counted once however many devices they have; a reconnect within the grace is neither a
going nor a coming; the count is the sum over edges, and an edge that falls silent is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

from classroom.bus.port import Counted
from classroom.kernel import Member
from classroom.rooms.roster.model import Attend, Person, Record

GRACE = 10.0  # seconds after the last connection's end until a member counts as gone
SAY_EVERY = 4.5  # seconds between two counts that are the same, at the least
FORGET = 15.0  # seconds after which an edge that says nothing is taken for gone
ATTEND_BATCH = 1_000  # people in one attendance command at most


class Presence:
    """Who of `room` is at this edge, and how many elsewhere. `time`: a monotonic clock in seconds."""

    def __init__(self, edge: str, time: Callable[[], float]) -> None:
        self._edge = edge
        self._time = time
        self._here: dict[str, Member] = {}
        self._leaving: dict[str, float] = {}
        self._came: dict[str, Member] = {}
        self._went: dict[str, None] = {}
        self._edges: dict[str, tuple[int, float]] = {}
        self._said = -1
        self._say_at = 0.0

    def came(self, member: Member) -> None:
        """The member's first connection here."""
        self._leaving.pop(member.id, None)
        self._went.pop(member.id, None)
        self._here[member.id] = member
        self._came[member.id] = member

    def left(self, member: str) -> None:
        """The member's last connection here has ended."""
        if member in self._here:
            self._leaving[member] = self._time() + GRACE

    def heard(self, counted: Counted) -> bool:
        """Another edge's (or this one's) count. Whether it is another than before."""
        before = self._edges.get(counted.edge)
        if counted.edge != self._edge and before is None:
            self._say_at = 0.0  # it has heard of nobody yet
        self._edges[counted.edge] = (counted.count, self._time())
        return counted.edge != self._edge and (before is None or before[0] != counted.count)

    def news(self) -> Counted | None:
        """How many are at this edge now, those within their grace included, for the others to know; None: they know. Asked
        about once a second."""
        now, count = self._time(), len(self._here)
        if count == self._said and now < self._say_at:
            return None
        self._said, self._say_at = count, now + SAY_EVERY
        return Counted(self._edge, count)

    def count(self) -> int:
        """How many are in the room, over all edges that were heard lately."""
        if self._edges.keys() <= {self._edge}:
            return len(self._here)
        now = self._time()
        for edge in [e for e, (_, heard) in self._edges.items() if now - heard > FORGET]:
            del self._edges[edge]
        others = sum(count for edge, (count, _) in self._edges.items() if edge != self._edge)
        return others + len(self._here)

    def attendance(self, records: dict[str, Record]) -> Attend | None:
        """What the log does not know yet, as one command; None: nothing new. Asked about once a second."""
        if not (self._leaving or self._came or self._went):
            return None
        now = self._time()
        for id in [id for id, until in self._leaving.items() if until <= now]:
            del self._leaving[id]
            del self._here[id]
            self._came.pop(id, None)
            self._went[id] = None
        came = []
        for member in list(self._came.values())[:ATTEND_BATCH]:
            del self._came[member.id]
            known = records.get(member.id)
            if known is None or not known.present or known.edge != self._edge:
                came.append(Person(member.id, member.name, member.role))
        gone = list(self._went)[:ATTEND_BATCH]
        for id in gone:
            del self._went[id]
        went = [id for id in gone if id in records and records[id].present and records[id].edge == self._edge]
        return Attend(came=tuple(came), went=tuple(went), edge=self._edge) if came or went else None

    def again(self, attend: Attend) -> None:
        """The log did not take it: say it again next time, unless it is no longer so."""
        for person in attend.came:
            if person.id in self._here:
                self._came.setdefault(person.id, self._here[person.id])
        for id in attend.went:
            if id not in self._here:
                self._went[id] = None

    @property
    def busy(self) -> bool:
        """Somebody comes or goes, of which the log or the grace knows nothing yet."""
        return bool(self._leaving or self._came or self._went)

    @property
    def empty(self) -> bool:
        """Nobody is here and the log knows it."""
        return not (self._here or self._came or self._went)
