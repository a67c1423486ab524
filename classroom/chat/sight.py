"""Who sees what of the chat: of an event (`view`, `addressees`), and of the state (`show`, `own`, `listed`).

What always holds: a student is shown no message of another's that the room was not shown, and nothing that happens to it;
only staff and the one who reacted learn who it was. Everything here is a function of the event, or of the state, alone.

A client starts from `show` and `own` and folds what `view` lets through; `seq` and `at` are the event's. To begin with,
`own.messages` go into `messages`, by id.

- `chat.said`: append a message with id `seq`. By me and I am a student: `own.spoke_at = at`.
- `chat.edited`: in `messages` and `pinned`, set `text`, and `edited_at = at`.
- `chat.deleted`: take it out of `messages`, `pinned` and `own.reactions`. Replies to it stay.
- `chat.reacted`: in `messages` and `pinned`, set the emoji's count, or take the emoji out at 0. By me: put it into, or
  take it out of, `own.reactions[id]` (sorted; no empty lists), also where the message itself is not at hand.
- `chat.pinned`: on: append `message` to `pinned`; off: take `id` out of `pinned`.
- `chat.promoted`: take `id` out of `messages`, and of `own.reactions`; append `message`. `own.reactions[seq]`: the emoji to whom
  `reacted` names me.
- `chat.configured`: set `slow`, `locked` and `crowd`.

A client that forgets old messages sets `more`. Of a message that it first met in `chat.pinned` it knows its own
reactions only as far as it has seen them happen. A message that is replied to may be one that the reader was not shown;
or that was promoted, and then has another id now, and its old one as `promoted`.
"""

from __future__ import annotations

from heapq import merge
from itertools import chain, islice

from msgspec.structs import replace

from classroom.chat.model import (
    OWN_RECENT,
    RECENT,
    Chat,
    ChatEvent,
    ChatOwn,
    ChatView,
    Configured,
    Deleted,
    Edited,
    Message,
    MessageView,
    Pinned,
    Promoted,
    Reacted,
    Said,
)
from classroom.kernel import Audience, Event, unreachable


def view(event: ChatEvent, audience: Audience) -> Event | None:
    """What `audience` is shown of the event; None: nothing."""
    if audience.sees_all:
        return event
    whose = _confined_to(event)
    if whose is not None and whose != audience.member:
        return None
    if isinstance(event, Reacted) and event.by != audience.member:
        return replace(event, by=None)
    if isinstance(event, Promoted):
        me = audience.member
        return replace(event, reacted={emoji: (me,) for emoji, who in event.reacted.items() if me in who})
    return event


def addressees(event: ChatEvent) -> tuple[str, ...]:
    """Ids of the members who are shown more than all are: those who reacted, and the author of what the room is not shown."""
    if isinstance(event, Promoted):
        return tuple(dict.fromkeys(chain.from_iterable(event.reacted.values())))
    by = event.by if isinstance(event, Reacted) else None
    return tuple(dict.fromkeys(id for id in (by, _confined_to(event)) if id is not None))


def _confined_to(event: ChatEvent) -> str | None:
    """The one student who is shown the event; None: all are."""
    match event:
        case Said():
            return event.by if event.crowd else None
        case Edited() | Deleted() | Reacted():
            return event.whose
        case Pinned() | Promoted() | Configured():
            return None
        case _:
            return unreachable(event)


def show(state: Chat, audience: Audience) -> ChatView:
    """What `audience` sees now, without what is one member's alone."""
    older = len(state.messages) > RECENT or state.dropped > 0
    crowd = state.crowd
    if audience.sees_all:
        older |= len(state.messages) + len(crowd.messages) > RECENT or crowd.dropped > 0
    return ChatView(
        messages=[as_seen(message) for message in _window(state, audience)],
        pinned=[as_seen(state.messages[id]) for id in state.pinned],
        more=older,
        slow=state.slow,
        locked=state.locked,
        crowd=crowd.rate,
    )


def own(state: Chat, audience: Audience) -> ChatOwn:
    """What is the member's alone; empty for an audience without a member. Looks at the view's messages only."""
    me = audience.member
    if not me:
        return ChatOwn()
    window = _window(state, audience)
    pinned = [state.messages[id] for id in state.pinned]
    unshown = [] if audience.sees_all else _own_unshown(state, me, window)
    reactions = {
        message.id: mine
        for message in (*pinned, *window, *unshown)
        if message.reactions and (mine := sorted(emoji for emoji, who in message.reactions.items() if me in who))
    }
    return ChatOwn(
        reactions=dict(sorted(reactions.items())),
        spoke_at=state.spoke.get(me, 0) if audience.kind == "member" else 0,
        messages=[as_seen(message) for message in unshown],
    )


def listed(state: Chat, audience: Audience) -> list[MessageView]:
    """All messages kept that `audience` sees, a member's own that the room was not shown among them; oldest first."""
    unshown = state.crowd.messages.values()
    mine = [message for message in unshown if audience.sees_all or message.by == audience.member]
    return [as_seen(message) for message in merge(state.messages.values(), mine, key=_id)]


def as_seen(message: Message) -> MessageView:
    """The message without who reacted."""
    return MessageView(
        id=message.id,
        at=message.at,
        by=message.by,
        name=message.name,
        role=message.role,
        text=message.text,
        reply_to=message.reply_to,
        mentions=message.mentions,
        edited_at=message.edited_at,
        reactions={emoji: len(members) for emoji, members in message.reactions.items()},
        crowd=message.crowd,
        skipped=message.skipped,
        promoted=message.promoted,
    )


def _window(state: Chat, audience: Audience) -> list[Message]:
    shown = _newest(state.messages)
    if not audience.sees_all or not state.crowd.messages:
        return shown
    return list(merge(shown, _newest(state.crowd.messages), key=_id))[-RECENT:]


def _own_unshown(state: Chat, me: str, window: list[Message]) -> list[Message]:
    # Where the view goes back to the beginning, so do these.
    older = len(state.messages) > RECENT or state.dropped > 0
    first = window[0].id if older and window else 0
    return [state.crowd.messages[id] for id in state.crowd.own.get(me, ())[-OWN_RECENT:] if id >= first]


def _newest(messages: dict[int, Message]) -> list[Message]:
    return list(islice(reversed(messages.values()), RECENT))[::-1]


def _id(message: Message) -> int:
    return message.id
