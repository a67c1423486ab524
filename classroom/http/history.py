"""A page of the chat's past, as it stands today: what was edited since is edited, what was deleted is gone.

What always holds: a student is given no message of another's that the room was not shown. One that the staff showed later
stands where that happened, and nowhere else.

In a crowd most of what was said is of that kind, so a student's page is put together from several pages of the journal, up
to a bound. It may then be short, or empty, though there are older messages.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import msgspec

from classroom.chat import rules
from classroom.chat.model import Chat, ChatEvent, MessageView, Promoted, Said
from classroom.journal.port import Journal
from classroom.kernel import Audience

PAGE_LIMIT = 200
SEARCH = 500  # messages at once, where most are not shown to who asks
SEARCHES = 4


class History(msgspec.Struct, frozen=True):
    """`messages`, oldest first. `before`: what to ask with for the page before this one; null: there is none."""

    messages: list[MessageView]
    before: int | None


class _Page(NamedTuple):
    """`messages` from the place `floor` on (0: from the first), and whether there are some that are not shown."""

    messages: list[MessageView]
    floor: int
    sampled: bool


async def history(journal: Journal, room: str, audience: Audience, before: int, limit: int) -> History:
    """The newest `limit` messages before the place `before` that `audience` sees; deleted ones count, so a page may be
    short or empty.

    Raises `Unavailable`.
    """
    page = await _page(journal, room, audience, before, limit)
    messages = page.messages
    for _ in range(SEARCHES):
        if not (page.sampled and page.floor and len(messages) < limit):
            break
        page = await _page(journal, room, audience, page.floor, SEARCH)
        messages = page.messages + messages
    if len(messages) > limit:
        return History(messages[-limit:], messages[-limit].id)
    return History(messages, page.floor or None)


async def _page(journal: Journal, room: str, audience: Audience, before: int, limit: int) -> _Page:
    """At most `limit` messages that were said, and as many that the staff showed later."""
    said = await journal.page(room, "chat.said", before, limit)
    promoted = await journal.page(room, "chat.promoted", before, limit)
    chat = Chat()
    events = {each.meta.seq: each for each in (*said, *promoted)}
    for _, each in sorted(events.items()):
        rules.apply(chat, cast(ChatEvent, each.event), each.meta)
    places = (
        [each.meta.seq for each in said if isinstance(each.event, Said)],
        [each.meta.seq for each in promoted if isinstance(each.event, Promoted)],
    )
    # Further back than this not all of both kinds are at hand.
    floor = max((found[0] for found in places if len(found) == limit), default=0)
    messages = [message for message in rules.listed(chat, audience) if floor <= message.id < before]
    sampled = not audience.sees_all and bool(chat.crowd.messages)
    return _Page(messages, floor, sampled)
