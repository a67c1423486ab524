"""A lesson at several workers while something makes trouble, and what must hold when it is over.

What always holds: whoever leaves `in_trouble` without a failure has shown that nothing acknowledged was lost, that order was
kept, that `at` never went back, and that every member's replica equals the log within ten seconds of the lesson's end.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import redis.asyncio

from classroom.config import load
from classroom.journal.sql import open_journal
from classroom.polls.model import Closed
from tests.cluster.crowd import Crowd, hold
from tests.running import Subprocess, environment, serving_alone
from tests.stubborn import Stubborn, check, class_of, lesson, until_agreed

MEMBERS = 30  # each of whom is told what each says
# Lean members beside them in every trouble: `make faults` has 5,000 of them, which takes this machine longer than a suite may.
CROWD = int(os.environ.get("CROWD", "0"))
API_KEY = "the key of a crowd in trouble"


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


def fork_server_of(server: Subprocess) -> psutil.Process:
    return children_of(server, "forkserver")[0]


def redis_of(server: Subprocess) -> psutil.Process:
    return children_of(server, "redis-server")[0]


async def owner_pid(server: Subprocess) -> int | None:
    """The process that holds the room's lease, by the private Redis of the workers."""
    run = server.folder.resolve() / "run"
    password = (run / "redis.conf").read_text().split()[1]
    client = redis.asyncio.Redis.from_url(f"unix://:{password}@{run / 'redis.sock'}")
    try:
        with suppress(redis.exceptions.RedisError, OSError):
            holder = await client.get("classroom:{demo}:owner")
            return int(holder.decode().split("-")[0]) if holder else None
        return None
    finally:
        await client.aclose()


def answers(members: list[Stubborn]) -> int:
    """How many commands of theirs have been kept by now."""
    return sum(ack["ok"] for member in members for ack in member.answered.values())


@asynccontextmanager
async def others(server: Subprocess, members: int) -> AsyncIterator[Crowd | None]:
    """The lean members, in the class; None where there are to be none."""
    if not members:
        yield None
        return
    crowd = Crowd(server.url, members, API_KEY)
    try:
        await crowd.come()
        yield crowd
    finally:
        await crowd.leave()


@asynccontextmanager
async def in_trouble(
    folder: Path, workers: int = 3, *, crowd: int = 0, **settings: object
) -> AsyncIterator[tuple[Subprocess, list[Stubborn]]]:
    """A lesson that goes on at several workers while the block makes trouble; checked in every way when it has ended.

    `crowd`: how many lean members there are at the least beside those of the lesson.
    """
    limits = {"limits_command_rate": 1_000, "limits_command_burst": 10_000, "media_enabled": False}
    limits |= {"auth_api_key": API_KEY}
    with serving_alone(folder, cluster_workers=workers, **limits, **settings) as server:
        async with class_of(server, MEMBERS) as members, others(server, max(crowd, CROWD)) as many:
            stop = asyncio.Event()
            going_on = asyncio.create_task(lesson(members, stop))
            try:
                yield server, members
                stop.set()
                if many is not None:
                    await many.still()
                await asyncio.wait_for(going_on, 60)
            finally:
                going_on.cancel()
            await until_agreed(server, members)
            if many is not None:
                log = await server.read()
                told = await many.told(max(stored.meta.seq for stored in log if isinstance(stored.event, Closed)))
                hold(told, log)
        server.signal(signal.SIGINT)
        assert await asyncio.to_thread(server.wait) == 0
        log = await server.read()
    journal = await open_journal(load(environment=environment(folder, dict(settings))).database_url)
    try:
        kept = await check(journal, log, members)
    finally:
        await journal.close()
    gc.collect()  # responses left unclosed by killed servers are found in this test, which knows of them
    times = [stored.meta.at for stored in log]
    assert times == sorted(times), "the log's time went backwards"
    resumed = sum(member.following.resumes for member in members)
    print(f"{kept} commands kept, {len(log)} events, {resumed} resumed")
