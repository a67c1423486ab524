"""What every bus keeps of `classroom/bus/port.py`, whatever carries the messages."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from structlog.testing import capture_logs

from classroom.bus.port import Appended, Bus, Counted, Head, Message, Reply, Request, Unreachable
from classroom.chat.model import Say
from classroom.kernel import Member, Role
from tests.running import until

PATIENCE = 5.0  # seconds; only a failing test waits that long

ASHA = Member("asha", "Asha", Role.STUDENT)


def request(cid: str = "c1") -> Request:
    return Request(ASHA, Say(cid=cid, text="hello"))


def news(place: int) -> Appended:
    """A message that one can tell from the next."""
    return Appended(place, ())


class Inbox:
    """A handler that keeps what it is told."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()

    def __call__(self, message: Message) -> None:
        self._queue.put_nowait(message)

    async def next(self) -> Message:
        async with asyncio.timeout(PATIENCE):
            return await self._queue.get()

    async def take(self, count: int) -> list[Message]:
        return [await self.next() for _ in range(count)]

    def now(self) -> Message:
        return self._queue.get_nowait()

    def empty(self) -> bool:
        return self._queue.empty()


class Owner:
    """A server that answers with a place of its own, so that one sees who answered."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.asked: list[Request] = []

    async def __call__(self, asked: Request) -> Reply:
        self.asked.append(asked)
        return Reply(ok=True, seq=self.seq)


class Stuck:
    """A server that begins and does not end until `release` is set."""

    def __init__(self) -> None:
        self.begun, self.release, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, asked: Request) -> Reply:
        self.begun.set()
        await self.release.wait()
        self.ended.set()
        return Reply(ok=True)


async def test_subscribers_hear_what_is_published_in_order(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    first, second = Inbox(), Inbox()
    await here.subscribe("r", first)
    await there.subscribe("r", second)

    for seq in range(200):
        here.publish("r", news(seq))

    expected = [news(seq) for seq in range(200)]
    assert await first.take(200) == expected
    assert await second.take(200) == expected


async def test_a_room_hears_only_its_own(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    inbox = Inbox()
    await there.subscribe("r", inbox)

    here.publish("other", news(1))
    here.publish("r", news(2))

    assert await inbox.next() == news(2)
    assert inbox.empty()


async def test_publishing_to_nobody_is_not_an_error(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    here.publish("nobody's", news(1))

    inbox = Inbox()
    await there.subscribe("r", inbox)
    here.publish("r", news(2))

    assert await inbox.next() == news(2)


async def test_a_handler_that_raises_is_logged_and_stops_nobody(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    before, after = Inbox(), Inbox()

    def broken(message: Message) -> None:
        raise RuntimeError("broken handler")

    await there.subscribe("r", before)
    await there.subscribe("r", broken)
    await there.subscribe("r", after)

    with capture_logs() as logs:
        here.publish("r", news(1))
        here.publish("r", news(2))
        assert await before.take(2) == [news(1), news(2)]
        assert await after.take(2) == [news(1), news(2)]

    assert [(log["log_level"], log["room"]) for log in logs] == [("error", "r"), ("error", "r")]


async def test_nothing_comes_after_unsubscribing(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    gone, stays = Inbox(), Inbox()
    cancel = await there.subscribe("r", gone)
    await there.subscribe("r", stays)
    here.publish("r", news(1))
    assert await gone.next() == news(1)

    await cancel()
    here.publish("r", news(2))

    assert await stays.take(2) == [news(1), news(2)]
    assert gone.empty()


async def test_unsubscribing_twice_takes_nobody_else_away(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    inbox = Inbox()
    once = await there.subscribe("r", inbox)
    await once()
    await there.subscribe("r", inbox)

    await once()
    here.publish("r", news(1))

    assert await inbox.next() == news(1)


async def test_the_same_handler_twice_hears_everything_twice(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    inbox = Inbox()
    cancel = await there.subscribe("r", inbox)
    await there.subscribe("r", inbox)

    here.publish("r", news(1))
    assert await inbox.take(2) == [news(1), news(1)]

    await cancel()
    here.publish("r", news(2))
    here.publish("r", news(3))
    assert await inbox.take(2) == [news(2), news(3)]


async def test_a_handler_may_unsubscribe_another_while_it_is_told(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    inbox, cancelled = Inbox(), asyncio.Event()

    async def leave() -> None:
        await cancel()
        cancelled.set()

    tasks: list[asyncio.Task[None]] = []
    await there.subscribe("r", lambda message: tasks.append(asyncio.ensure_future(leave())))
    cancel = await there.subscribe("r", inbox)

    here.publish("r", news(1))

    assert await inbox.next() == news(1)
    async with asyncio.timeout(PATIENCE):
        await cancelled.wait()
    await asyncio.gather(*tasks)


async def test_of_heads_and_counts_the_newest_arrives(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    inbox = Inbox()
    await there.subscribe("r", inbox)

    for number in range(1, 51):
        here.publish("r", Head(number))
        here.publish("r", Counted("edge-1", number))

    heard: list[Message] = []
    while not (Head(50) in heard and Counted("edge-1", 50) in heard):
        heard.append(await inbox.next())
    heads = [message.seq for message in heard if isinstance(message, Head)]
    counts = [message.count for message in heard if isinstance(message, Counted)]
    assert heads == sorted(heads)
    assert counts == sorted(counts)


async def test_a_subscriber_where_it_is_published_hears_it_at_once_and_once(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    near, far = Inbox(), Inbox()
    await here.subscribe("r", near)
    await there.subscribe("r", far)

    here.publish("r", news(1))
    here.publish("r", Head(2))

    assert [near.now(), near.now()] == [news(1), Head(2)]
    await far.take(2)
    there.publish("r", news(3))
    assert await near.next() == news(3)


async def test_requests_of_one_asker_are_begun_in_their_order(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    begun: list[str] = []

    async def server(asked: Request) -> Reply:
        begun.append(asked.command.cid)
        await asyncio.sleep(0)
        return Reply(ok=True)

    await there.serve("r", server)
    cids = [str(number) for number in range(300)]
    await asyncio.gather(*(here.ask("r", request(cid), PATIENCE) for cid in cids))

    assert begun == cids


async def test_ask_brings_the_servers_reply(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    owner = Owner(7)
    await there.serve("r", owner)

    assert await here.ask("r", request("c9"), PATIENCE) == Reply(ok=True, seq=7)
    assert owner.asked == [request("c9")]


async def test_a_refusal_travels_whole(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    refusal = Reply(ok=False, code="muted", message="You are muted.", temporary=True, until=1_700_000_000_000)

    async def refuse(asked: Request) -> Reply:
        return refusal

    await there.serve("r", refuse)

    assert await here.ask("r", request(), PATIENCE) == refusal


async def test_many_ask_at_once_and_each_gets_their_own_answer(buses: tuple[Bus, Bus]) -> None:
    here, there = buses

    async def echo(asked: Request) -> Reply:
        await asyncio.sleep(0)
        return Reply(ok=True, seq=int(asked.command.cid))

    await there.serve("r", echo)

    replies = await asyncio.gather(*(here.ask("r", request(str(number)), PATIENCE) for number in range(200)))

    assert [reply.seq for reply in replies] == list(range(200))


async def test_the_newest_server_takes_over(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    await here.serve("r", Owner(1))
    assert (await there.ask("r", request(), PATIENCE)).seq == 1

    await there.serve("r", Owner(2))

    assert (await here.ask("r", request(), PATIENCE)).seq == 2
    assert (await there.ask("r", request(), PATIENCE)).seq == 2


async def test_who_is_displaced_by_a_newer_server_is_told_once(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    displaced: list[int] = []
    await here.serve("r", Owner(1), lambda: displaced.append(1))
    await there.serve("r", Owner(2), lambda: displaced.append(2))
    await until(lambda: displaced == [1])
    await there.serve("r", Owner(3), lambda: displaced.append(3))
    await until(lambda: displaced == [1, 2])

    leave = await here.serve("r", Owner(4), lambda: displaced.append(4))
    await until(lambda: displaced == [1, 2, 3])
    await leave()
    assert displaced == [1, 2, 3], "who leaves is not displaced"


async def test_an_old_servers_leaving_does_not_take_the_new_one_away(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    leave = await here.serve("r", Owner(1))
    await there.serve("r", Owner(2))

    await leave()

    assert (await here.ask("r", request(), PATIENCE)).seq == 2


async def test_asking_where_nobody_serves_is_unreachable(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    with pytest.raises(Unreachable):
        await here.ask("r", request(), 0.2)

    leave = await there.serve("r", Owner(1))
    await leave()

    with pytest.raises(Unreachable):
        await here.ask("r", request(), 0.2)


async def test_an_answer_that_does_not_come_in_time_is_unreachable_and_the_work_goes_on(
    buses: tuple[Bus, Bus],
) -> None:
    here, there = buses
    stuck = Stuck()
    await there.serve("r", stuck)

    with pytest.raises(Unreachable):
        await here.ask("r", request(), 0.1)

    stuck.release.set()
    async with asyncio.timeout(PATIENCE):
        await stuck.ended.wait()


async def test_an_asker_who_gives_up_does_not_tear_what_was_begun(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    stuck = Stuck()
    await there.serve("r", stuck)
    asking = asyncio.create_task(here.ask("r", request(), PATIENCE))
    async with asyncio.timeout(PATIENCE):
        await stuck.begun.wait()

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    stuck.release.set()
    async with asyncio.timeout(PATIENCE):
        await stuck.ended.wait()


async def test_a_server_that_fails_is_unreachable_and_logged_and_serves_on(buses: tuple[Bus, Bus]) -> None:
    here, there = buses

    async def server(asked: Request) -> Reply:
        if asked.command.cid == "bad":
            raise RuntimeError("broken server")
        return Reply(ok=True, seq=3)

    await there.serve("r", server)

    with capture_logs() as logs, pytest.raises(Unreachable):
        await here.ask("r", request("bad"), 0.5)

    assert [(log["log_level"], log["room"]) for log in logs] == [("error", "r")]
    assert (await here.ask("r", request("good"), PATIENCE)).seq == 3


async def test_ping_answers_until_the_bus_is_closed(buses: tuple[Bus, Bus]) -> None:
    here, _ = buses
    await here.ping()

    await here.close()

    with pytest.raises(Unreachable):
        await here.ping()


async def test_a_closed_bus_tells_nobody_and_reaches_nobody(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    inbox = Inbox()
    await there.subscribe("r", inbox)
    await there.serve("r", Owner(1))

    await there.close()
    await here.close()

    here.publish("r", news(1))
    assert inbox.empty()
    with pytest.raises(Unreachable):
        await here.ask("r", request(), 0.2)
    await here.close()


async def test_closing_ends_what_was_being_answered(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    stuck = Stuck()
    await there.serve("r", stuck)
    asking = asyncio.create_task(here.ask("r", request(), PATIENCE))
    async with asyncio.timeout(PATIENCE):
        await stuck.begun.wait()

    await there.close()
    await here.close()

    with pytest.raises(Unreachable):
        await asking
    assert not stuck.ended.is_set()


async def test_rooms_that_come_and_go_leave_nothing_behind(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    alive: weakref.WeakSet[object] = weakref.WeakSet()

    async def live_and_go(room: str) -> None:
        inbox, owner = Inbox(), Owner(1)
        alive.update((inbox, owner))
        cancels = [await there.subscribe(room, inbox), await there.serve(room, owner)]
        here.publish(room, news(1))
        await here.ask(room, request(), PATIENCE)
        for cancel in cancels:
            await cancel()

    for number in range(500):
        await live_and_go(f"room-{number}")
    await here.ping()
    gc.collect()

    assert not alive
