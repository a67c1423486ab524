"""The chat's past by page, in a class where more was said than the room was shown."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from classroom.chat import rules
from classroom.chat.model import ChatCommand, Delete, Edit, Pin, Promote, React, Say
from classroom.http.history import SEARCH, SEARCHES, History, history
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from classroom.kernel import ALL, STAFF, Audience, Member, Meta, Role, Stored, audience_of
from tests.chat.playing import ASHA, HELPER, TEACHER, Playing

CROWD = [ASHA, *(Member(f"s{number}", f"S {number}", Role.STUDENT) for number in range(40))]
END = 1 << 40


class Long(Playing):
    """A chat of thousands of events: not every state on the way is kept."""

    def do(self, actor: Member, command: ChatCommand, **changes: Any) -> list[Any]:
        events = rules.decide(self.state, command, self.context(actor, **changes))
        return [self.happen(event, actor.id) for event in events]

    def happen(self, event: Any, by: str = "") -> Any:
        meta = Meta(len(self.log) + 1, self.now, by)
        rules.apply(self.state, event, meta)
        self.log.append((meta, event))
        return event


def busy_class(messages: int) -> Playing:
    """Forty messages a second by students, of which four are shown; some are changed, taken back, promoted, pinned."""
    chat = Long()
    dice = Random(7)
    for number in range(messages):
        chat.now += 25
        chat.say(dice.choice(CROWD), f"message {number}")
        if number % 60 == 10:
            unshown = list(chat.state.crowd.messages)
            if unshown:
                id = dice.choice(unshown[-30:])
                chat.do(HELPER, React(id=id, emoji="👍"))
                chat.do(TEACHER, Promote(id=id))
        if number % 70 == 20:
            shown = list(chat.state.messages)
            chat.do(TEACHER, Delete(id=dice.choice(shown[-30:-1])))
            chat.do(TEACHER, Say(text="Quiet, please", reply_to=shown[-1]))
        if number % 90 == 30:
            mine = chat.state.crowd.own.get(ASHA.id, [])
            if mine:
                chat.do(ASHA, Edit(id=mine[-1], text=f"changed {number}"))
        if number % 400 == 50:
            for id in list(chat.state.pinned):
                chat.do(TEACHER, Pin(id=id, on=False))
            chat.do(TEACHER, Pin(id=next(reversed(chat.state.crowd.messages), 1)))
    return chat


async def kept(chat: Playing, folder: Path) -> Journal:
    journal = await open_journal(f"sqlite:///{folder}/journal.db")
    await journal.create("physics", "Physics", chat.now, open=True)
    for at in range(0, len(chat.log), 1_000):
        await journal.append("physics", at, [Stored(meta, event) for meta, event in chat.log[at : at + 1_000]])
    return journal


async def all_pages(journal: Journal, audience: Audience, limit: int) -> list[History]:
    pages = [await history(journal, "physics", audience, END, limit)]
    while (before := pages[-1].before) is not None:
        pages.append(await history(journal, "physics", audience, before, limit))
    return pages


@pytest.mark.parametrize("limit", [7, 50, 200])
async def test_all_pages_together_are_all_that_one_may_see(tmp_path: Path, limit: int) -> None:
    chat = busy_class(1_500)
    assert len(chat.state.crowd.messages) > 4 * len(chat.state.messages)
    assert len(chat.state.promoted) > 10
    journal = await kept(chat, tmp_path)
    for audience in (ALL, STAFF, audience_of(ASHA), audience_of(TEACHER)):
        pages = await all_pages(journal, audience, limit)
        together = [message for page in reversed(pages) for message in page.messages]
        assert together == rules.listed(chat.state, audience)
        assert all(len(page.messages) <= limit for page in pages)
    await journal.close()


async def test_a_students_pages_are_full_though_most_was_not_shown(tmp_path: Path) -> None:
    journal = await kept(busy_class(1_500), tmp_path)
    pages = await all_pages(journal, ALL, 50)
    assert all(len(page.messages) > 40 for page in pages[:-1])
    await journal.close()


async def test_a_long_stretch_without_anything_to_show_costs_a_bounded_search(tmp_path: Path) -> None:
    chat = Long()
    first = chat.say(TEACHER, "Good morning")
    chat.state.crowd.tokens, chat.state.crowd.at = 0, chat.now
    for _ in range(SEARCH * SEARCHES + 200):
        chat.say(ASHA)
    journal = await kept(chat, tmp_path)
    newest, *_, oldest = await all_pages(journal, ALL, 10)
    assert newest.messages == []
    assert newest.before is not None
    assert newest.before > first
    assert [message.id for message in oldest.messages] == [first]
    await journal.close()
