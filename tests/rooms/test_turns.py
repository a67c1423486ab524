"""The commits of many rooms begin together, and what becomes of each is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from classroom.bus.local import LocalBus
from classroom.bus.port import Appended, Message, Reply, Request
from classroom.journal.port import Journal, Unavailable
from classroom.kernel import Stored
from classroom.rooms import owner as owners
from classroom.rooms import room as rooms
from classroom.rooms import turns
from classroom.rooms.owner import Owner
from classroom.rooms.turns import AT_ONCE, MANY, Turns
from tests.rooms.shells import ASHA, RAVI, TEACHER, Clock, Troubled, ask, command, owner_of, say, whole_log

TICK = 0.02
ROOMS = [f"r{number}" for number in range(5)]


class Many:
    """The owners of rooms at one worker in which something is said all the time."""

    def __init__(self, journal: Troubled, bus: LocalBus, clock: Clock) -> None:
        self.journal = journal
        self.bus = bus
        self.clock = clock
        self.turns = Turns(TICK)
        self.owners: dict[str, Owner] = {}

    async def open(self, room: str, **options: Any) -> Owner:
        journal: Any = self.journal
        self.owners[room] = await owner_of(journal, self.bus, self.clock, room, turns=self.turns, **options)
        return self.owners[room]

    async def all_say(self, text: str) -> dict[str, Reply]:
        """The same is said in all rooms at once; what each is answered."""
        replies = await asyncio.gather(*(ask(owner, ASHA, say(text)) for owner in self.owners.values()))
        return dict(zip(self.owners, replies, strict=True))

    async def texts(self, room: str) -> list[str]:
        return [stored.event.text for stored in await whole_log(self.journal, room)]  # type: ignore[attr-defined, arg-type]


@pytest.fixture
async def many(journal: Journal, bus: LocalBus, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Many]:
    monkeypatch.setattr(turns, "MANY", 0)  # however long this machine takes
    found = Many(Troubled(journal), bus, clock)
    for room in ROOMS:
        await found.open(room)
    await found.all_say("first")
    found.journal.submitted.clear()
    yield found
    for owner in found.owners.values():
        await owner.stop()


async def test_what_many_rooms_say_is_kept_in_each_without_waking_a_task_for_it(many: Many) -> None:
    replies = await many.all_say("second")
    assert {(reply.ok, reply.seq) for reply in replies.values()} == {(True, 2)}
    assert many.journal.submitted == ROOMS
    for room in ROOMS:
        assert await many.texts(room) == ["first", "second"]


async def test_news_of_a_turn_is_published_before_it_is_acknowledged_and_after_it_is_kept(many: Many) -> None:
    order: list[str] = []
    heads: list[asyncio.Task[None]] = []

    async def look() -> None:
        order.append(f"{len(await whole_log(many.journal, 'r0'))} kept")  # type: ignore[arg-type]

    def hear(message: Message) -> None:
        if isinstance(message, Appended):
            order.append("published")
            heads.append(asyncio.create_task(look()))

    await many.bus.subscribe("r0", hear)
    first, *others = [owner.submit(Request(ASHA, say("second"))) for owner in many.owners.values()]
    await first
    order.append("acknowledged")
    await asyncio.gather(*others, *heads)
    assert order == ["published", "acknowledged", "2 kept"]


async def test_what_comes_while_a_turn_is_under_way_goes_into_the_next_in_order(many: Many) -> None:
    owner = many.owners["r0"]
    answers: list[asyncio.Future[Reply]] = []
    for number in range(40):
        answers.append(owner.submit(Request(ASHA, say(f"text {number}"))))
        await asyncio.sleep(TICK / 7)
    replies = await asyncio.gather(*answers)
    assert [reply.seq for reply in replies] == list(range(2, 42))
    assert await many.texts("r0") == ["first", *(f"text {number}" for number in range(40))]


async def test_a_room_whose_rules_fail_in_a_turn_takes_nothing_from_the_others(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rooms.apply

    def broken(state: rooms.Room, stored: Stored) -> None:
        real(state, stored)
        if getattr(stored.event, "text", "") == "broken":
            raise ZeroDivisionError

    monkeypatch.setattr(rooms, "apply", broken)
    replies = await asyncio.gather(
        *(ask(owner, ASHA, say("broken" if room == "r1" else "whole")) for room, owner in many.owners.items())
    )
    assert [reply.code for reply in replies] == ["", "internal", "", "", ""]
    assert {reply.seq for reply in (await many.all_say("after")).values()} == {2, 3}
    assert await many.texts("r1") == ["first", "after"]
    assert await many.texts("r2") == ["first", "whole", "after"]


async def test_who_finds_the_log_moved_in_a_turn_stands_down_and_the_others_go_on(many: Many) -> None:
    other = await owner_of(many.journal, LocalBus(), many.clock, "r1")  # type: ignore[arg-type]
    assert (await ask(other, RAVI, say("mine"))).ok
    replies = await many.all_say("second")
    assert [(room, reply.code) for room, reply in replies.items() if not reply.ok] == [("r1", "moved")]
    assert [room for room, owner in many.owners.items() if owner.lost.is_set()] == ["r1"]
    assert (await ask(many.owners["r1"], ASHA, say("late"))).code == "moved"
    assert await many.texts("r1") == ["first", "mine"]
    await other.stop()


async def test_what_was_done_before_is_answered_like_the_first_time_in_a_turn_and_holds_up_nobody(many: Many) -> None:
    first = await ask(many.owners["r1"], ASHA, say("once", "same"))
    await many.owners["r1"].stop()
    owner = await many.open("r1")  # which does not remember it
    many.journal.submitted.clear()
    *others, before, again, after = await asyncio.gather(
        *(ask(many.owners[room], ASHA, say("second")) for room in ROOMS if room != "r1"),
        ask(owner, RAVI, say("before")),
        ask(owner, ASHA, say("once", "same")),
        ask(owner, RAVI, say("after")),
    )
    assert "r1" in many.journal.submitted
    assert all(reply.ok for reply in others)
    assert (again.ok, again.seq) == (True, first.seq)
    assert (before.ok, after.ok) == (True, True)
    assert await many.texts("r1") == ["first", "once", "before", "after"]


async def test_what_is_refused_or_changes_nothing_in_a_turn_is_answered_by_what_the_journal_knows(many: Many) -> None:
    owner = many.owners["r1"]
    said = await ask(owner, ASHA, say("helo"))
    edited = await ask(owner, ASHA, command("chat.edit", "e", id=said.seq, text="hello"))
    await owner.stop()
    owner = await many.open("r1")
    answers = asyncio.gather(
        ask(owner, RAVI, say("kept")),
        ask(owner, RAVI, command("class.start")),
        ask(owner, ASHA, command("chat.edit", "e", id=said.seq, text="hello")),
        ask(owner, ASHA, command("chat.edit", "f", id=said.seq, text="hello")),
    )
    others = await many.all_say("second")
    kept, refused, again, unchanged = await answers
    assert all(reply.ok for reply in others.values())
    assert (kept.ok, kept.seq) == (True, 4)
    assert (refused.ok, refused.code) == (False, "forbidden")
    assert (again.ok, again.seq) == (True, edited.seq)
    assert (unchanged.ok, unchanged.seq) == (True, 4)


async def test_when_the_journal_takes_nothing_of_a_turn_all_are_refused_for_now_and_nothing_is_half_done(
    many: Many,
) -> None:
    many.journal.before = [Unavailable("disk full") for _ in ROOMS]
    refused = await many.all_say("lost")
    assert {(reply.code, reply.temporary) for reply in refused.values()} == {("unavailable", True)}
    assert {reply.seq for reply in (await many.all_say("second")).values()} == {2}
    assert await many.texts("r1") == ["first", "second"]


async def test_a_turn_whose_answer_was_lost_is_found_by_who_asks_again(many: Many) -> None:
    many.journal.after = [Unavailable("connection lost")]
    wishes = {room: say("second", "x") for room in ROOMS}
    asked = await asyncio.gather(*(ask(many.owners[room], ASHA, wish) for room, wish in wishes.items()))
    assert [reply.ok for reply in asked].count(False) == 1
    again = await asyncio.gather(*(ask(many.owners[room], ASHA, wish) for room, wish in wishes.items()))
    assert {(reply.ok, reply.seq) for reply in again} == {(True, 2)}
    for room in ROOMS:
        assert await many.texts(room) == ["first", "second"]


async def test_whoever_stops_before_a_turn_or_during_it_answers_what_waits(many: Many) -> None:
    before, during = many.owners["r1"], many.owners["r2"]
    asked = [owner.submit(Request(ASHA, say("second"))) for owner in many.owners.values()]
    asked += [owner.submit(Request(RAVI, say("third"))) for owner in (before, during)]
    await before.stop()
    while not many.journal.submitted:
        await asyncio.sleep(0)
    waits = during.submit(Request(RAVI, say("fourth")))
    await during.stop()
    assert (await waits).seq == 4
    assert (await during.submit(Request(RAVI, say("late")))).code == "moved"
    assert all([(await answer).ok for answer in asked])
    assert await many.texts("r1") == ["first", "second", "third"]
    assert await many.texts("r2") == ["first", "second", "third", "fourth"]


async def test_nothing_is_decided_on_top_of_a_turn_that_is_not_kept_in_the_end(many: Many) -> None:
    owner = many.owners["r1"]
    many.journal.before = [Unavailable("disk full") for _ in ROOMS]
    lost = asyncio.create_task(many.all_say("lost"))
    while not many.journal.submitted:
        await asyncio.sleep(0)
    more = owner.submit(Request(RAVI, say("second")))
    await owner.stop()
    assert {reply.code for reply in (await lost).values()} == {"unavailable"}
    assert ((await more).ok, (await more).seq) == (True, 2)
    assert await many.texts("r1") == ["first", "second"]


async def test_whoever_is_displaced_during_a_turn_has_kept_what_it_says_and_takes_nothing_more(many: Many) -> None:
    owner = many.owners["r1"]
    said = asyncio.create_task(many.all_say("second"))
    while not many.journal.submitted:
        await asyncio.sleep(0)
    waits = owner.submit(Request(RAVI, say("third")))
    owner._displaced()
    assert (await owner.submit(Request(RAVI, say("fourth")))).code == "moved"
    assert (await waits).code == "moved"
    assert all(reply.ok for reply in (await said).values())
    assert await many.texts("r1") == ["first", "second"]


async def test_whoever_is_displaced_between_a_turn_and_its_commit_keeps_no_snapshot_of_what_it_decided(
    many: Many,
) -> None:
    owner = many.owners["r1"]
    said = owner.submit(Request(ASHA, say("second")))
    refused = owner.submit(Request(ASHA, command("class.start")))  # for the journal to be asked about, in the task
    many.turns.join("r1", owner._displaced)
    assert [(await answer).code for answer in (said, refused)] == ["moved", "moved"]
    await owner.stop()
    snapshot = await many.journal.snapshot("r1")
    assert await many.texts("r1") == ["first"]
    assert snapshot is None or snapshot.seq == 1


async def test_of_more_than_goes_into_one_turn_the_rest_has_the_next_where_the_first_was_done_before(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "BATCH", 2)
    owner, wishes = many.owners["r1"], [say("second"), say("third")]
    first = [await ask(owner, ASHA, wish) for wish in wishes]
    again = [owner.submit(Request(ASHA, wish)) for wish in wishes]
    more = owner.submit(Request(RAVI, say("fourth")))
    assert (await asyncio.wait_for(more, 5)).seq == 4
    assert [(await answer).seq for answer in again] == [reply.seq for reply in first]


async def test_a_turn_that_comes_once_the_state_was_dropped_waits_for_it_to_be_read_again(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = many.owners["r1"]
    many.turns._tick = 0.3
    await many.all_say("second")  # the next turn begins so much later
    lost = owner.submit(Request(ASHA, say("lost")))
    monkeypatch.setattr(turns, "MANY", 1_000)
    many.journal.before = [Unavailable("disk full")]
    owner._wake()  # as when a poll is due, while there are few other rooms
    assert (await lost).code == "unavailable"
    assert (await ask(owner, ASHA, say("third"))).seq == 3


async def test_a_poll_opened_in_a_turn_is_closed_by_the_servers_clock(many: Many) -> None:
    owner, closed = many.owners["r1"], asyncio.Event()

    def hear(message: Message) -> None:
        if isinstance(message, Appended):
            tags = [type(entry.event).__struct_config__.tag for entry in message.entries]
            closed.set() if "poll.closed" in tags else None

    await many.bus.subscribe("r1", hear)
    spec = {"question": "Which?", "kind": "single", "options": ["a", "b"], "seconds": 30}
    prepared = await ask(owner, TEACHER, command("poll.prepare", spec=spec))
    many.journal.submitted.clear()
    opened = owner.submit(Request(TEACHER, command("poll.open", id=prepared.seq)))
    while not many.journal.submitted:
        await asyncio.sleep(0)
    many.clock.now += 29_950  # which is long, for a commit
    assert (await opened).ok
    many.clock.now += 50
    await asyncio.wait_for(closed.wait(), 5)


async def test_a_few_rooms_wait_for_nobody() -> None:
    few = Turns(TICK)
    assert not any(few.join(room, lambda: None) for room in ROOMS[: MANY - 1])


async def test_many_rooms_begin_within_a_tick_each_once_and_others_have_their_turn_of_the_loop_between() -> None:
    loop = asyncio.get_running_loop()
    many, begun, looked = Turns(60), list[int](), list[int]()

    def look() -> None:
        if len(begun) < 3 * AT_ONCE:
            looked.append(len(begun))
            loop.call_soon(look)

    for number in range(3 * AT_ONCE + MANY - 1):
        if many.join(f"r{number}", lambda number=number: begun.append(number)):  # type: ignore[misc]
            assert not begun, "called at once"
    look()
    while len(begun) < 3 * AT_ONCE:
        await asyncio.sleep(0)
    assert begun == list(range(MANY - 1, 3 * AT_ONCE + MANY - 1))
    assert {AT_ONCE, 2 * AT_ONCE} <= set(looked)


async def test_a_room_that_cannot_begin_keeps_no_other_from_it() -> None:
    many, begun = Turns(60), asyncio.Event()
    for room in ROOMS[: MANY - 1]:
        many.join(room, lambda: None)
    assert many.join("broken", lambda: 1 / 0 and None)  # type: ignore[func-returns-value, arg-type]
    assert many.join("whole", begun.set)
    await asyncio.wait_for(begun.wait(), 5)
