"""Polls' rules by example: one block per command, then what is shown to whom."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from classroom.kernel import ALL, RECORD, STAFF, SYSTEM, Audience, Meta, audience_of
from classroom.polls import rules
from classroom.polls.model import (
    BATCH_LIMIT,
    OPTION_LIMIT,
    OPTIONS_LIMIT,
    POLLS_LIMIT,
    QUESTION_LIMIT,
    TEXT_LIMIT,
    WORDS_SHOWN,
    Ballot,
    Close,
    Closed,
    Discard,
    Discarded,
    Open,
    Opened,
    PollKind,
    Polls,
    PollState,
    PollView,
    Prepare,
    Prepared,
    Results,
    Revise,
    Revised,
    Spec,
    Tally,
    TallySignal,
    Vote,
    Voted,
)
from tests.polls.playing import (
    ASHA,
    ENDED,
    HELPER,
    LENA,
    MULTIPLE,
    QUIZ,
    QUIZ_OF_TWO,
    RATING,
    RAVI,
    SINGLE,
    START,
    TEACHER,
    TEXT,
    Playing,
    encoded,
)


@pytest.fixture
def polls() -> Playing:
    return Playing()


class TestPrepare:
    def test_the_event_carries_the_cleaned_spec(self, polls: Playing) -> None:
        spec = Spec(
            question="  Which?\x00 ",
            kind=PollKind.QUIZ,
            options=(" a ", "b\x07", "c"),
            right=(2, 0, 2),
            scale=9,
            seconds=5,
        )
        [event] = polls.do(TEACHER, Prepare(spec=spec))
        cleaned = Spec(
            question="Which?", kind=PollKind.QUIZ, options=("a", "b", "c"), right=(0, 2), several=True, seconds=5
        )
        assert event == Prepared(spec=cleaned)
        assert polls.state.polls[1].spec == cleaned
        assert polls.state.polls[1].state is PollState.PREPARED

    def test_it_is_opened_in_the_same_step_where_that_is_wanted(self, polls: Playing) -> None:
        polls.prepared(TEXT)
        prepared, opened = polls.do(TEACHER, Prepare(spec=replace(QUIZ, question=" Which? ", seconds=5), open=True))
        spec = replace(QUIZ, question="Which?", seconds=5)
        assert prepared == Prepared(spec=spec)
        assert opened == Opened(id=2, spec=spec, ends_at=polls.now + 5_000)
        assert polls.state.polls[2].state is PollState.OPEN
        assert polls.vote(ASHA, 2, 1)

    def test_only_the_server_says_whether_a_quiz_takes_several_answers(self, polls: Playing) -> None:
        [event] = polls.do(TEACHER, Prepare(spec=replace(QUIZ, several=True)))
        assert event.spec.several is False

    @pytest.mark.parametrize(
        ("spec", "code"),
        [
            (replace(SINGLE, question=" \n"), "empty"),
            (replace(SINGLE, question="q" * (QUESTION_LIMIT + 1)), "too_long"),
            (replace(SINGLE, options=("a",)), "bad_request"),
            (replace(SINGLE, options=()), "bad_request"),
            (replace(SINGLE, options=("a", " ")), "empty"),
            (replace(SINGLE, options=("a", "a ")), "bad_request"),
            (replace(SINGLE, options=("a", "b" * (OPTION_LIMIT + 1))), "too_long"),
            (replace(SINGLE, options=tuple(map(str, range(OPTIONS_LIMIT + 1)))), "too_many"),
            (replace(SINGLE, right=(0,)), "bad_request"),
            (replace(MULTIPLE, right=(0,)), "bad_request"),
            (replace(QUIZ, right=()), "bad_request"),
            (replace(QUIZ, right=(3,)), "bad_request"),
            (replace(QUIZ, right=(-1, 1)), "bad_request"),
            (replace(RATING, options=("a", "b")), "bad_request"),
            (replace(RATING, right=(1,)), "bad_request"),
            (replace(RATING, scale=1), "bad_request"),
            (replace(RATING, scale=11), "bad_request"),
            (replace(TEXT, options=("a", "b")), "bad_request"),
            (replace(TEXT, right=(0,)), "bad_request"),
            (replace(SINGLE, seconds=4), "bad_request"),
            (replace(SINGLE, seconds=3_601), "bad_request"),
        ],
    )
    def test_a_spec_that_makes_no_sense_is_refused(self, polls: Playing, spec: Spec, code: str) -> None:
        assert polls.refused(TEACHER, Prepare(spec=spec)) == code
        id = polls.prepared(TEXT)
        assert polls.refused(TEACHER, Revise(id=id, spec=spec)) == code

    @pytest.mark.parametrize(
        "spec",
        [
            replace(SINGLE, question="q" * QUESTION_LIMIT, seconds=3_600),
            replace(SINGLE, options=tuple(str(n) * OPTION_LIMIT for n in range(2))),
            replace(MULTIPLE, options=tuple(map(str, range(OPTIONS_LIMIT)))),
            replace(SINGLE, options=("mA", "MA")),
            replace(QUIZ_OF_TWO, right=(0, 1, 2)),
            replace(RATING, scale=2),
            replace(RATING, scale=10),
        ],
    )
    def test_a_spec_at_the_limits_is_taken(self, polls: Playing, spec: Spec) -> None:
        assert len(polls.do(TEACHER, Prepare(spec=spec))) == 1

    def test_there_are_only_so_many_polls_and_discarding_makes_room(self, polls: Playing) -> None:
        for _ in range(POLLS_LIMIT):
            rules.apply(polls.state, Prepared(spec=TEXT), Meta(len(polls.state.polls) + 1, START, "teacher-1"))
        assert polls.refused(TEACHER, Prepare(spec=TEXT)) == "too_many"
        rules.apply(polls.state, Discarded(id=3), Meta(501, START, "teacher-1"))
        assert polls.do(TEACHER, Prepare(spec=TEXT)) == [Prepared(spec=TEXT)]


class TestReviseAndDiscard:
    def test_a_prepared_poll_is_changed(self, polls: Playing) -> None:
        id = polls.prepared(SINGLE)
        assert polls.do(HELPER, Revise(id=id, spec=QUIZ)) == [Revised(id=id, spec=QUIZ)]
        assert polls.state.polls[id].spec == QUIZ

    def test_it_is_opened_in_the_same_step_where_that_is_wanted(self, polls: Playing) -> None:
        id = polls.prepared(SINGLE)
        opened = Opened(id=id, spec=QUIZ)
        assert polls.do(HELPER, Revise(id=id, spec=QUIZ, open=True)) == [Revised(id=id, spec=QUIZ), opened]
        assert polls.state.polls[id].state is PollState.OPEN
        assert polls.refused(HELPER, Revise(id=id, spec=SINGLE, open=True)) == "wrong_state"

    def test_opened_as_it_is_it_is_only_opened(self, polls: Playing) -> None:
        id = polls.prepared(SINGLE)
        assert polls.do(HELPER, Revise(id=id, spec=SINGLE, open=True)) == [Opened(id=id, spec=SINGLE)]

    def test_changing_nothing_is_acknowledged(self, polls: Playing) -> None:
        id = polls.prepared(SINGLE)
        assert polls.do(HELPER, Revise(id=id, spec=replace(SINGLE, question=" Which? "))) == []

    def test_a_discarded_poll_is_gone(self, polls: Playing) -> None:
        id = polls.prepared(SINGLE)
        assert polls.do(HELPER, Discard(id=id)) == [Discarded(id=id)]
        assert polls.state.polls == {}
        assert polls.refused(HELPER, Discard(id=id)) == "not_found"

    def test_an_opened_poll_can_be_neither_changed_nor_thrown_away(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        for _ in ("open", "closed"):
            assert polls.refused(TEACHER, Revise(id=id, spec=QUIZ)) == "wrong_state"
            assert polls.refused(TEACHER, Discard(id=id)) == "wrong_state"
            polls.do(TEACHER, Close(id=id))


class TestOpen:
    def test_the_end_is_so_many_seconds_away(self, polls: Playing) -> None:
        spec = replace(QUIZ, seconds=30)
        id = polls.prepared(spec)
        polls.now += 7
        assert polls.do(TEACHER, Open(id=id)) == [Opened(id=id, spec=spec, ends_at=START + 30_007)]
        poll = polls.state.polls[id]
        assert (poll.state, poll.opened_at, poll.ends_at) == (PollState.OPEN, START + 7, START + 30_007)

    def test_without_seconds_it_has_no_end(self, polls: Playing) -> None:
        id = polls.prepared(QUIZ)
        assert polls.do(TEACHER, Open(id=id)) == [Opened(id=id, spec=QUIZ)]

    def test_opening_twice_is_acknowledged(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        assert polls.do(TEACHER, Open(id=id)) == []

    def test_a_closed_poll_stays_closed(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        polls.do(TEACHER, Close(id=id))
        assert polls.refused(TEACHER, Open(id=id)) == "wrong_state"

    def test_several_polls_may_be_open(self, polls: Playing) -> None:
        first, second = polls.opened(SINGLE), polls.opened(QUIZ)
        polls.vote(ASHA, first, 0)
        polls.vote(ASHA, second, 2)
        assert polls.state.open == [first, second]
        assert set(rules.own(polls.state, audience_of(ASHA)).votes) == {first, second}


class TestVote:
    @pytest.mark.parametrize(
        ("spec", "choice", "kept"),
        [
            (SINGLE, (2,), (2,)),
            (MULTIPLE, (2, 0), (0, 2)),
            (MULTIPLE, (1,), (1,)),
            (QUIZ, (0,), (0,)),
            (QUIZ_OF_TWO, (1,), (1,)),
            (QUIZ_OF_TWO, (2, 1, 0), (0, 1, 2)),
            (RATING, (1,), (1,)),
            (RATING, (4,), (4,)),
        ],
    )
    def test_a_choice_is_kept_sorted(
        self, polls: Playing, spec: Spec, choice: tuple[int, ...], kept: tuple[int, ...]
    ) -> None:
        id = polls.opened(spec)
        ballot = Ballot(member="asha-1", choice=kept)
        assert polls.vote(ASHA, id, *choice) == [Voted(id=id, count=1, ballots=(ballot,))]
        assert polls.state.polls[id].votes == {"asha-1": ballot}

    @pytest.mark.parametrize(
        ("spec", "choice", "text", "code"),
        [
            (SINGLE, (), None, "empty"),
            (SINGLE, (0, 1), None, "bad_request"),
            (SINGLE, (3,), None, "bad_request"),
            (SINGLE, (-1,), None, "bad_request"),
            (SINGLE, (0,), "hello", "bad_request"),
            (SINGLE, (0,), "", "bad_request"),
            (MULTIPLE, (), None, "empty"),
            (MULTIPLE, (0, 0), None, "bad_request"),
            (MULTIPLE, (0, 3), None, "bad_request"),
            (QUIZ, (0, 1), None, "bad_request"),
            (QUIZ_OF_TWO, (), None, "empty"),
            (RATING, (), None, "empty"),
            (RATING, (0,), None, "bad_request"),
            (RATING, (5,), None, "bad_request"),
            (RATING, (1, 2), None, "bad_request"),
            (TEXT, (), None, "empty"),
            (TEXT, (), " \n ", "empty"),
            (TEXT, (), "w" * (TEXT_LIMIT + 1), "too_long"),
            (TEXT, (0,), "word", "bad_request"),
        ],
    )
    def test_a_vote_that_the_poll_does_not_offer_is_refused(
        self, polls: Playing, spec: Spec, choice: tuple[int, ...], text: str | None, code: str
    ) -> None:
        id = polls.opened(spec)
        assert polls.refused(ASHA, Vote(id=id, choice=choice, text=text)) == code

    def test_a_text_is_cleaned(self, polls: Playing) -> None:
        id = polls.opened(TEXT)
        polls.vote(ASHA, id, text=" two\n words\x00 ")
        assert polls.state.polls[id].votes["asha-1"] == Ballot(member="asha-1", choice=(), text="two words")
        assert len(polls.vote(RAVI, id, text="w" * TEXT_LIMIT)) == 1

    def test_a_vote_may_be_changed_where_the_poll_allows(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        polls.vote(ASHA, id, 0)
        polls.vote(ASHA, id, 2)
        assert rules.tally(polls.state.polls[id]) == Tally(counts=(0, 0, 1), voters=1)

    def test_a_vote_may_not_be_changed_where_it_does_not(self, polls: Playing) -> None:
        id = polls.opened(replace(SINGLE, changeable=False))
        polls.vote(ASHA, id, 0)
        assert polls.vote(ASHA, id, 0) == []
        assert polls.refused(ASHA, Vote(id=id, choice=(1,))) == "wrong_state"

    def test_the_same_vote_again_is_acknowledged(self, polls: Playing) -> None:
        id = polls.opened(MULTIPLE)
        polls.vote(ASHA, id, 0, 2)
        assert polls.vote(ASHA, id, 2, 0) == []

    def test_the_servers_clock_ends_the_voting_even_before_the_close(self, polls: Playing) -> None:
        id = polls.opened(replace(SINGLE, seconds=10))
        polls.now = START + 9_999
        assert len(polls.vote(ASHA, id, 0)) == 1
        polls.now = START + 10_000
        assert polls.refused(RAVI, Vote(id=id, choice=(0,))) == "wrong_state"
        assert polls.state.polls[id].state is PollState.OPEN

    def test_nobody_votes_in_a_poll_that_is_closed_or_unknown(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        polls.do(TEACHER, Close(id=id))
        assert polls.refused(ASHA, Vote(id=id, choice=(0,))) == "wrong_state"
        assert polls.refused(ASHA, Vote(id=99, choice=(0,))) == "not_found"

    def test_to_students_a_prepared_poll_is_like_none(self, polls: Playing) -> None:
        id = polls.prepared(SINGLE)
        assert polls.refused(ASHA, Vote(id=id, choice=(0,))) == "not_found"
        assert polls.refused(TEACHER, Vote(id=id, choice=(0,))) == "wrong_state"

    def test_after_the_class_students_do_not_vote(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        assert polls.refused(ASHA, Vote(id=id, choice=(0,)), **ENDED) == "class_ended"
        assert len(polls.vote(TEACHER, id, 0, **ENDED)) == 1

    def test_muted_students_vote(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        assert len(polls.vote(ASHA, id, 0, muted_until=START + 60_000)) == 1


class TestTally:
    def test_options_and_points_are_counted(self, polls: Playing) -> None:
        many, rating = polls.opened(MULTIPLE), polls.opened(RATING)
        polls.vote(ASHA, many, 0, 1)
        polls.vote(RAVI, many, 1)
        polls.vote(ASHA, rating, 1)
        polls.vote(RAVI, rating, 4)
        polls.vote(LENA, rating, 4)
        assert rules.tally(polls.state.polls[many]) == Tally(counts=(1, 2, 0), voters=2)
        assert rules.tally(polls.state.polls[rating]) == Tally(counts=(1, 0, 0, 2), voters=3)

    def test_words_are_compared_without_case_and_shown_as_first_written(self, polls: Playing) -> None:
        id = polls.opened(TEXT)
        polls.vote(ASHA, id, text="Straße")
        polls.vote(RAVI, id, text="haus")
        polls.vote(LENA, id, text="HAUS")
        polls.vote(TEACHER, id, text="STRASSE")
        polls.vote(HELPER, id, text="tree")
        assert rules.tally(polls.state.polls[id]) == Tally(
            counts=(), voters=5, words=(("Straße", 2), ("haus", 2), ("tree", 1))
        )

    def test_an_answer_that_all_have_changed_away_is_gone(self, polls: Playing) -> None:
        id = polls.opened(TEXT)
        polls.vote(ASHA, id, text="One")
        polls.vote(RAVI, id, text="two")
        polls.vote(ASHA, id, text="TWO")
        assert rules.tally(polls.state.polls[id]).words == (("two", 2),)
        polls.vote(RAVI, id, text="one")
        assert rules.tally(polls.state.polls[id]).words == (("two", 1), ("one", 1))

    def test_a_change_of_spelling_alone_counts_once(self, polls: Playing) -> None:
        id = polls.opened(TEXT)
        polls.vote(ASHA, id, text="one")
        polls.vote(ASHA, id, text="ONE")
        assert rules.tally(polls.state.polls[id]) == Tally(counts=(), voters=1, words=(("ONE", 1),))

    def test_only_the_most_frequent_words_are_shown(self, polls: Playing) -> None:
        id = polls.opened(TEXT)
        texts = [f"word {n}" for n in range(WORDS_SHOWN + 20)]
        ballots = tuple(Ballot(member=f"m{n}", choice=(), text=text) for n, text in enumerate([*texts, texts[-1]]))
        polls.happen(Voted(id=id, count=len(ballots), ballots=ballots))
        tally = rules.tally(polls.state.polls[id])
        assert tally.voters == WORDS_SHOWN + 21
        assert tally.words == ((texts[-1], 2), *((text, 1) for text in texts[: WORDS_SHOWN - 1]))


class TestClose:
    def test_the_event_has_the_exact_tally(self, polls: Playing) -> None:
        id = polls.opened(QUIZ)
        polls.vote(ASHA, id, 1)
        polls.vote(RAVI, id, 2)
        polls.now += 50
        tally = Tally(counts=(0, 1, 1), voters=2)
        assert polls.do(HELPER, Close(id=id)) == [Closed(id=id, results=Results.CLOSED, tally=tally, right=(1,))]
        poll = polls.state.polls[id]
        assert (poll.state, poll.closed_at, rules.tally(poll)) == (PollState.CLOSED, START + 50, tally)
        assert polls.state.open == []

    def test_closing_twice_is_acknowledged(self, polls: Playing) -> None:
        id = polls.opened(QUIZ)
        polls.do(HELPER, Close(id=id))
        assert polls.do(SYSTEM, Close(id=id)) == []

    def test_what_was_never_opened_cannot_be_closed(self, polls: Playing) -> None:
        assert polls.refused(HELPER, Close(id=polls.prepared(QUIZ))) == "wrong_state"
        assert polls.refused(HELPER, Close(id=99)) == "not_found"

    def test_the_servers_clock_closes_what_is_due(self, polls: Playing) -> None:
        late = polls.opened(replace(SINGLE, seconds=20))
        soon = polls.opened(replace(SINGLE, seconds=10))
        polls.opened(SINGLE)
        polls.prepared(replace(SINGLE, seconds=5))
        assert rules.next_due(polls.state) == START + 10_000
        assert rules.due(polls.state, START + 9_999) == []
        assert rules.due(polls.state, START + 10_000) == [Close(id=soon)]
        assert rules.due(polls.state, START + 20_000) == [Close(id=late), Close(id=soon)]
        for command in rules.due(polls.state, START + 20_000):
            assert len(polls.do(SYSTEM, command)) == 1
        assert rules.next_due(polls.state) is None
        assert rules.due(polls.state, START + 90_000) == []


class TestApply:
    def test_events_about_unknown_polls_do_nothing(self) -> None:
        state = Polls()
        ballot = Ballot(member="asha-1", choice=(0,))
        for event in (
            Revised(id=9, spec=QUIZ),
            Discarded(id=9),
            Opened(id=9, spec=QUIZ),
            Voted(id=9, count=1, ballots=(ballot,)),
            Closed(id=9, results=Results.LIVE),
        ):
            rules.apply(state, event, Meta(10, START, "teacher-1"))
        assert state == Polls()

    def test_a_choice_that_is_not_offered_counts_for_nothing(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        polls.happen(Voted(id=id, count=1, ballots=(Ballot(member="asha-1", choice=(-1, 1, 7)),)))
        assert rules.tally(polls.state.polls[id]) == Tally(counts=(0, 1, 0), voters=1)

    def test_the_same_vote_told_twice_counts_once_and_keeps_its_place(self, polls: Playing) -> None:
        id = polls.opened(TEXT)
        one = Voted(id=id, count=1, ballots=(Ballot(member="asha-1", choice=(), text="one"),))
        polls.happen(one)
        polls.vote(RAVI, id, text="two")
        polls.happen(one)
        assert rules.tally(polls.state.polls[id]) == Tally(counts=(), voters=2, words=(("one", 1), ("two", 1)))

    def test_a_closing_without_figures_still_counts(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        polls.vote(ASHA, id, 1)
        polls.happen(Closed(id=id, results=Results.CLOSED))
        assert rules.tally(polls.state.polls[id]) == Tally(counts=(0, 1, 0), voters=1)


class TestView:
    @pytest.mark.parametrize("event", [Prepared(spec=QUIZ), Revised(id=1, spec=QUIZ), Discarded(id=1)])
    def test_what_is_not_opened_is_for_the_staff(self, event: Prepared | Revised | Discarded) -> None:
        assert rules.view(event, STAFF) == rules.view(event, RECORD) == event
        assert rules.view(event, ALL) is rules.view(event, audience_of(ASHA)) is None

    def test_all_are_asked_without_the_right_answers(self) -> None:
        event = Opened(id=1, spec=QUIZ_OF_TWO, ends_at=5)
        asked = Opened(id=1, spec=replace(QUIZ_OF_TWO, right=()), ends_at=5)
        assert rules.view(event, STAFF) == event
        assert rules.view(event, ALL) == rules.view(event, audience_of(ASHA)) == asked

    def test_a_vote_is_shown_to_the_voter_alone(self) -> None:
        asha, ravi = Ballot(member="asha-1", choice=(0,)), Ballot(member="ravi-1", choice=(1,))
        teacher = Ballot(member="teacher-1", choice=(2,))
        event = Voted(id=1, count=3, ballots=(asha, ravi, teacher), secret=False)
        assert rules.view(event, audience_of(ASHA)) == Voted(id=1, count=1, ballots=(asha,), secret=False)
        assert rules.view(event, audience_of(TEACHER)) == Voted(id=1, count=1, ballots=(teacher,), secret=False)
        for audience in (STAFF, ALL, audience_of(LENA), audience_of(HELPER), Audience("member")):
            assert rules.view(event, audience) is None
        assert rules.addressees(event) == ("asha-1", "ravi-1", "teacher-1")

    def test_the_record_names_voters_of_named_polls_only(self) -> None:
        event = Voted(id=1, count=1, ballots=(Ballot(member="asha-1", choice=(0,)),), secret=False)
        assert rules.view(event, RECORD) == event
        assert rules.view(replace(event, secret=True), RECORD) == Voted(id=1, count=1)

    @pytest.mark.parametrize("results", Results)
    def test_all_see_the_end_unless_it_is_the_staffs(self, results: Results) -> None:
        event = Closed(id=1, results=results, tally=Tally(counts=(1, 0), voters=1), right=(0,))
        hidden = Closed(id=1, results=results)
        assert rules.view(event, STAFF) == rules.view(event, RECORD) == event
        assert rules.view(event, ALL) == (hidden if results is Results.STAFF else event)

    def test_only_votes_have_addressees(self) -> None:
        for event in (Prepared(spec=QUIZ), Opened(id=1, spec=QUIZ), Closed(id=1, results=Results.LIVE)):
            assert rules.addressees(event) == ()


class TestShow:
    def test_staff_see_every_poll_and_all_those_opened(self, polls: Playing) -> None:
        polls.prepared(QUIZ)
        id = polls.opened(QUIZ_OF_TWO)
        polls.vote(ASHA, id, 0)
        tally = Tally(counts=(1, 0, 0), voters=1)
        spec = replace(QUIZ_OF_TWO, several=True)
        shown = PollView(id=id, spec=spec, state=PollState.OPEN, opened_at=START)
        assert rules.show(polls.state, STAFF).polls == [
            PollView(id=1, spec=QUIZ, state=PollState.PREPARED),
            replace(shown, tally=tally),
        ]
        asked = replace(spec, right=())
        assert rules.show(polls.state, ALL).polls == [replace(shown, spec=asked)]
        polls.do(TEACHER, Close(id=id))
        ended = replace(shown, state=PollState.CLOSED, closed_at=START, tally=tally)
        assert rules.show(polls.state, ALL).polls == [ended]

    def test_what_is_the_staffs_stays_the_staffs(self, polls: Playing) -> None:
        id = polls.opened(replace(QUIZ, results=Results.STAFF))
        polls.do(TEACHER, Close(id=id))
        [shown] = rules.show(polls.state, ALL).polls
        assert (shown.tally, shown.spec.right) == (None, ())

    def test_own_votes_are_ones_own(self, polls: Playing) -> None:
        id = polls.opened(SINGLE)
        polls.vote(ASHA, id, 0)
        polls.vote(TEACHER, id, 1)
        assert rules.own(polls.state, audience_of(ASHA)).votes == {id: Ballot(member="asha-1", choice=(0,))}
        assert rules.own(polls.state, audience_of(TEACHER)).votes == {id: Ballot(member="teacher-1", choice=(1,))}
        assert rules.own(polls.state, audience_of(RAVI)).votes == rules.own(polls.state, ALL).votes == {}

    def test_tallies_go_to_those_who_may_see_them_now(self, polls: Playing) -> None:
        live = polls.opened(replace(SINGLE, results=Results.LIVE))
        later = polls.opened(SINGLE)
        ended = polls.opened(replace(SINGLE, results=Results.LIVE))
        polls.do(TEACHER, Close(id=ended))
        polls.vote(ASHA, live, 0)
        figures = TallySignal(id=live, tally=Tally(counts=(1, 0, 0), voters=1))
        none = TallySignal(id=later, tally=Tally(counts=(0, 0, 0), voters=0))
        assert rules.tallies(polls.state, STAFF) == [figures, none]
        assert rules.tallies(polls.state, ALL) == rules.tallies(polls.state, audience_of(ASHA)) == [figures]


class Compared(str):
    """A member's id that counts how often it is compared with another."""

    __slots__ = ()
    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def comparisons(voters: int) -> int:
    """How often voters' ids are compared until each of so many has been shown their vote."""
    ids = [Compared(f"m{n}") for n in range(voters)]
    event = Voted(id=1, count=voters, ballots=tuple(Ballot(member=id, choice=(0,)) for id in ids))
    Compared.times = 0
    for id, share in rules.shares(event, dict.fromkeys(map(str, ids))).items():
        assert rules.view(share, Audience("member", str(id))) == share
    return Compared.times


class TestShares:
    def test_twice_as_many_voters_are_shown_their_votes_with_twice_the_work(self) -> None:
        assert 0 < comparisons(200) == 2 * comparisons(100)

    def test_a_share_has_all_of_a_voter_and_nothing_of_others(self) -> None:
        ballots = tuple(Ballot(member=member, choice=(n,)) for n, member in enumerate("abac"))
        event = Voted(id=1, count=4, ballots=ballots, secret=False)
        assert rules.shares(event, {"a", "c", "else"}) == {
            "a": Voted(id=1, count=2, ballots=(ballots[0], ballots[2]), secret=False),
            "c": Voted(id=1, count=1, ballots=(ballots[3],), secret=False),
        }


class TestMerge:
    def test_votes_on_one_poll_unite_and_the_later_of_a_member_holds(self) -> None:
        first = Voted(id=1, count=2, ballots=(Ballot(member="a", choice=(0,)), Ballot(member="b", choice=(1,))))
        second = Voted(id=1, count=2, ballots=(Ballot(member="c", choice=(2,)), Ballot(member="a", choice=(1,))))
        assert rules.merge(first, second) == Voted(
            id=1,
            count=3,
            ballots=(
                Ballot(member="a", choice=(1,)),
                Ballot(member="b", choice=(1,)),
                Ballot(member="c", choice=(2,)),
            ),
        )

    def test_votes_on_different_polls_and_other_events_stay_two(self) -> None:
        voted = Voted(id=1, count=1, ballots=(Ballot(member="a", choice=(0,)),))
        assert rules.merge(voted, replace(voted, id=2)) is None
        assert rules.merge(voted, replace(voted, secret=False)) is None
        assert rules.merge(Opened(id=1, spec=SINGLE), voted) is None
        assert rules.merge(voted, Closed(id=1, results=Results.LIVE)) is None

    def test_a_changed_text_stays_an_event_of_its_own(self) -> None:
        first = Voted(id=1, count=1, ballots=(Ballot(member="a", choice=(), text="x"),))
        second = Voted(id=1, count=1, ballots=(Ballot(member="b", choice=(), text="x"),))
        changed = Voted(id=1, count=1, ballots=(Ballot(member="a", choice=(), text="y"),))
        assert rules.merge(first, changed) is None
        merged = rules.merge(first, second)
        assert merged == Voted(id=1, count=2, ballots=first.ballots + second.ballots)

    def test_an_event_grows_only_so_large(self) -> None:
        ballots = tuple(Ballot(member=f"m{n}", choice=(0,)) for n in range(BATCH_LIMIT))
        one = Voted(id=1, count=1, ballots=(Ballot(member="last", choice=(0,)),))
        assert rules.merge(Voted(id=1, count=BATCH_LIMIT, ballots=ballots), one) is None
        assert rules.merge(Voted(id=1, count=BATCH_LIMIT - 1, ballots=ballots[1:]), one) is not None


def test_a_closed_poll_keeps_its_votes_but_not_the_counting(polls: Playing) -> None:
    id = polls.opened(TEXT)
    polls.vote(ASHA, id, text="word")
    polls.do(TEACHER, Close(id=id))
    poll = polls.state.polls[id]
    assert poll.votes.keys() == {"asha-1"}
    assert (poll.counts, poll.words, poll.spellings) == ([], {}, {})
    assert b"asha-1" not in encoded(rules.show(polls.state, STAFF))
