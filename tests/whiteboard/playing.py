"""A board driven as a room drives it: decide, number, apply; every event goes through its encoding on the way."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from classroom.kernel import SYSTEM, Context, Event, Member, Meta, Phase, Rejected, Role
from classroom.whiteboard import rules
from classroom.whiteboard.model import Board, BoardCommand, BoardEvent, Change, Delete, Gone, Put
from tests.vectors.drawing import fields

TEACHER = Member("teacher-1", "Meera", Role.INSTRUCTOR)
HELPER = Member("helper-1", "Dev", Role.ASSISTANT)
ASHA = Member("asha-1", "Asha", Role.STUDENT)
RAVI = Member("ravi-1", "Ravi", Role.STUDENT)
LENA = Member("lena-1", "Lena", Role.STUDENT)
MEMBERS = (TEACHER, HELPER, ASHA, RAVI, LENA, SYSTEM)

START = 1_700_000_000_000
ENDED = {"phase": Phase.ENDED}
MUTED = {"muted_until": START + 60_000}


def recoded(event: Event) -> Any:
    """As it comes out of the journal, which keeps JSON."""
    return msgspec.json.decode(msgspec.json.encode(event), type=BoardEvent)


def encoded(thing: Any) -> bytes:
    return msgspec.msgpack.encode(thing)


def text(points: bytes) -> str:
    return b64encode(points).decode()


class Playing:
    """`log` holds what happened; `states` the encoded state after as many events as the index says."""

    def __init__(self) -> None:
        self.state = Board()
        self.now = START
        self.log: list[tuple[Meta, Any]] = []
        self.states = [encoded(self.state)]
        self._nonce = 0

    def do(self, actor: Member, command: BoardCommand, **changes: Any) -> list[Any]:
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

    def refused(self, actor: Member, command: BoardCommand, **changes: Any) -> str:
        """The code of the refusal, which must come, change nothing, and have a sentence for a person."""
        before = len(self.log)
        with pytest.raises(Rejected) as caught:
            self.do(actor, command, **changes)
        assert len(self.log) == before
        assert caught.value.message.endswith(".")
        return caught.value.code

    # --- drawing, as a client does it from what it sees now -------------------------------------------------------

    def nonce(self) -> int:
        self._nonce += 1
        return 1_000 + self._nonce

    def put(self, actor: Member, id: str, page: int = 0, *, step: int = 0, **set: Any) -> list[Any]:
        """A new rectangle, or a change of what there is."""
        element = self.state.pages[page].elements.get(id)
        change = (
            Change(id=id, version=1, nonce=self.nonce(), set=fields("rectangle", 0, 0) | set)
            if element is None
            else Change(id=id, version=element.version + 1, nonce=self.nonce(), base=element.nonce, set=set)
        )
        return self.do(actor, Put(page=page, changes=(change,), step=step))

    def delete(self, actor: Member, id: str, page: int = 0, step: int = 0) -> list[Any]:
        version = self.state.pages[page].elements[id].version
        return self.do(actor, Delete(page=page, elements=(Gone(id, version + 1, self.nonce()),), step=step))

    def element(self, id: str, page: int = 0) -> dict[str, Any] | None:
        """An element as it is now."""
        element = self.state.pages[page].elements.get(id)
        if element is None:
            return None
        found: dict[str, Any] = json.loads(element.body)
        assert (found["id"], found["version"], found["versionNonce"]) == (id, element.version, element.nonce)
        return found

    def at(self, id: str, page: int = 0) -> float | None:
        """Where it stands, by its x; None: nowhere."""
        found = self.element(id, page)
        return None if found is None else found["x"]
