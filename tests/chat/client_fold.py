"""The reference of what a client does with chat's events: the fold that `classroom.chat.sight` describes, in Python.

It uses nothing but what a client has: what `show` and `own` gave, and the events that `view` let through.
"""

from __future__ import annotations

from classroom.chat.model import (
    OWN_RECENT,
    RECENT,
    ChatOwn,
    ChatView,
    Configured,
    Deleted,
    Edited,
    MessageView,
    Pinned,
    Promoted,
    Reacted,
    Said,
)
from classroom.kernel import Event, Role


def begin(view: ChatView, own: ChatOwn) -> None:
    """Put a member's own messages that the room was not shown among the others, as a client does with a welcome."""
    view.messages = sorted([*view.messages, *own.messages], key=lambda message: message.id)
    own.messages = []


def newest(view: ChatView, *, staff: bool) -> list[MessageView]:
    """Of all that a client has, what a newcomer would be told now."""
    if staff:
        return view.messages[-RECENT:]
    shown = [message for message in view.messages if not message.crowd]
    first = shown[-RECENT].id if len(shown) > RECENT or (view.more and len(shown) == RECENT) else 0
    unshown = [message for message in view.messages if message.crowd and message.id >= first][-OWN_RECENT:]
    return sorted([*shown[-RECENT:], *unshown], key=lambda message: message.id)


def fold(view: ChatView, own: ChatOwn, event: Event, seq: int, at: int, me: str) -> None:
    """Change `view` and `own` by one event as the member `me` was shown it ("" for nobody in particular)."""
    match event:
        case Said():
            _said(view, event, seq, at)
            if event.by == me and event.role is Role.STUDENT:
                own.spoke_at = at
        case Edited():
            for message in _copies(view, event.id):
                message.text = event.text
                message.edited_at = at
        case Deleted():
            view.messages = [message for message in view.messages if message.id != event.id]
            view.pinned = [message for message in view.pinned if message.id != event.id]
            own.reactions.pop(event.id, None)
        case Reacted():
            _reacted(view, own, event, me)
        case Pinned():
            view.pinned = [message for message in view.pinned if message.id != event.id]
            if event.on and event.message is not None:
                view.pinned.append(event.message)
        case Promoted():
            view.messages = [*(message for message in view.messages if message.id != event.id), event.message]
            own.reactions.pop(event.id, None)
            if mine := sorted(emoji for emoji, who in event.reacted.items() if me in who):
                own.reactions[seq] = mine
        case Configured():
            view.slow = event.slow
            view.locked = event.locked
            view.crowd = event.crowd
        case _:
            raise AssertionError(f"not an event of chat: {event!r}")


def _said(view: ChatView, event: Said, seq: int, at: int) -> None:
    view.messages.append(
        MessageView(
            id=seq,
            at=at,
            by=event.by,
            name=event.name,
            role=event.role,
            text=event.text,
            reply_to=event.reply_to,
            mentions=event.mentions,
            crowd=event.crowd,
            skipped=event.skipped,
        )
    )


def _reacted(view: ChatView, own: ChatOwn, event: Reacted, me: str) -> None:
    for message in _copies(view, event.id):
        if event.count:
            message.reactions[event.emoji] = event.count
        else:
            message.reactions.pop(event.emoji, None)
    if event.by is None or event.by != me:
        return
    mine = {*own.reactions.get(event.id, ())} - {event.emoji} | ({event.emoji} if event.on else set())
    if mine:
        own.reactions[event.id] = sorted(mine)
    else:
        own.reactions.pop(event.id, None)


def _copies(view: ChatView, id: int) -> list[MessageView]:
    return [message for message in (*view.messages, *view.pinned) if message.id == id]
