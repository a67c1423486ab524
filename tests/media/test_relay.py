"""Two media processes, as two machines have them, and real Redis between them: one leg for all who watch elsewhere."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis as Client

from classroom.config import load
from classroom.kernel import Member, Role
from classroom.media import leases
from classroom.media.process import Process
from classroom.media.recorder.opening import open_library
from classroom.media.sfu import packets, relay
from classroom.media.sfu.port import bind
from classroom.metrics import Metrics
from tests.media.bare import Bare
from tests.media.browser import film, payloads
from tests.running import environment, until
from tests.services import Redis

TEACHER = Member("t1", "Teacher", Role.INSTRUCTOR)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Machine:
    """A media process, and its socket's HTTP."""

    def __init__(self, process: Process, http: TestClient[Any, Any]) -> None:
        self.process, self.http = process, http

    @property
    def relay(self) -> relay.Relay:
        assert self.process.relay is not None
        return self.process.relay

    async def make(self, peer: Bare, publisher: str | None = None, member: Member = TEACHER) -> int:
        """A session for this peer, which connects; the status."""
        body = {
            **{"room": "demo", "offer": peer.offer(), "publisher": publisher},
            "member": {"id": member.id, "name": member.name, "role": member.role.value},
        }
        async with self.http.post("/sessions", data=json.dumps(body)) as response:
            if response.status == 201:
                await peer.connect((await response.json())["answer"])
            return response.status


@asynccontextmanager
async def machine(folder: Path, redis: str) -> AsyncIterator[Machine]:
    settings = load(
        environment=environment(
            folder, {"cluster_redis": redis, "media_relay": f"127.0.0.1:{free_port()}", "hls_part_ms": 200}
        )
    )
    metrics = Metrics()
    process = Process(settings, bind("127.0.0.1", 0), await open_library(settings, metrics), metrics)
    client = TestClient(TestServer(process.app))
    await client.start_server()
    await process.start()
    try:
        yield Machine(process, client)
    finally:
        await client.close()
        await process.close()


class Camera:
    """Sends pictures over and over, a key frame when it is asked for one."""

    def __init__(self, peer: Bare) -> None:
        self.peer = peer
        self.number = 0
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        shots = film("h264", 30, key_every=15)
        at = 0
        while True:
            shot = shots[at % len(shots)]
            parts = payloads("h264", shot)
            if at % 15 == 0:
                report = packets.sender_report(
                    1, (packets.NTP_EPOCH + 1_800_000_000 << 32) + (at << 32) // 30, at * 3_000, 1, 1
                )
                self.peer.sock.sendto(self.peer.outbound.rtcp(report), self.peer.address)  # type: ignore[union-attr]
            for part in parts:
                self.peer.rtp(packets.header(96, part is parts[-1], self.number & 0xFFFF, at * 3_000, 1) + part)
                self.number += 1
            at += 1
            await asyncio.sleep(1 / 30)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def on_air(folder: Path, redis: str) -> AsyncIterator[tuple[Machine, Machine, Camera]]:
    """Here, there, and a publisher here."""
    async with asyncio.timeout(60), machine(folder / "a", redis) as here, machine(folder / "b", redis) as there:
        publisher = Bare(sends=True)
        assert await here.make(publisher) == 201
        camera = Camera(publisher)
        try:
            await until(lambda: bool(here.process.streams.address("demo")))
            await here.relay.leases.look()
            yield here, there, camera
        finally:
            await camera.stop()
            publisher.close()


async def test_viewers_elsewhere_are_fed_by_one_leg_however_many_they_are(tmp_path: Path, redis_url: str) -> None:
    async with on_air(tmp_path, redis_url) as (here, there, _):
        viewers = [Bare() for _ in range(5)]
        seen: list[list[bytes]] = []
        for number, viewer in enumerate(viewers):
            kept: list[bytes] = []
            viewer.on_rtp = kept.append
            seen.append(kept)
            assert await there.make(viewer, "t1", Member(f"s{number}", "S", Role.STUDENT)) == 201
        await until(lambda: all(len(kept) > 30 for kept in seen))
        assert here.relay.legs == 1
        assert here.process.sfu.viewers == 0
        assert there.process.sfu.viewers == 5
        for kept in seen:
            numbers = [head.sequence for one in kept if (head := packets.read(one)) is not None]
            assert [b - a & 0xFFFF for a, b in zip(numbers, numbers[1:], strict=False)] == [1] * (len(numbers) - 1)  # noqa: RUF007
        # Whoever publishes there is told by the machine where they do, and by no other.
        assert not [one for one in there.process.sfu.sessions.values() if one.kind == "publish"]
        for viewer in viewers:
            viewer.close()


async def test_the_crowd_elsewhere_has_its_own_ll_hls_and_the_recording_is_made_once(
    tmp_path: Path, redis_url: str
) -> None:
    async with on_air(tmp_path, redis_url) as (here, there, _):
        address: str | None = None
        while address is None:
            address = (await (await there.http.get("/rooms/demo/hls")).json())["address"]
            await asyncio.sleep(0.05)
        assert address != here.process.streams.address("demo")
        text = ""
        while "avc1." not in text:
            async with there.http.get(address + "index.m3u8") as response:
                text = await response.text()
            await asyncio.sleep(0.1)
        await until(lambda: bool(list((tmp_path / "a").rglob("rec.*.mp4"))))
        assert not list((tmp_path / "b").rglob("rec.*.mp4"))


async def test_workers_elsewhere_are_told_that_it_is_live_and_when_it_is_over(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_EVERY", 0.1)
    async with on_air(tmp_path, redis_url) as (here, there, camera):
        facts = await there.http.get("/facts")
        first = json.loads(await facts.content.readline())
        (session,) = here.process.sfu.sessions.values()
        assert first == {"stream": session.stream, "is_live": True}
        assert json.loads(await facts.content.readline()) == {}
        await camera.stop()
        here.process.sfu.end(session)
        line = b"\n"
        while not line.strip():
            line = await facts.content.readline()
        told = json.loads(line)
        assert (told["room"], told["stream"], told["is_live"]) == ("demo", session.stream, False)
        assert told["member"]["id"] == "t1"
        facts.close()


async def test_workers_are_told_of_what_takes_its_place_before_it_is_over(tmp_path: Path, redis_url: str) -> None:
    async with on_air(tmp_path, redis_url) as (here, _, _camera):
        facts = await here.http.get("/facts")
        while json.loads(await facts.content.readline() or b"{}"):
            pass
        (before,) = here.process.sfu.sessions.values()
        again = Bare(sends=True)
        assert await here.make(again) == 201
        told: list[tuple[str, bool]] = []
        while len(told) < 2:
            if (line := await facts.content.readline()).strip():
                fact = json.loads(line)
                told.append((fact["stream"], fact["is_live"]))
        (after,) = here.process.sfu.sessions.values()
        assert told == [(after.stream, True), (before.stream, False)]
        facts.close()
        again.close()


@pytest.mark.parametrize("trouble", ["emptied", "restarted", "no writes"])
async def test_what_is_live_elsewhere_stays_so_whatever_befalls_redis(
    tmp_path: Path, redis_server: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(leases, "LEASE", 2.0)
    async with on_air(tmp_path, redis_url) as (here, there, camera):
        await there.relay.leases.look()
        (lease,) = there.relay.leases.elsewhere()
        over: list[leases.Lease] = []
        there.relay.leases._vanished = over.append
        match trouble:
            case "emptied":
                redis_server.call("FLUSHALL")
                await there.relay.leases.look()
            case "restarted":
                redis_server.stop(signal.SIGKILL)
                await asyncio.sleep(leases.LEASE + 1)
                redis_server.start()
            case "no writes":
                redis_server.call("CONFIG SET maxmemory 1")
                await asyncio.sleep(leases.LEASE + 1)
                redis_server.call("CONFIG SET maxmemory 0")
        async with Client.from_url(redis_url) as client:
            while not await client.zcard(leases.KEY):  # until the machine has said it again
                await asyncio.sleep(0.01)
        await there.relay.leases.look()
        assert there.relay.leases.elsewhere() == [lease]
        assert not over

        await camera.stop()
        here.process.sfu.end(next(iter(here.process.sfu.sessions.values())))
        await until(lambda: over == [lease], timeout=leases.LEASE)


async def test_what_a_machine_that_died_had_live_is_over(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE", 3.0)  # renewed every second, also where the machine is busy
    async with on_air(tmp_path, redis_url) as (here, there, _):
        await there.relay.leases.look()
        (lease,) = there.relay.leases.elsewhere()
        over: list[leases.Lease] = []
        there.relay.leases._vanished = over.append
        assert here.relay.leases._renewing is not None
        here.relay.leases._renewing.cancel()
        await until(lambda: over == [lease], timeout=leases.LEASE + 3 * leases.RENEW_EVERY)
        assert there.relay.leases.elsewhere() == []


@pytest.mark.parametrize("step", [100.0, 30.0, -30.0, -100.0])
async def test_a_step_of_redis_s_clock_ends_nothing_that_is_live_and_brings_back_nothing_that_is_over(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    monkeypatch.setattr(leases, "LEASE", 1.0)
    clock = leases.Leases._now
    ahead = 0.0

    async def now(self: leases.Leases) -> float:
        return await clock(self) + ahead

    monkeypatch.setattr(leases.Leases, "_now", now)
    over: list[str] = []
    here = leases.Leases(redis_url, "here:1", lambda lease: None)
    dead = leases.Leases(redis_url, "dead:1", lambda lease: None)
    there = leases.Leases(redis_url, "there:1", lambda lease: over.append(lease.stream))
    for one in (here, dead, there):
        await one._nodes.open()
    try:
        await here.hold(leases.Lease("demo", TEACHER, "live", "here:1", "key"))
        await dead.hold(leases.Lease("demo", TEACHER, "dead", "dead:1", "key"))
        await there.look()
        assert {one.stream for one in there.elsewhere()} == {"live", "dead"}
        await here.look()  # renewed once more, which nobody has seen yet
        ahead = step
        for _ in range(25):
            await there.look()
            assert "live" in {one.stream for one in there.elsewhere()}
            await asyncio.sleep(0.1)
            await here.look()
        assert over == ["dead"]
        assert {one.stream for one in there.elsewhere()} == {"live"}
    finally:
        for one in (here, dead, there):
            await one.close()


async def test_viewers_elsewhere_stay_when_the_publisher_comes_back(tmp_path: Path, redis_url: str) -> None:
    async with on_air(tmp_path, redis_url) as (here, there, camera):
        viewer = Bare()
        kept: list[bytes] = []
        viewer.on_rtp = kept.append
        assert await there.make(viewer, "t1", Member("s1", "S", Role.STUDENT)) == 201
        await until(lambda: len(kept) > 20)
        await camera.stop()
        again = Bare(sends=True)
        assert await here.make(again) == 201
        second = Camera(again)
        before = len(kept)
        await until(lambda: len(kept) > before + 30, timeout=15)
        numbers = [head.sequence for one in kept if (head := packets.read(one)) is not None]
        assert len(set(numbers)) == len(numbers)
        await second.stop()
        again.close()
        viewer.close()


async def test_a_leg_opens_to_nobody_without_the_key_and_nonsense_breaks_nothing(
    tmp_path: Path, redis_url: str
) -> None:
    async with on_air(tmp_path, redis_url) as (here, there, _):
        host, _, port = here.relay.leases.address.rpartition(":")
        for said in (
            b"\n",
            b"\xff" * 100 + b"\n",
            b"x" * 200_000,
            json.dumps(
                {"room": "demo", "member": "t1", "proof": relay.proof("guess", bytes(16), "demo", "t1")}
            ).encode()
            + b"\n",
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            assert len(await reader.readexactly(16)) == 16
            writer.write(said)
            with suppress(ConnectionError):  # it does not even read to the end
                assert await reader.read() == b""
            writer.close()
        assert here.relay.legs == 0
        stranger = Bare()
        assert await there.make(stranger, "nobody", Member("s1", "S", Role.STUDENT)) == 409
        stranger.close()
