"""Doubts driven as a room drives them: decide, number, apply; every event goes through its encoding on the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from classroom.doubts import rules
from classroom.doubts.model import (
    Answer,
    Approve,
    Ask,
    Configure,
    Dismiss,
    DoubtCommand,
    DoubtEvent,
    Doubts,
    Merge,
    Start,
    Withdraw,
)
from classroom.kernel import SYSTEM, Context, Event, Member, Meta, Phase, Rejected, Role

TEACHER = Member("teacher", "Meera", Role.INSTRUCTOR)
HELPER = Member("helper", "Dev", Role.ASSISTANT)
ASHA = Member("id-asha", "Asha", Role.STUDENT)
RAVI = Member("id-ravi", "Ravi", Role.STUDENT)
ZOYA = Member("id-zoya", "Zoya", Role.STUDENT)
VOTER = Member("id-voter", "Voter", Role.STUDENT)
MEMBERS = (TEACHER, HELPER, ASHA, RAVI, ZOYA, VOTER, SYSTEM)

START = 1_700_000_000_000
LIVE_SINCE = START - 60_000


def recoded(event: Event) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=DoubtEvent)


def encoded(thing: Any) -> bytes:
    return msgspec.msgpack.encode(thing)


class Playing:
    """`log` holds what happened; `states` the encoded state after as many events as the index says. With `merging`,
    neighbours in the log that can be told as one are kept as one, as the owner of a room does within a batch."""

    def __init__(self, *, merging: bool = False) -> None:
        self.state = Doubts()
        self.now = START
        self.merging = merging
        self.log: list[tuple[Meta, Any]] = []
        self.states = [encoded(self.state)]

    def context(self, actor: Member, **changes: Any) -> Context:
        usual = {"actor": actor, "now": self.now, "seq": len(self.log) + 1, "started_at": LIVE_SINCE}
        return Context(**{**usual, **changes})

    def do(self, actor: Member, command: DoubtCommand, **changes: Any) -> list[Any]:
        """Decide and apply; `changes` are to the context. Returns the events."""
        before = encoded(self.state)
        try:
            events = rules.decide(self.state, command, self.context(actor, **changes))
        finally:
            assert encoded(self.state) == before, "deciding changed the state"
        return [self.happen(recoded(event), actor.id) for event in events]

    def happen(self, event: Any, by: str = "") -> Any:
        if self.merging and self.log:
            meta, previous = self.log[-1]
            merged = rules.merge(previous, event)
            if merged is not None:
                rules.apply(self.state, event, meta)
                self.log[-1] = (meta, recoded(merged))
                self.states[-1] = encoded(self.state)
                return event
        meta = Meta(len(self.log) + 1, self.now, by)
        rules.apply(self.state, event, meta)
        self.log.append((meta, event))
        self.states.append(encoded(self.state))
        return event

    def ask(self, actor: Member, text: str = "why?", *, anonymous: bool = False) -> int:
        """Ask; the doubt's id."""
        self.do(actor, Ask(text=text, anonymous=anonymous))
        return len(self.log)

    def ask_open(self, actor: Member, text: str = "why?", *, anonymous: bool = False) -> int:
        """Ask and have it approved where that is needed; the doubt's id."""
        id = self.ask(actor, text, anonymous=anonymous)
        self.do(TEACHER, Approve(id=id))
        return id

    def ask_in(self, actor: Member, state: str) -> int:
        """Ask and bring the doubt to a state; its id."""
        id = self.ask(actor) if state in ("pending", "withdrawn") else self.ask_open(actor)
        match state:
            case "pending" | "open":
                pass
            case "answering":
                self.do(TEACHER, Start(id=id))
            case "answered":
                self.do(TEACHER, Answer(id=id, text="because"))
            case "dismissed":
                self.do(TEACHER, Dismiss(id=id, reason="off topic"))
            case "withdrawn":
                self.do(actor, Withdraw(id=id))
            case "merged":
                self.do(TEACHER, Merge(id=id, into=self.ask_open(TEACHER, "the other")))
            case _:
                raise AssertionError(state)
        assert self.state.doubts[id].state == state
        return id

    def unmoderated(self) -> Playing:
        self.do(TEACHER, Configure(moderated=False))
        return self

    def refused(self, actor: Member, command: DoubtCommand, **changes: Any) -> Rejected:
        """The refusal, which must come, must change nothing, and must have a sentence for a person."""
        before = len(self.log)
        with pytest.raises(Rejected) as caught:
            self.do(actor, command, **changes)
        assert len(self.log) == before
        assert caught.value.message.endswith((".", "?"))
        return caught.value


MUTED = {"muted_until": START + 10_000_000}
ENDED = {"phase": Phase.ENDED}
STATES = ("pending", "open", "answering", "answered", "dismissed", "withdrawn", "merged")
