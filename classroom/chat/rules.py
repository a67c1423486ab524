"""Chat's rules: what is decided, and how it changes the state. Which of a crowd's messages the room is shown is told in
`crowd`; who is shown what in `sight`, and offered here too.

What always holds: `messages` and `crowd.messages` are in rising order of id, have at most `KEEP` and `CROWD_KEEP` entries,
and none in common; what is pinned is in `messages`; an emoji that nobody has put is not listed; a student is never told,
not even by a refusal, of another's message that the room was not shown.
"""

from __future__ import annotations

from msgspec.structs import replace

from classroom.chat import crowd
from classroom.chat.model import (
    CROWD_LIMIT,
    EMOJI,
    KEEP,
    MENTIONS_LIMIT,
    PINS_LIMIT,
    SLOW_LIMIT,
    TEXT_LIMIT,
    Chat,
    ChatCommand,
    ChatEvent,
    Configure,
    Configured,
    Delete,
    Deleted,
    Edit,
    Edited,
    Message,
    Pin,
    Pinned,
    Promote,
    Promoted,
    React,
    Reacted,
    Said,
    Say,
)
from classroom.chat.sight import addressees, as_seen, listed, own, show, view
from classroom.kernel import (
    Context,
    Event,
    Member,
    Meta,
    Rejected,
    Role,
    need_staff,
    need_voice,
    unreachable,
)
from classroom.texts import clean_text

__all__ = ["addressees", "apply", "decide", "listed", "own", "show", "view"]

MEMBER_ID_LIMIT = 64


def decide(state: Chat, command: ChatCommand, context: Context) -> list[Event]:
    """The events that `command` leads to; none where it changes nothing. Raises `Rejected`."""
    match command:
        case Say():
            return _say(state, command, context)
        case Edit():
            return _edit(state, command, context)
        case Delete():
            return _delete(state, command, context)
        case React():
            return _react(state, command, context)
        case Pin():
            return _pin(state, command, context)
        case Promote():
            return _promote(state, command, context)
        case Configure():
            return _configure(state, command, context)
        case _:
            return unreachable(command)


def _say(state: Chat, command: Say, context: Context) -> list[Event]:
    need_voice(context, state.locked, "chat")
    text = clean_text(command.text, TEXT_LIMIT, "message")
    actor = context.actor
    quoted = None if command.reply_to is None else _find(state, command.reply_to, actor)
    if command.reply_to is not None and quoted is None:
        raise Rejected("not_found", "The message you reply to is no longer there.")
    if len(command.mentions) > MENTIONS_LIMIT:
        raise Rejected("too_many", f"A message may mention at most {MENTIONS_LIMIT} people.")
    if not all(1 <= len(member) <= MEMBER_ID_LIMIT for member in command.mentions):
        raise Rejected("bad_request", "One of the people mentioned is nobody who could be here.")
    if not actor.role.staff:
        _need_patience(state, context)
    shown = actor.role.staff or crowd.may_show(state.crowd, actor.id, context.now)
    return [
        Said(
            by=actor.id,
            name=actor.name,
            role=actor.role,
            text=text,
            reply_to=None if quoted is None else quoted.id,
            mentions=tuple(dict.fromkeys(command.mentions)),
            crowd=not shown,
            skipped=state.crowd.skipped if shown else 0,
        )
    ]


def _need_patience(state: Chat, context: Context) -> None:
    spoke = state.spoke.get(context.actor.id)
    if spoke is None or not state.slow:
        return
    until = spoke + state.slow * 1000
    if context.now < until:
        raise Rejected(
            "too_fast", f"Slow mode is on: one message every {state.slow} seconds.", temporary=True, until=until
        )


def _edit(state: Chat, command: Edit, context: Context) -> list[Event]:
    need_voice(context, state.locked, "chat")
    message = _kept(state, command.id, context.actor)
    if message.by != context.actor.id:
        raise Rejected("forbidden", "You may change only your own messages.")
    text = clean_text(command.text, TEXT_LIMIT, "message")
    return [Edited(id=message.id, text=text, whose=_whose(message))] if text != message.text else []


def _delete(state: Chat, command: Delete, context: Context) -> list[Event]:
    actor = context.actor
    message = _find(state, command.id, actor)
    # What had to make room is in the journal alone: nobody here knows whose it was, so only staff may take it away.
    if message is None and actor.role.staff and 1 <= command.id <= max(state.dropped, state.crowd.dropped):
        return [Deleted(id=command.id, by_staff=True)]
    message = _kept(state, command.id, actor)
    own = message.by == actor.id
    if not own and not actor.role.staff:
        raise Rejected("forbidden", "You may delete only your own messages.")
    return [Deleted(id=message.id, by_staff=not own, whose=_whose(message))]


def _react(state: Chat, command: React, context: Context) -> list[Event]:
    need_voice(context, state.locked, "chat")
    if command.emoji not in EMOJI:
        raise Rejected("bad_request", "That is not one of the emoji offered here.")
    message = _kept(state, command.id, context.actor)
    here = message.reactions.get(command.emoji, {})
    by = context.actor.id
    if (by in here) == command.on:
        return []
    count = len(here) + (1 if command.on else -1)
    return [Reacted(id=message.id, emoji=command.emoji, count=count, on=command.on, by=by, whose=_whose(message))]


def _pin(state: Chat, command: Pin, context: Context) -> list[Event]:
    need_staff(context, "pin messages")
    id = state.promoted.get(command.id, command.id)
    if (id in state.pinned) == command.on:
        return []
    if not command.on:
        return [Pinned(id=id, on=False)]
    message = _kept(state, id, context.actor)
    if len(state.pinned) >= PINS_LIMIT:
        raise Rejected("too_many", f"At most {PINS_LIMIT} messages may be pinned. Unpin one first.")
    if not message.crowd:
        return [Pinned(id=id, message=as_seen(message))]
    # Everybody sees what is pinned, so everybody is shown it.
    promoted = _promotion(state, message, context)
    return [promoted, Pinned(id=promoted.message.id, message=promoted.message)]


def _promote(state: Chat, command: Promote, context: Context) -> list[Event]:
    need_staff(context, "show a message to everybody")
    message = _kept(state, command.id, context.actor)
    return [_promotion(state, message, context)] if message.crowd else []


def _promotion(state: Chat, message: Message, context: Context) -> Promoted:
    skipped = crowd.skipped_before(state.crowd, message.id)
    return Promoted(
        id=message.id,
        message=replace(as_seen(message), id=context.seq, crowd=False, skipped=skipped, promoted=message.id),
        reacted={emoji: tuple(members) for emoji, members in message.reactions.items()},
    )


def _configure(state: Chat, command: Configure, context: Context) -> list[Event]:
    need_staff(context, "change how chat works")
    slow = state.slow if command.slow is None else command.slow
    locked = state.locked if command.locked is None else command.locked
    rate = state.crowd.rate if command.crowd is None else command.crowd
    if not 0 <= slow <= SLOW_LIMIT:
        raise Rejected("bad_request", f"Slow mode takes 0 to {SLOW_LIMIT} seconds.")
    if not 1 <= rate <= CROWD_LIMIT:
        raise Rejected("bad_request", f"Between 1 and {CROWD_LIMIT} messages a second can be shown to all.")
    changed = (slow, locked, rate) != (state.slow, state.locked, state.crowd.rate)
    return [Configured(slow=slow, locked=locked, crowd=rate)] if changed else []


def _find(state: Chat, id: int, actor: Member) -> Message | None:
    """The message, if it is kept here and `actor` is shown it. A promoted one is found under the id it had before too."""
    message = state.messages.get(state.promoted.get(id, id))
    if message is None and (unshown := state.crowd.messages.get(id)) is not None:
        return unshown if actor.role.staff or unshown.by == actor.id else None
    return message


def _kept(state: Chat, id: int, actor: Member) -> Message:
    message = _find(state, id, actor)
    if message is None:
        raise Rejected("not_found", "That message is no longer there.")
    return message


def _whose(message: Message) -> str | None:
    return message.by if message.crowd else None


def apply(state: Chat, event: ChatEvent, meta: Meta) -> None:
    """Fold one event in. What it refers to may be unknown: then nothing happens."""
    match event:
        case Said():
            _apply_said(state, event, meta)
        case Edited():
            if message := _known(state, event.id):
                message.text = event.text
                message.edited_at = meta.at
        case Deleted():
            crowd.take_out(state.crowd, event.id)
            _drop(state, event.id)
        case Reacted():
            _apply_reacted(state, event)
        case Pinned():
            if event.id in state.pinned:
                state.pinned.remove(event.id)
            if event.on and event.id in state.messages:
                state.pinned.append(event.id)
        case Promoted():
            _apply_promoted(state, event, meta)
        case Configured():
            state.slow = event.slow
            state.locked = event.locked
            crowd.set_rate(state.crowd, event.crowd, meta.at)
        case _:
            unreachable(event)


def _apply_said(state: Chat, event: Said, meta: Meta) -> None:
    message = Message(
        id=meta.seq,
        at=meta.at,
        by=event.by,
        name=event.name,
        role=event.role,
        text=event.text,
        reply_to=event.reply_to,
        mentions=event.mentions,
        crowd=event.crowd,
        skipped=event.skipped,
    )
    if event.crowd:
        crowd.keep_back(state.crowd, message)
    else:
        _keep(state, message)
    out_of_reach = meta.at - SLOW_LIMIT * 1000
    while state.spoke:
        member = next(iter(state.spoke))
        if state.spoke[member] > out_of_reach:
            break
        del state.spoke[member]
    if event.role is Role.STUDENT:
        state.spoke.pop(event.by, None)
        state.spoke[event.by] = meta.at
        if not event.crowd:
            crowd.take_turn(state.crowd, event.by, meta.at)


def _apply_promoted(state: Chat, event: Promoted, meta: Meta) -> None:
    crowd.take_out(state.crowd, event.id)
    told = event.message
    message = Message(
        id=meta.seq,
        at=told.at,
        by=told.by,
        name=told.name,
        role=told.role,
        text=told.text,
        reply_to=told.reply_to,
        mentions=told.mentions,
        edited_at=told.edited_at,
        reactions={emoji: dict.fromkeys(members, True) for emoji, members in event.reacted.items()},
        skipped=told.skipped,
        promoted=event.id,
    )
    state.promoted[event.id] = message.id
    _keep(state, message)
    crowd.picked(state.crowd, message.by, meta.at)


def _keep(state: Chat, message: Message) -> None:
    """Keep a message that the room is shown; the oldest that are not pinned make room."""
    crowd.seen(state.crowd, message.id)
    state.messages[message.id] = message
    while len(state.messages) > KEEP:
        oldest = next(id for id in state.messages if id not in state.pinned)
        _drop(state, oldest)
        state.dropped = max(state.dropped, oldest)


def _drop(state: Chat, id: int) -> None:
    message = state.messages.pop(id, None)
    if message is not None and message.promoted is not None:
        state.promoted.pop(message.promoted, None)
    if id in state.pinned:
        state.pinned.remove(id)


def _known(state: Chat, id: int) -> Message | None:
    return state.messages.get(id) or state.crowd.messages.get(id)


def _apply_reacted(state: Chat, event: Reacted) -> None:
    message = _known(state, event.id)
    if message is None or event.by is None:
        return
    if event.on:
        message.reactions.setdefault(event.emoji, {})[event.by] = True
    elif here := message.reactions.get(event.emoji):
        here.pop(event.by, None)
        if not here:
            del message.reactions[event.emoji]
