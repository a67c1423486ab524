"""The house: a room is opened once, let go when nobody is left, back at once, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from weakref import ref

import pytest

from classroom.auth import Authenticator
from classroom.bus.local import LocalBus
from classroom.bus.port import Head, Message, Reply, Signalled
from classroom.config import load
from classroom.journal.port import Unavailable
from classroom.journal.sql import open_journal
from classroom.kernel import STAFF, Rejected, Stored
from classroom.metrics import Metrics
from classroom.rooms import presence
from classroom.rooms.hall import Hall
from classroom.rooms.house import House
from classroom.rooms.session import Session
from classroom.rooms.signals import React, Reactions
from classroom.wire import Hello
from tests.rooms.shells import ASHA, RAVI, TEACHER, Recorder, Troubled, command, say
from tests.running import until


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = load(environment={"DATA": str(tmp_path), "CLASSROOM_ROOMS_UNLOAD_AFTER_SECONDS": "0.3"})
    journal = await open_journal(settings.database_url)
    opened = House(journal, LocalBus(), Authenticator(settings), Metrics(), settings)
    opened.start()
    await opened.found("physics", "Physics")
    yield opened
    await opened.close()
    await journal.close()


async def until_unloaded(house: House, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while house.halls or house.owners or house._locks:  # a room that is being closed is still locked
        assert time.monotonic() < deadline, "the room was not let go"
        await asyncio.sleep(0.05)


async def test_however_many_ask_at_once_a_room_is_opened_once(house: House) -> None:
    halls = await asyncio.gather(*(house.hall("physics") for _ in range(50)))
    assert len({id(hall) for hall in halls}) == 1
    assert len(house.halls) == 1


async def test_a_class_that_comes_by_name_and_for_its_pictures_has_its_room_looked_up_once(house: House) -> None:
    house.journal = journal = Troubled(house.journal)  # type: ignore[assignment]
    await asyncio.gather(*(house.enter(Hello(room="physics", name=f"S{number}")) for number in range(200)))
    assert journal.looked_up == ["physics"]
    await journal.create("maths", "Maths", 0, open=False)
    for _ in range(200):
        await house.epoch("maths")
    assert journal.looked_up == ["physics", "maths"]
    assert [hall.info.id for hall in house.halls] == ["physics"]


@pytest.mark.parametrize("is_open", [True, False])
async def test_who_comes_by_name_where_that_is_not_enough_is_refused_and_opens_nothing(
    house: House, is_open: bool
) -> None:
    await house.journal.create("private", "Private", 0, open=False)
    if is_open:
        await house.hall("private")
    before = house.halls
    with pytest.raises(Rejected, match="token_missing"):
        await house.enter(Hello(room="private", name="Asha"))
    assert house.halls == before


async def test_however_often_it_is_refused_a_refusal_leads_to_no_more_than_who_asked(house: House) -> None:
    async def frames() -> int:
        with pytest.raises(Rejected) as refused:
            await house.hall("nowhere")
        return len(list(traceback.walk_tb(refused.value.__traceback__)))

    first = await frames()
    assert [await frames() for _ in range(100)] == [first] * 100


async def test_a_room_that_nobody_is_in_is_let_go_and_is_back_with_all_it_had(house: House) -> None:
    hall = await house.hall("physics")
    hall.entering += 1
    for _ in range(10):
        replies = await asyncio.gather(*(house.submit("physics", ASHA, say("text")) for _ in range(300)))
        assert all(reply.ok for reply in replies)
    hall.entering -= 1
    before = hall.replica.seq
    gone = ref(hall)
    del hall
    await until_unloaded(house)
    gc.collect()
    begun = time.perf_counter()
    again = await house.hall("physics")
    took = time.perf_counter() - begun
    assert gone() is None
    assert again.replica.seq == before == 3_000
    print(f"back after {took * 1_000:.0f} ms with {before} events")


async def test_a_room_is_kept_while_somebody_is_in_it_or_a_poll_runs(house: House) -> None:
    hall = await house.hall("physics")
    session = Session(TEACHER, Recorder())
    hall.admit(session, None, None)
    spec = {"question": "Which?", "kind": "single", "options": ["a", "b"], "seconds": 5}
    prepared = await house.submit("physics", TEACHER, command("poll.prepare", spec=spec))
    await house.submit("physics", TEACHER, command("poll.open", id=prepared.seq))
    await asyncio.sleep(1.5)
    hall.leave(session)
    assert house.halls == [hall]


async def test_many_rooms_leave_nothing_behind(house: House) -> None:
    async def visit(n: int) -> None:
        room = f"room-{n}"
        await house.found(room, room)
        await house.hall(room)
        assert (await house.submit(room, ASHA, say("hello"))).ok

    for first in range(0, 200, 50):
        await asyncio.gather(*(visit(n) for n in range(first, first + 50)))
    await until_unloaded(house, 30)
    gc.collect()
    left = [thing for thing in gc.get_objects() if isinstance(thing, Hall) and thing.info.id.startswith("room-")]
    assert not left
    assert not house._locks
    bus = house.bus
    assert isinstance(bus, LocalBus)
    assert not [task for task in asyncio.all_tasks() if task.get_name().split()[0] in ("owner", "head", "moving")]


async def test_a_room_that_was_let_go_while_somebody_came_is_opened_again(house: House) -> None:
    for _ in range(20):
        await house.hall("physics")
        closing = asyncio.create_task(house._close("physics"))
        await asyncio.sleep(0)
        await house.hall("physics")
        await closing
        assert (await house.submit("physics", ASHA, say("still here"))).ok
    assert (await house.hall("physics")).replica.seq == 20


async def test_attendance_reaches_the_log_and_the_count_everybody(house: House) -> None:
    hall = await house.hall("physics")
    links = [Recorder(), Recorder(), Recorder()]
    for member, link in zip((TEACHER, ASHA, ASHA), links, strict=True):
        hall.admit(Session(member, link), None, None)
    deadline = time.monotonic() + 15
    while not any(name == "signals" for name, _ in links[1].packets):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    people, total = await house.people("physics")
    while total < 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
        people, total = await house.people("physics")
    counts = [s["count"] for name, payload in links[1].packets if name == "signals" for s in payload]
    assert counts == [2]
    assert total == 2
    assert {person.id for person in people if person.present} == {"teacher", "asha"}


async def test_who_cannot_be_welcomed_is_not_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = await house.hall("physics")

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(hall, "_state", fail)
    with pytest.raises(ZeroDivisionError):
        hall.admit(Session(ASHA, Recorder()), None, None)
    assert hall.presence.count() == 0
    assert hall.presence.empty


async def test_who_could_not_keep_up_is_told_how_many_are_here_when_they_can_again(house: House) -> None:
    hall = await house.hall("physics")
    slow = Recorder()
    hall.admit(Session(ASHA, slow), None, None)
    await asyncio.sleep(0.1)
    slow.stuck = house.settings.slow.max_buffer_bytes + 1
    assert (await house.submit("physics", RAVI, say("much"))).ok
    other = Recorder()
    hall.admit(Session(RAVI, other), None, None)

    def counts(link: Recorder) -> list[int]:
        signals = [signal for name, payload in link.packets if name == "signals" for signal in payload]
        return [signal["count"] for signal in signals if signal["type"] == "present"]

    async with asyncio.timeout(10):
        while counts(other)[-1:] != [2]:
            await asyncio.sleep(0.05)
    slow.stuck = 0
    async with asyncio.timeout(10):
        while counts(slow)[-1:] != [2]:
            await asyncio.sleep(0.05)
    assert [name for name, _ in slow.packets].count("resumed") == 1


async def test_attendance_that_the_log_does_not_take_is_said_again_within_a_second(tmp_path: Path) -> None:
    settings = load(environment={"DATA": str(tmp_path)})
    journal = await open_journal(settings.database_url)
    troubled = Troubled(journal)
    house = House(troubled, LocalBus(), Authenticator(settings), Metrics(), settings)  # type: ignore[arg-type]
    house.start()
    await house.found("physics", "Physics")
    hall = await house.hall("physics")
    troubled.before = [Unavailable("disk full")]
    hall.admit(Session(ASHA, Recorder()), None, None)
    async with asyncio.timeout(10):
        while troubled.before or not hall.presence.busy:
            await asyncio.sleep(0.01)
    assert house._rota.is_stirred("physics")
    async with asyncio.timeout(10):
        while not hall.replica.seq:
            await asyncio.sleep(0.01)
    assert hall.replica.state.roster.members[ASHA.id].present
    await house.close()
    await journal.close()


async def test_who_is_back_while_the_log_is_told_that_they_have_gone_is_present(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given somebody who has left, and a log that takes its time to be told so
    monkeypatch.setattr(presence, "GRACE", 0.0)
    hall = await house.hall("physics")
    session = Session(ASHA, Recorder())
    hall.admit(session, None, None)

    def is_present() -> bool:
        record = hall.replica.state.roster.members.get(ASHA.id)
        return record is not None and record.present

    await until(is_present)
    told, goes_on, whole = asyncio.Event(), asyncio.Event(), house.submit

    async def slow(*of: Any) -> Reply:
        told.set()
        await goes_on.wait()
        return await whole(*of)

    monkeypatch.setattr(house, "submit", slow)
    hall.leave(session)
    await told.wait()

    # when they are back before it has been, and are seen to be
    hall.admit(Session(ASHA, Recorder()), None, None)
    for _ in range(2):
        house._second(hall)
    goes_on.set()

    # then the log comes to know it
    await until(lambda: not hall.presence.busy and not house._background)
    assert is_present()


async def test_who_is_made_an_assistant_sees_as_one_at_once_and_no_longer_when_it_is_taken_back(house: House) -> None:
    hall = await house.hall("physics")
    asha, ravi = Recorder(), Recorder()
    session = Session(ASHA, asha)
    hall.admit(session, None, None)
    hall.admit(Session(RAVI, ravi), None, None)
    await asyncio.sleep(1.5)  # until the log knows both
    await house.submit("physics", RAVI, command("doubt.ask", text="For the staff?"))
    await house.submit("physics", TEACHER, command("roster.appoint", member="asha", role="assistant"))
    welcome = [payload for name, payload in asha.packets if name == "welcome"][-1]
    assert welcome["me"]["role"] == "assistant"
    assert [doubt["text"] for doubt in welcome["state"]["doubts"]["doubts"]] == ["For the staff?"]
    assert session.kind == STAFF
    await house.submit("physics", TEACHER, command("roster.appoint", member="asha", role="student"))
    await house.submit("physics", RAVI, command("doubt.ask", text="Not for Asha any more"))
    await asyncio.sleep(0.2)
    assert [payload for name, payload in asha.packets if name == "welcome"][-1]["me"]["role"] == "student"
    assert "Not for Asha" not in str(asha.packets)
    assert "Not for Asha" in str(ravi.packets)


async def test_who_can_keep_up_again_just_when_somebody_is_appointed_is_sent_each_event_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await house.hall("physics")
    links = {member: Recorder() for member in (ASHA, RAVI, TEACHER)}
    for member, link in links.items():
        hall.admit(Session(member, link), None, None)
    await until(lambda: len(hall.replica.state.roster.members) == 3)
    slow, other = links[RAVI], links[TEACHER]
    await until(lambda: slow.seqs == other.seqs != [])
    slow.stuck = 1 << 30
    await house.submit("physics", TEACHER, say("missed"))
    await until(lambda: other.seqs[-1] == hall.replica.seq)

    def follow(events: Sequence[Stored]) -> None:
        slow.stuck = 0
        hall._follow(events)

    monkeypatch.setattr(hall.replica, "_follower", follow)
    await house.submit("physics", TEACHER, command("roster.appoint", member="asha", role="assistant"))
    await until(lambda: any(name == "resumed" for name, _ in slow.packets))
    await house.submit("physics", TEACHER, say("after"))
    await until(lambda: other.seqs[-1] == hall.replica.seq == slow.seqs[-1])
    resumed = [event["seq"] for name, what in slow.packets if name == "resumed" for event in what["events"]]
    assert sorted(slow.seqs + resumed) == other.seqs


async def test_a_removed_member_is_told_why_and_let_go_and_a_banned_one_stays_out(house: House) -> None:
    hall = await house.hall("physics")
    asha = Recorder()
    hall.admit(Session(ASHA, asha), None, None)
    await asyncio.sleep(1.5)
    await house.submit("physics", TEACHER, command("roster.remove", member="asha", reason="Shouting"))
    assert asha.bye is not None
    assert (asha.bye.code, asha.bye.message, asha.bye.temporary) == (
        "removed",
        "You have been removed from the room: Shouting",
        False,
    )
    assert hall.in_force(ASHA) == ASHA
    await house.submit("physics", TEACHER, command("roster.ban", member="asha"))
    with pytest.raises(Rejected, match="banned"):
        hall.in_force(ASHA)


async def test_who_comes_back_to_what_cannot_be_told_is_welcomed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = await house.hall("physics")
    monkeypatch.setattr(hall._missed, "since", lambda *_: [].pop())
    link = Recorder()
    assert not hall.admit(Session(ASHA, link), 0, hall.info.epoch)
    assert [name for name, _ in link.packets] == ["welcome"]


async def test_a_room_whose_bus_is_silent_is_told_what_the_log_has(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classroom.rooms.replica.SILENCE", 0.2)
    hall = await house.hall("physics")
    link = Recorder()
    hall.admit(Session(ASHA, link), None, None)
    await until(lambda: hall.replica.seq > 0)  # she has come
    assert hall._unsubscribe is not None
    await hall._unsubscribe()
    reply = await house.submit("physics", TEACHER, say("while nothing is heard"))
    assert hall.replica.seq < reply.seq
    await until(lambda: link.seqs[-1:] == [reply.seq])


async def test_the_rooms_of_a_worker_are_written_to_together(house: House) -> None:
    await house.found("maths", "Maths")
    one, other = await house.hall("physics"), await house.hall("maths")
    assert one.hub._flushes is other.hub._flushes is house.flushes


async def test_an_eleventh_device_takes_the_place_of_the_oldest(house: House) -> None:
    hall = await house.hall("physics")
    links = [Recorder() for _ in range(11)]
    for link in links:
        hall.admit(Session(ASHA, link), None, None)
    assert [link.bye is not None for link in links] == [True] + [False] * 10
    assert links[0].bye is not None
    assert links[0].bye.code == "replaced"


async def test_nobody_comes_into_a_room_that_is_not_there_without_a_token(house: House) -> None:
    with pytest.raises(Rejected, match="room_not_found") as refusal:
        await house.enter(Hello(room="nowhere", name="Asha"))
    assert refusal.value.temporary
    token = house.auth.mint("nowhere", "Teacher", "instructor")
    hall, member, _ = await house.enter(Hello(room="nowhere", token=token))
    hall.entering -= 1
    assert (hall.info.id, member.name) == ("nowhere", "Teacher")


async def test_a_house_that_closes_keeps_a_snapshot_of_every_room(house: House) -> None:
    await house.hall("physics")
    await house.submit("physics", ASHA, say("hello"))
    await house.close()
    snapshot = await house.journal.snapshot("physics")
    assert snapshot is not None
    assert snapshot.seq == 1


async def test_a_house_that_closes_tells_reactions_that_were_still_to_be_told(house: House) -> None:
    told: list[str] = []

    def hear(message: Message) -> None:
        if isinstance(message, Signalled):
            told.extend(emoji for signal in message.signals if isinstance(signal, Reactions) for emoji in signal.counts)

    await house.bus.subscribe("physics", hear)
    hall = await house.hall("physics")
    hall.take_signal(ASHA, React(emoji="👍"))
    hall.take_signal(ASHA, React(emoji="🎉"))
    assert told == ["👍"]
    await house.close()
    assert told == ["👍", "🎉"]


async def test_after_a_stall_owners_are_looked_at_as_soon_as_a_second_is_over(house: House) -> None:
    looked = asyncio.Event()
    await house.bus.subscribe("physics", lambda message: looked.set() if isinstance(message, Head) else None)
    (await house.hall("physics")).admit(Session(ASHA, Recorder()), None, None)
    await asyncio.wait_for(looked.wait(), 10)
    looked.clear()
    time.sleep(1.2)  # noqa: ASYNC251 (it holds up the loop)
    await asyncio.wait_for(looked.wait(), 0.6)
