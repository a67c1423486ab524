"""Doubts' rules by example: one block per command."""

from __future__ import annotations

import pytest

from classroom.doubts import rules
from classroom.doubts.model import (
    ANSWER_LIMIT,
    OPEN_LIMIT,
    REASON_LIMIT,
    TEXT_LIMIT,
    Answer,
    Answered,
    Approve,
    Ask,
    Asked,
    Configure,
    Configured,
    Dismiss,
    Dismissed,
    Doubt,
    DoubtState,
    Finish,
    Merge,
    Merged,
    Pin,
    Pinned,
    Published,
    Reopen,
    Start,
    Started,
    Tick,
    Vote,
    Voted,
    Withdraw,
    Withdrawn,
)
from classroom.kernel import Meta
from tests.doubts.playing import ASHA, HELPER, RAVI, START, STATES, TEACHER, VOTER, ZOYA, Playing, encoded


@pytest.fixture
def doubts() -> Playing:
    return Playing()


class TestAsk:
    def test_a_students_doubt_waits_for_approval_where_doubts_are_moderated(self, doubts: Playing) -> None:
        events = doubts.do(ASHA, Ask(text=" why? ", anonymous=True))
        assert events == [Asked(text="why?", state=DoubtState.PENDING, anonymous=True, by="id-asha", name="Asha")]
        assert doubts.state.doubts == {
            1: Doubt(
                id=1,
                at=START,
                by="id-asha",
                name="Asha",
                text="why?",
                anonymous=True,
                state=DoubtState.PENDING,
                voters={"id-asha": True},
            )
        }

    def test_it_is_open_at_once_where_they_are_not(self, doubts: Playing) -> None:
        doubts.unmoderated()
        assert doubts.do(ASHA, Ask(text="why?"))[0].state is DoubtState.OPEN

    def test_staff_need_no_approval(self, doubts: Playing) -> None:
        assert doubts.do(HELPER, Ask(text="why?"))[0].state is DoubtState.OPEN

    def test_asking_anonymously_is_refused_where_it_is_switched_off(self, doubts: Playing) -> None:
        doubts.do(TEACHER, Configure(anonymous=False))
        assert doubts.refused(ASHA, Ask(text="why?", anonymous=True)).code == "forbidden"
        doubts.ask(ASHA)

    def test_an_empty_or_overlong_text_is_refused(self, doubts: Playing) -> None:
        assert doubts.refused(ASHA, Ask(text="\n")).code == "empty"
        doubts.ask(ASHA, "x" * TEXT_LIMIT)
        assert doubts.refused(ASHA, Ask(text="x" * (TEXT_LIMIT + 1))).code == "too_long"

    def test_one_student_has_only_so_many_waiting(self, doubts: Playing) -> None:
        for _ in range(OPEN_LIMIT - 1):
            doubts.ask(ASHA)
        last = doubts.ask_open(ASHA)
        assert doubts.refused(ASHA, Ask(text="one more?")).code == "too_many"
        doubts.ask(RAVI)
        doubts.do(TEACHER, Finish(id=last))
        doubts.ask(ASHA)

    def test_staff_have_no_such_limit(self, doubts: Playing) -> None:
        for _ in range(OPEN_LIMIT + 1):
            doubts.ask(TEACHER)

    def test_a_room_holds_only_so_many(self, doubts: Playing, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "DOUBTS_LIMIT", 2)
        doubts.ask(ASHA)
        doubts.ask(RAVI)
        assert doubts.refused(TEACHER, Ask(text="why?")).code == "too_many"


class TestWithdraw:
    @pytest.mark.parametrize("state", ["pending", "open"])
    def test_ones_own_pending_or_open_doubt_is_taken_back(self, doubts: Playing, state: str) -> None:
        id = doubts.ask_in(ASHA, state)
        assert doubts.do(ASHA, Withdraw(id=id)) == [Withdrawn(id=id, by="id-asha", was=DoubtState(state))]
        assert doubts.state.doubts[id].state is DoubtState.WITHDRAWN
        assert doubts.do(ASHA, Withdraw(id=id)) == []

    @pytest.mark.parametrize("state", ["answering", "answered", "dismissed", "merged"])
    def test_later_it_is_too_late(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(ASHA, Withdraw(id=doubts.ask_in(ASHA, state))).code == "wrong_state"

    def test_another_students_is_forbidden_or_not_known_to_exist(self, doubts: Playing) -> None:
        assert doubts.refused(RAVI, Withdraw(id=doubts.ask_open(ASHA))).code == "forbidden"
        assert doubts.refused(RAVI, Withdraw(id=doubts.ask(ASHA))).code == "not_found"
        assert doubts.refused(RAVI, Withdraw(id=99)).code == "not_found"
        assert doubts.refused(TEACHER, Withdraw(id=doubts.ask(ASHA))).code == "forbidden"

    def test_its_pin_goes_with_it(self, doubts: Playing) -> None:
        id = doubts.ask_open(ASHA)
        doubts.do(TEACHER, Pin(id=id))
        doubts.do(ASHA, Withdraw(id=id))
        assert doubts.state.doubts[id].pinned is False


class TestVote:
    @pytest.mark.parametrize("state", ["open", "answering"])
    def test_a_vote_is_put_and_taken_back_with_exact_counts(self, doubts: Playing, state: str) -> None:
        id = doubts.ask_in(ASHA, state)
        assert doubts.do(RAVI, Vote(id=id)) == [Voted(votes={id: 2}, changes=(Tick("id-ravi", id, True),))]
        assert doubts.do(RAVI, Vote(id=id)) == []
        assert doubts.do(ZOYA, Vote(id=id))[0].votes == {id: 3}
        assert doubts.do(RAVI, Vote(id=id, on=False)) == [Voted(votes={id: 2}, changes=(Tick("id-ravi", id, False),))]
        assert doubts.do(RAVI, Vote(id=id, on=False)) == []
        assert list(doubts.state.doubts[id].voters) == ["id-asha", "id-zoya"]

    def test_staff_may_vote(self, doubts: Playing) -> None:
        assert doubts.do(HELPER, Vote(id=doubts.ask_open(ASHA)))[0].changes[0].member == "helper"

    def test_the_askers_own_vote_stands_and_stays(self, doubts: Playing) -> None:
        id = doubts.ask_open(ASHA)
        assert doubts.do(ASHA, Vote(id=id)) == []
        assert doubts.refused(ASHA, Vote(id=id, on=False)).code == "wrong_state"

    def test_what_is_answered_takes_no_votes(self, doubts: Playing) -> None:
        assert doubts.refused(RAVI, Vote(id=doubts.ask_in(ASHA, "answered"))).code == "wrong_state"

    @pytest.mark.parametrize("state", ["pending", "dismissed", "withdrawn", "merged"])
    def test_of_what_is_not_public_a_student_learns_nothing(self, doubts: Playing, state: str) -> None:
        id = doubts.ask_in(ASHA, state)
        assert str(doubts.refused(RAVI, Vote(id=id))) == str(doubts.refused(RAVI, Vote(id=99)))
        assert doubts.refused(ASHA, Vote(id=id)).code == "wrong_state"
        assert doubts.refused(TEACHER, Vote(id=id)).code == "wrong_state"

    def test_a_locked_room_still_takes_votes(self, doubts: Playing) -> None:
        id = doubts.ask_open(ASHA)
        doubts.do(TEACHER, Configure(locked=True))
        assert doubts.do(RAVI, Vote(id=id))


class TestApprove:
    def test_the_whole_doubt_is_published(self, doubts: Playing) -> None:
        id = doubts.ask(ASHA, "why?", anonymous=True)
        doubts.now += 5
        assert doubts.do(HELPER, Approve(id=id)) == [
            Published(
                id=id,
                at=START,
                text="why?",
                votes=1,
                was=DoubtState.PENDING,
                anonymous=True,
                by="id-asha",
                name="Asha",
            )
        ]
        assert doubts.state.doubts[id].state is DoubtState.OPEN

    @pytest.mark.parametrize("state", ["open", "answering", "answered"])
    def test_what_is_public_stays_as_it_is(self, doubts: Playing, state: str) -> None:
        assert doubts.do(TEACHER, Approve(id=doubts.ask_in(ASHA, state))) == []

    @pytest.mark.parametrize("state", ["dismissed", "withdrawn", "merged"])
    def test_what_is_put_aside_is_not_approved(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(TEACHER, Approve(id=doubts.ask_in(ASHA, state))).code == "wrong_state"


class TestDismiss:
    @pytest.mark.parametrize("state", ["pending", "open", "answering"])
    def test_it_is_put_aside_with_a_reason(self, doubts: Playing, state: str) -> None:
        id = doubts.ask_in(ASHA, state)
        assert doubts.do(TEACHER, Dismiss(id=id, reason=" off topic ")) == [
            Dismissed(id=id, was=DoubtState(state), by="id-asha", reason="off topic")
        ]
        assert doubts.state.doubts[id].reason == "off topic"
        assert doubts.state.answering is None
        assert doubts.do(HELPER, Dismiss(id=id, reason="off topic")) == []
        assert doubts.refused(HELPER, Dismiss(id=id, reason="rude")).code == "wrong_state"

    @pytest.mark.parametrize("state", ["answered", "withdrawn", "merged"])
    def test_what_is_done_with_is_not_dismissed(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(TEACHER, Dismiss(id=doubts.ask_in(ASHA, state), reason="x")).code == "wrong_state"

    def test_a_reason_is_needed(self, doubts: Playing) -> None:
        id = doubts.ask(ASHA)
        assert doubts.refused(TEACHER, Dismiss(id=id, reason="")).code == "empty"
        assert doubts.refused(TEACHER, Dismiss(id=id, reason="x" * (REASON_LIMIT + 1))).code == "too_long"


class TestStart:
    def test_the_one_before_goes_back_to_open(self, doubts: Playing) -> None:
        first, second = doubts.ask_open(ASHA), doubts.ask_open(RAVI)
        assert doubts.do(TEACHER, Start(id=first)) == [Started(id=first)]
        assert doubts.do(TEACHER, Start(id=first)) == []
        assert doubts.do(TEACHER, Start(id=second)) == [Started(id=second, back=first)]
        assert doubts.state.doubts[first].state is DoubtState.OPEN
        assert doubts.state.answering == second

    def test_a_pending_one_is_shown_by_it(self, doubts: Playing) -> None:
        id = doubts.ask(ASHA)
        published, started = doubts.do(TEACHER, Start(id=id))
        assert (published.id, published.was) == (id, DoubtState.PENDING)
        assert started == Started(id=id)
        assert doubts.state.doubts[id].state is DoubtState.ANSWERING

    @pytest.mark.parametrize("state", ["answered", "dismissed", "withdrawn", "merged"])
    def test_what_is_closed_is_reopened_first(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(TEACHER, Start(id=doubts.ask_in(ASHA, state))).code == "wrong_state"


class TestFinish:
    @pytest.mark.parametrize("state", ["open", "answering"])
    def test_the_moment_of_the_class_is_kept(self, doubts: Playing, state: str) -> None:
        id = doubts.ask_in(ASHA, state)
        doubts.now += 5
        assert doubts.do(TEACHER, Finish(id=id)) == [Answered(id=id, live=True, class_time=60_005)]
        assert doubts.state.answering is None
        assert doubts.do(HELPER, Finish(id=id)) == []

    def test_an_earlier_text_stays(self, doubts: Playing) -> None:
        id = doubts.ask_in(ASHA, "answered")
        doubts.do(TEACHER, Reopen(id=id))
        assert doubts.do(TEACHER, Finish(id=id)) == [Answered(id=id, live=True, class_time=60_000, text="because")]

    @pytest.mark.parametrize("state", ["pending", "answered", "dismissed", "withdrawn", "merged"])
    def test_nothing_else_is_finished(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(TEACHER, Finish(id=doubts.ask_in(ASHA, state))).code == "wrong_state"


class TestAnswer:
    @pytest.mark.parametrize("state", ["open", "answering", "answered"])
    def test_a_text_answers(self, doubts: Playing, state: str) -> None:
        id = doubts.ask_in(ASHA, state)
        assert doubts.do(HELPER, Answer(id=id, text=" so ")) == [Answered(id=id, text="so")]
        assert doubts.state.answering is None
        assert doubts.state.doubts[id].answer == "so"
        assert doubts.do(HELPER, Answer(id=id, text="so")) == []

    def test_a_pending_one_is_shown_by_it(self, doubts: Playing) -> None:
        id = doubts.ask(ASHA)
        published, answered = doubts.do(TEACHER, Answer(id=id, text="so"))
        assert published.was is DoubtState.PENDING
        assert answered == Answered(id=id, text="so")

    def test_live_and_text_go_together(self, doubts: Playing) -> None:
        id = doubts.ask_open(ASHA)
        doubts.do(TEACHER, Finish(id=id))
        doubts.now += 9
        assert doubts.do(TEACHER, Answer(id=id, text="so")) == [
            Answered(id=id, live=True, class_time=60_000, text="so")
        ]

    @pytest.mark.parametrize("state", ["dismissed", "withdrawn", "merged"])
    def test_what_is_put_aside_is_not_answered(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(TEACHER, Answer(id=doubts.ask_in(ASHA, state), text="x")).code == "wrong_state"

    def test_an_empty_or_overlong_answer_is_refused(self, doubts: Playing) -> None:
        id = doubts.ask(ASHA)
        assert doubts.refused(TEACHER, Answer(id=id, text=" ")).code == "empty"
        assert doubts.refused(TEACHER, Answer(id=id, text="x" * (ANSWER_LIMIT + 1))).code == "too_long"


class TestMerge:
    def test_votes_unite_and_the_asker_counts_as_one(self, doubts: Playing) -> None:
        into, id = doubts.ask_open(ASHA), doubts.ask_open(RAVI)
        for voter, doubt in ((ZOYA, into), (ZOYA, id), (VOTER, id)):
            doubts.do(voter, Vote(id=doubt))
        assert doubts.do(TEACHER, Merge(id=id, into=into)) == [
            Merged(id=id, into=into, votes=4, was=DoubtState.OPEN, by="id-ravi")
        ]
        assert list(doubts.state.doubts[into].voters) == ["id-asha", "id-zoya", "id-ravi", "id-voter"]
        assert doubts.state.doubts[id].merged_into == into
        assert doubts.do(HELPER, Merge(id=id, into=into)) == []

    def test_two_pending_ones_name_who_must_hear_of_it(self, doubts: Playing) -> None:
        into, id, earlier = doubts.ask(ASHA), doubts.ask(RAVI), doubts.ask(ZOYA)
        doubts.do(TEACHER, Merge(id=earlier, into=id))
        assert doubts.do(TEACHER, Merge(id=id, into=into)) == [
            Merged(
                id=id,
                into=into,
                votes=3,
                was=DoubtState.PENDING,
                by="id-ravi",
                into_public=False,
                behind=("id-ravi", "id-zoya"),
                into_by="id-asha",
            )
        ]
        assert doubts.state.doubts[earlier].merged_into == into

    def test_what_students_see_is_not_merged_into_what_they_do_not(self, doubts: Playing) -> None:
        public, pending = doubts.ask_open(ASHA), doubts.ask(RAVI)
        refusal = doubts.refused(TEACHER, Merge(id=public, into=pending))
        assert refusal.code == "wrong_state"
        assert "Approve the other one first" in refusal.message
        assert doubts.do(TEACHER, Merge(id=pending, into=public))

    def test_never_into_itself_nor_with_what_is_unknown(self, doubts: Playing) -> None:
        id = doubts.ask_open(ASHA)
        assert doubts.refused(TEACHER, Merge(id=id, into=id)).code == "bad_request"
        assert doubts.refused(TEACHER, Merge(id=id, into=99)).code == "not_found"
        assert doubts.refused(TEACHER, Merge(id=99, into=id)).code == "not_found"

    @pytest.mark.parametrize("state", STATES)
    def test_which_may_be_merged(self, doubts: Playing, state: str) -> None:
        into, id = doubts.ask_open(RAVI), doubts.ask_in(ASHA, state)
        if state in ("pending", "open", "answering"):
            assert doubts.do(TEACHER, Merge(id=id, into=into))
            assert doubts.state.answering is None
        else:
            assert doubts.refused(TEACHER, Merge(id=id, into=into)).code == "wrong_state"

    @pytest.mark.parametrize("state", STATES)
    def test_which_may_take_in(self, doubts: Playing, state: str) -> None:
        into, id = doubts.ask_in(ASHA, state), doubts.ask(RAVI)
        if state in ("pending", "open", "answering", "answered"):
            assert doubts.do(TEACHER, Merge(id=id, into=into))
            assert doubts.state.doubts[into].state == state
        else:
            assert doubts.refused(TEACHER, Merge(id=id, into=into)).code == "wrong_state"


class TestPin:
    @pytest.mark.parametrize("state", ["open", "answering", "answered"])
    def test_a_public_doubt_is_kept_at_the_top_or_let_go(self, doubts: Playing, state: str) -> None:
        id = doubts.ask_in(ASHA, state)
        assert doubts.do(TEACHER, Pin(id=id, on=False)) == []
        assert doubts.do(TEACHER, Pin(id=id)) == [Pinned(id=id)]
        assert doubts.do(TEACHER, Pin(id=id)) == []
        assert doubts.do(HELPER, Pin(id=id, on=False)) == [Pinned(id=id, on=False)]

    @pytest.mark.parametrize("state", ["pending", "dismissed", "withdrawn", "merged"])
    def test_what_students_do_not_see_is_not_pinned(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(TEACHER, Pin(id=doubts.ask_in(ASHA, state))).code == "wrong_state"

    def test_it_stays_on_while_the_doubt_is_answered_and_reopened(self, doubts: Playing) -> None:
        id = doubts.ask_open(ASHA)
        doubts.do(TEACHER, Pin(id=id))
        doubts.do(TEACHER, Finish(id=id))
        doubts.do(TEACHER, Reopen(id=id))
        assert doubts.state.doubts[id].pinned is True


class TestReopen:
    def test_what_was_dismissed_is_open_without_its_reason(self, doubts: Playing) -> None:
        id = doubts.ask(ASHA)
        doubts.do(TEACHER, Dismiss(id=id, reason="off topic"))
        assert doubts.do(TEACHER, Reopen(id=id))[0].was is DoubtState.DISMISSED
        assert (doubts.state.doubts[id].state, doubts.state.doubts[id].reason) == (DoubtState.OPEN, "")

    def test_an_answers_text_stays_and_its_moment_goes(self, doubts: Playing) -> None:
        id = doubts.ask_open(ASHA)
        doubts.do(TEACHER, Finish(id=id))
        doubts.do(TEACHER, Answer(id=id, text="so"))
        assert doubts.do(TEACHER, Reopen(id=id))[0].answer == "so"
        doubt = doubts.state.doubts[id]
        assert (doubt.answer, doubt.live, doubt.class_time) == ("so", False, None)

    def test_the_one_being_answered_goes_back(self, doubts: Playing) -> None:
        id = doubts.ask_in(ASHA, "answering")
        doubts.do(TEACHER, Reopen(id=id))
        assert doubts.state.answering is None
        assert doubts.do(TEACHER, Reopen(id=id)) == []

    @pytest.mark.parametrize("state", ["pending", "withdrawn", "merged"])
    def test_nothing_else_is_reopened(self, doubts: Playing, state: str) -> None:
        assert doubts.refused(TEACHER, Reopen(id=doubts.ask_in(ASHA, state))).code == "wrong_state"


class TestConfigure:
    def test_what_is_not_said_stays(self, doubts: Playing) -> None:
        assert doubts.do(TEACHER, Configure(moderated=False)) == [
            Configured(moderated=False, locked=False, anonymous=True)
        ]
        assert doubts.do(HELPER, Configure(locked=True, anonymous=False)) == [
            Configured(moderated=False, locked=True, anonymous=False)
        ]
        assert doubts.do(TEACHER, Configure()) == []
        assert doubts.do(TEACHER, Configure(locked=True)) == []


class TestApply:
    @pytest.mark.parametrize(
        "event",
        [
            Withdrawn(id=9, by="x", was=DoubtState.OPEN),
            Voted(votes={9: 2}, changes=(Tick("x", 9, True),)),
            Voted(votes={1: 1}, changes=(Tick("x", 1, False),)),
            Published(id=9, at=0, text="x", votes=1, was=DoubtState.PENDING),
            Dismissed(id=9, was=DoubtState.OPEN),
            Started(id=9, back=1),
            Answered(id=9),
            Merged(id=9, into=1, votes=2, was=DoubtState.OPEN),
            Merged(id=1, into=9, votes=2, was=DoubtState.OPEN),
            Pinned(id=9),
        ],
    )
    def test_an_event_about_what_is_unknown_does_nothing(self, doubts: Playing, event) -> None:
        doubts.ask(ASHA)
        before = encoded(doubts.state)
        rules.apply(doubts.state, event, Meta(2, START, "teacher"))
        assert encoded(doubts.state) == before


class TestMergingEvents:
    def test_two_events_of_votes_become_one_with_the_later_counts(self) -> None:
        one = Voted(votes={1: 2, 2: 5}, changes=(Tick("a", 1, True), Tick("b", 2, True)))
        two = Voted(votes={2: 4, 3: 2}, changes=(Tick("b", 2, False), Tick("c", 3, True)))
        assert rules.merge(one, two) == Voted(votes={1: 2, 2: 4, 3: 2}, changes=one.changes + two.changes)

    def test_nothing_else_is_told_as_one(self) -> None:
        voted = Voted(votes={1: 2}, changes=(Tick("a", 1, True),))
        pinned = Pinned(id=1)
        assert [rules.merge(*pair) for pair in ((voted, pinned), (pinned, voted), (pinned, pinned))] == [None] * 3

    def test_an_event_grows_only_so_far(self) -> None:
        tick = Tick("a", 1, True)
        full = Voted(votes={1: 2}, changes=(tick,) * (rules.CHANGES_LIMIT - 1))
        one_more = Voted(votes={1: 2}, changes=(tick,))
        grown = rules.merge(full, one_more)
        assert grown is not None
        assert rules.merge(grown, one_more) is None
