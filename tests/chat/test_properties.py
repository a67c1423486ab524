"""What holds in chat whatever happens: random commands by random members, folded in every way there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.chat import crowd, rules, sight
from classroom.chat.model import (
    EMOJI,
    Chat,
    ChatCommand,
    ChatOwn,
    ChatView,
    Configure,
    Delete,
    Deleted,
    Edit,
    Edited,
    Pin,
    Promote,
    Promoted,
    React,
    Said,
    Say,
)
from classroom.kernel import ALL, STAFF, Audience, Member, Rejected, audience_of
from tests.chat.client_fold import begin, fold
from tests.chat.playing import ASHA, HELPER, LURKER, MEMBERS, RAVI, TEACHER, Playing, encoded, recoded

SPEAKERS = (TEACHER, HELPER, ASHA, RAVI, ASHA, RAVI, ASHA, RAVI)
AUDIENCES = (ALL, STAFF, audience_of(TEACHER), audience_of(ASHA), audience_of(RAVI), audience_of(LURKER))
KINDS = (
    *("say", "say", "say", "say", "say", "reply", "edit", "delete", "react", "react", "react", "pin", "unpin"),
    *("promote", "promote", "configure"),
)
PAUSES = (0, 0, 0, 0, 1, 100, 100, 700, 20_000, 400_000)


def step_of(number: int) -> tuple[str, Member, int, int, bool, int]:
    """One number is one step, so that a long sequence is cheap to draw: what is tried, by whom, and what else varies."""
    number, kind = divmod(number, len(KINDS))
    number, actor = divmod(number, len(SPEAKERS))
    number, which = divmod(number, 16)
    number, pause = divmod(number, len(PAUSES))
    number, on = divmod(number, 2)
    return KINDS[kind], SPEAKERS[actor], which, number, bool(on), PAUSES[pause]


STEPS = st.lists(
    st.integers(0, len(KINDS) * len(SPEAKERS) * 16 * len(PAUSES) * 2 * 400 - 1).map(step_of), min_size=40, max_size=60
)


@pytest.fixture(scope="module", autouse=True)
def small_limits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sight, "RECENT", 4)
        patch.setattr(sight, "OWN_RECENT", 2)
        patch.setattr(rules, "PINS_LIMIT", 2)
        patch.setattr(rules, "KEEP", 9)
        patch.setattr(crowd, "CROWD_KEEP", 5)
        patch.setattr(crowd, "BURST", 1)
        patch.setattr(crowd, "TURNS", 2)
        yield


def command_of(chat: Playing, step: Any) -> tuple[Any, ChatCommand]:
    kind, actor, which, number, on, _ = step
    ids = [meta.seq for meta, event in chat.log if isinstance(event, Said | Promoted)]
    id = ids[-1 - which % len(ids)] if ids else 1
    text = f"text {len(chat.log)}."  # no two alike, so that it can be looked for
    match kind:
        case "say":
            return actor, Say(text=text, mentions=("ravi",) if on else ())
        case "reply":
            return actor, Say(text=text, reply_to=id)
        case "edit":
            return actor, Edit(id=id, text=text)
        case "delete":
            return actor, Delete(id=id)
        case "react":
            return (*MEMBERS[:5], ASHA, RAVI, TEACHER)[number % 8], React(
                id=id, emoji=EMOJI[number % 2], on=on or bool(number % 3)
            )
        case "pin" | "unpin":
            return TEACHER, Pin(id=id, on=kind == "pin")
        case "promote":
            return HELPER, Promote(id=id)
        case _:
            slow = number % 301 if number % 5 == 1 else 0
            return TEACHER, Configure(slow=slow, locked=on and number % 5 == 0, crowd=1 + number % 3)


def played(steps: list[Any]) -> Playing:
    chat = Playing()
    for step in steps:
        chat.now += step[-1]
        actor, command = command_of(chat, step)
        with suppress(Rejected):
            chat.do(actor, command)
    return chat


LOGS = STEPS.map(played)


def state_at(chat: Playing, seq: int) -> Chat:
    return msgspec.msgpack.decode(chat.states[seq], type=Chat)


@given(LOGS, st.data())
def test_replaying_from_the_start_or_from_any_snapshot_gives_the_same_bytes(chat: Playing, data: Any) -> None:
    for start in (0, data.draw(st.integers(0, len(chat.log)))):
        state = state_at(chat, start)
        for meta, event in chat.log[start:]:
            rules.apply(state, event, meta)
        assert encoded(state) == chat.states[-1]


@given(LOGS)
def test_what_always_holds_holds(chat: Playing) -> None:
    for seq in range(len(chat.states)):
        state = state_at(chat, seq)
        assert list(state.messages) == sorted(state.messages)
        assert len(state.messages) <= rules.KEEP
        assert len(state.pinned) <= rules.PINS_LIMIT
        assert set(state.pinned) <= set(state.messages)
        _crowd_holds(state)
        assert list(state.spoke.values()) == sorted(state.spoke.values())
        messages = (*state.messages.values(), *state.crowd.messages.values())
        assert all(members for message in messages for members in message.reactions.values())


def _crowd_holds(state: Chat) -> None:
    unshown = state.crowd.messages
    assert list(unshown) == sorted(unshown)
    assert len(unshown) <= crowd.CROWD_KEEP
    assert not set(unshown) & set(state.messages)
    assert all(message.crowd and message.by in ("asha", "ravi") for message in unshown.values())
    assert not any(message.crowd for message in state.messages.values())
    own: dict[str, list[int]] = {}
    for message in unshown.values():
        own.setdefault(message.by, []).append(message.id)
    assert state.crowd.own == own
    assert {message.promoted: id for id, message in state.messages.items() if message.promoted} == state.promoted
    assert len(state.crowd.shown) <= crowd.TURNS
    assert list(state.crowd.shown.values()) == sorted(state.crowd.shown.values())
    assert state.crowd.tokens >= 0


@settings(max_examples=80)
@given(LOGS, st.sampled_from(AUDIENCES), st.data())
def test_a_client_that_folds_what_it_is_shown_has_what_a_newcomer_gets(
    chat: Playing, audience: Audience, data: Any
) -> None:
    start = data.draw(st.integers(0, len(chat.log)), label="joins after")
    joined, final = state_at(chat, start), chat.state
    view = msgspec.msgpack.decode(encoded(rules.show(joined, audience)), type=ChatView)
    own = msgspec.msgpack.decode(encoded(rules.own(joined, audience)), type=ChatOwn)
    first = view.messages[0].id if view.messages else start + 1
    begin(view, own)
    told = {message.id for message in view.messages}
    in_view = told | {message.id for message in view.pinned}
    for meta, event in chat.log[start:]:
        shown = rules.view(event, audience)
        if shown is not None:
            fold(view, own, recoded(shown), meta.seq, meta.at, audience.member)

    fresh, fresh_own = rules.show(final, audience), rules.own(final, audience)
    begin(fresh, fresh_own)
    here = {*final.messages, *final.crowd.messages}
    # The client keeps what the server had to drop, and lacks what is older than what it was given.
    assert all(
        message.id <= (final.crowd if message.crowd else final).dropped
        for message in view.messages
        if message.id not in here
    )
    kept = [message for message in view.messages if message.id in here]
    assert {message.id for message in kept if message.id < first} <= told
    # Of a member's own that the room was not shown, a newcomer is told the newest few alone.
    assert [message for message in kept if message.id >= first] == [
        message
        for message in sight.listed(final, audience)
        if message.id >= first and not (message.crowd and message.id <= start and message.id not in told)
    ]
    known = [
        message for message in fresh.messages if message.id >= first and (message.id > start or message.id in told)
    ]
    assert [message for message in kept if message.id in {each.id for each in known}] == known
    assert view.pinned == fresh.pinned
    assert (view.slow, view.locked, view.crowd) == (fresh.slow, fresh.locked, fresh.crowd)
    near = {
        message.id for message in (*known, *(each for each in fresh.pinned if each.id >= first or each.id in in_view))
    }
    assert {id: own.reactions[id] for id in own.reactions if id in near} == {
        id: mine for id, mine in fresh_own.reactions.items() if id in near
    }
    if own.spoke_at != fresh_own.spoke_at:
        assert fresh_own.spoke_at == 0
        assert own.spoke_at <= chat.now - rules.SLOW_LIMIT * 1_000


@given(LOGS)
def test_a_newcomer_is_told_the_newest_of_what_they_may_see(chat: Playing) -> None:
    final = chat.state
    for audience in AUDIENCES:
        fresh, own = rules.show(final, audience), rules.own(final, audience)
        listed = sight.listed(final, audience)
        shown = [message for message in listed if audience.sees_all or not message.crowd]
        assert fresh.messages == shown[-sight.RECENT :]
        assert fresh.more is (len(shown) > len(fresh.messages) or _dropped(final, audience))
        older = fresh.messages[0].id if fresh.more and fresh.messages else 0
        mine = [message for message in listed if message.crowd and message.id >= older][-sight.OWN_RECENT :]
        assert own.messages == ([] if audience.sees_all else mine)


def _dropped(state: Chat, audience: Audience) -> bool:
    return state.dropped > 0 or (audience.sees_all and state.crowd.dropped > 0)


@given(LOGS)
def test_what_the_room_is_not_shown_reaches_nobody_but_its_author_and_the_staff(chat: Playing) -> None:
    for reader in (ALL, audience_of(ASHA), audience_of(RAVI), audience_of(LURKER)):
        hidden: dict[int, list[bytes]] = {}
        for meta, event in chat.log:
            if isinstance(event, Said) and event.crowd and event.by != reader.member:
                hidden[meta.seq] = [event.text.encode()]
            elif isinstance(event, Edited) and event.id in hidden:
                hidden[event.id].append(event.text.encode())
            elif isinstance(event, Promoted):
                # What was changed before stays hidden.
                hidden[event.id] = [text for text in hidden.pop(event.id, []) if text != event.message.text.encode()]
            seen = encoded(rules.view(event, reader))
            assert not any(text in seen for texts in hidden.values() for text in texts)
            told = getattr(event, "id", meta.seq) in hidden and not isinstance(event, Promoted)
            assert not told or rules.view(event, reader) is None or _of_the_journal_alone(event)
        state = chat.state
        everything = encoded((rules.show(state, reader), rules.own(state, reader), sight.listed(state, reader)))
        assert not any(text in everything for texts in hidden.values() for text in texts)


def _of_the_journal_alone(event: Any) -> bool:
    return isinstance(event, Deleted) and event.by_staff and event.whose is None


@given(LOGS)
def test_how_many_the_room_was_not_shown_is_told_exactly(chat: Playing) -> None:
    unshown: set[int] = set()
    since = 0
    for meta, event in chat.log:
        forgotten = {id for id in unshown if id not in state_at(chat, meta.seq - 1).crowd.messages}
        if isinstance(event, Promoted):
            unshown.discard(event.id)
        if isinstance(event, Deleted) and event.id not in forgotten:
            unshown.discard(event.id)
        if isinstance(event, Said) and event.crowd:
            unshown.add(meta.seq)
        elif isinstance(event, Said | Promoted):
            told = event.message.skipped if isinstance(event, Promoted) else event.skipped
            assert told == len({id for id in unshown if id > since})
            since = meta.seq


@given(LOGS)
def test_the_staff_are_always_shown_and_are_shown_everything(chat: Playing) -> None:
    for _, event in chat.log:
        assert rules.view(event, STAFF) == event
        assert not (isinstance(event, Said) and event.crowd and event.role.staff)


@given(LOGS)
def test_who_only_reacts_is_never_named_to_another_student(chat: Playing) -> None:
    name = LURKER.id.encode()
    for audience in (ALL, audience_of(ASHA), audience_of(RAVI)):
        for _, event in chat.log:
            assert name not in encoded(rules.view(event, audience))
        assert name not in encoded(rules.show(chat.state, audience))
        assert name not in encoded(rules.own(chat.state, audience))


@given(LOGS)
def test_only_addressees_are_shown_something_else_than_others_of_their_kind(chat: Playing) -> None:
    for _, event in chat.log:
        for member in MEMBERS:
            audience = audience_of(member)
            plain = Audience("staff") if member.role.staff else ALL
            if member.id not in rules.addressees(event):
                assert rules.view(event, audience) == rules.view(event, plain)
