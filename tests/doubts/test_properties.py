"""What holds for doubts whatever happens: random commands by random members, folded in every way there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.doubts import rules
from classroom.doubts.model import (
    Answer,
    Approve,
    Ask,
    Asked,
    Configure,
    Configured,
    Dismiss,
    Dismissed,
    DoubtCommand,
    Doubts,
    DoubtsOwn,
    DoubtState,
    DoubtsView,
    Finish,
    Merge,
    Merged,
    Pin,
    Reopen,
    Start,
    Started,
    Vote,
    Voted,
    Withdraw,
)
from classroom.kernel import ALL, RECORD, STAFF, Member, Rejected, audience_of
from tests.doubts.client_fold import fold
from tests.doubts.playing import ASHA, HELPER, MEMBERS, RAVI, TEACHER, VOTER, ZOYA, Playing, encoded, recoded

ASKERS = (ASHA, RAVI, ZOYA, HELPER)
STUDENTS = (ASHA, RAVI, ZOYA, VOTER)
AUDIENCES = (ALL, STAFF, audience_of(TEACHER), audience_of(HELPER), *map(audience_of, STUDENTS))
KINDS = (
    *["ask"] * 4,
    *["vote"] * 8,
    *["gather"] * 4,
    *["merge"] * 3,
    *["approve", "dismiss", "start", "answer", "reopen"] * 2,
    *["withdraw", "finish", "pin", "configure"],
)


def step_of(number: int) -> tuple[str, Member, int, int, int]:
    """One number is one step, so that a long sequence is cheap to draw: what is tried, by whom, and three choices."""
    number, kind = divmod(number, len(KINDS))
    number, actor = divmod(number, len(ASKERS))
    number, first = divmod(number, 8)
    number, second = divmod(number, 8)
    return KINDS[kind], ASKERS[actor], first, second, number % 4


STEPS = st.lists(st.integers(0, len(KINDS) * len(ASKERS) * 8 * 8 * 4 - 1).map(step_of), min_size=40, max_size=60)


@pytest.fixture(scope="module", autouse=True)
def small_limits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "OPEN_LIMIT", 4)
        patch.setattr(rules, "DOUBTS_LIMIT", 12)
        patch.setattr(rules, "CHANGES_LIMIT", 3)
        yield


def command_of(doubts: Playing, step: Any) -> tuple[Member, DoubtCommand]:
    kind, actor, first, second, number = step
    ids = list(doubts.state.doubts)
    id = ids[-1 - first % len(ids)] if ids else 99
    asker = next((member for member in MEMBERS if ids and member.id == doubts.state.doubts[id].by), actor)
    unique = f"<{len(doubts.log)}>"
    match kind:
        case "ask":
            return actor, Ask(text=f"text{unique}", anonymous=number % 2 == 0)
        case "vote":
            return (*ASKERS, VOTER, VOTER)[second % 6], Vote(id=id, on=number > 0)
        case "gather":
            pending = [doubt.id for doubt in doubts.state.doubts.values() if doubt.state is DoubtState.PENDING] or [99]
            return TEACHER, Merge(id=pending[first % len(pending)], into=pending[second % len(pending)])
        case "merge":
            return TEACHER, Merge(id=id, into=ids[-1 - second % len(ids)] if ids else 98)
        case "approve":
            return HELPER, Approve(id=id)
        case "dismiss":
            return HELPER, Dismiss(id=id, reason=f"reason{unique}")
        case "start":
            return TEACHER, Start(id=id)
        case "answer":
            return TEACHER, Answer(id=id, text=f"answer{unique}")
        case "reopen":
            return TEACHER, Reopen(id=id)
        case "withdraw":
            return asker, Withdraw(id=id)
        case "finish":
            return TEACHER, Finish(id=id)
        case "pin":
            return TEACHER, Pin(id=id, on=number > 0)
        case _:
            return TEACHER, Configure(moderated=number > 1, anonymous=number != 2)


def played(steps: list[Any], merging: bool) -> Playing:
    doubts = Playing(merging=merging)
    for step in steps:
        doubts.now += 1_000
        actor, command = command_of(doubts, step)
        with suppress(Rejected):
            doubts.do(actor, command)
    return doubts


LOGS = st.builds(played, STEPS, st.booleans())


def state_at(doubts: Playing, seq: int) -> Doubts:
    return msgspec.msgpack.decode(doubts.states[seq], type=Doubts)


@given(LOGS, st.data())
def test_replaying_from_the_start_or_from_any_snapshot_gives_the_same_bytes(doubts: Playing, data: Any) -> None:
    for start in (0, data.draw(st.integers(0, len(doubts.log)))):
        state = state_at(doubts, start)
        for meta, event in doubts.log[start:]:
            rules.apply(state, event, meta)
        assert encoded(state) == doubts.states[-1]


@given(LOGS)
def test_what_always_holds_holds(doubts: Playing) -> None:
    for seq in range(len(doubts.states)):
        state = state_at(doubts, seq)
        assert list(state.doubts) == sorted(state.doubts)
        answering = [doubt.id for doubt in state.doubts.values() if doubt.state is DoubtState.ANSWERING]
        assert answering == ([state.answering] if state.answering is not None else [])
        for doubt in state.doubts.values():
            assert next(iter(doubt.voters)) == doubt.by
            assert doubt.state.public or not doubt.pinned
            assert (doubt.merged_into is not None) == (doubt.state is DoubtState.MERGED)
            if doubt.merged_into is not None:
                assert state.doubts[doubt.merged_into].state is not DoubtState.MERGED


@given(LOGS)
def test_counts_in_events_are_exact(doubts: Playing) -> None:
    for meta, event in doubts.log:
        after = state_at(doubts, meta.seq).doubts
        match event:
            case Voted():
                assert event.votes == {id: len(after[id].voters) for id in event.votes}
                assert {tick.id for tick in event.changes} == set(event.votes)
            case Merged():
                assert event.votes == len(after[event.into].voters)
            case _:
                pass


@settings(max_examples=60)
@given(LOGS, st.data())
def test_a_client_that_folds_what_it_is_shown_has_what_a_newcomer_gets(doubts: Playing, data: Any) -> None:
    start = data.draw(st.integers(0, len(doubts.log)), label="joins after")
    joined = state_at(doubts, start)
    for audience in AUDIENCES:
        view = msgspec.msgpack.decode(encoded(rules.show(joined, audience)), type=DoubtsView)
        own = msgspec.msgpack.decode(encoded(rules.own(joined, audience)), type=DoubtsOwn)
        for meta, event in doubts.log[start:]:
            shown = rules.view(event, audience)
            if shown is not None:
                fold(view, own, recoded(shown), meta.seq, meta.at, audience.member, audience.sees_all)
        assert view == rules.show(doubts.state, audience), audience
        assert own == rules.own(doubts.state, audience), audience


@given(LOGS)
def test_the_record_folds_to_the_state_itself(doubts: Playing) -> None:
    state = Doubts()
    for meta, event in doubts.log:
        shown = rules.view(event, RECORD)
        assert shown is not None
        rules.apply(state, shown, meta)
    assert encoded(state) == doubts.states[-1]


def may_know(state: Doubts, me: str) -> tuple[set[int], set[str]]:
    """Ids of the doubts that a student may hear of in a state, and texts that they may read."""
    public = {doubt.id for doubt in state.doubts.values() if doubt.state.public}
    theirs = {doubt.id for doubt in state.doubts.values() if doubt.by == me}
    behind = {doubt.id for doubt in state.doubts.values() if me in doubt.voters}
    return public | theirs | behind, {state.doubts[id].text for id in public | theirs}


def ids_in(event: Any, seq: int) -> set[int]:
    match event:
        case Voted():
            return {*event.votes, *(tick.id for tick in event.changes)}
        case Merged():
            return {event.id, event.into}
        case Started():
            return {event.id} | ({event.back} if event.back is not None else set())
        case None | Configured():
            return set()
        case Asked():
            return {seq}
        case _:
            return {event.id}


@settings(max_examples=60)
@given(LOGS)
def test_no_student_is_shown_what_is_not_theirs_to_know(doubts: Playing) -> None:
    texts = {doubt.text for doubt in doubts.state.doubts.values()}
    reasons = {event.reason: event.by for _, event in doubts.log if isinstance(event, Dismissed)}
    states = [state_at(doubts, seq) for seq in range(len(doubts.states))]
    for audience in (ALL, *map(audience_of, STUDENTS)):
        me = audience.member
        heard_of: set[int] = set()
        for seq, state in enumerate(states):
            knows, reads = may_know(state, me)
            heard_of |= knows
            named = {doubt.by for doubt in state.doubts.values() if doubt.state.public and not doubt.anonymous} | {me}
            seen: list[Any] = [rules.show(state, audience), rules.own(state, audience)]
            if seq:
                shown = rules.view(doubts.log[seq - 1][1], audience)
                seen.append(shown)
                assert ids_in(shown, seq) <= heard_of
            sent = encoded(seen)
            assert not [text for text in texts - reads if text.encode() in sent]
            assert not [reason for reason, by in reasons.items() if by != me and reason.encode() in sent]
            for member in STUDENTS:
                if member.id not in named:
                    assert member.id.encode() not in sent
                    assert member.name.encode() not in sent


@given(LOGS)
def test_who_only_votes_is_named_to_nobody_but_in_the_record(doubts: Playing) -> None:
    for audience in (ALL, STAFF, audience_of(TEACHER), audience_of(ASHA)):
        for seq, (_, event) in enumerate(doubts.log, 1):
            sent = encoded([rules.view(event, audience), rules.show(state_at(doubts, seq), audience)])
            assert VOTER.id.encode() not in sent


@given(LOGS)
def test_of_their_share_a_voter_is_shown_what_is_shown_of_all_the_votes(doubts: Playing) -> None:
    votes: Voted | None = None
    for _, event in doubts.log:
        if not isinstance(event, Voted):
            votes = None
            continue
        votes = event if votes is None else rules.merge(votes, event) or event
        shares = rules.shares(votes, {member.id for member in MEMBERS} - {VOTER.id})
        assert shares.keys() == set(rules.addressees(votes)) - {VOTER.id}
        for member in MEMBERS:
            if member.id in shares:
                assert rules.view(shares[member.id], audience_of(member)) == rules.view(votes, audience_of(member))


@given(LOGS)
def test_only_addressees_are_shown_something_else_than_others_of_their_kind(doubts: Playing) -> None:
    for _, event in doubts.log:
        for member in MEMBERS:
            if member.id not in rules.addressees(event):
                plain = STAFF if member.role.staff else ALL
                assert rules.view(event, audience_of(member)) == rules.view(event, plain)
