"""What returning members are sent is what each of them is shown, whoever was sent it before."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any, SupportsIndex

import msgspec
import pytest

from classroom import wire
from classroom.chat import model as chat
from classroom.chat.model import Deleted, Edited, Pinned, Promoted, Said
from classroom.doubts import model as doubts
from classroom.kernel import ALL, STAFF, Member, Role, Stored
from classroom.rooms import missed as module
from classroom.rooms import room as rooms
from classroom.rooms.missed import KEPT_SECONDS, Missed
from classroom.rooms.replica import Replica
from classroom.rooms.roster.model import Appointed
from classroom.rooms.session import Session
from classroom.wire import Codec
from tests.following import Following, truth
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


def taken_back() -> list[Stored]:
    """The log of a lesson in which much is taken back."""
    lesson = lessons.opened("taken back")
    lesson.tick((TEACHER, chat.Configure(crowd=1)))
    many = [Member(f"c{number}", f"C {number}", Role.STUDENT) for number in range(30)]
    lessons.at_once(lesson, *((member, chat.Say(text=f"Hello from {member.name}")) for member in many))
    lessons.at_once(lesson, (ASHA, chat.Say(text="Not shown")), (RAVI, chat.Say(text="Not shown, either")))
    his = list(lesson.room.chat.crowd.messages)[-1]
    hers = list(lesson.room.chat.crowd.messages)[-2]
    lesson.tick((ASHA, chat.React(id=hers, emoji="🤔")), (HELPER, chat.React(id=his, emoji="👍")))
    shown = [lesson.tick((TEACHER, chat.Promote(id=id))) for id in (hers, his)]
    lesson.tick((HELPER, chat.Pin(id=shown[0])))
    lesson.tick((RAVI, chat.React(id=shown[1], emoji="🤔")), (RAVI, chat.Edit(id=his, text="Shown")))
    lesson.tick((HELPER, chat.Delete(id=shown[0])), (HELPER, chat.Delete(id=his)))
    lesson.now += 60_000
    said = lesson.tick((RAVI, chat.Say(text="Said")))
    lesson.tick((ASHA, chat.React(id=said, emoji="👍")))
    lesson.tick((TEACHER, chat.Pin(id=said)), (RAVI, chat.Edit(id=said, text="Changed")))
    lesson.tick((RAVI, chat.Delete(id=said)))
    asked = [lesson.tick((ZOYA, doubts.Ask(text=f"Doubt {number}", anonymous=number == 1))) for number in range(5)]
    for id in asked[:4]:
        lesson.tick((HELPER, doubts.Approve(id=id)))
        lesson.tick((RAVI, doubts.Vote(id=id)))
    lesson.tick((TEACHER, doubts.Answer(id=asked[1], text="An answer")))
    lesson.tick((TEACHER, doubts.Pin(id=asked[1])))
    lesson.tick((TEACHER, doubts.Start(id=asked[0])), (TEACHER, doubts.Reopen(id=asked[1])))
    for id in asked[:2]:
        lesson.tick((TEACHER, doubts.Dismiss(id=id, reason="Later")))
    lesson.tick((ZOYA, doubts.Withdraw(id=asked[2])), (TEACHER, doubts.Dismiss(id=asked[3], reason="Not now")))
    lesson.tick((TEACHER, doubts.Dismiss(id=asked[4], reason="Never")))
    lesson.tick((TEACHER, doubts.Reopen(id=asked[1])), (TEACHER, doubts.Reopen(id=asked[3])))
    lesson.tick((TEACHER, doubts.Start(id=asked[1])))
    lesson.tick((TEACHER, doubts.Dismiss(id=asked[3], reason="After all")))
    return lesson.log


LOGS = logs() | {"taken back": taken_back()}


class Wire:
    """As much of a link as is asked for here."""

    way = "plain"

    def __init__(self, codec: Codec) -> None:
        self.codec = codec


def replica_of(log: list[Stored], upto: int, recent: int = 2_000) -> Replica:
    replica = Replica("a", None, lambda _events: None, recent=recent)  # type: ignore[arg-type]
    for stored in log[:upto]:
        rooms.apply(replica.state, stored)
        replica.recent.append(stored)
    return replica


def alone(log: list[Stored], session: Session, since: int) -> bytes | None:
    """What this one missed, made for nobody else."""
    if any(isinstance(s.event, Appointed) and s.event.member == session.member.id for s in log[since:]):
        return None
    left = [s for s in log[since:] if session.audience.sees_all or not is_taken_back(s, log, session.member.id)]
    shown = ((s.meta, rooms.view(s.event, session.audience)) for s in left)
    codec = session.link.codec
    return wire.join(codec, [wire.item(codec, meta, event) for meta, event in shown if event is not None])


def is_taken_back(stored: Stored, log: list[Stored], me: str) -> bool:
    """Whether this has words in it that somebody else wrote, of a message that is not there any more."""
    names = {s.meta.seq: s.event.id for s in log if isinstance(s.event, Promoted)}  # a promoted message has two
    gone = {names.get(id, id) for id in (s.event.id for s in log if isinstance(s.event, Deleted))}
    match stored.event:
        case Said(by=by):
            return stored.meta.seq in gone and by != me
        case Promoted(id=id, message=message):
            return id in gone and message.by != me
        case Edited(id=id) | Pinned(id=id):
            return names.get(id, id) in gone
        case doubts.Asked():
            return is_put_aside(stored.meta.seq, log, me)
        case doubts.Published(id=id) | doubts.Started(id=id, back=None) | doubts.Answered(id=id) | doubts.Pinned(id=id):
            return is_put_aside(id, log, me)
        case _:
            return False


def is_put_aside(doubt: int, log: list[Stored], me: str) -> bool:
    """Whether somebody else's doubt was dismissed or withdrawn, and not opened again."""
    moved = doubts.Published | doubts.Dismissed | doubts.Withdrawn
    last = next((s.event for s in reversed(log) if isinstance(s.event, moved) and s.event.id == doubt), None)
    return isinstance(last, doubts.Dismissed | doubts.Withdrawn) and last.by != me


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


@pytest.mark.parametrize("name", sorted(LOGS))
def test_who_comes_back_knows_what_a_newcomer_is_told(name: str) -> None:
    log = LOGS[name]
    until = len(log) // 2
    missed = Missed(replica := replica_of(log, until))
    for upto in (until, len(log)):
        for stored in log[replica.seq : upto]:
            rooms.apply(replica.state, stored)
            replica.recent.append(stored)
        step = max(1, upto // 60)
        for since in range(upto % step, upto + 1, step):
            before = replica_of(log, since).state
            for member in EVERYONE:
                session = Session(member, Wire(Codec.JSON))  # type: ignore[arg-type]
                told = missed.since(since, session, 0.0)
                if told is None:  # their role is another
                    continue
                following = Following()
                following.welcome(welcome(before, session))
                following.resumed({"seq": upto, "events": json.loads(told)})
                known, true = map(json.loads, (following.picture(), truth(replica.state, session.audience)))
                assert known == true, (member.name, since)


def welcome(state: rooms.Room, session: Session) -> dict[str, Any]:
    audience = session.audience
    shown = rooms.show(state, STAFF if audience.sees_all else ALL), rooms.own(state, audience)
    me = wire.Me(session.member.id, session.member.name, session.member.role)
    label = wire.RoomLabel("a", "A")
    parts = msgspec.to_builtins(shown, str_keys=True)
    told = wire.WelcomeRaw(label, me, "e", "", state.seq, 0, "", parts[1], parts[0])
    plain: dict[str, Any] = msgspec.to_builtins(told, str_keys=True)
    return plain


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


def test_what_came_before_a_message_that_is_deleted_is_not_encoded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    lesson = lessons.opened("one after the other")
    said = [lesson.tick((RAVI, chat.Say(text=str(number)))) for number in range(50)]
    lesson.tick((TEACHER, chat.Delete(id=said[40])))
    log = lesson.log
    replica = replica_of(log, len(log) - 1)
    missed = Missed(replica)
    made: list[int] = []
    item = module.item

    def counted(codec: Codec, stored: Stored, audience: Any) -> bytes | None:
        made.append(stored.meta.seq)
        return item(codec, stored, audience)

    monkeypatch.setattr(module, "item", counted)
    sessions = [Session(member, Wire(Codec.JSON)) for member in (TEACHER, ASHA)]  # type: ignore[arg-type]
    for session in sessions:
        assert missed.since(0, session, 0.0) == alone(log[:-1], session, 0)
    rooms.apply(replica.state, log[-1])
    replica.recent.append(log[-1])
    made.clear()
    for session in sessions:
        assert missed.since(0, session, 0.0) == alone(log, session, 0)
    assert made == [len(log), *range(said[40] + 1, len(log) + 1)]  # for the staff, and for students


@pytest.mark.parametrize("name", ["polls", "doubts"])
def test_what_is_further_back_than_is_kept_is_let_go_and_the_rest_stays_right(name: str) -> None:
    log = LOGS[name]
    replica = replica_of(log, 4, recent=4)
    missed = Missed(replica)
    sessions = [Session(member, Wire(Codec.JSON)) for member in EVERYONE]  # type: ignore[arg-type]
    for upto in (4, 5, 7, *range(8, len(log) - 6), len(log)):  # by one, by some, and by more than is kept
        for stored in log[replica.seq : upto]:
            rooms.apply(replica.state, stored)
            replica.recent.append(stored)
        for session in sessions:
            assert missed.since(upto - 5, session, 0.0) is None
            for since in range(upto - 4, upto + 1):
                assert missed.since(since, session, 0.0) == alone(log[:upto], session, since)
        assert len(missed._events) <= 3 * 4


class Looked(deque[Stored]):
    """Counts how often one of them is looked at."""

    looks = 0

    def __getitem__(self, index: SupportsIndex) -> Stored:  # type: ignore[override]
        self.looks += 1
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Stored]:
        self.looks += len(self)
        return super().__iter__()


def test_those_who_come_back_do_not_each_look_through_all_that_was_missed() -> None:
    log = LOGS["polls"]
    replica = replica_of(log, len(log))
    replica.recent = looked = Looked(replica.recent, maxlen=2_000)
    missed = Missed(replica)
    voters = [Session(member, Wire(Codec.JSON)) for member in (ASHA, RAVI)]  # type: ignore[arg-type]
    others = [Session(Member(f"m{n}", "S", Role.STUDENT), Wire(Codec.JSON)) for n in range(500)]  # type: ignore[arg-type]
    sent = [missed.since(0, session, 0.0) for session in (*voters, *others)]
    assert sent[:2] == [alone(log, session, 0) for session in voters]
    assert sent[0] != sent[2]
    assert all(each is sent[2] for each in sent[2:])
    assert looked.looks <= len(log) + len(sent)


def test_what_was_made_is_let_go_when_nobody_comes_back_any_more() -> None:
    log = LOGS["polls"]
    missed = Missed(replica_of(log, len(log)))
    session = Session(ASHA, Wire(Codec.JSON))  # type: ignore[arg-type]
    missed.since(0, session, 100.0)
    missed.rest(100.0 + KEPT_SECONDS)
    assert missed._events
    missed.rest(101.0 + KEPT_SECONDS)
    assert not missed._events
    assert missed.since(0, session, 200.0) == alone(log, session, 0)
