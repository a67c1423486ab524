"""Doubts' rules: what is decided, and how it changes the state. Who is shown what is in `sight`, and offered here too.

What always holds: `doubts` is in rising order of id; at most one doubt is being answered: `answering` names it; only
public doubts are pinned; a doubt's asker stands behind it; no doubt is merged into one that is itself merged; a student
is never told, not even by a refusal, of a doubt neither public nor theirs.
"""

from __future__ import annotations

from classroom.doubts.model import (
    ANSWER_LIMIT,
    DOUBTS_LIMIT,
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
    DoubtCommand,
    DoubtEvent,
    Doubts,
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
from classroom.doubts.sight import addressees, own, shares, show, view
from classroom.kernel import (
    Context,
    Event,
    Meta,
    Rejected,
    need_staff,
    need_voice,
    unreachable,
)
from classroom.texts import clean_text

__all__ = ["addressees", "apply", "decide", "merge", "own", "shares", "show", "view"]

# Each voter is shown their own changes of an event, so what one event costs grows with the square of its changes.
CHANGES_LIMIT = 256

PENDING, OPEN, ANSWERING = DoubtState.PENDING, DoubtState.OPEN, DoubtState.ANSWERING
ANSWERED, DISMISSED, WITHDRAWN = DoubtState.ANSWERED, DoubtState.DISMISSED, DoubtState.WITHDRAWN
MERGED = DoubtState.MERGED


def decide(state: Doubts, command: DoubtCommand, context: Context) -> list[Event]:
    """The events that `command` leads to; none where it changes nothing. Raises `Rejected`."""
    match command:
        case Ask():
            return _ask(state, command, context)
        case Withdraw():
            return _withdraw(state, command, context)
        case Vote():
            return _vote(state, command, context)
        case Approve():
            return _approve(state, command, context)
        case Dismiss():
            return _dismiss(state, command, context)
        case Start():
            return _start(state, command, context)
        case Finish():
            return _finish(state, command, context)
        case Answer():
            return _answer(state, command, context)
        case Merge():
            return _merge(state, command, context)
        case Pin():
            return _pin(state, command, context)
        case Reopen():
            return _reopen(state, command, context)
        case Configure():
            return _configure(state, command, context)
        case _:
            return unreachable(command)


def _ask(state: Doubts, command: Ask, context: Context) -> list[Event]:
    need_voice(context, state.locked, "doubts")
    actor = context.actor
    if command.anonymous and not state.anonymous:
        raise Rejected("forbidden", "Asking anonymously is switched off in this class.")
    text = clean_text(command.text, TEXT_LIMIT, "doubt")
    if len(state.doubts) >= DOUBTS_LIMIT:
        raise Rejected("too_many", "This class has reached the number of doubts it can hold.")
    if not actor.role.staff:
        waiting = sum(1 for doubt in state.doubts.values() if doubt.by == actor.id and doubt.state in (PENDING, OPEN))
        if waiting >= OPEN_LIMIT:
            raise Rejected("too_many", f"You have {OPEN_LIMIT} doubts waiting. Withdraw one, or wait for an answer.")
    opens = actor.role.staff or not state.moderated
    return [
        Asked(
            text=text,
            state=OPEN if opens else PENDING,
            anonymous=command.anonymous,
            by=actor.id,
            name=actor.name,
        )
    ]


def _withdraw(state: Doubts, command: Withdraw, context: Context) -> list[Event]:
    doubt = _seen(state, command.id, context)
    if doubt.by != context.actor.id:
        raise Rejected("forbidden", "You may withdraw only your own doubts.")
    if doubt.state is WITHDRAWN:
        return []
    _need_state(doubt, (PENDING, OPEN), "be withdrawn")
    return [Withdrawn(id=doubt.id, by=doubt.by, was=doubt.state)]


def _vote(state: Doubts, command: Vote, context: Context) -> list[Event]:
    need_voice(context, False, "doubts")
    doubt = _seen(state, command.id, context)
    _need_state(doubt, (OPEN, ANSWERING), "be voted for")
    me = context.actor.id
    if (me in doubt.voters) == command.on:
        return []
    if doubt.by == me:
        raise Rejected("wrong_state", "You asked this doubt, so your vote for it stays. You may withdraw the doubt.")
    count = len(doubt.voters) + (1 if command.on else -1)
    return [Voted(votes={doubt.id: count}, changes=(Tick(me, doubt.id, command.on),))]


def _approve(state: Doubts, command: Approve, context: Context) -> list[Event]:
    need_staff(context, "approve doubts")
    doubt = _seen(state, command.id, context)
    if doubt.state.public:
        return []
    _need_state(doubt, (PENDING,), "be approved")
    return [_published(doubt)]


def _dismiss(state: Doubts, command: Dismiss, context: Context) -> list[Event]:
    need_staff(context, "dismiss doubts")
    doubt = _seen(state, command.id, context)
    reason = clean_text(command.reason, REASON_LIMIT, "reason")
    if doubt.state is DISMISSED and doubt.reason == reason:
        return []
    _need_state(doubt, (PENDING, OPEN, ANSWERING), "be dismissed")
    return [Dismissed(id=doubt.id, was=doubt.state, by=doubt.by, reason=reason)]


def _start(state: Doubts, command: Start, context: Context) -> list[Event]:
    need_staff(context, "start answering a doubt")
    doubt = _seen(state, command.id, context)
    if doubt.state is ANSWERING:
        return []
    _need_state(doubt, (PENDING, OPEN), "be answered now")
    return [*_made_public(doubt), Started(id=doubt.id, back=state.answering)]


def _finish(state: Doubts, command: Finish, context: Context) -> list[Event]:
    need_staff(context, "mark a doubt as answered")
    doubt = _seen(state, command.id, context)
    if doubt.state is ANSWERED and doubt.live:
        return []
    _need_state(doubt, (OPEN, ANSWERING), "be marked as answered live")
    return [Answered(id=doubt.id, live=True, class_time=context.class_time(), text=doubt.answer)]


def _answer(state: Doubts, command: Answer, context: Context) -> list[Event]:
    need_staff(context, "answer doubts")
    doubt = _seen(state, command.id, context)
    text = clean_text(command.text, ANSWER_LIMIT, "answer")
    _need_state(doubt, (PENDING, OPEN, ANSWERING, ANSWERED), "be answered")
    if doubt.state is ANSWERED and doubt.answer == text:
        return []
    return [*_made_public(doubt), Answered(id=doubt.id, live=doubt.live, class_time=doubt.class_time, text=text)]


def _merge(state: Doubts, command: Merge, context: Context) -> list[Event]:
    need_staff(context, "merge doubts")
    if command.id == command.into:
        raise Rejected("bad_request", "A doubt cannot be merged into itself.")
    doubt = _seen(state, command.id, context)
    into = _seen(state, command.into, context)
    if doubt.state is MERGED and doubt.merged_into == into.id:
        return []
    _need_state(doubt, (PENDING, OPEN, ANSWERING), "be merged into another")
    _need_state(into, (PENDING, OPEN, ANSWERING, ANSWERED), "take in another")
    if doubt.state.public and not into.state.public:
        raise Rejected("wrong_state", "Approve the other one first: students already see this one.")
    return [
        Merged(
            id=doubt.id,
            into=into.id,
            votes=len(into.voters.keys() | doubt.voters.keys()),
            was=doubt.state,
            by=doubt.by,
            into_public=into.state.public,
            behind=() if doubt.state.public else tuple(doubt.voters),
            into_by=None if into.state.public else into.by,
        )
    ]


def _pin(state: Doubts, command: Pin, context: Context) -> list[Event]:
    need_staff(context, "pin doubts")
    doubt = _seen(state, command.id, context)
    if doubt.pinned == command.on:
        return []
    if command.on and not doubt.state.public:
        raise Rejected("wrong_state", f"A doubt that {_IS[doubt.state]} cannot be pinned: students do not see it.")
    return [Pinned(id=doubt.id, on=command.on)]


def _reopen(state: Doubts, command: Reopen, context: Context) -> list[Event]:
    need_staff(context, "reopen doubts")
    doubt = _seen(state, command.id, context)
    if doubt.state is OPEN:
        return []
    _need_state(doubt, (DISMISSED, ANSWERING, ANSWERED), "be reopened")
    return [_published(doubt)]


def _configure(state: Doubts, command: Configure, context: Context) -> list[Event]:
    need_staff(context, "change how doubts work")
    now = Configured(moderated=state.moderated, locked=state.locked, anonymous=state.anonymous)
    wanted = Configured(
        moderated=now.moderated if command.moderated is None else command.moderated,
        locked=now.locked if command.locked is None else command.locked,
        anonymous=now.anonymous if command.anonymous is None else command.anonymous,
    )
    return [wanted] if wanted != now else []


def _seen(state: Doubts, id: int, context: Context) -> Doubt:
    doubt = state.doubts.get(id)
    actor = context.actor
    if doubt is None or not (actor.role.staff or doubt.state.public or doubt.by == actor.id):
        raise Rejected("not_found", "There is no such doubt.")
    return doubt


_IS = {
    PENDING: "is waiting for approval",
    OPEN: "is open",
    ANSWERING: "is being answered now",
    ANSWERED: "has been answered",
    DISMISSED: "has been dismissed",
    WITHDRAWN: "has been withdrawn",
    MERGED: "has been merged into another",
}


def _need_state(doubt: Doubt, states: tuple[DoubtState, ...], what: str) -> None:
    if doubt.state not in states:
        raise Rejected("wrong_state", f"A doubt that {_IS[doubt.state]} cannot {what}.")


def _made_public(doubt: Doubt) -> list[Event]:
    return [_published(doubt)] if doubt.state is PENDING else []


def _published(doubt: Doubt) -> Event:
    return Published(
        id=doubt.id,
        at=doubt.at,
        text=doubt.text,
        votes=len(doubt.voters),
        was=doubt.state,
        anonymous=doubt.anonymous,
        by=doubt.by,
        name=doubt.name,
        answer=doubt.answer,
    )


def apply(state: Doubts, event: DoubtEvent, meta: Meta) -> None:
    """Fold one event in. What it refers to may be unknown: then nothing happens."""
    match event:
        case Asked():
            _apply_asked(state, event, meta)
        case Voted():
            _apply_voted(state, event)
        case Configured():
            state.moderated = event.moderated
            state.locked = event.locked
            state.anonymous = event.anonymous
        case _:
            if doubt := state.doubts.get(event.id):
                _apply_to(state, doubt, event)


def _apply_to(
    state: Doubts,
    doubt: Doubt,
    event: Withdrawn | Published | Dismissed | Started | Answered | Merged | Pinned,
) -> None:
    match event:
        case Withdrawn():
            _move(state, doubt, WITHDRAWN)
        case Published():
            _move(state, doubt, OPEN)
            doubt.reason = ""
            doubt.live = False
            doubt.class_time = None
        case Dismissed():
            _move(state, doubt, DISMISSED)
            doubt.reason = event.reason or ""
        case Started():
            if event.back is not None and (back := state.doubts.get(event.back)):
                _move(state, back, OPEN)
            _move(state, doubt, ANSWERING)
        case Answered():
            _move(state, doubt, ANSWERED)
            doubt.live = event.live
            doubt.class_time = event.class_time
            doubt.answer = event.text
        case Merged():
            _apply_merged(state, doubt, event)
        case Pinned():
            doubt.pinned = event.on
        case _:
            unreachable(event)


def _move(state: Doubts, doubt: Doubt, to: DoubtState) -> None:
    doubt.state = to
    doubt.pinned = doubt.pinned and to.public
    if to is ANSWERING:
        state.answering = doubt.id
    elif state.answering == doubt.id:
        state.answering = None


def _apply_asked(state: Doubts, event: Asked, meta: Meta) -> None:
    by = event.by or meta.by
    state.doubts[meta.seq] = Doubt(
        id=meta.seq,
        at=meta.at,
        by=by,
        name=event.name or "",
        text=event.text,
        anonymous=event.anonymous,
        state=event.state,
        voters={by: True},
    )


def _apply_voted(state: Doubts, event: Voted) -> None:
    for tick in event.changes:
        doubt = state.doubts.get(tick.id)
        if doubt is None:
            continue
        if tick.on:
            doubt.voters[tick.member] = True
        else:
            doubt.voters.pop(tick.member, None)


def _apply_merged(state: Doubts, doubt: Doubt, event: Merged) -> None:
    into = state.doubts.get(event.into)
    if into is None:
        return
    into.voters.update(doubt.voters)
    _move(state, doubt, MERGED)
    doubt.merged_into = event.into
    for earlier in state.doubts.values():
        if earlier.merged_into == doubt.id:
            earlier.merged_into = event.into


def merge(previous: Event, event: Event) -> Event | None:
    """One event that says both, where there is one: two events of votes, as long as the changes are few enough."""
    if not isinstance(previous, Voted) or not isinstance(event, Voted):
        return None
    if len(previous.changes) + len(event.changes) > CHANGES_LIMIT:
        return None
    return Voted(votes=previous.votes | event.votes, changes=previous.changes + event.changes)
