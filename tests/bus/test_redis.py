"""What the bus over Redis keeps when Redis dies, pauses, forgets or talks nonsense, and what it costs."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from redis.asyncio import Redis as Client
from redis.crc import key_slot
from structlog.testing import capture_logs

from classroom.bus import asking, envelopes
from classroom.bus.outbox import EACH, ROOM
from classroom.bus.port import Counted, Head, Reply, Request, Signalled, Unreachable
from classroom.bus.redis import RedisBus, open_bus
from classroom.rooms.signals import TypingBy
from tests.bus.test_conformance import PATIENCE, Inbox, Owner, Stuck, news, request
from tests.services import Redis, RedisCluster, RedisNode

BACK_WITHIN = 3.0  # seconds, after Redis has come back

Ends = tuple[RedisBus, RedisBus]


@pytest.fixture
async def ends(redis_url: str) -> AsyncIterator[Ends]:
    """Two workers' ends on one Redis."""
    here, there = await open_bus(redis_url, "edge-1"), await open_bus(redis_url, "edge-2")
    yield here, there
    await here.close()
    await there.close()


@pytest.fixture
async def cluster_ends(cluster_url: str) -> AsyncIterator[Ends]:
    """Two workers' ends on one cluster."""
    here, there = await open_bus(cluster_url, "edge-1"), await open_bus(cluster_url, "edge-2")
    yield here, there
    await here.close()
    await there.close()


@contextmanager
def stopped(server: Redis) -> Iterator[None]:
    """Within the block the server is dead, by SIGKILL."""
    server.stop(signal.SIGKILL)
    try:
        yield
    finally:
        server.start()


async def heard_again(publisher: RedisBus, room: str, inbox: Inbox) -> None:
    """Publish until it is heard."""
    while inbox.empty():
        publisher.publish(room, news(1))
        await asyncio.sleep(0.02)


async def answered_again(asker: RedisBus, room: str) -> Reply:
    """Ask until there is an answer."""
    while True:
        try:
            return await asker.ask(room, request(), 0.5)
        except Unreachable:
            await asyncio.sleep(0.02)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.01)


async def pings(bus: RedisBus) -> bool:
    try:
        await bus.ping()
    except Unreachable:
        return False
    return True


# --- one Redis ------------------------------------------------------------------------------------------------------


async def test_after_redis_was_killed_both_ends_are_back_by_themselves(redis_server: Redis, ends: Ends) -> None:
    here, there = ends
    inbox_here, inbox_there = Inbox(), Inbox()
    await here.subscribe("r", inbox_here)
    await there.subscribe("r2", inbox_there)
    await there.serve("r", Owner(7))

    with stopped(redis_server):
        assert not await pings(here)
        here.publish("r2", news(0))
        with pytest.raises(Unreachable):
            await here.ask("r", request(), PATIENCE)

    async with asyncio.timeout(BACK_WITHIN):
        await heard_again(there, "r", inbox_here)
        await heard_again(here, "r2", inbox_there)
        assert (await answered_again(here, "r")).seq == 7
        await until(lambda: pings(here))


async def test_an_asker_learns_at_once_that_redis_has_died(redis_server: Redis, ends: Ends) -> None:
    here, there = ends
    stuck = Stuck()
    await there.serve("r", stuck)
    with stopped(redis_server), pytest.raises(Unreachable):
        async with asyncio.timeout(2.0):
            await here.ask("r", request(), 60.0)


async def test_what_is_published_once_after_a_restart_arrives(redis_server: Redis, ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)
    here.publish("r", news(1))
    assert await inbox.next() == news(1)

    with stopped(redis_server):
        pass
    await until(lambda: pings(there))
    async with asyncio.timeout(BACK_WITHIN):
        while not await there._nodes.live("classroom:{r}", 0.1):
            pass
    here.publish("r", news(2))

    assert await inbox.next() == news(2)


async def test_subscribing_and_serving_while_redis_is_down_take_effect_when_it_is_back(
    redis_server: Redis, ends: Ends
) -> None:
    here, there = ends
    inbox = Inbox()
    with stopped(redis_server):
        await there.subscribe("r", inbox)
        await there.serve("r", Owner(7))

    async with asyncio.timeout(BACK_WITHIN):
        await heard_again(here, "r", inbox)
        assert (await answered_again(here, "r")).seq == 7


async def test_a_bus_opened_before_redis_works_when_redis_is_there(redis_server: Redis, redis_url: str) -> None:
    inbox = Inbox()
    with stopped(redis_server):
        bus = await open_bus(redis_url, "edge-1")
        assert not await pings(bus)
    other = await open_bus(redis_url, "edge-2")
    await bus.subscribe("r", inbox)

    async with asyncio.timeout(BACK_WITHIN):
        await heard_again(other, "r", inbox)
    await bus.close()
    await other.close()


class Guarded(Redis):
    """One that wants a password."""

    def command(self) -> list[str]:
        return [*super().command(), "--requirepass", "open"]

    def answers(self) -> bool:
        try:
            return self.call("PING").startswith("-NOAUTH")
        except OSError:
            return False


async def test_a_redis_that_takes_no_writes_is_not_ready(redis_server: Redis, redis_url: str) -> None:
    bus = await open_bus(redis_url, "edge-1")
    try:
        await bus.ping()
        redis_server.call("CONFIG SET maxmemory 1")
        with pytest.raises(Unreachable, match=r"Redis takes no writes: .*maxmemory"):
            await bus.ping()
        redis_server.call("CONFIG SET maxmemory 0")
        await bus.ping()
    finally:
        redis_server.call("CONFIG SET maxmemory 0")
        await bus.close()


async def test_a_password_that_is_wanted_is_told_once_and_asked_about_seldom() -> None:
    server = Guarded()
    try:
        server.start()
        with capture_logs() as logs:
            bus = await open_bus(server.url, "edge-1")
            async with Client.from_url(server.url, password="open") as client:
                before = int((await client.info("stats"))["total_connections_received"])
                await asyncio.sleep(2)
                after = int((await client.info("stats"))["total_connections_received"])
                assert after - before <= 6
                with pytest.raises(Unreachable, match=r"Give cluster\.redis its password"):
                    await bus.ping()
                told = [log for log in logs if log["log_level"] in ("warning", "error")]
                assert [log["event"] for log in told] == ["a Redis subscription is lost; connecting again"]
                assert "redis://user:password@host" in told[0]["error"]
                await client.config_set("requirepass", "")
            async with asyncio.timeout(BACK_WITHIN):
                while not await pings(bus):
                    await asyncio.sleep(0.01)
        assert logs[-1]["event"] == "Redis subscriptions are there again"
        await bus.close()
    finally:
        server.close()


async def test_a_pause_of_redis_delays_and_loses_nothing(redis_server: Redis, ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)
    await there.serve("r", Owner(7))
    loop = asyncio.get_running_loop()

    os.kill(redis_server.pid, signal.SIGSTOP)
    loop.call_later(2.0, os.kill, redis_server.pid, signal.SIGCONT)
    begun = loop.time()
    for number in range(100):
        here.publish("r", news(number))
    publishing = loop.time() - begun
    reply = await here.ask("r", request(), PATIENCE)

    assert publishing < 0.2
    assert reply.seq == 7
    assert await inbox.take(100) == [news(number) for number in range(100)]


async def test_what_waits_while_redis_is_down_is_bounded(redis_server: Redis, ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)
    with stopped(redis_server):
        for number in range(60_000):
            here.publish("r", news(number))
        (sender,) = here._senders.values()
        assert len(sender.outbox) * EACH <= ROOM
        assert len(sender.outbox) + here.dropped == 60_000


async def test_heads_and_counts_of_two_thousand_rooms_are_a_few_messages(ends: Ends) -> None:
    here, there = ends
    rooms = [f"room-{number}" for number in range(2_000)]
    inboxes = {room: Inbox() for room in rooms[:50]}
    for room, inbox in inboxes.items():
        await there.subscribe(room, inbox)
    before = here.parcels_out

    for room in rooms:
        here.publish(room, Head(9))
        here.publish(room, Counted("edge-1", 25))

    for inbox in inboxes.values():
        assert await inbox.take(2) == [Head(9), Counted("edge-1", 25)]
    assert here.parcels_out - before <= 2


async def test_messages_of_one_turn_for_one_room_are_one_parcel(ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)
    before = here.parcels_out

    for number in range(500):
        here.publish("r", news(number))

    assert await inbox.take(500) == [news(number) for number in range(500)]
    await until(lambda: _is(here.parcels_out > before))  # Redis tells subscribers first
    assert here.parcels_out - before == 1


async def alone(end: RedisBus, room: str) -> int:
    """Publish in a room that nobody but this end follows until it stays here; the place of the last message."""
    place = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            before = end.parcels_out
            end.publish(room, news(place := place + 1))
            await asyncio.sleep(0.02)
            if end.parcels_out == before:
                return place


async def test_what_nobody_else_follows_stays_here_and_who_comes_is_told_how_far_it_went(ends: Ends) -> None:
    here, there = ends
    near, far = Inbox(), Inbox()
    await here.subscribe("r", near)
    place = await alone(here, "r")
    assert await near.take(place) == [news(number) for number in range(1, place + 1)]
    assert here.alone("r")

    await there.subscribe("r", far)

    assert await far.next() == Head(place)
    assert not here.alone("r")
    here.publish("r", news(place + 1))
    there.publish("r", news(place + 2))
    assert await far.take(2) == [news(place + 1), news(place + 2)] or far.empty()
    assert await near.take(2) == [news(place + 1), news(place + 2)]


async def test_what_one_who_does_not_follow_a_room_says_there_always_leaves(ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)

    for number in range(20):
        here.publish("r", news(number))
        assert await inbox.next() == news(number)


async def test_when_redis_comes_back_others_hear_of_what_stayed_here(redis_server: Redis, ends: Ends) -> None:
    here, there = ends
    await here.subscribe("r", Inbox())
    place = await alone(here, "r")
    with stopped(redis_server):
        inbox = Inbox()
        await there.subscribe("r", inbox)
        here.publish("r", news(place + 1))

    async with asyncio.timeout(BACK_WITHIN):
        while await inbox.next() not in (Head(place), Head(place + 1), news(place + 1)):
            pass
        await heard_again(here, "r", inbox)


async def test_a_count_from_elsewhere_is_company(ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await here.subscribe("r", inbox)
    await alone(here, "r")
    before = here.parcels_out

    there.publish("r", Counted("edge-2", 3))
    while await inbox.next() != Counted("edge-2", 3):
        pass
    here.publish("r", news(99))

    await until(lambda: _is(here.parcels_out > before))


async def _is(true: bool) -> bool:
    return true


async def test_a_request_to_nobody_is_refused_long_before_its_time(ends: Ends) -> None:
    here, _ = ends
    async with asyncio.timeout(1.0):
        with pytest.raises(Unreachable):
            await here.ask("r", request(), 60.0)


async def test_malformed_messages_are_logged_and_stop_nothing(redis_url: str, ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)
    await there.serve("r", Owner(7))
    unknown = envelopes.pack("edge-9", 1.0, [envelopes.encode({"type": "unheard-of"})])
    channels = ("classroom:{r}", "classroom:{r}:ask", "classroom:{edge-2}:reply", "classroom:pulse")

    with capture_logs() as logs:
        async with Client.from_url(redis_url) as client:
            for channel in channels:
                for nonsense in (b"", b"\xff\xff", b"{}", envelopes.encode([1, 2, 3]), unknown):
                    assert await client.publish(channel, nonsense) >= 1
        here.publish("r", news(1))
        assert await inbox.next() == news(1)
        assert (await here.ask("r", request(), PATIENCE)).seq == 7
        here.publish("r", Head(3))
        assert await inbox.next() == Head(3)

    # Each by the one end that it was for, and the pulse by both.
    assert len([log for log in logs if log["log_level"] == "warning"]) == 5 * (len(channels) + 1)


async def test_what_cannot_be_packed_harms_nothing_else(ends: Ends) -> None:
    here, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)
    await there.serve("r", Owner(7))
    half = "\ud83d"  # of a surrogate pair: no UTF-8 has it

    async def refuse(asked: Request) -> Reply:
        return Reply(ok=False, code="empty", message=half)

    await there.serve("r2", refuse)

    with capture_logs():
        asks = [here.ask("r", request(cid), PATIENCE) for cid in ("c1", half, "c2")]
        replies = await asyncio.gather(*asks, here.ask("r2", request(), PATIENCE), return_exceptions=True)
        here.publish("r", Signalled((TypingBy("asha", half),)))
        here.publish("r", news(1))

    assert [getattr(reply, "seq", type(reply)) for reply in replies] == [7, Unreachable, 7, Unreachable]
    assert await inbox.next() == news(1)


async def test_whoever_stops_waiting_for_a_subscription_leaves_none_behind(redis_server: Redis, ends: Ends) -> None:
    _, there = ends
    with stopped(redis_server):
        inbox, owner = Inbox(), Owner(1)
        waiting = [
            asyncio.create_task(there.subscribe("r", inbox)),
            asyncio.create_task(there.serve("r", owner)),
        ]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        alive: weakref.WeakSet[object] = weakref.WeakSet((inbox, owner))
        del inbox, owner, waiting, task

        async def let_go() -> bool:
            gc.collect()
            return not alive

        await until(let_go)


async def test_of_two_ends_that_begin_to_serve_at_once_one_stays(ends: Ends) -> None:
    here, there = ends
    for number in range(30):
        room = f"room-{number}"
        mine, theirs = Owner(1), Owner(2)
        await asyncio.gather(here.serve(room, mine), there.serve(room, theirs))

        replies = [await bus.ask(room, request(), PATIENCE) for bus in (here, there, here)]

        assert len({reply.seq for reply in replies}) == 1
        assert len(mine.asked) + len(theirs.asked) == 3


async def test_a_room_is_subscribed_only_while_somebody_here_needs_it(redis_url: str, ends: Ends) -> None:
    here, _ = ends
    leave = [await here.subscribe("r", Inbox()), await here.subscribe("r", Inbox()), await here.serve("r", Owner(1))]
    async with Client.from_url(redis_url) as client:

        async def channels() -> set[bytes | str]:
            return set(await client.pubsub_channels("classroom:{r}*"))

        assert await channels() == {b"classroom:{r}", b"classroom:{r}:ask"}
        await leave[0]()
        assert await channels() == {b"classroom:{r}", b"classroom:{r}:ask"}
        await leave[1]()
        await leave[2]()

        async def nobody() -> bool:
            return not await channels()

        await until(nobody)


async def test_a_closed_bus_leaves_no_task_and_no_connection(redis_url: str) -> None:
    before = asyncio.all_tasks()
    bus = await open_bus(redis_url, "edge-9")
    await bus.subscribe("r", Inbox())
    await bus.serve("r", Owner(1))
    bus.publish("r", Head(1))

    await bus.close()

    gc.collect()
    assert asyncio.all_tasks() == before
    async with Client.from_url(redis_url) as client:

        async def alone() -> bool:
            return len(await client.client_list()) == 1

        await until(alone)


async def test_what_was_published_just_before_closing_is_sent(redis_url: str, ends: Ends) -> None:
    _, there = ends
    inbox = Inbox()
    await there.subscribe("r", inbox)
    bus = await open_bus(redis_url, "edge-9")

    bus.publish("r", news(1))
    bus.publish("r", Head(2))
    await bus.close()

    assert await inbox.take(2) == [news(1), Head(2)]


class Elsewhere:
    """A worker in a thread of its own, which goes on while this one stands still; it answers a little after it was `asked`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._done = threading.Event()
        self.serving, self.asked = threading.Event(), threading.Event()

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        bus = await open_bus(self._url, "edge-3")
        await bus.serve("physics", self._answer)
        self.serving.set()
        await asyncio.to_thread(self._done.wait)
        await bus.close()

    async def _answer(self, _: Request) -> Reply:
        self.asked.set()
        await asyncio.sleep(0.2)
        return Reply(ok=True, seq=7)

    def stop(self) -> None:
        self._done.set()


@pytest.mark.parametrize("way", ["ask", "send"])
async def test_after_a_stall_an_answer_that_has_come_meanwhile_is_read_before_its_asker_is_told_that_there_is_none(
    ends: Ends, redis_url: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "SEND_SECONDS", 0.5)
    here, _ = ends
    there = Elsewhere(redis_url)
    running = asyncio.create_task(asyncio.to_thread(there.run))
    try:
        assert await asyncio.to_thread(there.serving.wait, PATIENCE)
        answer = here.send("physics", request()) if way == "send" else here.ask("physics", request(), 0.5)
        waiting = asyncio.ensure_future(answer)
        assert await asyncio.to_thread(there.asked.wait, PATIENCE)
        time.sleep(1)  # noqa: ASYNC251 (as a machine that is paused does, it holds up the loop)
        assert (await waiting).seq == 7
    finally:
        there.stop()
        await running


# --- a cluster ------------------------------------------------------------------------------------------------------


def room_at(cluster: RedisCluster, node: int) -> str:
    """A room whose channels are at the node: `redis-cli` deals the slots out in thirds."""
    return next(
        name
        for name in (f"room-{number}" for number in range(1_000))
        if key_slot(name.encode()) * len(cluster.nodes) // 16_384 == node
    )


async def test_when_a_node_dies_the_other_nodes_rooms_go_on_and_its_own_come_back_with_it(
    redis_cluster: RedisCluster, cluster_ends: Ends
) -> None:
    here, there = cluster_ends
    rooms = [room_at(redis_cluster, node) for node in range(3)]
    inboxes = [Inbox() for _ in rooms]
    for room, inbox in zip(rooms, inboxes, strict=True):
        await there.subscribe(room, inbox)
        await there.serve(room, Owner(7))
        here.publish(room, news(0))
        assert await inbox.next() == news(0)

    dead: RedisNode = redis_cluster.nodes[2]
    with stopped(dead):
        for number in range(1, 50):
            for room, inbox in zip(rooms[:2], inboxes[:2], strict=True):
                here.publish(room, news(number))
                assert await inbox.next() == news(number)
                assert (await here.ask(room, request(), 1.0)).seq == 7
            here.publish(rooms[2], news(number))
        with pytest.raises(Unreachable):
            await here.ask(rooms[2], request(), 1.0)
        await here.ping()
    redis_cluster.wait_until_whole()

    async with asyncio.timeout(BACK_WITHIN):
        await heard_again(here, rooms[2], inboxes[2])
        assert (await answered_again(here, rooms[2])).seq == 7


async def test_heads_travel_on_the_node_of_their_room(redis_cluster: RedisCluster, cluster_ends: Ends) -> None:
    here, there = cluster_ends
    room, inbox = room_at(redis_cluster, 1), Inbox()
    await there.subscribe(room, inbox)
    with stopped(redis_cluster.nodes[0]), capture_logs():
        here.publish(room, Head(5))
        assert await inbox.next() == Head(5)
    redis_cluster.wait_until_whole()


async def test_nodes_whose_slots_have_moved_are_of_use_and_the_slots_are_read_anew(cluster_ends: Ends) -> None:
    nodes = cluster_ends[0]._nodes
    now = list(nodes._slots)
    first, second, _ = names = list(nodes._nodes)
    were = {first: second, second: first}
    nodes._slots = [were.get(name, name) for name in now]
    for name in names:
        nodes._nodes[name].pulse = nodes._pulse(name)
    await cluster_ends[0].ping()

    async def read_anew() -> bool:
        return nodes._slots == now

    await until(read_anew)
    await cluster_ends[0].ping()


async def test_a_room_whose_slot_moves_is_followed(redis_cluster: RedisCluster, cluster_ends: Ends) -> None:
    here, there = cluster_ends
    room, inbox = "moving-room", Inbox()
    slot = key_slot(room.encode())
    await there.subscribe(room, inbox)
    await there.serve(room, Owner(7))
    ids = [node.call("CLUSTER MYID", whole=True) for node in redis_cluster.nodes]
    source = slot * 3 // 16_384
    target = (source + 1) % 3

    def give(to: int) -> None:
        # The new owner first: the others believe the one with the newer epoch.
        for number in (to, *(n for n in range(3) if n != to)):
            assert redis_cluster.nodes[number].call(f"CLUSTER SETSLOT {slot} NODE {ids[to]}") == "+OK"

    give(target)
    try:
        async with asyncio.timeout(BACK_WITHIN):
            await heard_again(here, room, inbox)
            assert (await answered_again(here, room)).seq == 7
        assert there._nodes.of(f"classroom:{{{room}}}").name.endswith(str(redis_cluster.nodes[target].port))
    finally:
        give(source)
