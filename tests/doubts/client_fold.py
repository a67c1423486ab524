"""The reference of what a client does with doubts' events: the fold that `classroom.doubts.sight` describes, in Python.

It uses nothing but what a client has: what `show` and `own` gave, and the events that `view` let through.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from classroom.doubts.model import (
    Answered,
    Asked,
    Configured,
    Dismissed,
    DoubtsOwn,
    DoubtState,
    DoubtsView,
    DoubtView,
    Merged,
    Pinned,
    Published,
    Started,
    Voted,
    Withdrawn,
)
from classroom.kernel import Event


def fold(view: DoubtsView, own: DoubtsOwn, event: Event, seq: int, at: int, me: str, staff: bool) -> None:
    """Change `view` and `own` by one event as the member `me` was shown it ("" for nobody in particular)."""
    match event:
        case Asked():
            _asked(view, own, event, seq, at, me, staff)
        case Published():
            _published(view, own, event, staff)
        case Voted():
            for id, votes in event.votes.items():
                for doubt in _copies(view, own, id):
                    doubt.votes = votes
            for tick in event.changes:
                if tick.member == me:
                    own.voted = sorted({*own.voted} - {tick.id} | ({tick.id} if tick.on else set()))
        case Withdrawn():
            _moved(view, own, event.id, DoubtState.WITHDRAWN, staff)
        case Dismissed():
            for doubt in _copies(view, own, event.id):
                doubt.reason = event.reason
            _moved(view, own, event.id, DoubtState.DISMISSED, staff)
        case Started():
            if event.back is not None:
                _moved(view, own, event.back, DoubtState.OPEN, staff)
            _moved(view, own, event.id, DoubtState.ANSWERING, staff)
        case Answered():
            for doubt in _copies(view, own, event.id):
                doubt.live, doubt.class_time, doubt.answer = event.live, event.class_time, event.text
            _moved(view, own, event.id, DoubtState.ANSWERED, staff)
        case Merged():
            _merged(view, own, event, staff)
        case Pinned():
            for doubt in _copies(view, own, event.id):
                doubt.pinned = event.on
        case Configured():
            view.moderated, view.locked, view.anonymous = event.moderated, event.locked, event.anonymous
        case _:
            raise AssertionError(f"not an event of doubts: {event!r}")


def _asked(view: DoubtsView, own: DoubtsOwn, event: Asked, seq: int, at: int, me: str, staff: bool) -> None:
    doubt = DoubtView(
        id=seq,
        at=at,
        text=event.text,
        state=event.state,
        votes=1,
        anonymous=event.anonymous,
        by=event.by,
        name=event.name,
    )
    if event.state.public or staff:
        view.doubts = _with(view.doubts, _for_all(doubt, staff))
    if event.by is not None and event.by == me:
        own.asked.append(seq)
        own.voted = sorted({*own.voted, seq})
        if not staff:
            own.doubts.append(doubt)


def _published(view: DoubtsView, own: DoubtsOwn, event: Published, staff: bool) -> None:
    if not any(doubt.id == event.id for doubt in view.doubts):
        doubt = DoubtView(
            id=event.id,
            at=event.at,
            text=event.text,
            state=DoubtState.OPEN,
            votes=event.votes,
            anonymous=event.anonymous,
            by=event.by,
            name=event.name,
        )
        view.doubts = _with(view.doubts, _for_all(doubt, staff))
    for doubt in _copies(view, own, event.id):
        doubt.state = DoubtState.OPEN
        doubt.votes, doubt.answer = event.votes, event.answer
        doubt.reason, doubt.live, doubt.class_time = None, False, None


def _merged(view: DoubtsView, own: DoubtsOwn, event: Merged, staff: bool) -> None:
    for doubt in _copies(view, own, event.into):
        doubt.votes = event.votes
    for doubt in (*view.doubts, *own.doubts):
        if doubt.id == event.id or doubt.merged_into == event.id:
            doubt.merged_into = event.into
    if event.id in own.voted:
        own.voted = sorted({*own.voted, event.into})
    _moved(view, own, event.id, DoubtState.MERGED, staff)


def _moved(view: DoubtsView, own: DoubtsOwn, id: int, to: DoubtState, staff: bool) -> None:
    for doubt in _copies(view, own, id):
        doubt.state = to
        doubt.pinned = doubt.pinned and to.public
    if not to.public and not staff:
        view.doubts = [doubt for doubt in view.doubts if doubt.id != id]


def _for_all(doubt: DoubtView, staff: bool) -> DoubtView:
    return replace(doubt, by=None, name=None) if doubt.anonymous and not staff else replace(doubt)


def _with(doubts: Iterable[DoubtView], doubt: DoubtView) -> list[DoubtView]:
    return sorted([*doubts, doubt], key=lambda one: one.id)


def _copies(view: DoubtsView, own: DoubtsOwn, id: int) -> list[DoubtView]:
    return [doubt for doubt in (*view.doubts, *own.doubts) if doubt.id == id]
