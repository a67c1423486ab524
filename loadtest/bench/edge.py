"""LL-HLS through an edge of `config/deploy/`: what 20, 200 and 2,000 viewers behind it cost the origin, and how late parts are.

A viewer is a connection of its own that does what hls.js does: it asks for the playlist with the next part in it, as a delta, and
then for the part. Latency runs from the moment when the part is whole at the origin until its last byte is at the viewer. Origin,
edge and viewers are three processes of one machine.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import uvloop

from loadtest.bench.child import Child
from loadtest.bench.stage import Say
from loadtest.bench.table import Row
from tests.media.edge import edge

# Varnish has a thread for each connection that waits; two cores, shared with the viewers, do not carry 2,000.
VIEWERS = {"nginx": (20, 200, 2_000), "varnish": (20, 200)}
SECONDS, SETTLE = 12.0, 4.0
COMING = 200  # viewers that come in a second
HINT = re.compile(rb'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"')
PART = re.compile(rb'#EXT-X-PART:[^\n]*URI="((\d+)\.(\d+)\.m4s)"')
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def run(say: Say) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, Child.python("loadtest.bench.servers.live_origin") as origin:
        port, path = int(origin.hello["port"]), str(origin.hello["path"])
        say("20 viewers without an edge")
        yield from _rows(uvloop.run(_measure(origin, port, path, 20, None)), "20 viewers, no edge")
        for kind, count in ((kind, count) for kind, counts in VIEWERS.items() for count in counts):
            with edge(kind, Path(folder) / f"{kind}{count}", port) as (url, process):
                say(f"{count} viewers behind {kind}")
                seen = uvloop.run(_measure(origin, int(url.rsplit(":", 1)[1]), path, count, process))
                say(
                    f"{seen['delivered']:.1%} of parts came, {seen['failed']:.0f} refusals, {kind} {seen['edge']:.2f} of a core"
                )
                yield from _rows(seen, f"{kind}, {count} viewers")


def _rows(seen: dict[str, float], name: str) -> Iterator[Row]:
    yield Row(f"LL-HLS, {name}: requests at the origin", seen["requests"], "1/s")
    yield Row(f"LL-HLS, {name}: part latency, median", seen["p50"] * 1e3, "ms")
    yield Row(f"LL-HLS, {name}: part latency, p99", seen["p99"] * 1e3, "ms")


async def _measure(origin: Child, port: int, path: str, count: int, process: psutil.Process | None) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    viewers = [Viewer(path.encode(), loop) for _ in range(count)]
    for at, viewer in enumerate(viewers):
        await loop.create_connection(lambda viewer=viewer: viewer, "127.0.0.1", port)
        if at % COMING == COMING - 1:
            await asyncio.sleep(1)
    await asyncio.sleep(SETTLE)
    before, cpu, begun = origin.ask("usage"), _cpu(process), time.time()
    await asyncio.sleep(SECONDS)
    ended, spent = time.time(), _cpu(process) - cpu
    after = origin.ask("usage")
    for viewer in viewers:
        viewer.stop()
    times = {name: at for name, at in after["times"].items() if begun <= at < ended - 2}
    late = sorted(at - times[name] for viewer in viewers for name, at in viewer.got if name in times)
    return {
        "requests": (after["requests"] - before["requests"]) / (ended - begun),
        "p50": late[len(late) // 2],
        "p99": late[len(late) * 99 // 100],
        "delivered": len(late) / (len(times) * count),
        "failed": float(sum(viewer.failed for viewer in viewers)),
        "edge": spent / (ended - begun),
    }


def _cpu(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


class Viewer(asyncio.Protocol):
    """`got`: parts by name, and when their last byte came."""

    def __init__(self, path: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self.got: list[tuple[str, float]] = []
        self.failed = 0
        self._path = path
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._data = bytearray()
        self._wanted: list[bytes] = []
        self._asked = b""
        self._hint = b""
        self._last = (0, -1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._ask(b"playlist.m3u8")

    def connection_lost(self, _: Exception | None) -> None:
        if self._transport is not None:
            self.failed += 1

    def stop(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def data_received(self, data: bytes) -> None:
        self._data += data
        head = self._data.find(b"\r\n\r\n")
        if head < 0:
            return
        told = LENGTH.search(self._data, 0, head)
        end = head + 4 + (int(told[1]) if told else 0)
        if len(self._data) < end:
            return
        status, body = bytes(self._data[9:12]), bytes(self._data[head + 4 : end])
        del self._data[:end]
        if status != b"200":
            self.failed += 1
            self._loop.call_later(0.5, self._ask, b"playlist.m3u8")
        elif self._asked.endswith(b".m4s"):
            self.got.append((self._asked[:-4].decode(), time.time()))
            self._next()
        else:
            self._listed(body)

    def _listed(self, body: bytes) -> None:
        hint = HINT.search(body)
        self._hint = (
            b"playlist.m3u8?_HLS_msn=%b&_HLS_part=%b&_HLS_skip=YES" % hint.groups() if hint else b"playlist.m3u8"
        )
        there = [((int(one[2]), int(one[3])), one[1]) for one in PART.finditer(body)]
        if self._last[1] < 0:
            there = there[-1:]
        self._wanted = [name for place, name in there if place > self._last]
        if there:
            self._last = max(self._last, there[-1][0])
        self._next()

    def _next(self) -> None:
        self._ask(self._wanted.pop(0) if self._wanted else self._hint)

    def _ask(self, name: bytes) -> None:
        self._asked = name
        if self._transport is not None:
            self._transport.write(b"GET %b%b HTTP/1.1\r\nHost: live\r\n\r\n" % (self._path, name))
