"""A scripted lesson, and how it looks to whoever watches it: a golden vector.

What always holds: a vector is what the server itself says of the lesson; a client that starts from `welcome` and folds
`packets` has to arrive at `final`.

A vector is `{name, audiences: [{audience, me, welcome: {seq, state, own}, packets: [[event, …], …], final: {me, seq,
state, own}}]}`, everything as it stands on the wire. `final.state` is what a newcomer would be told, so a client
compares its newest messages alone, and leaves out the tallies of open polls, which come by signals.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from classroom.kernel import ALL, STAFF, SYSTEM, Event, Member, Meta, Rejected, Role, Stored, audience_of
from classroom.rooms import room as rooms
from classroom.rooms.roster import model as roster
from classroom.rooms.roster import rules as roster_rules
from classroom.wire import Codec, item

START = 1_760_000_000_000  # ms since 1970; any time does, as long as it stays
STEP = 700  # ms between two ticks of a lesson
PACKETS = (1, 3, 2, 7, 1, 12)  # how many events a packet holds, over and over

TEACHER = Member("t1", "Meera", Role.INSTRUCTOR)
HELPER = Member("a1", "Dev", Role.ASSISTANT)
ASHA = Member("s1", "Asha", Role.STUDENT)
RAVI = Member("s2", "Ravi", Role.STUDENT)
ZOYA = Member("s3", "Zoya", Role.STUDENT)

Wish = tuple[Member, rooms.AnyCommand]


class Lesson:
    """A room and its log, driven by ticks: what the members of one tick want is decided on the state before it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.room = rooms.Room()
        self.log: list[Stored] = []
        self.now = START

    @property
    def seq(self) -> int:
        return self.room.seq

    def tick(self, *wishes: Wish) -> int:
        """Let these happen. The seq of the first event. Raises `Rejected`."""
        self.now += STEP
        first = self.seq + 1
        events: list[tuple[str, Event]] = []
        for actor, command in wishes:
            for event in rooms.decide(self.room, command, actor, self.now):
                by, before = events[-1] if events else ("", None)
                both = rooms.merge(before, event) if before else None
                if both is None:
                    events.append((actor.id, event))
                else:
                    events[-1] = (by, both)
        for by, event in events:
            stored = Stored(Meta(self.seq + 1, self.now, by), event)
            rooms.apply(self.room, stored)
            self.log.append(stored)
        return first

    def attempt(self, *wishes: Wish) -> int | None:
        """The same, where a refusal is none of our business."""
        try:
            return self.tick(*wishes)
        except Rejected:
            return None

    def seen_by(self, member: Member, since: int) -> dict[str, Any]:
        """How the lesson looks to a member who came after the event at `since`."""
        before = rooms.Room()
        for stored in self.log[:since]:
            rooms.apply(before, stored)
        me = _me(before, member)
        audience = audience_of(me)
        return {
            "audience": audience.kind,
            "me": msgspec.to_builtins(me),
            "welcome": _told(before, me),
            "packets": list(_packets(self.log[since:], me)),
            "final": {"me": msgspec.to_builtins(_me(self.room, member)), **_told(self.room, me)},
        }

    def vector(self, *watchers: tuple[Member, int]) -> dict[str, Any]:
        return {"name": self.name, "audiences": [self.seen_by(member, since) for member, since in watchers]}


def _me(room: rooms.Room, member: Member) -> Member:
    return Member(member.id, roster_rules.name_of(room.roster, member), roster_rules.role_of(room.roster, member))


def _told(room: rooms.Room, me: Member) -> dict[str, Any]:
    audience = audience_of(me)
    shared = STAFF if audience.kind == "staff" else ALL
    return {
        "seq": room.seq,
        "state": msgspec.to_builtins(rooms.show(room, shared), str_keys=True),
        "own": msgspec.to_builtins(rooms.own(room, audience), str_keys=True),
    }


def _packets(log: Iterable[Stored], me: Member) -> Iterator[list[dict[str, Any]]]:
    audience = audience_of(me)
    shown = (
        json.loads(item(Codec.JSON, stored.meta, event))
        for stored in log
        if (event := rooms.view(stored.event, audience)) is not None
    )
    packet: list[dict[str, Any]] = []
    sizes = _cycle()
    size = next(sizes)
    for event in shown:
        packet.append(event)
        if len(packet) == size:
            yield packet
            packet, size = [], next(sizes)
    if packet:
        yield packet


def _cycle() -> Iterator[int]:
    while True:
        yield from PACKETS


def attend(*came: Member, went: tuple[Member, ...] = ()) -> Wish:
    """The server's own record of who came and who went."""
    people = tuple(roster.Person(member.id, member.name, member.role) for member in came)
    return SYSTEM, roster.Attend(came=people, went=tuple(member.id for member in went))
