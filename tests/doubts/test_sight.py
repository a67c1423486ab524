"""Who is shown what of doubts, by example; what holds for any sequence is in test_properties."""

from __future__ import annotations

import pytest

from classroom.doubts import rules
from classroom.doubts.model import (
    Answer,
    Answered,
    Approve,
    Asked,
    Configured,
    Dismissed,
    DoubtState,
    Merge,
    Merged,
    Pinned,
    Published,
    Start,
    Started,
    Tick,
    Vote,
    Voted,
    Withdrawn,
)
from classroom.kernel import ALL, RECORD, STAFF, audience_of
from tests.doubts.playing import ASHA, HELPER, RAVI, TEACHER, VOTER, ZOYA, Playing

PENDING, OPEN = DoubtState.PENDING, DoubtState.OPEN
KNOWING = (STAFF, RECORD, audience_of(TEACHER), audience_of(ASHA))
OTHERS = (ALL, audience_of(RAVI))


def shown(event, audiences) -> list:
    return [rules.view(event, audience) for audience in audiences]


class TestEvents:
    def test_a_pending_doubt_is_shown_to_staff_and_asker_alone(self) -> None:
        event = Asked(text="why?", state=PENDING, by=ASHA.id, name="Asha")
        assert shown(event, KNOWING) == [event] * 4
        assert shown(event, OTHERS) == [None] * 2
        assert rules.addressees(event) == (ASHA.id,)

    def test_an_open_doubt_is_shown_to_all_with_its_asker_unless_anonymous(self) -> None:
        named = Asked(text="why?", state=OPEN, by=ASHA.id, name="Asha")
        assert shown(named, OTHERS) == [named] * 2
        secret = Asked(text="why?", state=OPEN, by=ASHA.id, name="Asha", anonymous=True)
        assert shown(secret, KNOWING) == [secret] * 4
        assert shown(secret, OTHERS) == [Asked(text="why?", state=OPEN, anonymous=True)] * 2

    @pytest.mark.parametrize("was", [PENDING, DoubtState.DISMISSED])
    def test_publishing_hides_an_anonymous_asker_and_whether_it_had_been_dismissed(self, was: DoubtState) -> None:
        event = Published(id=1, at=5, text="why?", votes=2, was=was, anonymous=True, by=ASHA.id, name="Asha")
        assert shown(event, KNOWING) == [event] * 4
        assert shown(event, OTHERS) == [Published(id=1, at=5, text="why?", votes=2, was=PENDING, anonymous=True)] * 2
        assert rules.addressees(event) == (ASHA.id,)

    def test_why_something_was_dismissed_is_for_staff_and_asker(self) -> None:
        event = Dismissed(id=1, was=OPEN, by=ASHA.id, reason="off topic")
        assert shown(event, KNOWING) == [event] * 4
        assert shown(event, OTHERS) == [Dismissed(id=1, was=OPEN)] * 2
        assert shown(Dismissed(id=1, was=PENDING, by=ASHA.id, reason="off topic"), OTHERS) == [None] * 2

    def test_what_was_never_public_is_withdrawn_unseen(self) -> None:
        assert shown(Withdrawn(id=1, by=ASHA.id, was=PENDING), OTHERS) == [None] * 2
        event = Withdrawn(id=1, by=ASHA.id, was=OPEN)
        assert shown(event, KNOWING) == [event] * 4
        assert shown(event, OTHERS) == [Withdrawn(id=1, by=None, was=OPEN)] * 2

    def test_votes_are_counted_for_all_and_named_to_the_voter_and_the_record(self) -> None:
        mine, theirs = Tick(RAVI.id, 1, True), Tick(TEACHER.id, 2, False)
        event = Voted(votes={1: 4, 2: 1}, changes=(mine, theirs))
        assert shown(event, (ALL, STAFF, audience_of(ASHA))) == [Voted(votes={1: 4, 2: 1})] * 3
        assert rules.view(event, audience_of(RAVI)) == Voted(votes={1: 4, 2: 1}, changes=(mine,))
        assert rules.view(event, audience_of(TEACHER)) == Voted(votes={1: 4, 2: 1}, changes=(theirs,))
        assert rules.view(event, RECORD) == event
        assert rules.addressees(event) == (RAVI.id, TEACHER.id)

    @pytest.mark.parametrize(
        "event",
        [Started(id=1, back=2), Answered(id=1), Pinned(id=1), Configured(moderated=True, locked=False, anonymous=True)],
    )
    def test_what_is_public_is_the_same_for_everybody(self, event) -> None:
        assert shown(event, (*KNOWING, *OTHERS)) == [event] * 6
        assert rules.addressees(event) == ()


class TestMerged:
    def test_between_public_ones_all_see_it_but_for_who_asked(self) -> None:
        event = Merged(id=1, into=2, votes=9, was=OPEN, by=ASHA.id)
        assert shown(event, KNOWING) == [event] * 4
        assert shown(event, OTHERS) == [Merged(id=1, into=2, votes=9, was=OPEN)] * 2
        assert rules.addressees(event) == (ASHA.id,)

    def test_a_pending_one_into_a_public_one_is_a_new_count_to_the_others(self) -> None:
        event = Merged(id=1, into=2, votes=9, was=PENDING, by=ASHA.id, behind=(ASHA.id, ZOYA.id))
        assert shown(event, (STAFF, RECORD)) == [event] * 2
        assert shown(event, OTHERS) == [Voted(votes={2: 9})] * 2
        assert rules.view(event, audience_of(ASHA)) == Merged(id=1, into=2, votes=9, was=PENDING, by=ASHA.id)
        assert rules.view(event, audience_of(ZOYA)) == Merged(id=1, into=2, votes=9, was=PENDING)
        assert rules.addressees(event) == (ASHA.id, ZOYA.id)

    def test_between_pending_ones_the_others_hear_nothing_and_the_other_asker_a_count(self) -> None:
        event = Merged(
            id=1,
            into=2,
            votes=2,
            was=PENDING,
            by=ASHA.id,
            into_public=False,
            behind=(ASHA.id,),
            into_by=ZOYA.id,
        )
        assert shown(event, OTHERS) == [None] * 2
        assert rules.view(event, audience_of(ASHA)) == Merged(
            id=1, into=2, votes=2, was=PENDING, by=ASHA.id, into_public=False
        )
        assert rules.view(event, audience_of(ZOYA)) == Voted(votes={2: 2})
        assert rules.addressees(event) == (ASHA.id, ZOYA.id)


class TestState:
    def test_students_see_what_is_public_and_staff_everything(self) -> None:
        doubts = Playing()
        pending, secret = doubts.ask(ASHA), doubts.ask_open(ASHA, "secret?", anonymous=True)
        dismissed = doubts.ask_in(RAVI, "dismissed")
        doubts.do(VOTER, Vote(id=secret))
        for audience in (STAFF, RECORD, audience_of(HELPER)):
            seen = {doubt.id: doubt for doubt in rules.show(doubts.state, audience).doubts}
            assert list(seen) == [pending, secret, dismissed]
            assert (seen[secret].by, seen[secret].name, seen[secret].votes) == (ASHA.id, "Asha", 2)
            assert seen[dismissed].reason == "off topic"
        for audience in (ALL, audience_of(ASHA)):
            (only,) = rules.show(doubts.state, audience).doubts
            assert (only.id, only.by, only.name, only.votes) == (secret, None, None, 2)

    def test_ones_own_are_shown_in_full_whatever_their_state(self) -> None:
        doubts = Playing()
        secret = doubts.ask_open(RAVI, "secret?", anonymous=True)
        dismissed = doubts.ask_in(ASHA, "dismissed")
        doubts.do(ASHA, Vote(id=secret))
        own = rules.own(doubts.state, audience_of(ASHA))
        (only,) = own.doubts
        assert (only.id, only.state, only.reason, only.by) == (dismissed, "dismissed", "off topic", ASHA.id)
        assert (own.asked, own.voted) == ([dismissed], [secret, dismissed])
        assert rules.own(doubts.state, ALL) == rules.own(doubts.state, STAFF)

    def test_staff_have_lists_of_their_own_but_no_second_copy(self) -> None:
        doubts = Playing()
        theirs, other = doubts.ask(TEACHER), doubts.ask_open(ASHA)
        doubts.do(TEACHER, Vote(id=other))
        own = rules.own(doubts.state, audience_of(TEACHER))
        assert (own.doubts, own.asked, own.voted) == ([], [theirs], [theirs, other])

    def test_who_stood_behind_a_pending_doubt_finds_where_it_went(self) -> None:
        doubts = Playing()
        mine, other, public = doubts.ask(ASHA), doubts.ask(RAVI), doubts.ask_open(ZOYA)
        doubts.do(TEACHER, Merge(id=mine, into=other))
        doubts.do(TEACHER, Merge(id=other, into=public))
        own = rules.own(doubts.state, audience_of(ASHA))
        assert own.doubts[0].merged_into == public
        assert public in own.voted

    def test_the_settings_are_shown_to_all(self) -> None:
        shown = rules.show(Playing().unmoderated().state, ALL)
        assert (shown.moderated, shown.locked, shown.anonymous) == (False, False, True)

    def test_an_answer_and_the_one_being_answered_are_seen_by_all(self) -> None:
        doubts = Playing()
        first, second = doubts.ask(ASHA), doubts.ask(RAVI)
        doubts.do(TEACHER, Answer(id=first, text="so"))
        doubts.do(TEACHER, Approve(id=second))
        doubts.do(TEACHER, Start(id=second))
        answered, answering = rules.show(doubts.state, ALL).doubts
        assert (answered.state, answered.answer) == ("answered", "so")
        assert answering.state == "answering"
