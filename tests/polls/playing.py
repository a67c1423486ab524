"""Polls driven as a room drives them: decide, number, apply; every event goes through its encoding on the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from classroom.kernel import SYSTEM, Context, Event, Member, Meta, Phase, Rejected, Role
from classroom.polls import rules
from classroom.polls.model import Open, PollCommand, PollEvent, PollKind, Polls, Prepare, Spec, Vote

TEACHER = Member("teacher-1", "Meera", Role.INSTRUCTOR)
HELPER = Member("helper-1", "Dev", Role.ASSISTANT)
ASHA = Member("asha-1", "Asha", Role.STUDENT)
RAVI = Member("ravi-1", "Ravi", Role.STUDENT)
LENA = Member("lena-1", "Lena", Role.STUDENT)
MEMBERS = (TEACHER, HELPER, ASHA, RAVI, LENA, SYSTEM)

START = 1_700_000_000_000
ENDED = {"phase": Phase.ENDED}

SINGLE = Spec(question="Which?", kind=PollKind.SINGLE, options=("red", "green", "blue"))
MULTIPLE = Spec(question="Which ones?", kind=PollKind.MULTIPLE, options=("red", "green", "blue"))
QUIZ = Spec(question="Right?", kind=PollKind.QUIZ, options=("one", "two", "three"), right=(1,))
QUIZ_OF_TWO = Spec(question="Right ones?", kind=PollKind.QUIZ, options=("a", "b", "c"), right=(0, 2))
RATING = Spec(question="How well?", kind=PollKind.RATING, scale=4)
TEXT = Spec(question="In a word?", kind=PollKind.TEXT)


def recoded(event: Event) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=PollEvent)


def encoded(thing: Any) -> bytes:
    return msgspec.msgpack.encode(thing)


class Playing:
    """`log` holds what happened; `states` the encoded state after as many events as the index says."""

    def __init__(self) -> None:
        self.state = Polls()
        self.now = START
        self.log: list[tuple[Meta, Any]] = []
        self.states = [encoded(self.state)]

    def do(self, actor: Member, command: PollCommand, **changes: Any) -> list[Any]:
        """Decide and apply; `changes` are to the context. Returns the events."""
        before = encoded(self.state)
        context = Context(**{"actor": actor, "now": self.now, "seq": len(self.log) + 1, **changes})
        try:
            events = rules.decide(self.state, command, context)
        finally:
            assert encoded(self.state) == before, "deciding changed the state"
        return [self.happen(recoded(event), actor.id) for event in events]

    def happen(self, event: Any, by: str = "") -> Any:
        meta = Meta(len(self.log) + 1, self.now, by)
        rules.apply(self.state, event, meta)
        self.log.append((meta, event))
        self.states.append(encoded(self.state))
        return event

    def prepared(self, spec: Spec) -> int:
        """Prepare a poll; its id."""
        self.do(TEACHER, Prepare(spec=spec))
        return len(self.log)

    def opened(self, spec: Spec) -> int:
        """Prepare and open a poll; its id."""
        id = self.prepared(spec)
        self.do(TEACHER, Open(id=id))
        return id

    def vote(self, actor: Member, id: int, *choice: int, text: str | None = None, **changes: Any) -> list[Any]:
        return self.do(actor, Vote(id=id, choice=choice, text=text), **changes)

    def refused(self, actor: Member, command: PollCommand, **changes: Any) -> str:
        """The code of the refusal, which must come, change nothing, and have a sentence for a person."""
        before = len(self.log)
        with pytest.raises(Rejected) as caught:
            self.do(actor, command, **changes)
        assert len(self.log) == before
        assert caught.value.message.endswith(".")
        return caught.value.code
