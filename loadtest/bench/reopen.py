"""A room that nobody was in comes back: the time from CONNECT to `welcome`, and what a thousand such rooms leave behind.

The rooms have 5,000 events: nine of ten are messages, the tenth is a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from loadtest.bench.child import Child
from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import Say, our_server, port_of
from loadtest.bench.table import Row

EVENTS = 5_000
LIMIT = 50.0  # ms
TIMES = 7
UNLOAD_AFTER = "0.2"  # seconds without anybody; by default a minute
ROOMS = 1_000
BATCH = 200
GROWTH = 4.0  # KiB that a room opened and unloaded may leave behind: 40 MiB on a day of 10,000 rooms


def run(say: Say) -> Iterator[Row]:
    with our_server(CLASSROOM_ROOMS_UNLOAD_AFTER_SECONDS=UNLOAD_AFTER) as server:
        server.ask("fill", room="big", events=EVENTS)
        cold = _join(server)
        say(f"without a snapshot: {cold:.0f} ms")
        times = [_join(server) for _ in range(TIMES)]
        say(f"{TIMES} times: {min(times):.0f} to {max(times):.0f} ms")
        yield Row(f"reopen a room of {EVENTS} events, median", median(times), "ms", limit=LIMIT)
        yield Row("reopen it without a snapshot", cold, "ms")
        yield from _growth(server, say)


def _join(server: Child) -> float:
    """ms from CONNECT to welcome; the room is unloaded afterwards."""
    with Speaker(port_of(server), {"v": 1, "room": "big", "name": "Asha"}) as speaker:
        waited = speaker.waited * 1e3
    server.ask("unload", room="big")
    return waited


def _cycle(server: Child, rooms: list[str]) -> None:
    server.ask("open", rooms=rooms)
    server.ask("unloaded")


def _growth(server: Child, say: Say) -> Iterator[Row]:
    rooms = [f"room-{number}" for number in range(ROOMS)]
    for start in range(0, ROOMS, BATCH):
        for room in rooms[start : start + BATCH]:
            server.ask("fill", room=room, events=20)
    _cycle(server, rooms[:BATCH])
    before = server.ask("memory")["rss"]
    now = before
    for start in range(0, ROOMS, BATCH):
        _cycle(server, rooms[start : start + BATCH])
        now = server.ask("memory")["rss"]
        say(f"{start + BATCH} rooms opened and unloaded: {now / 2**20:.1f} MiB")
    yield Row("memory left by a room opened and unloaded", (now - before) / 1_024 / ROOMS, "KiB", limit=GROWTH)
