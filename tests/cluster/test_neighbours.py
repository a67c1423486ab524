"""Members of a small class are gathered in one worker of a machine; those of a large one stay where they came."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import psutil
import pytest
import socketio

from classroom.sockets.neighbours import _address
from tests.cluster.trouble import workers_of
from tests.running import Subprocess, serving_alone, until


def held(server: Subprocess) -> list[int]:
    """How many connections each worker has, the most first."""
    return sorted(
        (
            sum(
                c.status == psutil.CONN_ESTABLISHED and c.laddr.port == server.port
                for c in worker.net_connections("tcp")
            )
            for worker in workers_of(server)
        ),
        reverse=True,
    )


class Member:
    """With a stock client, in the room `demo`."""

    def __init__(self, session: aiohttp.ClientSession, number: int) -> None:
        self.client = socketio.AsyncClient(reconnection=False, http_session=session)
        self.number = number
        self.heard: list[str] = []
        self.inside = asyncio.Event()
        self.client.on("welcome", lambda welcome: self.inside.set())
        self.client.on("events", self._hear)

    def _hear(self, events: list[dict[str, Any]]) -> None:
        self.heard += [event["text"] for event in events if event["type"] == "chat.said"]

    async def come(self, server: Subprocess, query: str) -> None:
        hello = {"v": 1, "room": "demo", "name": f"Student {self.number}", "client": f"device-{self.number}"}
        await self.client.connect(f"{server.url}{query}", auth=hello, transports=["websocket"], wait_timeout=10)
        await asyncio.wait_for(self.inside.wait(), 10)

    async def say(self, text: str) -> None:
        ack = await self.client.call("command", {"type": "chat.say", "cid": text, "text": text})
        assert ack["ok"], ack


@asynccontextmanager
async def members(server: Subprocess, count: int, query: str, first: int = 0) -> AsyncIterator[list[Member]]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        those = [Member(session, number) for number in range(first, first + count)]
        for one in those:
            await one.come(server, query)
        yield those
        await asyncio.gather(*(one.client.disconnect() for one in those))


async def until_acquainted(server: Subprocess) -> None:
    """Until all workers hand their connections on to the same one."""
    async with asyncio.timeout(20):
        while True:
            async with members(server, 8, "?room=demo"):
                if held(server)[1:] == [0, 0]:
                    return
            await asyncio.sleep(0.2)


async def test_a_small_class_sits_in_one_worker(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=3, media_enabled=False) as server:
        await until_acquainted(server)
        async with members(server, 24, "?room=demo") as those:
            assert held(server) == [24, 0, 0]
            for one in those[:3]:
                await one.say(f"I am {one.number}")
            said = [f"I am {one.number}" for one in those[:3]]
            await until(lambda: all(one.heard == said for one in those))
            # Who does not say where they are going stays where they come, and is in the same class.
            async with members(server, 12, "", first=100) as others:
                assert held(server)[1] > 0
                await others[0].say("hello")
                await until(lambda: all(one.heard[-1:] == ["hello"] for one in (*those, *others)))


async def test_a_large_class_is_not_gathered(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=3, media_enabled=False, rooms_together=30) as server:
        await until_acquainted(server)
        async with members(server, 90, "?room=demo") as those:
            counts = held(server)
            assert sum(counts) == 90
            assert counts[1] > 5, "the port's connections are dealt out to all workers"
            await those[0].say("hello")
            await until(lambda: all(one.heard == ["hello"] for one in those))


async def test_who_was_with_a_worker_that_dies_is_gathered_elsewhere(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=3, media_enabled=False) as server:
        await until_acquainted(server)
        async with members(server, 6, "?room=demo") as those:
            fullest = max(workers_of(server), key=lambda worker: len(worker.net_connections("tcp")))
            fullest.kill()
            await until(lambda: not any(one.client.connected for one in those))
        await until(lambda: len(workers_of(server)) == 3, timeout=20, every=0.1)
        await until_acquainted(server)


async def test_what_the_handshake_said_goes_along(tmp_path: Path) -> None:
    """Origin, compression and parser are the neighbour's to look at; what no room can be called harms nobody, nor does a head
    that is too long to hand on."""
    settings: dict[str, Any] = {
        "cluster_workers": 3,
        "media_enabled": False,
        "server_allowed_origins": "https://school.example",
    }
    with serving_alone(tmp_path / "server", **settings) as server:
        await until_acquainted(server)
        async with aiohttp.ClientSession() as session:
            for room in ("demo", "no such room", "a" * 4_000, "\0\n%", "demo&room=other"):
                for _ in range(6):
                    url = f"{server.url}/socket.io/?EIO=4&transport=websocket&room={quote(room, safe='')}"
                    async with session.ws_connect(url, compress=15, origin="https://school.example") as socket:
                        assert socket.compress
                        assert (await socket.receive_str()).startswith("0{")
                    long = {f"X-Long-{number}": "x" * 7_000 for number in range(20)}
                    async with session.ws_connect(url, headers=long, origin="https://school.example") as socket:
                        assert (await socket.receive_str()).startswith("0{")
                    with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
                        await session.ws_connect(url, origin="https://elsewhere.example")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user")
async def test_another_users_process_is_no_neighbour(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        ours = f"@classroom/{workers_of(server)[0].pid}-"
        names = [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines()]
        name = next(name for name in names if name.startswith(ours)).removeprefix("@classroom/")
        assert _knocks(_address(name), os.geteuid()) == "stays"
        assert _knocks(_address(name), 65534) == "closed"


def _knocks(address: str, user: int) -> str:
    """Whether a process of that user is listened to."""
    script = f"""
import os, socket
os.setuid({user})
knock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
knock.connect({address!r})
knock.settimeout(1)
try:
    knock.recv(1)
    print("closed")
except TimeoutError:
    print("stays")
"""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
