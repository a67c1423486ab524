"""A roster driven as a room drives it: name and role in force, decide, number, apply; every event goes through its
encoding on the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from classroom.kernel import SYSTEM, Context, Event, Member, Meta, Rejected, Role
from classroom.rooms.roster import rules
from classroom.rooms.roster.model import Attend, Person, Roster, RosterCommand, RosterEvent, StartClass

TEACHER = Member("teacher-1", "Meera", Role.INSTRUCTOR)
SECOND = Member("teacher-2", "Anil", Role.INSTRUCTOR)
HELPER = Member("helper-1", "Dev", Role.ASSISTANT)
MATE = Member("helper-2", "Nita", Role.ASSISTANT)
ASHA = Member("asha-1", "Asha", Role.STUDENT)
RAVI = Member("ravi-1", "Ravi", Role.STUDENT)
LENA = Member("lena-1", "Lena", Role.STUDENT)
PEOPLE = (TEACHER, SECOND, HELPER, MATE, ASHA, RAVI, LENA)

START = 1_700_000_000_000
MINUTE = 60_000


def recoded(event: Event) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=RosterEvent)


def encoded(thing: Any) -> bytes:
    return msgspec.msgpack.encode(thing)


def person(member: Member) -> Person:
    return Person(id=member.id, name=member.name, role=member.role)


class Playing:
    """`log` holds what happened; `states` the encoded state after as many events as the index says."""

    def __init__(self) -> None:
        self.state = Roster()
        self.now = START
        self.log: list[tuple[Meta, Any]] = []
        self.states = [encoded(self.state)]

    def context(self, actor: Member) -> Context:
        """As `classroom.rooms.room.decide` makes it."""
        return Context(
            actor=Member(actor.id, rules.name_of(self.state, actor), rules.role_of(self.state, actor)),
            now=self.now,
            seq=len(self.log) + 1,
            phase=self.state.phase,
            started_at=self.state.started_at,
            muted_until=rules.muted_until(self.state, actor.id),
        )

    def do(self, actor: Member, command: RosterCommand) -> list[Any]:
        """Decide and apply. Returns the events."""
        before = encoded(self.state)
        try:
            events = rules.decide(self.state, command, self.context(actor))
        finally:
            assert encoded(self.state) == before, "deciding changed the state"
        return [self.happen(recoded(event), actor.id) for event in events]

    def happen(self, event: Any, by: str = "") -> Any:
        meta = Meta(len(self.log) + 1, self.now, by)
        rules.apply(self.state, event, meta)
        self.log.append((meta, event))
        self.states.append(encoded(self.state))
        return event

    def come(self, *members: Member) -> list[Any]:
        return self.do(SYSTEM, Attend(came=tuple(person(member) for member in members)))

    def go(self, *members: Member) -> list[Any]:
        return self.do(SYSTEM, Attend(went=tuple(member.id for member in members)))

    def refusal(self, actor: Member, command: RosterCommand) -> Rejected:
        """The refusal, which must come, change nothing, and have a sentence for a person."""
        before = len(self.log)
        with pytest.raises(Rejected) as caught:
            self.do(actor, command)
        assert len(self.log) == before
        assert caught.value.message.endswith(".")
        return caught.value

    def refused(self, actor: Member, command: RosterCommand) -> str:
        return self.refusal(actor, command).code


def live() -> Playing:
    """A class that everybody has come to."""
    room = Playing()
    room.come(*PEOPLE)
    room.do(TEACHER, StartClass())
    return room
