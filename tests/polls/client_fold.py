"""The reference of what a client does with the polls' events: the fold that `classroom.polls.rules` describes, in Python.

It uses nothing but what a client has: what `show` and `own` gave, and the events that `view` let through.
"""

from __future__ import annotations

from msgspec.structs import replace

from classroom.kernel import Event
from classroom.polls.model import (
    Closed,
    Discarded,
    Opened,
    PollsOwn,
    PollState,
    PollsView,
    PollView,
    Prepared,
    Revised,
    Voted,
)


def fold(view: PollsView, own: PollsOwn, event: Event, seq: int, at: int, me: str) -> None:
    """Change `view` and `own` by one event as the member `me` was shown it ("" for nobody in particular)."""
    match event:
        case Prepared(spec=spec):
            _insert(view, PollView(id=seq, spec=spec, state=PollState.PREPARED))
        case Revised(id=id, spec=spec):
            _find(view, id).spec = spec
        case Discarded(id=id):
            view.polls = [poll for poll in view.polls if poll.id != id]
        case Opened(id=id, spec=spec, ends_at=ends_at):
            view.polls = [poll for poll in view.polls if poll.id != id]
            _insert(view, PollView(id=id, spec=spec, state=PollState.OPEN, opened_at=at, ends_at=ends_at))
        case Voted(id=id, ballots=ballots):
            assert all(ballot.member == me for ballot in ballots)
            own.votes[id] = ballots[-1]
        case Closed(id=id, tally=tally, right=right):
            poll = _find(view, id)
            poll.state, poll.closed_at, poll.tally = PollState.CLOSED, at, tally
            poll.spec = replace(poll.spec, right=right)
        case _:
            raise AssertionError(f"not an event of polls: {event!r}")


def _insert(view: PollsView, poll: PollView) -> None:
    view.polls = sorted([*view.polls, poll], key=lambda each: each.id)


def _find(view: PollsView, id: int) -> PollView:
    return next(poll for poll in view.polls if poll.id == id)
