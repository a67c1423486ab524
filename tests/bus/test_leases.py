"""Workers that share a Redis: who lives, where a room is at home, who holds its lease."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis as Client

from classroom.bus.leases import BEAT_EVERY, LIVE_FOR, Leases, bury
from tests.services import Redis

PATIENCE = 8.0  # seconds; only a failing test waits that long
Start = Callable[[str], Awaitable[Leases]]


@pytest.fixture(params=["redis", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty store of leases, once on each kind."""
    found: str = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    return found


async def running(stack: AsyncExitStack, url: str, *names: str) -> list[Leases]:
    """Workers that have started and know each other."""
    workers = [Leases(url, name) for name in names]
    for worker in workers:
        await worker.start()
        stack.push_async_callback(worker.close)
    for worker in workers:
        await until(lambda worker=worker: worker.workers() == sorted(names))  # type: ignore[misc]
    return workers


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closes, in the end, what a test has started."""
    async with AsyncExitStack() as opened:
        yield opened


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def until_claimed(worker: Leases, room: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await worker.claim(room):
            await asyncio.sleep(0.05)


async def vanish(worker: Leases) -> None:
    """End a worker as SIGKILL does: nothing is said and nothing given back."""
    for task in worker._tasks:
        task.cancel()
    await asyncio.gather(*worker._tasks, return_exceptions=True)
    await worker._nodes.close()


async def test_three_workers_agree_on_every_home(url: str, stack: AsyncExitStack) -> None:
    a, b, c = await running(stack, url, "a", "b", "c")
    for number in range(500):
        room = f"room-{number}"
        assert a.home(room) == b.home(room) == c.home(room)


async def test_rooms_spread_evenly_and_only_those_of_a_leaving_worker_move(url: str, stack: AsyncExitStack) -> None:
    a, _, c = await running(stack, url, "a", "b", "c")
    rooms = [f"room-{number}" for number in range(3_000)]
    before = {room: a.home(room) for room in rooms}
    shares = [list(before.values()).count(worker) for worker in ("a", "b", "c")]
    assert all(850 <= share <= 1_150 for share in shares), shares

    await c.close()
    await until(lambda: a.workers() == ["a", "b"])

    after = {room: a.home(room) for room in rooms}
    assert {room for room in rooms if after[room] != before[room]} == {r for r in rooms if before[r] == "c"}


async def test_a_lease_has_one_holder_until_it_is_released(url: str, stack: AsyncExitStack) -> None:
    a, b = await running(stack, url, "a", "b")
    assert await a.claim("r")
    assert not await b.claim("r")
    assert await a.claim("r")

    await b.release("r")
    assert not await b.claim("r")

    await a.release("r")
    assert await b.claim("r")
    assert not await a.claim("r")


async def test_of_many_who_claim_at_once_one_gets_the_lease(url: str, stack: AsyncExitStack) -> None:
    workers = await running(stack, url, "a", "b", "c")
    for number in range(50):
        got = await asyncio.gather(*(worker.claim(f"room-{number}") for worker in workers))
        assert sorted(got) == [False, False, True]


async def test_a_lease_is_renewed_while_its_holder_lives_and_ends_with_it(
    redis_url: str, stack: AsyncExitStack
) -> None:
    (b,) = await running(stack, redis_url, "b")
    a = Leases(redis_url, "a")
    await a.start()
    assert await a.claim("r")
    async with Client.from_url(redis_url) as client:
        await client.pexpire("classroom:{r}:owner", 1_500)
        async with asyncio.timeout(PATIENCE):
            while await client.pttl("classroom:{r}:owner") <= 2_000:
                await asyncio.sleep(0.01)
    assert not await b.claim("r")

    await vanish(a)

    await until_claimed(b, "r")
    await until(lambda: b.workers() == ["b"])


async def test_a_worker_that_closes_is_gone_at_once_and_its_leases_are_free(url: str, stack: AsyncExitStack) -> None:
    a, b = await running(stack, url, "a", "b")
    assert await a.claim("r")

    await a.close()

    assert await b.claim("r")
    async with asyncio.timeout(1.0):  # sooner than one who vanished would be missed
        while b.workers() != ["b"]:
            await asyncio.sleep(0.01)


async def test_what_a_worker_leaves_whose_death_was_seen_is_taken_over_at_once(url: str, stack: AsyncExitStack) -> None:
    (b,) = await running(stack, url, "b")
    a = Leases(url, "a")
    await a.start()
    assert await a.claim("r")
    await until(lambda: b.workers() == ["a", "b"])
    await vanish(a)
    assert not await b.claim("r")

    await bury(url, "a")

    async with asyncio.timeout(1.0):  # sooner than the lease ends, and than one who vanished is missed
        while b.workers() != ["b"]:
            await asyncio.sleep(0.01)
    assert await b.claim("r")


async def test_waking_reaches_the_home_wherever_it_is(url: str, stack: AsyncExitStack) -> None:
    workers = await running(stack, url, "a", "b", "c")
    woken: dict[str, list[str]] = {worker.worker: [] for worker in workers}
    for worker in workers:

        async def waker(room: str, name: str = worker.worker) -> None:
            woken[name].append(room)

        worker.on_wake(waker)
    rooms = [f"room-{number}" for number in range(20)]

    for room in rooms:
        await workers[0].wake(room)

    await until(lambda: sum(map(len, woken.values())) == len(rooms))
    for worker in workers:
        assert sorted(woken[worker.worker]) == sorted(room for room in rooms if worker.home(room) == worker.worker)


async def test_while_redis_is_down_everything_stays_and_afterwards_nothing_has_moved(
    redis_server: Redis, redis_url: str, stack: AsyncExitStack
) -> None:
    a, b = await running(stack, redis_url, "a", "b")
    assert await a.claim("r")
    seen: set[tuple[str, ...]] = set()

    redis_server.stop(signal.SIGKILL)
    try:
        await until(lambda: not a._reached and not b._reached)
        assert await a.claim("r")
        assert a.workers() == b.workers() == ["a", "b"]
    finally:
        redis_server.start()

    def watched() -> bool:
        seen.update((tuple(a.workers()), tuple(b.workers())))
        return a._reached and b._reached

    await until(watched)
    async with Client.from_url(redis_url) as client, asyncio.timeout(PATIENCE):
        while await client.get("classroom:{r}:owner") != b"a" or await client.zcard("classroom:workers") < 2:
            watched()
            await asyncio.sleep(0.01)
    assert not await b.claim("r")
    assert seen == {("a", "b")}


async def test_while_redis_takes_no_writes_everything_stays(
    redis_server: Redis, redis_url: str, stack: AsyncExitStack
) -> None:
    """As when its memory is full, its disk is, or it has become a replica: it answers, and whoever lives cannot say so."""
    a, b = await running(stack, redis_url, "a", "b")
    assert await a.claim("r")
    redis_server.call("CONFIG SET maxmemory 1")
    try:
        await until(lambda: not a._reached and not b._reached)
        await asyncio.sleep(
            LIVE_FOR + 2 * BEAT_EVERY
        )  # as long as it takes until one who says nothing is taken for dead
        assert a.workers() == b.workers() == ["a", "b"]
        assert not await b.claim("r")
    finally:
        redis_server.call("CONFIG SET maxmemory 0")
    await until(lambda: a._reached and b._reached)
    assert a.workers() == b.workers() == ["a", "b"]


async def test_a_jump_of_redis_clock_moves_nobody(redis_url: str, stack: AsyncExitStack) -> None:
    (a,) = await running(stack, redis_url, "a")
    loop = asyncio.get_running_loop()
    now = 1_800_000_000.0
    a._see({"a": now, "b": now}, now, loop.time())
    assert a.workers() == ["a", "b"]

    for jumped in (now + 3_600, now - 3_600):
        a._see({"a": jumped, "b": now}, jumped, loop.time())
        assert a.workers() == ["a", "b"]
