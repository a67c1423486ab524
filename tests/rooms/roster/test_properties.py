"""What holds for the roster whatever happens: random commands by random members, folded in every way there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.kernel import ALL, STAFF, SYSTEM, Audience, Member, Rejected, Role, audience_of
from classroom.rooms.roster import rules
from classroom.rooms.roster.model import (
    Appoint,
    Attend,
    Ban,
    EndClass,
    LowerHand,
    Mute,
    Person,
    RaiseHand,
    Remove,
    Rename,
    Roster,
    RosterCommand,
    RosterOwn,
    RosterView,
    StartClass,
    Unban,
    Unmute,
)
from tests.rooms.roster import client_fold
from tests.rooms.roster.client_fold import fold
from tests.rooms.roster.playing import ASHA, HELPER, LENA, PEOPLE, RAVI, TEACHER, Playing, encoded, recoded

HOLDS = settings(max_examples=30)
AUDIENCES = (ALL, STAFF, *(audience_of(member) for member in (TEACHER, HELPER, ASHA, RAVI, LENA)))
MARK = "because-"
HANDS = 4

ROLES = st.sampled_from([Role.INSTRUCTOR, Role.ASSISTANT, Role.STUDENT, Role.STUDENT])
IDS = st.sampled_from([*(member.id for member in PEOPLE), "nobody"])
SOME = st.lists(st.sampled_from(PEOPLE), max_size=3)
# Now and then somebody comes with another token than last time.
CAME = st.lists(
    st.one_of(
        st.sampled_from(PEOPLE).map(lambda member: Person(id=member.id, name=member.name, role=member.role)),
        st.builds(Person, id=IDS, name=st.sampled_from(["Asha", "Someone"]), role=ROLES),
    ),
    max_size=4,
)
ATTEND = st.builds(
    lambda came, went: Attend(came=tuple(came), went=tuple(member.id for member in went)), came=CAME, went=SOME
)
COMMANDS = st.one_of(
    ATTEND,
    ATTEND,
    ATTEND,
    st.builds(RaiseHand, on=st.sampled_from([True, True, False])),
    st.builds(RaiseHand),
    st.builds(LowerHand, member=st.one_of(st.none(), IDS)),
    st.builds(Mute, member=IDS, minutes=st.integers(0, 3)),
    st.builds(Unmute, member=IDS),
    st.builds(Remove, member=IDS, reason=st.just(MARK + "removed")),
    st.builds(Ban, member=IDS, reason=st.just(MARK + "banned")),
    st.builds(Unban, member=IDS),
    st.builds(Rename, name=st.sampled_from(["Asha", "New", " New ", ""]), member=st.one_of(st.none(), IDS)),
    st.builds(Appoint, member=IDS, role=ROLES),
    st.builds(Appoint, member=IDS, role=ROLES),
    st.builds(StartClass),
    st.builds(EndClass),
)
# Instructors twice, so that more is granted than refused.
ACTORS = st.sampled_from([*PEOPLE, *PEOPLE[:2]])
# Hypothesis makes lists little longer than they must be, and short ones seldom come to the point.
STEPS = st.lists(st.tuples(ACTORS, COMMANDS, st.sampled_from([0, 1, 90_000])), min_size=20, max_size=60)


@pytest.fixture(scope="module", autouse=True, params=[4, 1_000], ids=["a crowd", "few"])
def listed(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "LISTED", request.param)
        patch.setattr(client_fold, "LISTED", request.param)
        patch.setattr(rules, "HANDS_LIMIT", HANDS)
        yield


def played(steps: list[tuple[Member, RosterCommand, int]]) -> Playing:
    room = Playing()
    room.come(*PEOPLE[: len(steps) % len(PEOPLE)])
    for actor, command, passed in steps:
        room.now += passed
        with suppress(Rejected):
            room.do(SYSTEM if isinstance(command, Attend) else actor, command)
    return room


def state_at(room: Playing, seq: int) -> Roster:
    return msgspec.msgpack.decode(room.states[seq], type=Roster)


def by_id(view: RosterView) -> RosterView:
    """The order of `people` says nothing."""
    view.people.sort(key=lambda person: person.id)
    return view


@HOLDS
@given(STEPS, st.data())
def test_replaying_from_the_start_or_from_any_snapshot_gives_the_same_bytes(steps: Any, data: Any) -> None:
    room = played(steps)
    for start in (0, data.draw(st.integers(0, len(room.log)))):
        state = state_at(room, start)
        for meta, event in room.log[start:]:
            rules.apply(state, event, meta)
        assert encoded(state) == room.states[-1]


@HOLDS
@given(STEPS, st.sampled_from(AUDIENCES), st.data())
def test_a_client_that_folds_what_it_is_shown_has_what_a_newcomer_gets(
    steps: Any, audience: Audience, data: Any
) -> None:
    room = played(steps)
    start = data.draw(st.integers(0, len(room.log)), label="joins after")
    joined = state_at(room, start)
    view = msgspec.msgpack.decode(encoded(rules.show(joined, audience)), type=RosterView)
    own = msgspec.msgpack.decode(encoded(rules.own(joined, audience)), type=RosterOwn)
    for meta, event in room.log[start:]:
        shown = rules.view(event, audience)
        if shown is not None:
            fold(view, own, recoded(shown), meta.seq, meta.at, audience.member, staff=audience.kind == "staff")
    assert by_id(view) == by_id(rules.show(room.state, audience))
    assert own == rules.own(room.state, audience)


@HOLDS
@given(STEPS)
def test_what_always_holds_holds(steps: Any) -> None:
    room = played(steps)
    for seq in range(len(room.states)):
        state = state_at(room, seq)
        staff = [record.id for record in state.members.values() if record.role.staff]
        assert sorted(state.staff) == sorted(staff)
        assert len(state.hands) <= HANDS
        for record in state.members.values():
            assert not (record.banned and record.role is Role.INSTRUCTOR)
            assert not (record.appointed and record.role is Role.INSTRUCTOR)


@HOLDS
@given(STEPS, ROLES, IDS)
def test_instructors_rights_come_from_a_token_alone(steps: Any, role: Role, id: str) -> None:
    room = played(steps)
    in_force = rules.role_of(room.state, Member(id, "Any", role))
    assert (in_force is Role.INSTRUCTOR) == (role is Role.INSTRUCTOR)


@HOLDS
@given(STEPS)
def test_students_learn_nothing_of_the_moderation_of_others(steps: Any) -> None:
    room = played(steps)
    for audience in (ALL, audience_of(ASHA), audience_of(RAVI), audience_of(LENA)):
        for _, event in room.log:
            if getattr(event, "member", None) != audience.member:
                shown = encoded(rules.view(event, audience))
                assert MARK.encode() not in shown
                assert b"muted" not in shown
        for seq in range(len(room.states)):
            shown = encoded(rules.show(state_at(room, seq), audience).people)
            assert not any(secret in shown for secret in (MARK.encode(), b"muted_until", b"banned"))


@HOLDS
@given(STEPS)
def test_students_see_no_student_but_those_with_a_hand_up(steps: Any) -> None:
    room = played(steps)
    for seq in range(len(room.states)):
        state = state_at(room, seq)
        shown = rules.show(state, ALL)
        assert all(person.role.staff for person in shown.people)
        assert [hand.id for hand in shown.hands] == list(state.hands)
        assert all(hand == msgspec.convert([hand.id, hand.name, hand.role], Person) for hand in state.hands.values())


@HOLDS
@given(STEPS)
def test_only_addressees_are_shown_something_else_than_others_of_their_kind(steps: Any) -> None:
    room = played(steps)
    for _, event in room.log:
        for member in PEOPLE:
            audience = audience_of(member)
            plain = Audience("staff") if member.role.staff else ALL
            if member.id not in rules.addressees(event):
                assert rules.view(event, audience) == rules.view(event, plain)
