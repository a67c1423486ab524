"""Who may be on stage and do what there; and that the stage folds alike however it is come by."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.kernel import STAFF, SYSTEM, Member, Meta, Phase, Rejected, Role, Stored
from classroom.media import stage
from classroom.media.stage import Call, Leave, Limit, MuteSource, Publish, Source, StageView, Unpublish
from classroom.rooms import room as rooms
from classroom.rooms.roster import model as roster
from tests.media.client_fold import fold

TEACHER = Member("t1", "Meera", Role.INSTRUCTOR)
OTHER_TEACHER = Member("t2", "Anil", Role.INSTRUCTOR)
HELPER = Member("a1", "Dev", Role.ASSISTANT)
ASHA = Member("s1", "Asha", Role.STUDENT)
RAVI = Member("s2", "Ravi", Role.STUDENT)
MEMBERS = (TEACHER, OTHER_TEACHER, HELPER, ASHA, RAVI)
START = 1_700_000_000_000


def publish(member: Member, stream: str = "one", *sources: Source) -> Publish:
    return Publish(
        member=member.id,
        name=member.name,
        role=member.role,
        stream=stream,
        sources=sources or (Source.CAMERA, Source.MICROPHONE),
    )


class Class:
    """A room in which everybody is present and the class is live."""

    def __init__(self) -> None:
        self.room = rooms.Room()
        self.log: list[Stored] = []
        came = tuple(roster.Person(member.id, member.name, member.role) for member in MEMBERS)
        self.do(SYSTEM, roster.Attend(came=came))
        self.do(TEACHER, roster.StartClass())

    def do(self, actor: Member, command: Any) -> list[Any]:
        before = rooms.encode(self.room)
        try:
            events = rooms.decide(self.room, command, actor, START)
        finally:
            assert rooms.encode(self.room) == before, "deciding changed the state"
        for event in events:
            kept = msgspec.json.decode(msgspec.json.encode(event), type=rooms.AnyEvent)
            stored = Stored(Meta(self.room.seq + 1, START, actor.id), kept)
            rooms.apply(self.room, stored)
            self.log.append(stored)
        return events

    def refused(self, actor: Member, command: Any) -> str:
        with pytest.raises(Rejected) as caught:
            self.do(actor, command)
        assert caught.value.message.endswith(".")
        return caught.value.code

    @property
    def on_stage(self) -> list[str]:
        return list(self.room.stage.people)


ACTORS = {"instructor": TEACHER, "assistant": HELPER, "student": ASHA, "system": SYSTEM}
COMMANDS: dict[str, stage.StageCommand] = {
    "call": Call(member=RAVI.id),
    "leave": Leave(),
    "send off": Leave(member=RAVI.id),
    "send the instructor off": Leave(member=OTHER_TEACHER.id),
    "mute": MuteSource(member=RAVI.id),
    "mute the instructor": MuteSource(member=OTHER_TEACHER.id),
    "limit": Limit(most=3),
    "publish": publish(RAVI),
    "unpublish": Unpublish(member=OTHER_TEACHER.id, stream="theirs"),
}
NO = "forbidden"
TABLE = {
    # command                  instructor assistant student system; Ravi is on stage where "on" is said
    ("call", "off"): ("ok", "ok", NO, "ok"),
    ("call", "on"): ("nothing", "nothing", NO, "nothing"),
    ("leave", "off"): ("nothing", "nothing", "nothing", "nothing"),
    ("send off", "off"): ("nothing", "nothing", NO, "nothing"),
    ("send off", "on"): ("ok", "ok", NO, "ok"),
    ("send the instructor off", "off"): (NO, NO, NO, "ok"),
    ("mute", "off"): ("not_found", "not_found", NO, "not_found"),
    ("mute", "on"): ("ok", "ok", NO, "ok"),
    ("mute the instructor", "off"): (NO, NO, NO, "ok"),
    ("limit", "off"): ("ok", NO, NO, "ok"),
    ("publish", "off"): (NO, NO, NO, NO),
    ("publish", "on"): (NO, NO, NO, "ok"),
    ("unpublish", "off"): (NO, NO, NO, "ok"),
}


@pytest.mark.parametrize(("command", "where"), TABLE)
def test_every_role_may_do_what_the_table_says(command: str, where: str) -> None:
    for actor, expected in zip(ACTORS, TABLE[command, where], strict=True):
        lesson = Class()
        lesson.do(SYSTEM, publish(OTHER_TEACHER, "theirs"))
        if where == "on":
            lesson.do(TEACHER, Call(member=RAVI.id))
        try:
            outcome = "ok" if lesson.do(ACTORS[actor], COMMANDS[command]) else "nothing"
        except Rejected as refusal:
            outcome = refusal.code
        assert outcome == expected, actor


def test_the_table_has_every_command() -> None:
    assert {type(COMMANDS[command]) for command, _ in TABLE} == set(get_args(stage.StageCommand))


def test_a_raised_hand_called_on_stage_goes_down_and_may_publish_until_sent_off() -> None:
    lesson = Class()
    lesson.do(ASHA, roster.RaiseHand())
    with pytest.raises(Rejected):
        stage.may_publish(lesson.room.stage, ASHA, Phase.LIVE)

    lesson.do(HELPER, Call(member=ASHA.id))

    assert lesson.room.roster.hands == {}
    stage.may_publish(lesson.room.stage, ASHA, Phase.LIVE)
    lesson.do(SYSTEM, publish(ASHA, "s"))
    assert lesson.room.stage.people[ASHA.id].live == (Source.CAMERA, Source.MICROPHONE)

    lesson.do(HELPER, Leave(member=ASHA.id))

    assert lesson.on_stage == []
    assert lesson.refused(SYSTEM, publish(ASHA, "s")) == "forbidden"


def test_no_more_than_the_limit_come_on_stage_but_an_instructor_always_may() -> None:
    lesson = Class()
    lesson.do(TEACHER, Limit(most=1))
    lesson.do(TEACHER, Call(member=ASHA.id))

    assert lesson.refused(TEACHER, Call(member=RAVI.id)) == "too_many"
    assert lesson.refused(SYSTEM, publish(HELPER)) == "too_many"
    lesson.do(SYSTEM, publish(TEACHER))
    assert lesson.on_stage == [ASHA.id, TEACHER.id]
    for most in (0, stage.MOST_LIMIT + 1):
        assert lesson.refused(TEACHER, Limit(most=most)) == "bad_request"


@pytest.mark.parametrize(
    "command",
    [roster.Remove(member=ASHA.id), roster.Ban(member=ASHA.id), roster.EndClass()],
    ids=lambda c: type(c).__name__,
)
def test_whoever_is_put_out_leaves_the_stage_and_all_do_when_the_class_ends(command: Any) -> None:
    lesson = Class()
    lesson.do(TEACHER, Call(member=ASHA.id))

    lesson.do(TEACHER, command)

    assert lesson.on_stage == []


def test_an_assistant_who_is_one_no_more_is_off_the_stage() -> None:
    lesson = Class()
    lesson.do(SYSTEM, publish(HELPER))
    lesson.do(TEACHER, roster.Appoint(member=HELPER.id, role=Role.STUDENT))
    assert lesson.on_stage == []


def test_the_end_of_an_earlier_publication_does_not_end_a_later_one() -> None:
    lesson = Class()
    lesson.do(SYSTEM, publish(TEACHER, "one"))
    lesson.do(SYSTEM, publish(TEACHER, "two"))

    assert lesson.do(SYSTEM, Unpublish(member=TEACHER.id, stream="one")) == []
    assert lesson.on_stage == [TEACHER.id]
    lesson.do(SYSTEM, Unpublish(member=TEACHER.id, stream="two"))
    assert lesson.on_stage == []


def test_nobody_comes_on_stage_after_the_end_nor_unknown_nor_staff_by_a_call() -> None:
    lesson = Class()
    assert lesson.refused(TEACHER, Call(member="nobody")) == "not_found"
    assert lesson.refused(TEACHER, Call(member=HELPER.id)) == "wrong_state"
    lesson.do(TEACHER, roster.EndClass())
    assert lesson.refused(TEACHER, Call(member=ASHA.id)) == "class_ended"
    assert lesson.refused(SYSTEM, publish(TEACHER)) == "class_ended"


IDS = st.sampled_from([member.id for member in MEMBERS] + ["nobody"])
SOURCES = st.lists(st.sampled_from(list(Source)), unique=True, max_size=4).map(tuple)
STREAMS = st.sampled_from(["", "one", "two"])
WISHES = st.one_of(
    st.builds(Call, member=IDS),
    st.builds(Leave, member=st.none() | IDS),
    st.builds(MuteSource, member=IDS, source=st.sampled_from(list(Source)), on=st.booleans()),
    st.builds(Limit, most=st.integers(0, 26)),
    st.builds(publish, st.sampled_from(MEMBERS), STREAMS),
    st.builds(Unpublish, member=IDS, stream=STREAMS),
    st.just(roster.RaiseHand()),
    st.builds(roster.Remove, member=IDS),
    st.just(roster.EndClass()),
    st.just(roster.StartClass()),
)


@st.composite
def lessons(draw: Any) -> Class:
    lesson = Class()
    for actor, command in draw(st.lists(st.tuples(st.sampled_from((*MEMBERS, SYSTEM)), WISHES), max_size=40)):
        with suppress(Rejected):
            lesson.do(actor, command)
    return lesson


@settings(max_examples=60, deadline=None)
@given(lessons())
def test_replay_and_snapshot_with_tail_give_the_same_bytes(lesson: Class) -> None:
    whole, half = rooms.Room(), rooms.Room()
    for place, stored in enumerate(lesson.log):
        rooms.apply(whole, stored)
        if place == len(lesson.log) // 2:
            half = rooms.decode(rooms.encode(half))
        rooms.apply(half, stored)
    assert rooms.encode(whole) == rooms.encode(half) == rooms.encode(lesson.room)


@settings(max_examples=60, deadline=None)
@given(lessons(), st.data())
def test_a_client_that_folds_has_what_a_newcomer_gets(lesson: Class, data: Any) -> None:
    start = data.draw(st.integers(0, len(lesson.log)), label="joins after")
    joined = rooms.Room()
    for stored in lesson.log[:start]:
        rooms.apply(joined, stored)
    told = msgspec.json.decode(msgspec.json.encode(rooms.show(joined, STAFF).stage), type=StageView)
    for stored in lesson.log[start:]:
        if isinstance(stored.event, stage.StageEvent):
            fold(told, stored.event)
    assert told == rooms.show(lesson.room, STAFF).stage


@settings(max_examples=60, deadline=None)
@given(lessons())
def test_who_is_live_is_staff_or_was_called_and_only_instructors_exceed_the_limit(lesson: Class) -> None:
    called: set[str] = set()
    for stored in lesson.log:
        if isinstance(stored.event, stage.Called):
            called.add(stored.event.member)
    for person in lesson.room.stage.people.values():
        assert person.role is not Role.STUDENT or person.id in called
