"""What it costs that nobody says anything: a class in which nothing happens, and a member who only answers pings.

Two workers and a Redis of their own; each figure is what all of their processes use more than they did without, counted over a
whole round of pings.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtest import api, wire
from loadtest.bench.child import Child
from loadtest.bench.stage import Say, crowd
from loadtest.bench.table import Row
from loadtest.server import Server

CLASSES = 1_000
MEMBERS = 8_000
WORKERS = 2
ROUND = 25.0  # seconds, in which everybody is pinged once
SETTLE = 8.0  # seconds until it is known who came


def run(say: Say) -> Iterator[Row]:
    with TemporaryDirectory(prefix="classroom-bench-") as folder, crowd() as members:
        server = Server(Path(folder), WORKERS, CLASSROOM_ROOMS_JOINS_PER_SECOND="100000")
        try:
            target = wire.Target(server.url)
            empty = _used(server, say, "with nobody in it")
            for number in range(CLASSES):
                _come(target, server, members, f"class-{number}", number, 1)
            apart = _used(server, say, f"{CLASSES} classes of one")
            _come(target, server, members, "hall", CLASSES, MEMBERS)
            large = _used(server, say, f"one of {MEMBERS:,} beside them")
        finally:
            server.close()
    ping = (large - apart) / MEMBERS
    yield Row("a ping and its pong", ping * ROUND * 1e6, "µs")
    yield Row("a class's second in which nothing happens", ((apart - empty) / CLASSES - ping) * 1e6, "µs")
    yield Row(f"{WORKERS} workers with nobody in them", empty * 100, "% of a core")


def _come(target: wire.Target, server: Server, members: Child, room: str, first: int, count: int) -> None:
    """Have `count` members come into a new room."""
    api.call(target, "POST", "/api/rooms", server.api_key, {"id": room, "title": room, "open": True})
    members.ask("connect", port=server.port, count=count, first=first, auth={"room": room}, timeout=120)


def _used(server: Server, say: Say, when: str) -> float:
    """Seconds of CPU in a second."""
    time.sleep(SETTLE)
    begun, cpu = time.monotonic(), server.cpu()
    time.sleep(ROUND)
    used = (server.cpu() - cpu) / (time.monotonic() - begun)
    say(f"{when}: {used * 100:.1f} % of a core")
    return used
