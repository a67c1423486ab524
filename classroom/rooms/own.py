"""What members are shown of their own in a flush.

What always holds: a member's own packet has, in the log's order, what their group is shown at length, in place of some what
this member alone is shown. What is shown to nobody here costs nothing: a crowd's votes are many events, of which each voter is
shown one.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from classroom.kernel import Event, Stored
from classroom.packets import Packet
from classroom.rooms import room as rooms
from classroom.rooms.groups import events_packet, item
from classroom.rooms.session import Session


class Own:
    """Of a flush's events, what is some members' alone. `members`: who is here."""

    def __init__(self, pending: Sequence[Stored], members: Container[str]) -> None:
        self._pending = pending
        self._shares: dict[str, dict[int, Event]] = {}  # by the member's id, by index
        for index, stored in enumerate(pending):
            for member, share in rooms.shares(stored.event, members).items():
                self._shares.setdefault(member, {})[index] = share

    def __len__(self) -> int:
        return len(self._shares)

    def __iter__(self) -> Iterator[str]:
        """The ids of those who are shown something."""
        return iter(self._shares)

    def packet(self, session: Session, shown: dict[int, bytes], since: int) -> Packet | None:
        """What one session is sent after place `since`, if anything. `shown`: by index, what its group is shown."""
        codec = session.link.codec
        mine: dict[int, bytes | None] = {**shown}
        for index, share in self._shares.get(session.member.id, {}).items():
            mine[index] = item(codec, Stored(self._pending[index].meta, share), session.audience)
        seen = [each for at, each in sorted(mine.items()) if each is not None and self._pending[at].meta.seq > since]
        return events_packet(codec, seen)
