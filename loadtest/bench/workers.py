"""What more workers on one machine bring: one class of 6,000 at one worker, at two and at four.

An event is given when all have the last one: how long that takes, and CPU of all workers, their Redis and their supervisor
together. The reader of all members is on the same machine: where there are as many workers as cores nothing is left for it,
so ratios beyond that say what a worker costs, and not what it brings.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from loadtest import api, wire
from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import Say, crowd
from loadtest.bench.table import Row
from loadtest.server import Server

MEMBERS = 6_000
EVENTS = 20
PAUSE = 0.3  # seconds between an event that all have and the next one
COUNTS = (1, 2, 4)
ROOM = "bench"


def run(say: Say) -> Iterator[Row]:
    found = {count: _measure(say, count) for count in COUNTS}
    for count, (told, cpu) in found.items():
        less = found.get(count // 2)
        peer = f"{count // 2} worker{'s' * (count > 2)}" if less else ""
        name = f"{MEMBERS:,} members, {count} worker{'s' * (count > 1)}"
        yield Row(f"{name}: all told, median", told * 1_000, "ms", peer, told / less[0] if less else None)
        yield Row("… and CPU", cpu * 1e6, "µs/frame", peer, cpu / less[1] if less else None)


def _measure(say: Say, workers: int) -> tuple[float, float]:
    """Seconds until all are told, and seconds of CPU per frame."""
    with TemporaryDirectory(prefix="classroom-bench-") as folder, crowd() as members:
        server = Server(Path(folder), workers, CLASSROOM_ROOMS_JOINS_PER_SECOND="100000")
        try:
            target = wire.Target(server.url)
            api.call(target, "POST", "/api/rooms", server.api_key, {"id": ROOM, "title": ROOM, "open": True})
            teacher = {"name": "Teacher", "role": "instructor", "sub": "teacher"}
            token = api.call(target, "POST", f"/api/rooms/{ROOM}/tokens", server.api_key, teacher)["token"]
            members.ask("connect", port=server.port, count=MEMBERS, auth={"room": ROOM}, timeout=120)
            with Speaker(server.port, {"v": 1, "room": ROOM, "token": token}) as speaker:
                speaker.command("class.start")
                time.sleep(5)  # until it is known who came
                cpu, counted, took = server.cpu(), members.ask("count")["counted"], []
                first = counted
                for number in range(EVENTS):
                    begun = time.monotonic()
                    speaker.command("chat.say", text=f"What is said for the {number}th time, in as many words")
                    counted = members.ask("until", counted=counted + MEMBERS)["counted"]
                    took.append(time.monotonic() - begun)
                    time.sleep(PAUSE)
                each = (server.cpu() - cpu) / (counted - first)
        finally:
            server.close()
        say(f"{workers}: all told in {median(took) * 1_000:.0f} ms, {each * 1e6:.1f} µs a frame")
        return median(took), each
