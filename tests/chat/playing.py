"""A chat driven as a room drives it: decide, number, apply; every event goes through its encoding on the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from classroom.chat import rules
from classroom.chat.model import Chat, ChatCommand, ChatEvent, Say
from classroom.kernel import SYSTEM, Context, Event, Member, Meta, Phase, Rejected, Role

TEACHER = Member("teacher", "Meera", Role.INSTRUCTOR)
HELPER = Member("helper", "Dev", Role.ASSISTANT)
ASHA = Member("asha", "Asha", Role.STUDENT)
RAVI = Member("ravi", "Ravi", Role.STUDENT)
LURKER = Member("lurker", "Lurker", Role.STUDENT)
MEMBERS = (TEACHER, HELPER, ASHA, RAVI, LURKER, SYSTEM)

START = 1_700_000_000_000


def recoded(event: Event) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=ChatEvent)


def encoded(thing: Any) -> bytes:
    return msgspec.msgpack.encode(thing)


class Playing:
    """`log` holds what happened; `states` the encoded state after as many events as the index says."""

    def __init__(self) -> None:
        self.state = Chat()
        self.now = START
        self.log: list[tuple[Meta, Any]] = []
        self.states = [encoded(self.state)]

    def context(self, actor: Member, **changes: Any) -> Context:
        return Context(**{"actor": actor, "now": self.now, "seq": len(self.log) + 1, **changes})

    def do(self, actor: Member, command: ChatCommand, **changes: Any) -> list[Any]:
        """Decide and apply; `changes` are to the context. Returns the events."""
        before = encoded(self.state)
        try:
            events = rules.decide(self.state, command, self.context(actor, **changes))
        finally:
            assert encoded(self.state) == before, "deciding changed the state"
        return [self.happen(recoded(event), actor.id) for event in events]

    def happen(self, event: Any, by: str = "") -> Any:
        meta = Meta(len(self.log) + 1, self.now, by)
        rules.apply(self.state, event, meta)
        self.log.append((meta, event))
        self.states.append(encoded(self.state))
        return event

    def say(self, actor: Member, text: str = "hello", **fields: Any) -> int:
        """Say something; the message's id."""
        self.do(actor, Say(text=text, **fields))
        return len(self.log)

    def refused(self, actor: Member, command: ChatCommand, **changes: Any) -> Rejected:
        """The refusal, which must come, must change nothing, and must have a sentence for a person."""
        before = len(self.log)
        with pytest.raises(Rejected) as caught:
            self.do(actor, command, **changes)
        assert len(self.log) == before
        assert caught.value.message.endswith((".", "?"))
        return caught.value


MUTED = {"muted_until": START + 10_000_000}
ENDED = {"phase": Phase.ENDED}
