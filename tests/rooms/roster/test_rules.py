"""The roster's rules by example: one block per command, then what is shown to whom."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from classroom.kernel import ALL, RECORD, STAFF, SYSTEM, Member, Meta, Phase, Role, audience_of
from classroom.rooms.roster import rules
from classroom.rooms.roster.model import (
    HANDS_LIMIT,
    LISTED,
    NAME_LIMIT,
    REASON_LIMIT,
    Appoint,
    Appointed,
    Attend,
    Attended,
    Ban,
    Banned,
    ClassEnded,
    ClassStarted,
    EndClass,
    HandLowered,
    HandRaised,
    LowerHand,
    Mute,
    Muted,
    Person,
    PersonView,
    RaiseHand,
    Record,
    Remove,
    Removed,
    Rename,
    Renamed,
    Roster,
    RosterOwn,
    RosterView,
    StartClass,
    Unban,
    Unmute,
)
from tests.rooms.roster.playing import (
    ASHA,
    HELPER,
    LENA,
    MATE,
    MINUTE,
    PEOPLE,
    RAVI,
    SECOND,
    START,
    TEACHER,
    Playing,
    encoded,
    live,
    person,
)


@pytest.fixture
def room() -> Playing:
    return live()


class TestHands:
    def test_hands_are_kept_in_the_order_they_were_raised(self, room: Playing) -> None:
        raised = HandRaised(member="ravi-1", name="Ravi", role=Role.STUDENT)
        assert room.do(RAVI, RaiseHand()) == [raised]
        room.do(HELPER, RaiseHand())
        room.do(ASHA, RaiseHand())
        assert list(room.state.hands) == ["ravi-1", "helper-1", "asha-1"]
        assert room.do(HELPER, RaiseHand(on=False)) == [HandLowered(members=("helper-1",))]
        room.do(HELPER, RaiseHand())
        assert list(room.state.hands) == ["ravi-1", "asha-1", "helper-1"]

    def test_what_is_so_already_is_acknowledged(self, room: Playing) -> None:
        assert room.do(ASHA, RaiseHand(on=False)) == []
        room.do(ASHA, RaiseHand())
        assert room.do(ASHA, RaiseHand()) == []

    def test_muted_students_may_raise_a_hand(self, room: Playing) -> None:
        room.do(HELPER, Mute(member="asha-1"))
        assert len(room.do(ASHA, RaiseHand())) == 1

    def test_a_hand_may_be_up_before_the_class_and_before_attendance_is_taken(self) -> None:
        waiting = Playing()
        assert len(waiting.do(ASHA, RaiseHand())) == 1
        assert rules.show(waiting.state, ALL).hands == [PersonView(id="asha-1", name="Asha", role=Role.STUDENT)]
        assert waiting.do(HELPER, LowerHand(member="asha-1")) == [HandLowered(members=("asha-1",), by_staff=True)]

    def test_after_the_class_only_staff_raise_hands_and_anyone_lowers_their_own(self, room: Playing) -> None:
        room.do(TEACHER, EndClass())
        assert room.refused(ASHA, RaiseHand()) == "class_ended"
        assert room.do(ASHA, RaiseHand(on=False)) == []
        assert len(room.do(HELPER, RaiseHand())) == 1

    def test_only_so_many_hands_are_up_at_once(self, room: Playing) -> None:
        for n in range(HANDS_LIMIT):
            rules.apply(room.state, HandRaised(member=f"m{n}", name="M"), Meta(100 + n, START, ""))
        refusal = room.refusal(ASHA, RaiseHand())
        assert (refusal.code, refusal.temporary) == ("too_many", True)

    def test_staff_lower_one_hand_or_all(self, room: Playing) -> None:
        for member in (ASHA, RAVI, LENA):
            room.do(member, RaiseHand())
        assert room.do(HELPER, LowerHand(member="ravi-1")) == [HandLowered(members=("ravi-1",), by_staff=True)]
        assert room.do(HELPER, LowerHand(member="ravi-1")) == []
        assert room.do(HELPER, LowerHand()) == [HandLowered(members=("asha-1", "lena-1"), by_staff=True)]
        assert room.do(HELPER, LowerHand()) == []
        assert room.state.hands == {}
        assert room.refused(HELPER, LowerHand(member="nobody")) == "not_found"


class TestMute:
    def test_a_student_is_muted_for_so_many_minutes_and_unmuted(self, room: Playing) -> None:
        until = START + 5 * MINUTE
        assert room.do(HELPER, Mute(member="asha-1", minutes=5)) == [Muted(member="asha-1", until=until)]
        assert rules.muted_until(room.state, "asha-1") == until
        assert room.do(HELPER, Mute(member="asha-1", minutes=5)) == []
        assert room.do(HELPER, Unmute(member="asha-1")) == [Muted(member="asha-1", until=0)]
        assert rules.muted_until(room.state, "asha-1") == 0
        assert room.do(HELPER, Unmute(member="asha-1")) == []

    def test_it_passes_by_itself(self, room: Playing) -> None:
        room.do(HELPER, Mute(member="asha-1", minutes=1))
        room.now += MINUTE
        assert room.do(HELPER, Unmute(member="asha-1")) == []

    @pytest.mark.parametrize("minutes", [0, -1, 24 * 60 + 1])
    def test_it_lasts_a_minute_to_a_day(self, room: Playing, minutes: int) -> None:
        assert room.refused(HELPER, Mute(member="asha-1", minutes=minutes)) == "bad_request"
        assert len(room.do(HELPER, Mute(member="asha-1", minutes=1))) == 1
        assert len(room.do(HELPER, Mute(member="asha-1", minutes=24 * 60))) == 1

    def test_nobody_unknown_is_muted(self, room: Playing) -> None:
        assert rules.muted_until(room.state, "nobody") == 0


class TestRemoveAndBan:
    def test_a_removed_student_loses_their_hand_and_may_come_back(self, room: Playing) -> None:
        room.do(ASHA, RaiseHand())
        assert room.do(HELPER, Remove(member="asha-1", reason=" noise\x00 ")) == [
            Removed(member="asha-1", reason="noise"),
            HandLowered(members=("asha-1",), by_staff=True),
        ]
        assert not rules.is_banned(room.state, "asha-1")
        assert room.do(HELPER, Remove(member="asha-1")) == [Removed(member="asha-1")]

    def test_a_banned_student_loses_their_hand_and_stays_out_until_unbanned(self, room: Playing) -> None:
        room.do(ASHA, RaiseHand())
        assert room.do(HELPER, Ban(member="asha-1", reason="spam")) == [
            Banned(member="asha-1", reason="spam"),
            HandLowered(members=("asha-1",), by_staff=True),
        ]
        assert rules.is_banned(room.state, "asha-1")
        assert room.do(HELPER, Ban(member="asha-1")) == []
        assert room.do(HELPER, Unban(member="asha-1")) == [Banned(member="asha-1", on=False)]
        assert not rules.is_banned(room.state, "asha-1")
        assert room.do(HELPER, Unban(member="asha-1")) == []
        assert not rules.is_banned(room.state, "nobody")

    @pytest.mark.parametrize("command", [Remove, Ban])
    def test_a_reason_may_be_left_out_but_not_be_a_novel(self, room: Playing, command: type[Remove | Ban]) -> None:
        assert room.refused(HELPER, command(member="asha-1", reason="r" * (REASON_LIMIT + 1))) == "too_long"
        for nothing, member in ((" \n ", "asha-1"), ("\u200b\x01", "ravi-1")):
            [event] = room.do(HELPER, command(member=member, reason=nothing))
            assert event.reason == ""


@pytest.mark.parametrize("command", [Mute, Unmute, Remove, Ban, Unban])
class TestTargets:
    def test_must_be_known(self, room: Playing, command: type[Mute | Unmute | Remove | Ban | Unban]) -> None:
        assert room.refused(TEACHER, command(member="nobody")) == "not_found"

    def test_assistants_act_on_students_alone(
        self, room: Playing, command: type[Mute | Unmute | Remove | Ban | Unban]
    ) -> None:
        room.do(HELPER, command(member="asha-1"))
        for member in (MATE, HELPER, TEACHER):
            assert room.refused(HELPER, command(member=member.id)) == "forbidden"

    def test_instructors_act_on_assistants_too_but_not_on_instructors(
        self, room: Playing, command: type[Mute | Unmute | Remove | Ban | Unban]
    ) -> None:
        room.do(TEACHER, command(member="helper-1"))
        for member in (TEACHER, SECOND):
            assert room.refused(TEACHER, command(member=member.id)) == "forbidden"


class TestRename:
    def test_ones_own_name_in_one_line(self, room: Playing) -> None:
        assert room.do(ASHA, Rename(name=" Asha\n\t of  4b\x00 ")) == [Renamed(member="asha-1", name="Asha of 4b")]
        assert rules.name_of(room.state, ASHA) == "Asha of 4b"
        assert room.do(ASHA, Rename(name="Asha of 4b")) == []

    def test_the_chosen_name_outlives_the_tokens(self, room: Playing) -> None:
        room.do(ASHA, Rename(name="Ash"))
        room.go(ASHA)
        [event] = room.come(ASHA)
        assert event.came == (Person(id="asha-1", name="Ash", role=Role.STUDENT),)
        assert rules.name_of(room.state, RAVI) == "Ravi"
        assert rules.name_of(room.state, Member("new", "New", Role.STUDENT)) == "New"

    def test_a_raised_hand_goes_by_the_new_role(self, room: Playing) -> None:
        room.do(ASHA, RaiseHand())
        room.do(TEACHER, Appoint(member="asha-1", role=Role.ASSISTANT))
        assert [hand.role for hand in rules.show(room.state, ALL).hands] == [Role.ASSISTANT]

    def test_a_raised_hand_goes_by_the_new_name(self, room: Playing) -> None:
        room.do(ASHA, RaiseHand())
        room.do(RAVI, RaiseHand())
        room.do(ASHA, Rename(name="Ash"))
        assert [hand.name for hand in rules.show(room.state, ALL).hands] == ["Ash", "Ravi"]

    def test_staff_rename_students_and_nobody_else(self, room: Playing) -> None:
        assert room.do(HELPER, Rename(name="Asha K", member="asha-1")) == [Renamed(member="asha-1", name="Asha K")]
        assert len(room.do(HELPER, Rename(name="Deva", member="helper-1"))) == 1
        for target in ("helper-2", "teacher-1"):
            assert room.refused(HELPER, Rename(name="X", member=target)) == "forbidden"
            assert room.refused(SECOND, Rename(name="X", member=target)) == "forbidden"
        assert room.refused(HELPER, Rename(name="X", member="nobody")) == "not_found"
        assert room.refused(ASHA, Rename(name="X", member="ravi-1")) == "forbidden"

    def test_the_muted_keep_their_name_until_they_may_speak(self, room: Playing) -> None:
        room.do(HELPER, Mute(member="asha-1", minutes=1))
        refusal = room.refusal(ASHA, Rename(name="Ash"))
        assert (refusal.code, refusal.temporary, refusal.until) == ("muted", True, START + MINUTE)
        room.now += MINUTE
        assert len(room.do(ASHA, Rename(name="Ash"))) == 1

    def test_nobody_takes_a_name_that_looks_like_anothers(self, room: Playing) -> None:
        assert room.do(ASHA, Rename(name="Ravi\u200b\u202e")) == [Renamed(member="asha-1", name="Ravi")]
        assert room.refused(ASHA, Rename(name="\u200b")) == "empty"

    @pytest.mark.parametrize(("name", "code"), [(" \n ", "empty"), ("n" * (NAME_LIMIT + 1), "too_long")])
    def test_a_name_has_some_letters_and_not_too_many(self, room: Playing, name: str, code: str) -> None:
        assert room.refused(ASHA, Rename(name=name)) == code
        assert len(room.do(ASHA, Rename(name="n" * NAME_LIMIT))) == 1

    def test_who_has_only_just_come_in_is_asked_to_try_again(self, room: Playing) -> None:
        refusal = room.refusal(Member("new", "New", Role.STUDENT), Rename(name="Newer"))
        assert (refusal.code, refusal.temporary) == ("not_found", True)


class TestAppoint:
    def test_a_student_becomes_an_assistant_and_a_student_again(self, room: Playing) -> None:
        assert room.do(TEACHER, Appoint(member="asha-1", role=Role.ASSISTANT)) == [
            Appointed(member="asha-1", name="Asha", role=Role.ASSISTANT, present=True)
        ]
        assert rules.role_of(room.state, ASHA) is Role.ASSISTANT
        assert room.state.staff[-1] == "asha-1"
        assert room.do(TEACHER, Appoint(member="asha-1", role=Role.ASSISTANT)) == []
        room.do(TEACHER, Appoint(member="asha-1", role=Role.STUDENT))
        assert rules.role_of(room.state, ASHA) is Role.STUDENT
        assert "asha-1" not in room.state.staff

    def test_the_appointment_overrides_the_tokens_role_also_after_coming_back(self, room: Playing) -> None:
        room.do(TEACHER, Appoint(member="helper-1", role=Role.STUDENT))
        room.do(TEACHER, Appoint(member="asha-1", role=Role.ASSISTANT))
        room.go(ASHA, HELPER)
        [event] = room.come(ASHA, HELPER)
        assert [each.role for each in event.came] == [Role.ASSISTANT, Role.STUDENT]
        assert rules.role_of(room.state, HELPER) is Role.STUDENT

    def test_an_instructors_token_stands_above_any_appointment(self, room: Playing) -> None:
        room.do(TEACHER, Appoint(member="asha-1", role=Role.ASSISTANT))
        promoted = replace(ASHA, role=Role.INSTRUCTOR)
        assert rules.role_of(room.state, promoted) is Role.INSTRUCTOR
        room.come(promoted)
        assert room.state.members["asha-1"].role is Role.INSTRUCTOR
        # Their rights must not pass to a lesser token of the same member, and the appointment is over.
        assert rules.role_of(room.state, ASHA) is Role.STUDENT
        room.come(ASHA)
        assert rules.role_of(room.state, replace(ASHA, role=Role.ASSISTANT)) is Role.ASSISTANT

    def test_no_appointment_in_a_log_makes_an_instructor(self, room: Playing) -> None:
        room.happen(Appointed(member="asha-1", name="Asha", role=Role.INSTRUCTOR))
        assert rules.role_of(room.state, ASHA) is Role.STUDENT

    @pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.SYSTEM])
    def test_nobody_is_made_an_instructor(self, room: Playing, role: Role) -> None:
        assert room.refused(TEACHER, Appoint(member="asha-1", role=role)) == "bad_request"

    def test_only_instructors_appoint_and_never_instructors(self, room: Playing) -> None:
        assert room.refused(HELPER, Appoint(member="asha-1", role=Role.ASSISTANT)) == "forbidden"
        assert room.refused(TEACHER, Appoint(member="teacher-2", role=Role.STUDENT)) == "forbidden"
        assert room.refused(TEACHER, Appoint(member="nobody", role=Role.STUDENT)) == "not_found"

    def test_who_joins_the_staff_is_not_muted_and_not_banned(self, room: Playing) -> None:
        room.do(HELPER, Mute(member="asha-1"))
        assert room.do(TEACHER, Appoint(member="asha-1", role=Role.ASSISTANT)) == [
            Muted(member="asha-1", until=0),
            Appointed(member="asha-1", name="Asha", role=Role.ASSISTANT),
        ]
        room.do(HELPER, Ban(member="ravi-1"))
        assert room.refused(TEACHER, Appoint(member="ravi-1", role=Role.ASSISTANT)) == "wrong_state"

    def test_the_event_tells_students_whether_the_new_assistant_is_here(self, room: Playing) -> None:
        room.go(ASHA)
        [event] = room.do(TEACHER, Appoint(member="asha-1", role=Role.ASSISTANT))
        assert event.present is False


class TestClass:
    def test_it_starts_ends_and_goes_on_by_the_first_clock(self) -> None:
        room = Playing()
        assert room.state.phase is Phase.WAITING
        assert room.refused(TEACHER, EndClass()) == "wrong_state"
        assert room.do(TEACHER, StartClass()) == [ClassStarted(started_at=START)]
        assert room.do(TEACHER, StartClass()) == []
        room.now += 10
        assert room.do(TEACHER, EndClass()) == [ClassEnded()]
        assert (room.state.phase, room.state.started_at, room.state.ended_at) == (Phase.ENDED, START, START + 10)
        assert room.do(TEACHER, EndClass()) == []
        room.now += 10
        assert room.do(TEACHER, StartClass()) == [ClassStarted(started_at=START)]
        assert (room.state.phase, room.state.started_at, room.state.ended_at) == (Phase.LIVE, START, 0)

    def test_its_end_lowers_all_hands(self, room: Playing) -> None:
        room.do(ASHA, RaiseHand())
        room.do(RAVI, RaiseHand())
        assert room.do(TEACHER, EndClass()) == [
            ClassEnded(),
            HandLowered(members=("asha-1", "ravi-1"), by_staff=True),
        ]
        assert room.state.hands == {}


class TestAttend:
    def test_who_came_is_here_and_who_went_is_known(self) -> None:
        room = Playing()
        assert room.come(TEACHER, ASHA) == [Attended(came=(person(TEACHER), person(ASHA)))]
        assert room.go(TEACHER, ASHA) == [Attended(went=("teacher-1", "asha-1"), staff_went=("teacher-1",))]
        assert room.state.members == {
            "teacher-1": Record(id="teacher-1", name="Meera", role=Role.INSTRUCTOR),
            "asha-1": Record(id="asha-1", name="Asha", role=Role.STUDENT),
        }
        assert room.state.staff == ["teacher-1"]

    def test_what_is_known_already_is_left_out(self, room: Playing) -> None:
        assert room.come(ASHA, TEACHER) == []
        room.go(RAVI)
        assert room.go(RAVI, Member("nobody", "", Role.STUDENT)) == []
        new = Member("new", "New", Role.STUDENT)
        assert room.come(ASHA, new, new) == [Attended(came=(person(new),))]

    def test_who_went_and_came_is_here(self, room: Playing) -> None:
        assert room.do(SYSTEM, Attend(came=(person(ASHA),), went=("asha-1",))) == []
        assert room.do(SYSTEM, Attend(came=(person(ASHA),), went=("ravi-1", "ravi-1"))) == [Attended(went=("ravi-1",))]

    def test_a_new_name_and_role_of_the_token_are_taken(self, room: Playing) -> None:
        changed = Member("asha-1", "Asha K", Role.ASSISTANT)
        assert room.come(changed) == [Attended(came=(person(changed),))]
        assert room.state.staff[-1] == "asha-1"
        assert room.come(ASHA) == [Attended(came=(person(ASHA),), demoted=("asha-1",))]
        assert "asha-1" not in room.state.staff

    def test_who_comes_back_as_staff_is_not_muted(self, room: Playing) -> None:
        room.do(HELPER, Mute(member="asha-1"))
        promoted = replace(ASHA, role=Role.ASSISTANT)
        assert room.come(promoted) == [Muted(member="asha-1", until=0), Attended(came=(person(promoted),))]

    def test_the_hands_of_those_who_went_are_lowered(self, room: Playing) -> None:
        room.do(ASHA, RaiseHand())
        room.do(LENA, RaiseHand())
        assert room.go(RAVI, ASHA) == [Attended(went=("ravi-1", "asha-1")), HandLowered(members=("asha-1",))]
        assert list(room.state.hands) == ["lena-1"]

    def test_the_banned_do_not_come(self, room: Playing) -> None:
        room.do(HELPER, Ban(member="asha-1"))
        assert room.go(ASHA) == [Attended(went=("asha-1",))]
        assert room.come(ASHA) == []

    @pytest.mark.parametrize("actor", [TEACHER, HELPER, ASHA])
    def test_only_the_server_takes_attendance(self, room: Playing, actor: Member) -> None:
        assert room.refused(actor, Attend(went=("ravi-1",))) == "forbidden"


class TestApply:
    def test_events_about_unknown_members_do_nothing(self) -> None:
        state = Roster()
        for event in (
            Attended(went=("x",)),
            HandLowered(members=("x",)),
            Muted(member="x", until=5),
            Removed(member="x"),
            Banned(member="x"),
            Renamed(member="x", name="X"),
            Appointed(member="x", name="X", role=Role.ASSISTANT),
        ):
            rules.apply(state, event, Meta(1, START, ""))
        assert state == Roster()


class TestView:
    def test_students_see_only_the_staff_come_and_go(self) -> None:
        event = Attended(
            came=(person(ASHA), person(HELPER), person(RAVI)),
            went=("lena-1", "teacher-1"),
            staff_went=("teacher-1",),
            demoted=("ravi-1",),
        )
        shown = Attended(came=(person(HELPER),), went=("teacher-1",), demoted=("ravi-1",))
        assert rules.view(event, STAFF) == rules.view(event, RECORD) == event
        assert rules.view(event, ALL) == rules.view(event, audience_of(ASHA)) == shown
        assert rules.view(Attended(came=(person(ASHA),), went=("lena-1",)), ALL) is None

    @pytest.mark.parametrize(
        "event", [Muted(member="asha-1", until=5), Removed(member="asha-1", reason="r"), Banned(member="asha-1")]
    )
    def test_moderation_is_shown_to_the_staff_and_the_member(self, event: Muted | Removed | Banned) -> None:
        for audience in (STAFF, RECORD, audience_of(HELPER), audience_of(ASHA)):
            assert rules.view(event, audience) == event
        assert rules.view(event, ALL) is rules.view(event, audience_of(RAVI)) is None
        assert rules.addressees(event) == ("asha-1",)

    @pytest.mark.parametrize(
        "event",
        [
            HandRaised(member="asha-1", name="Asha"),
            HandLowered(members=("asha-1",)),
            Renamed(member="asha-1", name="Ash"),
            Appointed(member="asha-1", name="Asha", role=Role.ASSISTANT),
            ClassStarted(started_at=START),
            ClassEnded(),
        ],
    )
    def test_the_rest_is_shown_to_all(
        self, event: HandRaised | HandLowered | Renamed | Appointed | ClassStarted | ClassEnded
    ) -> None:
        for audience in (STAFF, RECORD, ALL, audience_of(RAVI)):
            assert rules.view(event, audience) == event
        assert rules.addressees(event) == ()


class TestShow:
    def test_students_see_the_staff_hands_and_phase(self, room: Playing) -> None:
        room.do(ASHA, RaiseHand())
        room.do(HELPER, Mute(member="asha-1"))
        room.do(TEACHER, Mute(member="helper-1"))
        room.go(MATE)
        assert rules.show(room.state, ALL) == RosterView(
            phase=Phase.LIVE,
            started_at=START,
            ended_at=0,
            hands=[PersonView(id="asha-1", name="Asha", role=Role.STUDENT)],
            people=[
                PersonView(id="teacher-1", name="Meera", role=Role.INSTRUCTOR, present=True),
                PersonView(id="teacher-2", name="Anil", role=Role.INSTRUCTOR, present=True),
                PersonView(id="helper-1", name="Dev", role=Role.ASSISTANT, present=True),
                PersonView(id="helper-2", name="Nita", role=Role.ASSISTANT),
            ],
            listed=True,
        )

    def test_staff_see_everybody_and_what_became_of_them(self, room: Playing) -> None:
        room.do(HELPER, Mute(member="asha-1", minutes=1))
        room.do(HELPER, Ban(member="ravi-1"))
        shown = rules.show(room.state, STAFF)
        people = {each.id: each for each in shown.people}
        assert (shown.listed, len(people)) == (True, len(PEOPLE))
        assert people["asha-1"].muted_until == START + MINUTE
        assert people["ravi-1"].banned

    def test_a_crowd_is_not_listed(self, room: Playing) -> None:
        crowd = [Member(f"m{n}", "M", Role.STUDENT) for n in range(LISTED - len(PEOPLE))]
        room.come(*crowd)
        shown = rules.show(room.state, STAFF)
        assert (shown.listed, len(shown.people)) == (True, LISTED)
        room.come(Member("one-more", "M", Role.STUDENT))
        shown = rules.show(room.state, STAFF)
        assert (shown.listed, [each.id for each in shown.people]) == (False, room.state.staff)

    def test_what_is_ones_own(self, room: Playing) -> None:
        room.do(HELPER, Mute(member="asha-1", minutes=1))
        assert rules.own(room.state, audience_of(ASHA)) == RosterOwn(muted_until=START + MINUTE)
        assert rules.own(room.state, audience_of(RAVI)) == rules.own(room.state, ALL) == RosterOwn()

    def test_what_students_are_sent_does_not_grow_with_the_room(self, room: Playing) -> None:
        before = encoded(rules.show(room.state, ALL))
        room.come(*(Member(f"m{n}", "M", Role.STUDENT) for n in range(2_000)))
        assert encoded(rules.show(room.state, ALL)) == before
