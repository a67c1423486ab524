"""Several workers on one port: whatever dies, nothing acknowledged is lost, order is kept, all replicas equal the log."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
import redis.asyncio

from classroom.config import load
from classroom.journal.sql import open_journal
from tests.running import Subprocess, environment, serving_alone, until
from tests.services import Postgres
from tests.stubborn import Stubborn, check, class_of, lesson, until_quiet

MEMBERS = 60

# A stock client whose server is killed in the middle of the handshake leaves its HTTP response unclosed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Trouble = Callable[[Subprocess], Awaitable[None]]


def children_of(server: Subprocess, word: str) -> list[psutil.Process]:
    """The supervisor's children that live and whose command line has `word`, as a word or as the program's name."""
    assert server.process is not None
    found = []
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # a zombie is one too
            if any(argument == word or Path(argument.split(" ")[0]).name == word for argument in child.cmdline()):
                found.append(child)
    return found


def workers_of(server: Subprocess) -> list[psutil.Process]:
    return children_of(server, "worker")


def redis_of(server: Subprocess) -> psutil.Process:
    return children_of(server, "redis-server")[0]


async def owner_pid(server: Subprocess) -> int | None:
    """The process that holds the room's lease, by the private Redis of the workers."""
    client = redis.asyncio.Redis.from_url(f"unix://{server.folder.resolve()}/run/redis.sock")
    try:
        with suppress(redis.exceptions.RedisError, OSError):
            holder = await client.get("classroom:{demo}:owner")
            return int(holder.decode().split("-")[0]) if holder else None
        return None
    finally:
        await client.aclose()


@asynccontextmanager
async def in_trouble(
    folder: Path, workers: int = 3, **settings: object
) -> AsyncIterator[tuple[Subprocess, list[Stubborn]]]:
    """A lesson that goes on at several workers while the block makes trouble; checked in every way when it has ended."""
    limits = {"limits_command_rate": 1_000, "limits_command_burst": 10_000}
    with serving_alone(folder, cluster_workers=workers, **limits, **settings) as server:
        async with class_of(server, MEMBERS) as members:
            stop = asyncio.Event()
            going_on = asyncio.create_task(lesson(members, stop))
            yield server, members
            stop.set()
            await asyncio.wait_for(going_on, 60)
            await until_quiet(members)
        server.signal(signal.SIGINT)
        assert await asyncio.to_thread(server.wait) == 0
        log = await server.read()
    journal = await open_journal(load(environment=environment(folder, settings)).database_url)
    try:
        kept = await check(journal, log, members)
    finally:
        await journal.close()
    resumed = sum(member.following.resumes for member in members)
    print(f"{kept} commands kept, {len(log)} events, {resumed} resumed")


@pytest.mark.timeout(300)
async def test_the_owners_worker_is_killed_thirty_times(tmp_path: Path) -> None:
    dice = random.Random(3)
    async with in_trouble(tmp_path / "server") as (server, _):
        kills = 0
        while kills < 30:
            await asyncio.sleep(dice.uniform(0.1, 0.6))
            pid = await owner_pid(server)
            if pid is None or not psutil.pid_exists(pid):
                continue
            os.kill(pid, signal.SIGKILL)
            kills += 1


@pytest.mark.timeout(300)
async def test_an_edge_is_killed(tmp_path: Path) -> None:
    async with in_trouble(tmp_path / "server") as (server, members):
        await asyncio.sleep(1)
        owner = await owner_pid(server)
        edge = next(worker for worker in workers_of(server) if worker.pid != owner)
        edge.kill()
        await until(lambda: len(workers_of(server)) == 3, timeout=20)
        await asyncio.sleep(2)
    assert any(member.following.resumes for member in members)


@pytest.mark.timeout(300)
async def test_redis_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with in_trouble(tmp_path / "server") as (server, _):
        for _ in range(2):
            await asyncio.sleep(1.5)
            redis_of(server).kill()
            await asyncio.sleep(2)


@pytest.mark.timeout(300)
async def test_a_rolling_restart_brings_everybody_back_in_their_slot(tmp_path: Path) -> None:
    async with in_trouble(tmp_path / "server", workers=4) as (server, members):
        before = {worker.pid for worker in workers_of(server)}
        server.signal(signal.SIGHUP)

        def replaced() -> bool:
            now = {worker.pid for worker in workers_of(server)}
            return len(now) == 4 and not now & before

        await until(replaced, timeout=90, every=0.1)
    assert all(member.following.welcomes + member.following.resumes >= 2 for member in members)


async def test_a_worker_that_dies_is_started_again_and_the_port_stays(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2) as server:
        first = {worker.pid for worker in workers_of(server)}
        for worker in workers_of(server):
            worker.kill()
        await until(
            lambda: len(workers_of(server)) == 2 and not first & {w.pid for w in workers_of(server)}, timeout=20
        )
        async with class_of(server, 4) as members:
            assert (await members[0].insist("class.start"))["ok"]


async def test_when_the_supervisor_is_killed_nothing_is_left_running(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2) as server:
        children = [*workers_of(server), redis_of(server)]
        server.signal(signal.SIGKILL)
        await asyncio.to_thread(server.wait)
        await until(lambda: not any(child.is_running() for child in children), timeout=20)


@pytest.mark.timeout(300)
async def test_postgresql_is_restarted(tmp_path: Path, postgres_server: Postgres, postgres_url: str) -> None:
    async with in_trouble(tmp_path / "server", workers=2, storage_database=postgres_url, auth_open_rooms=True):
        for _ in range(2):
            await asyncio.sleep(1.5)
            await asyncio.to_thread(postgres_server.stop)
            await asyncio.sleep(1)
            postgres_server.start()  # in this thread: the server ends with the one that started it
            await asyncio.sleep(1.5)
