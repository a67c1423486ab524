"""What holds for polls whatever happens: random commands by random members, folded in every way there is."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from classroom.kernel import ALL, RECORD, STAFF, SYSTEM, Audience, Meta, Rejected, audience_of
from classroom.polls import rules
from classroom.polls.model import (
    Ballot,
    Close,
    Closed,
    Discard,
    Open,
    Opened,
    PollCommand,
    PollKind,
    Polls,
    PollsOwn,
    PollState,
    PollsView,
    Prepare,
    Results,
    Revise,
    Spec,
    Tally,
    Vote,
    Voted,
)
from tests.polls.client_fold import fold
from tests.polls.playing import (
    ASHA,
    HELPER,
    LENA,
    MEMBERS,
    MULTIPLE,
    QUIZ,
    QUIZ_OF_TWO,
    RATING,
    RAVI,
    SINGLE,
    TEACHER,
    TEXT,
    Playing,
    encoded,
    recoded,
)

# No deadline: how fast a test runs says nothing on a machine that does other things.
HOLDS = settings(deadline=None, max_examples=30)
AUDIENCES = (ALL, STAFF, *(audience_of(member) for member in (TEACHER, HELPER, ASHA, RAVI, LENA)))
STUDENTS = (ALL, audience_of(ASHA), audience_of(RAVI), audience_of(LENA))


SPECS = st.builds(
    replace,
    st.sampled_from([SINGLE, MULTIPLE, QUIZ, QUIZ_OF_TWO, RATING, TEXT, TEXT, TEXT]),
    seconds=st.sampled_from([None, None, None, 5, 20]),
    secret=st.booleans(),
    changeable=st.sampled_from([True, True, True, False]),
    results=st.sampled_from(Results),
)


CHOICES = st.sampled_from([(0,), (1,), (2,), (0, 1), (1, 2), (), (9,)])
TEXTS = st.sampled_from(["one", "ONE", "One", "two", "Two", "three", " one ", ""])
# What is done, by whom, to which of the polls (by order of preparation), after how many milliseconds.
KINDS = ["prepare", "revise", "prepare and open", "revise and open", "discard", "open", "close", "due", *["vote"] * 14]
STEP, VOTE = (
    st.tuples(
        st.sampled_from(kinds),
        st.sampled_from(MEMBERS),
        st.integers(0, 3),
        SPECS,
        CHOICES,
        TEXTS,
        st.sampled_from([0, 0, 0, 1, 50, 6_000]),
    )
    for kinds in (KINDS, ["vote"])
)


def command_of(polls: Playing, step: Any) -> PollCommand:
    kind, _, which, spec, choice, text, _ = step
    ids = list(polls.state.polls)
    id = ids[which % len(ids)] if ids else 1
    match kind:
        case "prepare" | "prepare and open":
            return Prepare(spec=spec, open="open" in kind)
        case "revise" | "revise and open":
            return Revise(id=id, spec=spec, open="open" in kind)
        case "discard":
            return Discard(id=id)
        case "open":
            return Open(id=id)
        case "close":
            return Close(id=id)
        case _:
            poll = polls.state.polls.get(id)
            written = poll is not None and poll.spec.kind is PollKind.TEXT
            return Vote(id=id, choice=() if written else choice, text=text if written else None)


def played(beginning: list[Spec], steps: list[Any]) -> Playing:
    polls = Playing()
    for spec in beginning:
        polls.opened(spec)
    for step in steps:
        polls.now += step[-1]
        if step[0] == "due":
            for command in rules.due(polls.state, polls.now):
                assert len(polls.do(SYSTEM, command)) == 1
            continue
        actor = TEACHER if step[0] in ("prepare", "prepare and open", "open") else step[1]
        with suppress(Rejected):
            polls.do(actor, command_of(polls, step))
    return polls


# Hypothesis makes lists little longer than they must be, and short ones seldom come to the point.
LOGS = st.builds(played, st.lists(SPECS, min_size=1, max_size=2), st.lists(STEP, min_size=20, max_size=60))
TEXT_LOGS = st.builds(played, st.just([TEXT]), st.lists(VOTE, min_size=20, max_size=60))


def state_at(polls: Playing, seq: int) -> Polls:
    return msgspec.msgpack.decode(polls.states[seq], type=Polls)


@HOLDS
@given(LOGS, st.data())
def test_replaying_from_the_start_or_from_any_snapshot_gives_the_same_bytes(polls: Playing, data: Any) -> None:
    for start in (0, data.draw(st.integers(0, len(polls.log)))):
        state = state_at(polls, start)
        for meta, event in polls.log[start:]:
            rules.apply(state, event, meta)
        assert encoded(state) == polls.states[-1]


def united(polls: Playing) -> list[tuple[Meta, Any]]:
    """The log with all neighbours united that can be."""
    found: list[tuple[Meta, Any]] = []
    for meta, event in polls.log:
        merged = rules.merge(found[-1][1], event) if found else None
        if merged is None:
            found.append((meta, event))
        else:
            found[-1] = (meta, recoded(merged))
    return found


@HOLDS
@given(st.one_of(LOGS, TEXT_LOGS))
def test_uniting_neighbours_gives_the_same_bytes(polls: Playing) -> None:
    state = Polls()
    for meta, event in united(polls):
        rules.apply(state, event, meta)
        assert not isinstance(event, Voted) or event.count == len(event.ballots)
    assert encoded(state) == polls.states[-1]


@HOLDS
@given(st.one_of(LOGS, TEXT_LOGS))
def test_of_their_share_a_voter_is_shown_what_is_shown_of_all_the_votes(polls: Playing) -> None:
    for _, event in united(polls):
        if not isinstance(event, Voted):
            continue
        voters = set(rules.addressees(event))
        shares = rules.shares(event, {member.id for member in MEMBERS} - {LENA.id})
        assert shares.keys() == voters - {LENA.id}
        for member in MEMBERS:
            if member.id in shares:
                assert rules.view(shares[member.id], audience_of(member)) == rules.view(event, audience_of(member))


def recounted(polls: Playing, id: int) -> Tally:
    """The figures of one poll, counted afresh from the log after every vote, in the plainest way."""
    spec: Spec | None = None
    votes: dict[str, Ballot] = {}
    arrived: dict[str, str] = {}
    for _, event in polls.log:
        if isinstance(event, Opened) and event.id == id:
            spec = event.spec
        if isinstance(event, Voted) and event.id == id:
            for ballot in event.ballots:
                votes.pop(ballot.member, None)
                texts = [vote.text for vote in votes.values() if vote.text is not None]
                said = {text.casefold() for text in texts}
                arrived = {word: text for word, text in arrived.items() if word in said}
                votes[ballot.member] = ballot
                if ballot.text is not None:
                    arrived.setdefault(ballot.text.casefold(), ballot.text)
    assert spec is not None
    options = {PollKind.RATING: range(1, spec.scale + 1), PollKind.TEXT: range(0)}
    places = options.get(spec.kind, range(len(spec.options)))
    words = [
        (text, sum(vote.text is not None and vote.text.casefold() == word for vote in votes.values()))
        for word, text in arrived.items()
    ]
    return Tally(
        counts=tuple(sum(place in vote.choice for vote in votes.values()) for place in places),
        voters=len(votes),
        words=tuple(sorted(words, key=lambda word: -word[1])),
    )


@HOLDS
@given(st.one_of(LOGS, TEXT_LOGS))
def test_a_recount_from_the_log_gives_the_same_figures(polls: Playing) -> None:
    for poll in polls.state.polls.values():
        if poll.state is not PollState.PREPARED:
            assert rules.tally(poll) == recounted(polls, poll.id)
    for _, event in polls.log:
        if isinstance(event, Closed):
            assert event.tally == recounted(polls, event.id)


@HOLDS
@given(LOGS)
def test_the_index_of_open_polls_is_right(polls: Playing) -> None:
    opened = {poll.id for poll in polls.state.polls.values() if poll.state is PollState.OPEN}
    assert set(polls.state.open) == opened
    assert len(polls.state.open) == len(opened)


@HOLDS
@given(LOGS, st.sampled_from(AUDIENCES), st.data())
def test_a_client_that_folds_what_it_is_shown_has_what_a_newcomer_gets(
    polls: Playing, audience: Audience, data: Any
) -> None:
    start = data.draw(st.integers(0, len(polls.log)), label="joins after")
    joined = state_at(polls, start)
    view = msgspec.msgpack.decode(encoded(rules.show(joined, audience)), type=PollsView)
    own = msgspec.msgpack.decode(encoded(rules.own(joined, audience)), type=PollsOwn)
    for meta, event in polls.log[start:]:
        shown = rules.view(event, audience)
        if shown is not None:
            fold(view, own, recoded(shown), meta.seq, meta.at, audience.member)

    fresh = rules.show(polls.state, audience)
    for poll in (*view.polls, *fresh.polls):
        if poll.state is PollState.OPEN:
            poll.tally = None  # comes by signals
    assert view == fresh
    assert own == rules.own(polls.state, audience)


def right_answers(thing: Any) -> bool:
    """Whether anything in it says which options are right."""
    if isinstance(thing, dict):
        return bool(thing.get("right")) or any(right_answers(value) for value in thing.values())
    return isinstance(thing, list | tuple) and any(right_answers(value) for value in thing)


@HOLDS
@given(LOGS)
def test_no_student_learns_the_right_answers_before_the_close(polls: Playing) -> None:
    for audience in STUDENTS:
        for _, event in polls.log:
            if not isinstance(event, Closed) or event.results is Results.STAFF:
                assert not right_answers(msgspec.to_builtins(rules.view(event, audience)))
        for seq in range(len(polls.states)):
            for poll in rules.show(state_at(polls, seq), audience).polls:
                if poll.state is not PollState.CLOSED or poll.spec.results is Results.STAFF:
                    assert not right_answers(msgspec.to_builtins(poll))


@HOLDS
@given(LOGS)
def test_no_student_sees_figures_before_their_time(polls: Playing) -> None:
    for seq in range(len(polls.states)):
        state = state_at(polls, seq)
        for audience in STUDENTS:
            for poll in rules.show(state, audience).polls:
                assert poll.state is not PollState.PREPARED
                live = poll.spec.results is Results.LIVE
                ended = poll.state is PollState.CLOSED and poll.spec.results is Results.CLOSED
                assert (poll.tally is not None) == (live or ended)
            for signal in rules.tallies(state, audience):
                assert state.polls[signal.id].spec.results is Results.LIVE


@HOLDS
@given(LOGS)
def test_nobody_but_the_voter_is_shown_a_vote(polls: Playing) -> None:
    for audience in AUDIENCES:
        others = [member.id.encode() for member in MEMBERS if member.id != audience.member]
        seen = [encoded(rules.view(event, audience)) for _, event in polls.log]
        seen.append(encoded(rules.own(polls.state, audience)))
        seen.append(encoded(rules.show(polls.state, audience)))
        seen.append(encoded(rules.tallies(polls.state, audience)))
        assert not any(other in data for other in others for data in seen)


@HOLDS
@given(LOGS)
def test_the_record_never_says_who_voted_in_a_secret_poll(polls: Playing) -> None:
    secret = {id for id, poll in polls.state.polls.items() if poll.spec.secret}
    for _, event in polls.log:
        if isinstance(event, Voted):
            shown = rules.view(event, RECORD)
            named = any(member.id.encode() in encoded(shown) for member in MEMBERS)
            assert named == (event.id not in secret)


@HOLDS
@given(LOGS)
def test_only_addressees_are_shown_something_else_than_others_of_their_kind(polls: Playing) -> None:
    for _, event in polls.log:
        for member in MEMBERS:
            audience = audience_of(member)
            plain = Audience("staff") if member.role.staff else ALL
            differs = rules.view(event, audience) != rules.view(event, plain)
            assert differs == (member.id in rules.addressees(event))
