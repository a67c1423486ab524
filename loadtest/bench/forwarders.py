"""What forwards a publisher's packets to WebRTC viewers: our media process with either loop, aiortc's `MediaRelay`, Janus.

What always holds: each is a process of its own, asked in its own words; publishers and viewers are the same bare sockets for all.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, Self

import aiohttp
import psutil

from classroom.media.link import socket_path
from loadtest.bench.child import Child
from tests.media.bare import Bare


class Sends(Protocol):
    """A publisher: RTP packets of payload type 96 are pictures, 111 sound."""

    def rtp(self, packet: bytes) -> None: ...

    def rtcp(self, packet: bytes) -> None: ...


class Forwarder(ABC):
    """`reads`: how many viewers must read, lest they be taken for gone."""

    name: str
    reads = 10

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.pid = 0

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            self.stack.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.stack.close()

    def cpu(self) -> float:
        """Seconds of user and system time, all threads together; also of its children, since one may do the work."""
        process = psutil.Process(self.pid)
        times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    def run(self, command: list[str], folder: Path, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process that ends with the benchmark. Its words are in `folder`/log."""
        log = self.stack.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **environment})
        assert process.stdout is not None
        self.stack.callback(process.stdout.close)
        self.stack.callback(_end, process)
        self.pid = process.pid
        return process

    def folder(self) -> Path:
        return Path(self.stack.enter_context(TemporaryDirectory(prefix="classroom-bench-")))

    @abstractmethod
    async def start(self) -> None: ...

    async def stop(self) -> None:  # noqa: B027 - most have nothing to let go of
        pass

    @abstractmethod
    async def publish(self) -> Sends:
        """A publisher that has connected."""

    @abstractmethod
    async def watch(self) -> Bare:
        """A viewer that has connected. Raises `LookupError` when there is nothing to watch yet."""

    async def forwarded(self) -> int | None:
        """Packets handed to viewers so far; None: it does not say."""
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:  # Janus, when it has more viewers than it can carry
        process.kill()
        process.wait()


class Ours(Forwarder):
    """`loop`: "c" or "python"."""

    def __init__(self, loop: str) -> None:
        super().__init__()
        self.name = {"c": "ours, the loop in C", "python": "ours, the loop in Python"}[loop]
        self._loop = loop
        self._members = 0

    async def start(self) -> None:
        folder = self.folder()
        setting = "auto" if self._loop == "c" else "python"
        process = self.run(
            [sys.executable, "-m", "classroom", "media"],
            folder,
            DATA=str(folder),
            CLASSROOM_MEDIA_VIEWERS="10000",
            CLASSROOM_MEDIA_FANOUT=setting,
        )
        assert process.stdout is not None
        process.stdout.readline()
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket_path(folder))))
        if f'classroom_media_fanout{{loop="{self._loop}"}} 1.0' not in await self._metrics():
            raise RuntimeError(f"the media process has another loop than wanted:\n{(folder / 'log').read_text()}")

    async def stop(self) -> None:
        if hasattr(self, "_http"):
            await self._http.close()

    async def publish(self) -> Bare:
        peer = Bare(sends=True)
        await peer.connect(await self._session(peer, "t1", None))
        return peer

    async def watch(self) -> Bare:
        peer = Bare()
        self._members += 1
        try:
            await peer.connect(await self._session(peer, f"s{self._members}", "t1"))
        except LookupError:
            peer.close()
            raise
        return peer

    async def forwarded(self) -> int:
        prefix = "classroom_media_forwarded "
        return int(
            float(next(at[len(prefix) :] for at in (await self._metrics()).splitlines() if at.startswith(prefix)))
        )

    async def _metrics(self) -> str:
        async with self._http.get("http://media/metrics") as response:
            return await response.text()

    async def _session(self, peer: Bare, member: str, publisher: str | None) -> str:
        who: dict[str, Any] = {"id": member, "name": member, "role": "student" if publisher else "instructor"}
        wanted = {"room": "bench", "member": who, "offer": peer.offer(), "publisher": publisher}
        async with self._http.post("http://media/sessions", json=wanted) as response:
            if response.status == 409:
                raise LookupError(await response.text())
            if response.status != 201:
                raise RuntimeError(await response.text())
            answer: str = (await response.json())["answer"]
            return answer


class MediaRelay(Forwarder):
    name = "aiortc's MediaRelay"
    reads = 1_000  # it asks them for consent

    async def start(self) -> None:
        self._child = self.stack.enter_context(Child.python("loadtest.bench.servers.media_relay"))
        self.pid = self._child.pid

    async def publish(self) -> Bare:
        return await self._peer("publish", Bare(sends=True))

    async def watch(self) -> Bare:
        return await self._peer("watch", Bare())

    async def _peer(self, op: str, peer: Bare) -> Bare:
        # It is to be DTLS's server, as ours is, and to know where it is to send its checks.
        host, port = peer.sock.getsockname()
        offer = peer.offer().replace("a=setup:actpass", "a=setup:active")
        offer += f"a=candidate:1 1 udp 2130706431 {host} {port} typ host\r\n"
        answer = await asyncio.to_thread(self._child.ask, op, offer=offer)
        await peer.connect(answer["answer"])
        return peer
