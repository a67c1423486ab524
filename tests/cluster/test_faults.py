"""A network that is cut, a disk that is full, a part of Redis that is gone: a lesson goes on, and by itself when it is over."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot
from socketio.exceptions import SocketIOError

from tests.cluster.far_redis import PORT, FarRedis, missing
from tests.cluster.trouble import answers, in_trouble
from tests.running import until
from tests.services import RedisCluster, RedisNode
from tests.stubborn import Stubborn

AGAIN_SECONDS = 45.0  # until a lesson must be going on again, on a machine that is busy with something else too

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(300),
]


async def goes_on(members: list[Stubborn]) -> None:
    """Until every second member has something more kept: workers of all kinds serve, whoever owns the room."""
    before = [answers([member]) for member in members]

    def some() -> bool:
        return sum(answers([m]) > b for m, b in zip(members, before, strict=True)) * 2 > len(members)

    await until(some, timeout=AGAIN_SECONDS)


# --- a partition ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def far_redis() -> Iterator[FarRedis]:
    """A Redis beyond a link that can be cut."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    server = FarRedis()
    try:
        server.start()
        yield server
    finally:
        server.close()


def reached(server: FarRedis) -> bool:
    with suppress(OSError), socket.create_connection((server.address, PORT), timeout=0.5):
        return True
    return False


async def test_the_network_between_the_workers_and_redis_is_cut(tmp_path: Path, far_redis: FarRedis) -> None:
    async with in_trouble(tmp_path / "server", cluster_redis=far_redis.url) as (_, members):
        # Shorter than a lease, and longer than a lease and every timeout of a call.
        for seconds in (1.5, 6.0):
            await goes_on(members)
            far_redis.cut()
            await asyncio.sleep(seconds)
            assert not await asyncio.to_thread(reached, far_redis)
            far_redis.mend()
        await goes_on(members)


# --- one node of a cluster ------------------------------------------------------------------------------------------------


def node_of(cluster: RedisCluster, key: str) -> RedisNode:
    """The node that has `key`: slots are dealt out evenly, in the order of the nodes."""
    third = 16_384 / len(cluster.nodes)
    return cluster.nodes[int((key_slot(key.encode()) + 0.5) // third)]


@pytest.mark.parametrize("whose", ["the room's", "another"])
async def test_a_node_of_the_redis_cluster_is_killed_and_comes_back(
    tmp_path: Path, redis_cluster: RedisCluster, cluster_url: str, whose: str
) -> None:
    rooms = node_of(redis_cluster, "classroom:{demo}:owner")
    node = rooms if whose == "the room's" else next(n for n in redis_cluster.nodes if n is not rooms)
    async with in_trouble(tmp_path / "server", cluster_redis=cluster_url) as (_, members):
        await goes_on(members)
        assert rooms.call("EXISTS classroom:{demo}:owner") == ":1"
        await asyncio.to_thread(node.stop, signal.SIGKILL)
        try:
            if node is rooms:
                await asyncio.sleep(4)
            else:
                await goes_on(members)  # what the room needs is all there
        finally:
            node.start()  # in this thread: the server ends with the one that started it
            await asyncio.to_thread(redis_cluster.wait_until_whole)
        await goes_on(members)


# --- a clock that is set --------------------------------------------------------------------------------------------------

FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def time_of(preload: str) -> float:
    """What the clock of a process shows that is started as the server is."""
    program = [sys.executable, "-c", "import time; print(time.time())"]
    return float(subprocess.run(program, env={**os.environ, "LD_PRELOAD": preload}, stdout=subprocess.PIPE).stdout)


async def test_the_clock_jumps_an_hour_and_back(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FAKETIME is not None, "the tests need Debian's package libfaketime"
    offset = tmp_path / "offset"
    offset.write_text("+0")
    for name, value in {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        # What counts seconds since the start is not set by who sets a clock.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }.items():
        monkeypatch.setenv(name, value)
    async with in_trouble(tmp_path / "server", cluster_redis=redis_url) as (_, members):
        monkeypatch.delenv("LD_PRELOAD")  # it is for the server alone
        await goes_on(members)
        for jump in (3_600, -3_600, 0):
            offset.write_text(f"{jump:+d}")
            assert abs(await asyncio.to_thread(time_of, str(FAKETIME)) - time.time() - jump) < 60
            await goes_on(members)
        assert all(member.following.welcomes == 1 for member in members), "nobody had to come in anew"
        # Who waits long for an answer, as on a busy machine, comes back by themselves: that is nobody's clock.
        assert not any(member.lost for member in members), "nobody was disconnected"


# --- a full disk ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    if os.geteuid() != 0:
        pytest.skip("file systems are mounted by root alone")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "classroom-test", str(folder)], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Write until the disk is full: what was written."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(65_536)) == 65_536:
            pass
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(bytes(512)) == 512:
            pass
    return ballast


async def refusal(member: Stubborn, disk: Path) -> dict[str, Any]:
    """Say things until one is refused."""
    for number in range(10_000):
        fill(disk)  # whatever else gave some space back
        with suppress(SocketIOError, TimeoutError):
            said = {"cid": f"full-{number}", "type": "chat.say", "text": "Is there space?"}
            ack: dict[str, Any] = await member._client.call("command", said, timeout=10)
            if not ack["ok"]:
                return ack
    raise AssertionError("everything was kept on a full disk")


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_disk_is_full_for_a_while(tmp_path: Path, small_disk: Path, workers: int) -> None:
    settings = {"storage_data": str(small_disk)}
    async with in_trouble(tmp_path / "server", workers, **settings) as (_, members):
        await goes_on(members)
        ballast = await asyncio.to_thread(fill, small_disk)
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                ack = await refusal(members[0], small_disk)
            assert ack["temporary"], ack
            assert ack["code"] == "unavailable", ack
            await asyncio.sleep(1.5)
        finally:
            ballast.unlink()
        await goes_on(members)
        assert all(member.following.welcomes == 1 for member in members), "nobody had to come in anew"
