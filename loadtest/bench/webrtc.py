"""WebRTC viewers of one publisher: CPU of the media process per packet that it forwards, everything in it counted.

Each viewer goes through ICE and DTLS and sends two receiver reports a second. The publisher sends 1.1 Mbit/s of pictures and 50
packets of sound a second. The media process is the real one; viewers and publisher are bare sockets in this process.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from classroom.media.link import socket_path
from classroom.media.sfu import packets
from loadtest.bench.stage import Say
from loadtest.bench.table import Row
from tests.media.bare import Bare

READ = 10  # viewers that read what they are sent; the others' packets end in the kernel
VIEWERS = (50, 200, 500)
SECONDS = 10.0
PICTURES, SOUNDS = 145, 50  # packets a second; pictures of 950 bytes are 1.1 Mbit/s
LIMIT = 10.2  # µs per packet: 500 viewers of 195 packets a second on one core


def run(say: Say) -> Iterator[Row]:
    for count in VIEWERS:
        say(f"{count} viewers")
        with tempfile.TemporaryDirectory() as folder:
            each, lost, cores = asyncio.run(_measure(Path(folder), count))
        say(
            f"{count} viewers: {cores:.2f} of a core, {count / cores:.0f} viewers per core at this rate, "
            f"{lost:.2%} of what is read lost on the way"
        )
        limit = LIMIT if count == VIEWERS[-1] else None
        yield Row(f"WebRTC forwarded, {count} viewers", each, "µs/packet", limit=limit)


async def _measure(folder: Path, count: int) -> tuple[float, float, float]:
    """µs of CPU per packet forwarded, the share that did not arrive, and cores used."""
    variables = {**os.environ, "DATA": str(folder), "CLASSROOM_MEDIA_VIEWERS": "10000"}
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "classroom", "media"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        connector = aiohttp.UnixConnector(str(socket_path(folder)))
        async with aiohttp.ClientSession(connector=connector) as http:
            publisher, viewers = await _connect(http, count)
            sending = asyncio.create_task(_send(publisher))
            reporting = asyncio.create_task(_report([publisher, *viewers]))
            await asyncio.sleep(2)
            child = psutil.Process(process.pid)
            before, sent = child.cpu_times(), await _forwarded(http)
            received, begun = sum(one.received for one in viewers[:READ]), time.monotonic()
            await asyncio.sleep(SECONDS)
            after, took = child.cpu_times(), time.monotonic() - begun
            got = sum(one.received for one in viewers[:READ]) - received
            sent = await _forwarded(http) - sent
            for task in (sending, reporting):
                task.cancel()
            await asyncio.gather(sending, reporting, return_exceptions=True)
            cpu = after.user + after.system - before.user - before.system
            for one in (publisher, *viewers):
                one.close()
            return cpu / sent * 1e6, max(0.0, 1 - got * count / min(READ, count) / sent), cpu / took
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


async def _forwarded(http: aiohttp.ClientSession) -> float:
    async with http.get("http://media/metrics") as response:
        text = await response.text()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith("classroom_media_forwarded ")))


async def _connect(http: aiohttp.ClientSession, count: int) -> tuple[Bare, list[Bare]]:
    publisher = Bare(sends=True)
    await publisher.connect(await _offer(http, publisher, "t1", None))
    while True:
        viewer = Bare()
        try:
            answer = await _offer(http, viewer, "s0", "t1")
            break
        except LookupError:
            viewer.close()
            await asyncio.sleep(0.05)
    await viewer.connect(answer)
    viewers = [viewer]
    for number in range(1, count):
        viewer = Bare()
        await viewer.connect(await _offer(http, viewer, f"s{number}", "t1"))
        viewers.append(viewer)
    for one in viewers[READ:]:
        asyncio.get_running_loop().remove_reader(one.sock.fileno())
    return publisher, viewers


async def _offer(http: aiohttp.ClientSession, peer: Bare, member: str, publisher: str | None) -> str:
    who: dict[str, Any] = {"id": member, "name": member, "role": "student" if publisher else "instructor"}
    wanted = {"room": "bench", "member": who, "offer": peer.offer(), "publisher": publisher}
    async with http.post("http://media/sessions", json=wanted) as response:
        if response.status == 409:
            raise LookupError(await response.text())
        assert response.status == 201, await response.text()
        answer: str = (await response.json())["answer"]
        return answer


async def _send(publisher: Bare) -> None:
    """Packets at a steady pace, a picture's at once."""
    begun, pictures, sounds = time.monotonic(), 0, 0
    payload, sound = b"\x61" + bytes(949), os.urandom(120)
    while True:
        at = time.monotonic() - begun
        while pictures < at * PICTURES:
            publisher.rtp(packets.header(96, pictures % 5 == 4, pictures & 0xFFFF, pictures // 5 * 3_103, 1) + payload)
            pictures += 1
        while sounds < at * SOUNDS:
            publisher.rtp(packets.header(111, False, sounds & 0xFFFF, sounds * 960, 2) + sound)
            sounds += 1
        await asyncio.sleep(0.02)


async def _report(peers: list[Bare]) -> None:
    """Two receiver reports a second of each, spread over the time, and checks that renew consent."""
    turn = 0
    while True:
        for place in range(10):
            for viewer in peers[1:][place::10]:
                viewer.report()
            if turn % 10 == 0:
                for peer in peers[place::10]:
                    peer.check()
            await asyncio.sleep(0.05)
        turn += 1
