"""The parts on their own, in this process: events applied, events encoded, batches appended to SQLite on disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory

from classroom import wire
from classroom.chat.model import Said
from classroom.journal.port import Done
from classroom.journal.sql import open_journal
from classroom.kernel import ALL, STAFF, Meta, Role, Stored
from classroom.rooms import room as rooms
from classroom.wire import Codec
from loadtest.bench.stage import Say
from loadtest.bench.table import Row

EVENTS = 20_000
ROUNDS = 3
TEXT = "Why does the light bend at the edge of the glass, and not inside of it as well?"


def _log(count: int) -> list[Stored]:
    return [
        Stored(
            Meta(seq, 1_790_000_000_000 + seq, f"member-{seq % 300}"),
            Said(by=f"member-{seq % 300}", name=f"Student {seq % 300}", role=Role.STUDENT, text=TEXT),
        )
        for seq in range(1, count + 1)
    ]


def _each(work: Callable[[], None], count: int) -> float:
    """µs of CPU per piece, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best / count * 1e6


def owner(say: Say) -> Iterator[Row]:
    """Events folded, and commits."""
    log = _log(EVENTS)

    def fold() -> None:
        state = rooms.Room()
        for stored in log:
            rooms.apply(state, stored)

    yield Row("event applied", _each(fold, EVENTS), "µs")
    for size in (1, 10, 100, 1_000):
        cpu, wall = asyncio.run(_append(size))
        say(f"appending {size} at a time: {wall:.2f} ms a commit")
        yield Row(f"append of {size}", cpu, "µs/commit")


def codec(say: Say) -> Iterator[Row]:
    """Events encoded for an audience and a codec."""
    log = _log(EVENTS)
    for audience in (STAFF, ALL):
        for kind in Codec:

            def encode(audience: rooms.Audience = audience, kind: Codec = kind) -> None:
                for stored in log:
                    shown = rooms.view(stored.event, audience)
                    if shown is not None:
                        wire.item(kind, stored.meta, shown)

            yield Row(f"event encoded for {audience.kind}, {kind}", _each(encode, EVENTS), "µs")
    say(f"{EVENTS} events encoded for each audience and codec")


async def _append(size: int) -> tuple[float, float]:
    """µs of CPU and ms of time per commit of `size` events and their done-marks."""
    times = max(5, min(200, 2_000 // size))
    log = _log(size * times)
    with TemporaryDirectory(prefix="classroom-bench-") as data:
        journal = await open_journal(f"sqlite:///{data}/classroom.db")
        await journal.create("room", "Room", 0, open=True)
        cpu, wall = time.process_time(), time.perf_counter()
        for start in range(0, len(log), size):
            batch = log[start : start + size]
            await journal.append("room", start, batch, [Done(s.meta.by, f"{s.meta.seq:x}", s.meta.seq) for s in batch])
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        await journal.close()
    return cpu / times * 1e6, wall / times * 1e3
