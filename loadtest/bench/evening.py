"""A long lesson at the board: 90 minutes of recorded handwriting, 60 strokes a minute, through the real protocol.

The teacher's page is open from the first minute on and is told of all of it, as another device of theirs writes: once with a
new page each minute, and once with all of it on one page, in the same places. How smooth the pen is then, beside the first
minute: animation frames a second while strokes of a second each are drawn, and with the time counted in which they are lifted
and become part of the page.
"""

from __future__ import annotations

import asyncio
import math
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import UNLIMITED, Say
from loadtest.bench.table import Row
from loadtest.bench.writing import strokes
from tests.e2e.people import browsing
from tests.e2e.test_whiteboard import Drawer
from tests.running import Subprocess, serving_alone

PAGES, MINUTES = 100, 90
ROUNDS, DRAWN = 3, 4  # times that it is measured, and strokes each time
SLOWER = 1 / 0.9
EVERY = 1 / 125  # seconds between two moves of the pen

FRAMES = """() => {
  window.frames = 0;
  const count = () => { window.frames += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
}"""


def run(say: Say) -> Iterator[Row]:
    for turned in (True, False):
        limits = {name.removeprefix("CLASSROOM_").lower(): value for name, value in UNLIMITED.items()}
        with (
            TemporaryDirectory() as folder,
            serving_alone(Path(folder) / "data", media_enabled=False, **limits) as server,
        ):
            (first, first_all), (last, last_all) = asyncio.run(_lesson(server, turned, say))
        told = f"a page a minute, {PAGES} pages" if turned else f"one page, {MINUTES * 60:,} strokes"
        name = f"pen after {MINUTES} minutes ({told})"
        peer = f"first minute, {first:.1f}"
        yield Row(name, last, "frames/s", peer=peer, ratio=first / last, limit=SLOWER)
        peer = f"first minute, {first_all:.1f}"
        yield Row(
            "the same, lifting counted", last_all, "frames/s", peer=peer, ratio=first_all / last_all, limit=SLOWER
        )


Rates = tuple[float, float]  # frames a second while strokes are drawn, and with their lifting


async def _lesson(server: Subprocess, turned: bool, say: Say) -> tuple[Rates, Rates]:
    minute = _minute()
    async with browsing() as people:
        teacher = await people.person("Teacher")
        await teacher.open(server.link("Instructor"))
        await teacher.button("Open the whiteboard").click()
        drawer = Drawer(teacher)
        await drawer.ready()
        await teacher.page.evaluate(FRAMES)
        with Speaker(server.port, {"v": 1, "room": "demo", "token": server.instructor_token}) as hand:
            await asyncio.to_thread(_write, hand, minute, hand.welcome["state"]["board"]["current"], 0)
            first = await _pen(drawer)
            say(f"first minute: {first[0]:.1f} frames/s, {first[1]:.1f} with lifting")
            hand.command("board.add_page", backgrounds=[{}] * (PAGES - 1))
            pages = _pages(server)
            begun = time.monotonic()
            for number in range(1, MINUTES):
                await asyncio.to_thread(_write, hand, minute, pages[number if turned else 0], number)
            say(f"{MINUTES * len(minute):,} strokes in {time.monotonic() - begun:.0f} s")
            if turned:
                hand.command("board.go_to", page=pages[MINUTES - 1])
                await teacher.page.get_by_role("toolbar").first.get_by_text(f"{MINUTES} / {PAGES}").wait_for()
        await drawer.ready()
        await _quiet(drawer)
        last = await _pen(drawer)
        say(f"after {MINUTES} minutes: {last[0]:.1f} frames/s, {last[1]:.1f} with lifting")
    return first, last


async def _quiet(drawer: Drawer) -> None:
    """Wait until the page has taken in all that it was told: until it answers within a frame or two."""
    for _ in range(100):
        begun = time.perf_counter()
        await drawer.page.evaluate("() => new Promise((next) => requestAnimationFrame(() => setTimeout(next)))")
        if time.perf_counter() - begun < 0.05:
            return


async def _pen(drawer: Drawer) -> Rates:
    """The best of some rounds, since others use the machine too."""
    return max([await _round(drawer) for _ in range(ROUNDS)])


async def _round(drawer: Drawer) -> Rates:
    page = drawer.page
    await drawer.tool("p")
    box = await page.locator("[data-board-editor]").bounding_box()
    assert box is not None
    frames, seconds = 0, 0.0
    before, begun = await page.evaluate("frames"), time.perf_counter()
    for number in range(DRAWN):
        x, y = box["x"] + 120, box["y"] + 120 + 60 * number
        await page.mouse.move(x, y)
        await page.mouse.down()
        start = due = time.perf_counter()
        there = await page.evaluate("frames")
        while (passed := time.perf_counter() - start) < 1.0:
            await page.mouse.move(x + 500 * passed, y + 40 * math.sin(9 * passed))
            due += EVERY
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        frames, seconds = frames + await page.evaluate("frames") - there, seconds + time.perf_counter() - start
        await page.mouse.up()
    whole = await page.evaluate("frames") - before
    return frames / seconds, whole / (time.perf_counter() - begun)


def _minute() -> list[dict[str, Any]]:
    found = []
    for stroke in strokes():
        change = stroke.put.changes[0]
        packed = b64encode(b"".join(stroke.pieces)).decode()
        found.append({"id": change.id, "version": 1, "nonce": change.nonce, "set": change.set, "points": packed})
    return found


def _write(hand: Speaker, minute: list[dict[str, Any]], page: int, number: int) -> None:
    """A minute's strokes; each is an element of its own, above those before."""
    hand.commands(
        {
            "type": "board.put",
            "page": page,
            "changes": [
                change
                | {"id": f"{number:02d}{change['id'][2:]}", "set": change["set"] | {"index": f"b{number:02d}{at:02d}"}}
            ],
        }
        for at, change in enumerate(minute)
    )


def _pages(server: Subprocess) -> list[int]:
    with Speaker(server.port, {"v": 1, "room": "demo", "name": "Late", "client": "late"}) as late:
        return [page["id"] for page in late.welcome["state"]["board"]["pages"]]
