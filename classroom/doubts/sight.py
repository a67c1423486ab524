"""Who sees what of the doubts: of an event (`view`, `addressees`), and of the state (`show`, `own`).

What always holds: a student is shown neither pending text, nor why something was dismissed, nor who asked anonymously,
nor who votes, unless it is their own; the staff are shown everything but who votes. Everything here is a function of
the event, or of the state, alone.

A client starts from `show` and `own` and folds what `view` lets through; `seq` and `at` are the event's.
*Everywhere* means in `view.doubts` and, for a student, in `own.doubts`, wherever the doubt is; *gone* means out of
`view.doubts` for a student, while the staff's `view.doubts` and `own.doubts` keep it. Lists stay in rising order of id.

- `doubt.asked`: a new doubt with id `seq` and one vote. Public, or I am staff: into `view.doubts` (without `by` and
  `name` where it is anonymous and I am a student). By me: into `own.asked` and `own.voted`, and for a student, in full
  into `own.doubts`.
- `doubt.published`: everywhere: state open; `votes` and `answer` from the event; no `reason`, not `live`, no
  `class_time`; `pinned` stays. Not yet in `view.doubts`: put it there (again without an anonymous asker for a student).
- `doubt.voted`: everywhere: set the counts. Of `changes`, those by me: put `id` into, or take it out of, `own.voted`.
- `doubt.withdrawn`: everywhere: state withdrawn, not pinned; then gone.
- `doubt.dismissed`: everywhere: state dismissed, not pinned, `reason`; then gone.
- `doubt.started`: everywhere: `back` becomes open, `id` answering.
- `doubt.answered`: everywhere: state answered; `live`, `class_time` and `answer` (from `text`) from the event.
- `doubt.merged`: everywhere: `into` gets `votes`; `id` is merged, not pinned, `merged_into` is `into`; what had been
  merged into `id` is now merged into `into`; then `id` is gone. `id` in `own.voted`: put `into` there too.
- `doubt.pinned`: everywhere: set `pinned`.
- `doubt.configured`: set `moderated`, `locked`, `anonymous`.

Where a doubt that was not public is merged, students who had no part in it are told `doubt.voted` with the new count of
`into` alone (and nothing where that is not public either), so that they never hear of `id`.
"""

from __future__ import annotations

from collections.abc import Container

from msgspec.structs import replace

from classroom.doubts.model import (
    Answered,
    Asked,
    Configured,
    Dismissed,
    Doubt,
    DoubtEvent,
    Doubts,
    DoubtsOwn,
    DoubtState,
    DoubtsView,
    DoubtView,
    Merged,
    Pinned,
    Published,
    Started,
    Tick,
    Voted,
    Withdrawn,
)
from classroom.kernel import Audience, Event, unreachable


def view(event: DoubtEvent, audience: Audience) -> Event | None:
    """What `audience` is shown of the event; None: nothing."""
    match event:
        case Voted():
            return _view_voted(event, audience)
        case Started() | Answered() | Pinned() | Configured():
            return event
        case Asked() | Withdrawn() | Published() | Dismissed() | Merged():
            return event if audience.sees_all else _view_student(event, audience.member)
        case _:
            return unreachable(event)


def _view_voted(event: Voted, audience: Audience) -> Event:
    if audience.kind == "record":
        return event
    me = audience.member
    return replace(event, changes=tuple(tick for tick in event.changes if tick.member == me) if me else ())


def _view_student(event: Asked | Withdrawn | Published | Dismissed | Merged, me: str) -> Event | None:
    mine = bool(me) and event.by == me
    match event:
        case Merged():
            return _view_merged(event, me, mine)
        case _ if mine:
            return event
        case Asked():
            return _without_asker(event) if event.state.public else None
        case Withdrawn():
            return replace(event, by=None) if event.was.public else None
        case Published():
            # That it had been dismissed is no student's business: it may never have been public before.
            was = event.was if event.was.public else DoubtState.PENDING
            return _without_asker(replace(event, was=was))
        case Dismissed():
            return replace(event, by=None, reason=None) if event.was.public else None
        case _:
            return unreachable(event)


def _without_asker(event: Asked | Published) -> Event:
    return replace(event, by=None, name=None) if event.anonymous else event


def _view_merged(event: Merged, me: str, mine: bool) -> Event | None:
    if mine or event.was.public or (me and me in event.behind):
        return replace(event, by=event.by if mine else None, behind=(), into_by=None)
    if event.into_public or (me and me == event.into_by):
        return Voted(votes={event.into: event.votes})
    return None


def shares(event: Voted, members: Container[str]) -> dict[str, Voted]:
    """By the id of each voter among `members`, as much of `event` as `view` shows them something of."""
    mine: dict[str, tuple[Tick, ...]] = {}
    for tick in event.changes:
        if tick.member in members:
            mine[tick.member] = (*mine.get(tick.member, ()), tick)
    return {member: replace(event, changes=ticks) for member, ticks in mine.items()}


def addressees(event: DoubtEvent) -> tuple[str, ...]:
    """Ids of the members whose view is not the one of `all` (or, being staff, not the one of plain `staff`)."""
    match event:
        case Voted():
            return tuple(dict.fromkeys(tick.member for tick in event.changes))
        case Merged():
            concerned = (event.by, *event.behind, event.into_by)
            return tuple(dict.fromkeys(member for member in concerned if member is not None))
        case Asked() | Withdrawn() | Published() | Dismissed():
            return (event.by,) if event.by is not None else ()
        case Started() | Answered() | Pinned() | Configured():
            return ()
        case _:
            return unreachable(event)


def doubt_of(event: Event, seq: int) -> int:
    """Which doubt's words or fate the event at place `seq` tells, and nothing else; 0: none."""
    match event:
        case Asked():
            return seq
        case (
            Published(id=id)
            | Started(id=id, back=None)
            | Answered(id=id)
            | Pinned(id=id)
            | Dismissed(id=id)
            | Withdrawn(id=id)
        ):
            return id
        case _:
            return 0


def show(state: Doubts, audience: Audience) -> DoubtsView:
    """What the audience sees now: the staff and the record every doubt, all others the public ones."""
    full = audience.sees_all
    return DoubtsView(
        doubts=[_shown(doubt, full) for doubt in state.doubts.values() if full or doubt.state.public],
        moderated=state.moderated,
        locked=state.locked,
        anonymous=state.anonymous,
    )


def own(state: Doubts, audience: Audience) -> DoubtsOwn:
    """What is the member's alone; empty for an audience without a member."""
    me = audience.member
    if not me:
        return DoubtsOwn()
    asked = [doubt for doubt in state.doubts.values() if doubt.by == me]
    return DoubtsOwn(
        doubts=[] if audience.sees_all else [_shown(doubt, True) for doubt in asked],
        asked=[doubt.id for doubt in asked],
        voted=[doubt.id for doubt in state.doubts.values() if me in doubt.voters],
    )


def _shown(doubt: Doubt, full: bool) -> DoubtView:
    named = full or not doubt.anonymous
    return DoubtView(
        id=doubt.id,
        at=doubt.at,
        text=doubt.text,
        state=doubt.state,
        votes=len(doubt.voters),
        anonymous=doubt.anonymous,
        by=doubt.by if named else None,
        name=doubt.name if named else None,
        pinned=doubt.pinned,
        reason=(doubt.reason or None) if full else None,
        answer=doubt.answer,
        live=doubt.live,
        class_time=doubt.class_time,
        merged_into=doubt.merged_into,
    )
