"""From the pen to a viewer's canvas: a teacher draws in a real Chromium, a student looks on in another, 999 more are there.

Each point's time is taken in the teacher's page as the pointer moves there, and in the student's page in the first frame in
whose canvas something is painted at that place: both pages read the same clock. Server, browsers and crowd share the machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest.bench.stage import UNLIMITED, Say, crowd
from loadtest.bench.table import Row
from tests.e2e.people import browsing
from tests.e2e.test_whiteboard import PAPER, Drawer
from tests.running import Subprocess, serving_alone

VIEWERS = 1_000
STROKES, POINTS, STEP = 30, 60, 9.0  # px from point to point, so that each is a place of its own
EVERY = 1 / 60  # seconds
WARM = 3  # strokes that are not counted
MEDIAN, LAST = 60.0, 150.0  # ms that half, and ninety-nine in a hundred, may take
WIDE = (60.0, 1_220.0)

MOVES = """(host) => {
  window.moves = [];
  host.addEventListener('pointermove', (event) => {
    const now = performance.timeOrigin + performance.now();
    for (const at of event.getCoalescedEvents?.() ?? [event]) window.moves.push([at.clientX, at.clientY, now]);
  }, {capture: true});
}"""
# Looks at the next places in every frame; `size`: how far around a place may be painted, in the canvas's pixels.
LOOKS = """([paper, places, size]) => {
  const [base, over] = paper.querySelectorAll('canvas');
  window.seen = places.map(() => 0);
  const painted = (canvas, x, y, clear) => {
    const {data} = canvas.getContext('2d').getImageData(x - size, y - size, 2 * size + 1, 2 * size + 1);
    for (let at = 0; at < data.length; at += 4) if (clear ? data[at + 3] > 40 : data[at] < 150) return true;
    return false;
  };
  let next = 0;
  const look = () => {
    const now = performance.timeOrigin + performance.now();
    for (let index = next; index < Math.min(places.length, next + 24); index += 1) {
      const [x, y] = places[index];
      if (!window.seen[index] && (painted(over, x, y, true) || painted(base, x, y, false))) window.seen[index] = now;
    }
    while (next < places.length && window.seen[next]) next += 1;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def run(say: Say) -> Iterator[Row]:
    latencies, missed = asyncio.run(_measure(say))
    latencies.sort()
    count = len(latencies)
    yield Row(f"pen to canvas, {VIEWERS} viewers, p50", latencies[count // 2], "ms", limit=MEDIAN)
    yield Row(f"pen to canvas, {VIEWERS} viewers, p99", latencies[count * 99 // 100], "ms", limit=LAST)
    yield Row("the same, the longest", latencies[-1], "ms")
    yield Row(f"points not seen, of {count + missed}", float(missed), "points", limit=0)


def path() -> list[list[tuple[float, float]]]:
    """Strokes on the page, in px of a page of 1280 by 720: none crosses another."""
    return [
        [(WIDE[0] + STEP * (number % 2 * POINTS + n), 24.0 + 44.0 * (number // 2)) for n in range(POINTS)]
        for number in range(STROKES)
    ]


async def _measure(say: Say) -> tuple[list[float], int]:
    limits = {name.removeprefix("CLASSROOM_").lower(): value for name, value in UNLIMITED.items()}
    with TemporaryDirectory() as folder, serving_alone(Path(folder) / "data", **limits) as server, crowd() as members:
        members.ask(
            "connect",
            port=server.port,
            count=VIEWERS - 1,
            auth={"room": "demo", "shorthand": True},
            codec="msgpack",
            deflate="permessage-deflate",
        )
        say(f"{VIEWERS - 1} are there")
        async with browsing() as people:
            teacher, student = await people.person("Teacher"), await people.person("Asha")
            await teacher.open(server.link("Instructor"))
            await teacher.button("Open the whiteboard").click()
            drawer = Drawer(teacher)
            await drawer.ready()
            # Something far from the strokes, so that the student has the board.
            await drawer.shape("r", [(700, 5), (705, 9)])
            await student.join(server.link("Student"))
            await student.page.locator(f"{PAPER}[data-board-at]").wait_for()
            return await _draw(drawer, student.page, server, say)


async def _draw(drawer: Drawer, viewer: Any, server: Subprocess, say: Say) -> tuple[list[float], int]:
    host = drawer.page.locator("[data-board-editor]")
    box = await host.bounding_box()
    assert box is not None
    left, top, zoom = _view(box["width"], box["height"], 1.5)
    paper = viewer.locator(PAPER)
    theirs = await paper.bounding_box()
    assert theirs is not None
    seen_left, seen_top, seen_zoom = _view(theirs["width"], theirs["height"], 16)
    flat = [place for stroke in path() for place in stroke]
    places = [[round((x - seen_left) * seen_zoom), round((y - seen_top) * seen_zoom)] for x, y in flat]
    await host.evaluate(MOVES)
    await viewer.evaluate(LOOKS, [await paper.element_handle(), places, max(2, round(3 * seen_zoom))])
    await drawer.tool("p")
    client = [(box["x"] + (x - left) * zoom, box["y"] + (y - top) * zoom) for x, y in flat]
    moves: list[list[float]] = []
    for number in range(STROKES):
        await _stroke(drawer.page.mouse, client[number * POINTS : (number + 1) * POINTS])
        moves += (await drawer.page.evaluate("moves.splice(0)"))[-POINTS:]
    await asyncio.sleep(1)
    seen = await viewer.evaluate("seen")
    found = [
        at - moved
        for (x, y), (mx, my, moved), at in zip(client, moves, seen, strict=True)
        if at and abs(mx - x) < 2 and abs(my - y) < 2
    ]
    say(f"{len(found)} of {len(flat)} points seen")
    missed = sum(not at for at in seen[WARM * POINTS :])
    return found[WARM * POINTS :], missed


async def _stroke(mouse: Any, places: list[tuple[float, float]]) -> None:
    due = time.perf_counter()
    for index, (x, y) in enumerate(places):
        await mouse.move(x, y)
        if index == 0:
            await mouse.down()
            await mouse.move(x, y)
        due += EVERY
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await mouse.up()
    await asyncio.sleep(0.15)


def _view(width: float, height: float, most: float) -> tuple[float, float, float]:
    """The view in which an empty page fits, as `client/src/whiteboard/render/view.ts` has it: left, top, zoom."""
    zoom = min(width / 1_280, height / 720, most)
    return (1_280 - width / zoom) / 2, (720 - height / zoom) / 2, zoom
