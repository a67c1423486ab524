"""What returning members are sent is what each of them is shown, whoever was sent it before."""

from __future__ import annotations

from typing import Any

import pytest

from classroom import wire
from classroom.kernel import Member, Role, Stored
from classroom.rooms import missed as module
from classroom.rooms import room as rooms
from classroom.rooms.missed import KEPT_SECONDS, Missed
from classroom.rooms.replica import Replica
from classroom.rooms.roster.model import Appointed
from classroom.rooms.session import Session
from classroom.wire import Codec
from tests.vectors import lessons
from tests.vectors.lesson import ASHA, HELPER, RAVI, TEACHER, ZOYA, Lesson

EVERYONE = (TEACHER, HELPER, ASHA, RAVI, ZOYA, Member("nobody", "Nobody", Role.STUDENT))


def logs() -> dict[str, list[Stored]]:
    """The logs of all lessons that there are golden vectors of."""
    found: dict[str, list[Stored]] = {}

    class Kept(Lesson):
        def vector(self, *_: Any) -> dict[str, Any]:
            found[self.name] = self.log
            return {"name": self.name}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons, "Lesson", Kept)
        for lesson in lessons.ALL:
            lesson()
    return found


LOGS = logs()


class Wire:
    """As much of a link as is asked for here."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec


def replica_of(log: list[Stored], upto: int) -> Replica:
    replica = Replica("a", None, lambda _events: None)  # type: ignore[arg-type]
    for stored in log[:upto]:
        rooms.apply(replica.state, stored)
        replica.recent.append(stored)
    return replica


def alone(log: list[Stored], session: Session, since: int) -> bytes | None:
    """What this one missed, made for nobody else."""
    if any(isinstance(s.event, Appointed) and s.event.member == session.member.id for s in log[since:]):
        return None
    shown = ((s.meta, rooms.view(s.event, session.audience)) for s in log[since:])
    codec = session.link.codec
    return wire.join(codec, [wire.item(codec, meta, event) for meta, event in shown if event is not None])


@pytest.mark.parametrize("name", sorted(LOGS))
def test_everybody_is_sent_what_they_are_shown(name: str) -> None:
    log = LOGS[name]
    replica = replica_of(log, len(log) // 2)
    missed = Missed(replica)
    sessions = [Session(member, Wire(codec)) for member in EVERYONE for codec in Codec]  # type: ignore[arg-type]
    for upto in (len(log) // 2, len(log)):
        for stored in log[replica.seq : upto]:
            rooms.apply(replica.state, stored)
            replica.recent.append(stored)
        for since in (0, 1, upto // 3, upto - 1, upto):
            for session in sessions:
                assert missed.since(since, session, 0.0) == alone(log[:upto], session, since)


def test_each_event_is_encoded_once_however_many_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    log = LOGS["polls"]
    made: list[int] = []
    item = module.item

    def counted(codec: Codec, stored: Stored, audience: Any) -> bytes | None:
        made.append(stored.meta.seq)
        return item(codec, stored, audience)

    monkeypatch.setattr(module, "item", counted)
    missed = Missed(replica_of(log, len(log)))
    for number in range(500):
        session = Session(Member(f"m{number}", "Somebody", Role.STUDENT), Wire(Codec.JSON))  # type: ignore[arg-type]
        assert missed.since(number % 20, session, 0.0) is not None
    assert sorted(made) == list(range(1, len(log) + 1))


def test_what_was_made_is_let_go_when_nobody_comes_back_any_more() -> None:
    log = LOGS["polls"]
    missed = Missed(replica_of(log, len(log)))
    session = Session(ASHA, Wire(Codec.JSON))  # type: ignore[arg-type]
    missed.since(0, session, 100.0)
    missed.rest(100.0 + KEPT_SECONDS)
    assert missed._made
    missed.rest(101.0 + KEPT_SECONDS)
    assert not missed._made
    assert missed.since(0, session, 200.0) == alone(log, session, 0)
