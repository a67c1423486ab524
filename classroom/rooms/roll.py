"""The members of a group in a row, and beside each what every packet needs of its connection.

What always holds: whoever is in is in once; a `Row` that is lent stays as it is, whoever comes and goes meanwhile.

A crowd's sessions and connections lie all over memory, and fetching each of them for each packet is most of what writing to it
costs besides the kernel's part. What is needed of them while all is well lies in columns here.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Self

from classroom.rooms.session import Session


class Columns:
    """What there is of each session: `descriptors`, `slots`, as of `Link`. `lent`: to how many."""

    __slots__ = ("_at", "descriptors", "lent", "sessions", "slots")

    def __init__(self) -> None:
        self._at: dict[Session, int] | None = {}
        self.sessions: list[Session] = []
        self.descriptors = array("i")
        self.slots = array("i")
        self.lent = 0

    @property
    def at(self) -> dict[Session, int]:
        """Where each stands."""
        if self._at is None:
            self._at = {session: place for place, session in enumerate(self.sessions)}
        return self._at

    def copy(self) -> Columns:
        other = Columns()
        other._at, other.sessions = self.at.copy(), self.sessions.copy()
        other.descriptors, other.slots = self.descriptors[:], self.slots[:]
        return other

    def add(self, session: Session) -> None:
        link = session.link
        self.at[session] = len(self.sessions)
        self.sessions.append(session)
        self.descriptors.append(link.descriptor)
        self.slots.append(link.slot)

    def part(self, start: int, stop: int) -> Columns:
        """Of those between two places."""
        other = Columns()
        other.extend(self, start, stop)
        return other

    def extend(self, other: Columns, start: int, stop: int) -> None:
        """All between two places of other columns, behind those who are here."""
        self._at = None
        self.sessions += other.sessions[start:stop]
        self.descriptors += other.descriptors[start:stop]
        self.slots += other.slots[start:stop]

    def discard(self, session: Session) -> None:
        """The last takes its place."""
        place, last = self.at.pop(session), self.sessions[-1]
        if last is not session:
            self.at[last] = place
            self.sessions[place] = last
            self.descriptors[place], self.slots[place] = self.descriptors[-1], self.slots[-1]
        del self.sessions[-1], self.descriptors[-1], self.slots[-1]


class Row(Collection[Session]):
    """Some who stand one behind the other."""

    __slots__ = ("_columns", "_start", "_stop")

    def __init__(self, columns: Columns, start: int, stop: int) -> None:
        self._columns = columns
        self._start, self._stop = start, min(stop, len(columns.sessions))

    @classmethod
    def of(cls, sessions: Iterable[Session]) -> Self:
        """Of any sessions, each of them once."""
        columns = Columns()
        for session in sessions:
            columns.add(session)
        return cls(columns, 0, len(columns.sessions))

    @classmethod
    def chain(cls, rows: Sequence[Row]) -> Row:
        """Of some rows, nobody of whom stands in two of them, one behind the other."""
        if len(rows) == 1:
            return rows[0]
        columns = Columns()
        for row in rows:
            columns.extend(row._columns, row._start, row._stop)
        return cls(columns, 0, len(columns.sessions))

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[Session]:
        return iter(self._columns.sessions[self._start : self._stop])

    def __getitem__(self, at: int) -> Session:
        """The one at a place from 0 on."""
        return self._columns.sessions[self._start + at]

    def __contains__(self, session: object) -> bool:
        return isinstance(session, Session) and self._start <= self._columns.at.get(session, -1) < self._stop

    @property
    def columns(self) -> Columns:
        """What there is of each. Not to be changed."""
        if self._stop - self._start < len(self._columns.sessions):
            return self._columns.part(self._start, self._stop)
        return self._columns

    def without(self, some: Collection[Session]) -> Row:
        """Those who are not among `some`, as they stand."""
        left, start = Columns(), self._start
        for place in sorted(place for place in map(self.place, some) if place is not None):
            left.extend(self._columns, start, self._start + place)
            start = self._start + place + 1
        left.extend(self._columns, start, self._stop)
        return Row(left, 0, len(left.sessions))

    def part(self, start: int, stop: int) -> Row:
        """Those between two places of this row."""
        return Row(self._columns, self._start + start, min(self._start + stop, self._stop))

    def place(self, session: Session) -> int | None:
        """Where a session stands in this row, if it does."""
        return self._columns.at[session] - self._start if session in self else None

    def lend(self) -> None:
        """From now on it stays as it is, until it is given back."""
        self._columns.lent += 1

    def give_back(self) -> None:
        self._columns.lent -= 1


class Roll(Collection[Session]):
    """Those who are in."""

    __slots__ = ("_columns",)

    def __init__(self) -> None:
        self._columns = Columns()

    def __len__(self) -> int:
        return len(self._columns.sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._columns.sessions)

    def __contains__(self, session: object) -> bool:
        return session in self._columns.at

    def add(self, session: Session) -> None:
        if session not in self:
            self._own().add(session)

    def discard(self, session: Session) -> None:
        if session in self:
            self._own().discard(session)

    @property
    def row(self) -> Row:
        """All of them, until somebody comes or goes."""
        return Row(self._columns, 0, len(self))

    def _own(self) -> Columns:
        """What may be changed: not what is lent."""
        if self._columns.lent:
            self._columns = self._columns.copy()
        return self._columns
