"""A long lesson at the board: 100 pages and 90 minutes of recorded handwriting, 60 strokes a minute, page after page.

The teacher's page is there from the first minute on and sees all of it. How smooth the pen is on it then, beside the first
minute; and what it costs to serve those who come late, 500 a second, the page that the class looks at.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import psutil

from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import UNLIMITED, Say
from loadtest.bench.table import Row
from loadtest.bench.writing import strokes
from tests.e2e.board_speed import FRAMES, frames
from tests.e2e.people import browsing
from tests.e2e.test_whiteboard import Drawer
from tests.running import Subprocess, serving_alone

PAGES, MINUTES = 100, 90
LATE, SECONDS = 500, 6  # who come a second, and for how long
SLOWER = 1 / 0.9


def run(say: Say) -> Iterator[Row]:
    limits = {name.removeprefix("CLASSROOM_").lower(): value for name, value in UNLIMITED.items()}
    with TemporaryDirectory() as folder, serving_alone(Path(folder) / "data", **limits) as server:
        first, last, late = asyncio.run(_lesson(server, say))
    yield Row("pen in the first minute", first, "frames/s")
    yield Row(
        f"pen after {MINUTES} minutes, {PAGES} pages",
        last,
        "frames/s",
        peer="first minute",
        ratio=first / last,
        limit=SLOWER,
    )
    yield from late


async def _lesson(server: Subprocess, say: Say) -> tuple[float, float, list[Row]]:
    minute = _minute()
    async with browsing() as people:
        teacher = await people.person("Teacher")
        await teacher.open(server.link("Instructor"))
        await teacher.button("Open the whiteboard").click()
        drawer = Drawer(teacher)
        await drawer.ready()
        await teacher.page.evaluate(FRAMES)
        with Speaker(server.port, {"v": 1, "room": "demo", "token": server.instructor_token}) as hand:
            await asyncio.to_thread(_write, hand, minute, 0, 0)
            first = await _pen(drawer)
            say(f"first minute: {first:.1f} frames/s")
            hand.command("board.add_page", backgrounds=[{}] * (PAGES - 1))
            pages = await _pages(server)
            for number in range(1, MINUTES):
                await asyncio.to_thread(_write, hand, minute, pages[number], number)
            hand.command("board.go_to", page=pages[MINUTES - 1])
        say(f"{MINUTES * len(minute):,} strokes on {len(pages)} pages")
        place = teacher.page.get_by_role("toolbar").first.get_by_text(f"{MINUTES} / {PAGES}")
        await place.wait_for()
        await drawer.ready()
        last = await _pen(drawer)
        say(f"after {MINUTES} minutes: {last:.1f} frames/s")
    return first, last, await _late(server, say)


async def _pen(drawer: Drawer) -> float:
    """The best of three, since others use the machine too."""
    return max([await frames(drawer, 3.0) for _ in range(3)])


def _minute() -> list[dict[str, Any]]:
    found = []
    for stroke in strokes():
        change = stroke.put.changes[0]
        packed = b64encode(b"".join(stroke.pieces)).decode()
        found.append({"id": change.id, "version": 1, "nonce": change.nonce, "set": change.set, "points": packed})
    return found


def _write(hand: Speaker, minute: list[dict[str, Any]], page: int, number: int) -> None:
    hand.commands(
        {"type": "board.put", "page": page, "changes": [change | {"id": f"{number:02d}{change['id'][2:]}"}]}
        for change in minute
    )


async def _welcome(server: Subprocess) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        with Speaker(server.port, {"v": 1, "room": "demo", "name": "Late", "client": "late"}) as late:
            return late.welcome

    return await asyncio.to_thread(ask)


async def _pages(server: Subprocess) -> list[int]:
    return [page["id"] for page in (await _welcome(server))["state"]["board"]["pages"]]


async def _late(server: Subprocess, say: Say) -> list[Row]:
    """Requests for one page, so many a second, each on its own time."""
    welcome = await _welcome(server)
    board = welcome["state"]["board"]
    page = next(page for page in board["pages"] if page["id"] == board["current"])
    url = f"{server.url}/api/rooms/demo/board/{page['id']}@{page['at']}?key={welcome['key']}"
    assert server.process is not None
    process, waits, bodies = psutil.Process(server.process.pid), list[float](), set[int]()
    async with aiohttp.ClientSession(auto_decompress=False) as http:

        async def come(due: float) -> None:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                answer.raise_for_status()
                bodies.add(hash(await answer.read()))
            waits.append(time.perf_counter() - due)

        await come(time.perf_counter())
        waits.clear()
        before, begun = process.cpu_times(), time.perf_counter()
        await asyncio.gather(*(come(begun + number / LATE) for number in range(LATE * SECONDS)))
        took, after = time.perf_counter() - begun, process.cpu_times()
    used = after.user + after.system - before.user - before.system
    waits.sort()
    say(f"{len(waits)} came in {took:.1f} s; {len(bodies)} different answers")
    return [
        Row(f"late joiners served, of {LATE} a second", len(waits) / took, "1/s"),
        Row("different bytes that they were sent", float(len(bodies)), "", limit=1),
        Row("CPU per page served", used / len(waits) * 1e6, "µs"),
        Row("the page, p99", waits[len(waits) * 99 // 100] * 1_000, "ms"),
    ]
