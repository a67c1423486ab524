"""Polls' rules.

What always holds: one vote per member; nobody but the voter is ever shown who voted what, save the record of a named
poll; nobody but the staff sees a poll before it is opened, a quiz's right options before it is closed, or a tally
before the poll's `results` says so; no vote is taken from `ends_at` on, by the server's clock, however late the close.

What a client does with each event (it holds `PollsView` and `PollsOwn`):

- `poll.prepared`: insert a poll with `id` = the event's seq, `state` prepared, by order of id.
- `poll.revised`: replace the `spec` of poll `id`.
- `poll.discarded`: drop poll `id`.
- `poll.opened`: insert poll `id` by order of id if unknown; set `spec`, `ends_at`, `state` open, `opened_at` = the
  event's `at`. Its tally, where it may be seen, comes by `poll.tally` signals.
- `poll.voted`: own `votes[id]` = the last of `ballots`.
- `poll.closed`: set `state` closed, `closed_at` = `at`, `tally` (missing: none), and `spec.right` = `right`.
"""

from __future__ import annotations

from collections.abc import Container

from msgspec.structs import replace

from classroom.kernel import (
    Audience,
    Context,
    Event,
    Meta,
    Phase,
    Rejected,
    Role,
    need_staff,
    unreachable,
)
from classroom.polls.count import cast, places, tally
from classroom.polls.model import (
    BATCH_LIMIT,
    OPTION_LIMIT,
    OPTIONS_LIMIT,
    POLLS_LIMIT,
    QUESTION_LIMIT,
    RATING_LIMIT,
    SECONDS_LEAST,
    SECONDS_LIMIT,
    TEXT_LIMIT,
    Ballot,
    Close,
    Closed,
    Discard,
    Discarded,
    Open,
    Opened,
    Poll,
    PollCommand,
    PollEvent,
    PollKind,
    Polls,
    PollsOwn,
    PollState,
    PollsView,
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
from classroom.texts import clean_text

__all__ = [
    "addressees",
    "apply",
    "decide",
    "due",
    "merge",
    "next_due",
    "own",
    "shares",
    "show",
    "tallies",
    "tally",
    "view",
]


def decide(state: Polls, command: PollCommand, context: Context) -> list[Event]:
    """What `command` makes happen; nothing where it changes nothing. Reads only; raises `Rejected`."""
    match command:
        case Vote():
            return _vote(state, command, context)
        case Prepare(spec=spec):
            need_staff(context, "prepare polls")
            if len(state.polls) >= POLLS_LIMIT:
                raise Rejected("too_many", f"This class already has {POLLS_LIMIT} polls.")
            cleaned = _clean(spec)
            return [Prepared(spec=cleaned), *([_opened(context.seq, cleaned, context)] if command.open else [])]
        case Revise(id=id, spec=spec):
            need_staff(context, "change polls")
            poll = _unopened(state, id, "changed")
            cleaned = _clean(spec)
            revised = [] if cleaned == poll.spec else [Revised(id=id, spec=cleaned)]
            return [*revised, *([_opened(id, cleaned, context)] if command.open else [])]
        case Discard(id=id):
            need_staff(context, "throw polls away")
            _unopened(state, id, "thrown away")
            return [Discarded(id=id)]
        case Open(id=id):
            need_staff(context, "open polls")
            return _open(_poll(state, id), context)
        case Close(id=id):
            need_staff(context, "close polls")
            return _close(_poll(state, id))
        case _:
            return unreachable(command)


def apply(state: Polls, event: PollEvent, meta: Meta) -> None:
    """Fold one event in. Does nothing where the poll is unknown, or not in the state that the event starts from."""
    match event:
        case Prepared(spec=spec):
            state.polls[meta.seq] = Poll(id=meta.seq, spec=spec)
        case Revised(id=id, spec=spec):
            if poll := _in(state, id, PollState.PREPARED):
                poll.spec = spec
        case Discarded(id=id):
            if _in(state, id, PollState.PREPARED):
                del state.polls[id]
        case Opened(id=id):
            if poll := _in(state, id, PollState.PREPARED):
                poll.spec, poll.ends_at = event.spec, event.ends_at
                poll.state, poll.opened_at = PollState.OPEN, meta.at
                poll.counts = [0] * places(event.spec)
                state.open.append(id)
        case Voted(id=id):
            if poll := _in(state, id, PollState.OPEN):
                for ballot in event.ballots:
                    cast(poll, ballot)
        case Closed(id=id):
            if poll := _in(state, id, PollState.OPEN):
                poll.tally = event.tally or tally(poll)
                poll.state, poll.closed_at = PollState.CLOSED, meta.at
                poll.counts, poll.words, poll.spellings = [], {}, {}
                state.open.remove(id)
        case _:
            unreachable(event)


def view(event: PollEvent, audience: Audience) -> Event | None:
    """What `audience` is shown of `event`; None: nothing."""
    match event:
        case Prepared() | Revised() | Discarded():
            return event if audience.sees_all else None
        case Opened(spec=spec):
            return event if audience.sees_all else replace(event, spec=replace(spec, right=()))
        case Voted():
            if audience.kind == "record":
                return replace(event, ballots=()) if event.secret else event
            mine = tuple(ballot for ballot in event.ballots if ballot.member == audience.member)
            return replace(event, count=len(mine), ballots=mine) if mine and audience.member else None
        case Closed(results=results):
            hidden = results is Results.STAFF and not audience.sees_all
            return replace(event, tally=None, right=()) if hidden else event
        case _:
            return unreachable(event)


def addressees(event: PollEvent) -> tuple[str, ...]:
    """The ids of members who are shown something else of `event` than others of their kind: the voters."""
    if isinstance(event, Voted):
        return tuple(dict.fromkeys(ballot.member for ballot in event.ballots))
    return ()


def shares(event: Voted, members: Container[str]) -> dict[str, Voted]:
    """By the id of each voter among `members`, as much of `event` as `view` shows them something of."""
    mine: dict[str, tuple[Ballot, ...]] = {}
    for ballot in event.ballots:
        if ballot.member in members:
            mine[ballot.member] = (*mine.get(ballot.member, ()), ballot)
    return {member: replace(event, count=len(ballots), ballots=ballots) for member, ballots in mine.items()}


def merge(previous: Event, event: Event) -> Event | None:
    """One event that says both: votes on one poll, a member's later vote in place of the earlier. None where they must
    stay two: on anything else, past `BATCH_LIMIT`, and where somebody changes a text, whose order of arrival counts."""
    if not isinstance(previous, Voted) or not isinstance(event, Voted) or previous.id != event.id:
        return None
    if previous.secret is not event.secret or len(previous.ballots) + len(event.ballots) > BATCH_LIMIT:
        return None
    later = {ballot.member: ballot for ballot in event.ballots}
    changed = [ballot for ballot in previous.ballots if ballot.member in later]
    if any(ballot.text is not None for ballot in changed):
        return None
    kept = previous.ballots
    if changed:
        kept = tuple(later.pop(ballot.member, ballot) for ballot in previous.ballots)
    ballots = (*kept, *later.values())
    return Voted(id=event.id, count=len(ballots), ballots=ballots, secret=event.secret)


def show(state: Polls, audience: Audience) -> PollsView:
    """The polls as `audience` sees them, without what is one member's alone."""
    staff = audience.sees_all
    return PollsView(
        polls=[_show(poll, staff) for poll in state.polls.values() if staff or poll.state is not PollState.PREPARED]
    )


def own(state: Polls, audience: Audience) -> PollsOwn:
    """The votes of the member whom `audience` names."""
    member = audience.member
    return PollsOwn(votes={poll.id: poll.votes[member] for poll in state.polls.values() if member in poll.votes})


def due(state: Polls, now: int) -> list[Close]:
    """The server's own commands whose time has come (`now`: ms since 1970)."""
    ends = [(id, state.polls[id].ends_at) for id in state.open]
    return [Close(id=id) for id, end in ends if end is not None and end <= now]


def next_due(state: Polls) -> int | None:
    """When the next of them is due, in ms since 1970; None: nothing waits."""
    ends = [end for id in state.open if (end := state.polls[id].ends_at) is not None]
    return min(ends) if ends else None


def is_public(state: Polls, id: int) -> bool:
    """Whether everybody may see the figures of an open poll now."""
    return _tally_shown(state.polls[id], staff=False)


def tallies(state: Polls, audience: Audience) -> list[TallySignal]:
    """The figures of the open polls that `audience` may see now."""
    polls = (state.polls[id] for id in state.open)
    return [TallySignal(id=poll.id, tally=tally(poll)) for poll in polls if _tally_shown(poll, audience.sees_all)]


def _poll(state: Polls, id: int) -> Poll:
    poll = state.polls.get(id)
    if poll is None:
        raise Rejected("not_found", "There is no such poll.")
    return poll


def _in(state: Polls, id: int, stage: PollState) -> Poll | None:
    poll = state.polls.get(id)
    return poll if poll is not None and poll.state is stage else None


def _unopened(state: Polls, id: int, done: str) -> Poll:
    poll = _poll(state, id)
    if poll.state is not PollState.PREPARED:
        raise Rejected("wrong_state", f"A poll that has been opened cannot be {done}.")
    return poll


def _open(poll: Poll, context: Context) -> list[Event]:
    if poll.state is PollState.OPEN:
        return []
    if poll.state is PollState.CLOSED:
        raise Rejected("wrong_state", "This poll is closed; a closed poll cannot be opened again.")
    return [_opened(poll.id, poll.spec, context)]


def _opened(id: int, spec: Spec, context: Context) -> Opened:
    ends_at = None if spec.seconds is None else context.now + spec.seconds * 1_000
    return Opened(id=id, spec=spec, ends_at=ends_at)


def _close(poll: Poll) -> list[Event]:
    if poll.state is PollState.CLOSED:
        return []
    if poll.state is PollState.PREPARED:
        raise Rejected("wrong_state", "This poll has not been opened yet.")
    return [Closed(id=poll.id, results=poll.spec.results, tally=tally(poll), right=poll.spec.right)]


def _vote(state: Polls, command: Vote, context: Context) -> list[Event]:
    actor = context.actor
    if actor.role is Role.SYSTEM:
        raise Rejected("forbidden", "The server does not vote.")
    if context.phase is Phase.ENDED and not actor.role.staff:
        raise Rejected("class_ended", "The class has ended.")
    poll = _poll(state, command.id)
    if poll.state is PollState.PREPARED:
        # Students must not learn from the refusal that the poll exists.
        if not actor.role.staff:
            raise Rejected("not_found", "There is no such poll.")
        raise Rejected("wrong_state", "This poll has not been opened yet.")
    if poll.state is PollState.CLOSED:
        raise Rejected("wrong_state", "This poll is closed.")
    if poll.ends_at is not None and context.now >= poll.ends_at:
        raise Rejected("wrong_state", "The time for this poll is over.")
    ballot = _ballot(poll.spec, command, actor.id)
    earlier = poll.votes.get(actor.id)
    if earlier == ballot:
        return []
    if earlier is not None and not poll.spec.changeable:
        raise Rejected("wrong_state", "You have voted already, and votes in this poll cannot be changed.")
    return [Voted(id=poll.id, count=1, ballots=(ballot,), secret=poll.spec.secret)]


def _ballot(spec: Spec, command: Vote, member: str) -> Ballot:
    if spec.kind is PollKind.TEXT:
        if command.choice:
            raise Rejected("bad_request", "This poll asks for a written answer, not for a choice.")
        text = clean_text(" ".join((command.text or "").split()), TEXT_LIMIT, "answer")
        return Ballot(member=member, choice=(), text=text)
    if command.text is not None:
        raise Rejected("bad_request", "This poll does not ask for a written answer.")
    choice = tuple(sorted(set(command.choice)))
    if not choice:
        raise Rejected("empty", "Choose an answer before you vote.")
    if len(choice) != len(command.choice):
        raise Rejected("bad_request", "An option can be chosen only once.")
    first = 1 if spec.kind is PollKind.RATING else 0
    if choice[0] < first or choice[-1] >= places(spec) + first:
        raise Rejected("bad_request", "That is not one of the answers that this poll offers.")
    if len(choice) > 1 and not (spec.kind is PollKind.MULTIPLE or spec.several):
        raise Rejected("bad_request", "Choose exactly one answer.")
    return Ballot(member=member, choice=choice)


def _clean(spec: Spec) -> Spec:
    question = clean_text(spec.question, QUESTION_LIMIT, "question")
    if spec.seconds is not None and not SECONDS_LEAST <= spec.seconds <= SECONDS_LIMIT:
        raise Rejected("bad_request", f"A poll stays open for {SECONDS_LEAST} to {SECONDS_LIMIT} seconds.")
    options = _clean_options(spec)
    right = tuple(sorted(set(spec.right)))
    if spec.kind is not PollKind.QUIZ:
        if right:
            raise Rejected("bad_request", "Only a quiz has right answers.")
    elif not right:
        raise Rejected("bad_request", "Mark at least one right answer.")
    elif right[0] < 0 or right[-1] >= len(options):
        raise Rejected("bad_request", "A right answer must be one of the options.")
    scale = spec.scale if spec.kind is PollKind.RATING else Spec(question="", kind=spec.kind).scale
    if not 2 <= scale <= RATING_LIMIT:
        raise Rejected("bad_request", f"A rating has 2 to {RATING_LIMIT} points.")
    return replace(spec, question=question, options=options, right=right, several=len(right) > 1, scale=scale)


def _clean_options(spec: Spec) -> tuple[str, ...]:
    if spec.kind in (PollKind.RATING, PollKind.TEXT):
        if spec.options:
            raise Rejected("bad_request", "Ratings and written answers have no options.")
        return ()
    if len(spec.options) > OPTIONS_LIMIT:
        raise Rejected("too_many", f"A poll has at most {OPTIONS_LIMIT} options.")
    options = tuple(clean_text(option, OPTION_LIMIT, "option") for option in spec.options)
    if len(options) < 2:
        raise Rejected("bad_request", "A poll needs at least two options.")
    if len(set(options)) != len(options):
        raise Rejected("bad_request", "The options must differ from each other.")
    return options


def _tally_shown(poll: Poll, staff: bool) -> bool:
    if staff or poll.spec.results is Results.LIVE:
        return poll.state is not PollState.PREPARED
    return poll.state is PollState.CLOSED and poll.spec.results is Results.CLOSED


def _show(poll: Poll, staff: bool) -> PollView:
    figures: Tally | None = tally(poll) if _tally_shown(poll, staff) else None
    right_shown = staff or (poll.state is PollState.CLOSED and poll.spec.results is not Results.STAFF)
    return PollView(
        id=poll.id,
        spec=poll.spec if right_shown or not poll.spec.right else replace(poll.spec, right=()),
        state=poll.state,
        opened_at=poll.opened_at,
        ends_at=poll.ends_at,
        closed_at=poll.closed_at,
        tally=figures,
    )
