"""The whiteboard: CPU per delta applied, encoded and handed to a member; pages built; bytes beside whole elements as JSON."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import get_args

from classroom import wire
from classroom.kernel import ALL, Context, Member, Meta, Role, Stored
from classroom.metrics import Metrics
from classroom.rooms import room as rooms
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from classroom.rooms.sheets import compress
from classroom.whiteboard import model as board
from classroom.whiteboard import rules
from classroom.whiteboard.deltas import merged
from classroom.whiteboard.quantise import pack
from classroom.wire import Codec
from loadtest.bench.stage import Say
from loadtest.bench.table import Row
from loadtest.bench.writing import TEACHER, Deflates, Viewer, play, strokes, whole_elements

PAGES = 100
ELEMENTS = 5_000
OTHERS = 100  # elements on each of the other pages
DELTAS = 5_000
VIEWERS = 1_000
ROUNDS = 3
POINT_LIMIT = 2.0  # bytes
RATIO_LIMIT = 0.1


def run(say: Say) -> Iterator[Row]:
    yield from _bytes(say)
    room = _filled(say)
    yield from _deltas(room, say)
    yield from _builds(room, say)


def _bytes(say: Say) -> Iterator[Row]:
    minute = strokes()
    points = sum(stroke.points for stroke in minute)
    peer = whole_elements()
    say(f"whole elements as JSON: {peer:,} bytes for {points} points")
    packed = sum(len(piece) for stroke in minute for piece in stroke.pieces)
    yield Row("points, packed as they are drawn", packed / points, "B/point")
    ways = [(codec, deflates, False) for codec in Codec for deflates in get_args(Deflates)]
    for codec, deflates, shorthand in [*ways, (Codec.MSGPACK, "with context", True)]:
        viewer = asyncio.run(play(minute, codec, deflates, shorthand))
        told = f"{codec}, {deflates}{', shorthand' if shorthand else ''}"
        say(f"a minute of handwriting to a viewer ({told}): {viewer.bytes:,} bytes in {viewer.frames} frames")
        yield Row(
            f"minute of handwriting to a viewer ({told})",
            viewer.bytes / 1_000,
            "kB",
            peer=f"{peer / 1_000:,.0f} kB",
            ratio=viewer.bytes / peer,
            limit=RATIO_LIMIT,
        )
        if shorthand:  # as our own client in a browser is sent it
            yield Row("the same", viewer.bytes / points, "B/point", limit=POINT_LIMIT)
            viewer = asyncio.run(play(minute, codec, deflates, shorthand, coming=True))
            yield Row(
                "the same, while somebody comes at every stroke", viewer.bytes / points, "B/point", limit=POINT_LIMIT
            )


def _filled(say: Say) -> rooms.Room:
    """A room with 100 pages, one of which has 5,000 elements."""
    dice, room = Random(5_000), rooms.Room()
    blank = (board.Background(),) * (PAGES - 1)
    context = Context(actor=TEACHER, now=1_790_000_000_000, seq=1)
    for event in rules.decide(room.board, board.AddPage(backgrounds=blank), context):
        _happen(room, event)
    samples = strokes()
    begun = time.process_time()
    number = 0
    for page in room.board.order:
        for _ in range(ELEMENTS if page == 0 else OTHERS):
            number += 1
            change = _new(samples[number % len(samples)].put.changes[0], f"element-{number}", dice)
            _happen(room, board.Drawn(page=page, by=TEACHER.id, changes=(change,), added=1))
    size = sum(page.size for page in room.board.pages.values())
    say(f"{number} elements of {size / number:.0f} bytes drawn in {time.process_time() - begun:.2f} s")
    return room


def _new(like: board.Change, id: str, dice: Random) -> board.Changed:
    dx, dy = dice.randrange(8_000) / 4, dice.randrange(8_000) / 4
    path, x, y = [], 0, 0
    for _ in range(60):
        path.append((x, y))
        x, y = x + dice.randrange(-6, 12), y + dice.randrange(-9, 10)
    return board.Changed(
        id=id, version=1, nonce=dice.randrange(1 << 31), set=like.set | {"x": dx, "y": dy}, points=pack(path)
    )


def _happen(room: rooms.Room, event: board.BoardEvent) -> Stored:
    stored = Stored(Meta(room.seq + 1, 1_790_000_000_000 + room.seq, TEACHER.id), event)
    rooms.apply(room, stored)
    return stored


def _deltas(room: rooms.Room, say: Say) -> Iterator[Row]:
    page = room.board.pages[0]
    ids = list(page.elements)
    dice = Random(7)
    decided = 0.0
    log: list[Stored] = []
    applied = 0.0
    for number in range(DELTAS):
        id = ids[number % len(ids)]
        element = page.elements[id]
        change = board.Change(
            id=id,
            version=element.version + 1,
            nonce=number + 1,
            base=element.nonce,
            set={"x": dice.randrange(8_000) / 4},
        )
        context = Context(actor=TEACHER, now=room.at, seq=room.seq + 1)
        begun = time.perf_counter()
        (event,) = rules.decide(room.board, board.Put(page=0, changes=(change,)), context)
        between = time.perf_counter()
        log.append(_happen(room, event))
        decided, applied = decided + between - begun, applied + time.perf_counter() - between
    yield Row("delta of an element decided", decided / DELTAS * 1e6, "µs")
    yield Row("delta of an element applied", applied / DELTAS * 1e6, "µs")
    stroke = strokes()[0].put
    context = Context(actor=TEACHER, now=room.at, seq=room.seq + 1)
    yield Row("stroke of 100 points decided", _each(lambda: rules.decide(room.board, stroke, context), 200), "µs")
    for codec in Codec:
        each = _each(lambda codec=codec: [wire.item(codec, s.meta, s.event) for s in log], 1) / len(log)
        yield Row(f"delta encoded ({codec})", each, "µs")
    yield Row(f"delta handed to a member, of {VIEWERS}", asyncio.run(_fanned_out(log)), "µs")
    say(f"{DELTAS} deltas decided, applied, encoded, and fanned out to {VIEWERS}")


def _each(work: Callable[[], object], times: int) -> float:
    """µs of CPU each time, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            work()
        best = min(best, time.process_time() - begun)
    return best / times * 1e6


async def _fanned_out(log: list[Stored]) -> float:
    """µs of CPU per delta and member: views, encoding, packets and deflating shared, writing to a transport left out."""
    hub = Hub(Replica("room", None, lambda events: None), Metrics(), Bounds(tick=1_000.0), lambda session: None)  # type: ignore[arg-type]
    for number in range(VIEWERS):
        hub.add(Session(Member(f"v{number}", "V", Role.STUDENT), Viewer(Codec.MSGPACK, "with context")), 0)
    begun, times = time.process_time(), 200
    for stored in log[:times]:
        hub.events([stored])
        hub.flush()
    used = time.process_time() - begun
    hub.close()
    return used / times / VIEWERS * 1e6


def _builds(room: rooms.Room, say: Say) -> Iterator[Row]:
    page = room.board.pages[0]
    bodies = [element.body for element in page.elements.values()]
    base = compress(0, page.at, bodies)
    cpu = _each(lambda: compress(0, page.at, bodies), 1)
    say(f"a page of {len(bodies)} elements: {base.size:,} bytes, {len(base.deflated):,} deflated")
    yield Row(f"page of {ELEMENTS} elements compressed, in a thread", cpu / 1_000, "ms")
    yield Row("the same, size", len(base.deflated) / 1_000, "kB", peer=f"{base.size / 1_000:,.0f} kB as JSON")
    encoded = rooms.encode(room)
    yield Row(f"room with {PAGES} pages encoded for the journal", _each(lambda: rooms.encode(room), 1) / 1_000, "ms")
    yield Row("the same, decoded", _each(lambda: rooms.decode(encoded), 1) / 1_000, "ms")
    yield Row("the same, size", len(encoded) / 1e6, "MB")
    yield Row(
        "welcome's state encoded", _each(lambda: wire.encode(Codec.MSGPACK, rooms.show(room, ALL)), 5) / 1_000, "ms"
    )
    whole = [
        board.Changed(id=id, version=1, nonce=1, set=json.loads(e.body)) for id, e in list(page.elements.items())[:500]
    ]
    yield Row("element put together", _each(lambda: [merged(None, each) for each in whole], 1) / len(whole), "µs")
