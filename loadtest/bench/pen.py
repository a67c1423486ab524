"""From the pen to a viewer's canvas: a teacher draws with a pen in a real Chromium, a student looks on in another, of a phone's
size, and 999 more are there.

Each point's time is taken as the teacher's browser is told of the pointer, and in the student's page in the first frame in
whose canvas something is painted at that place: both read the same clock. Server, browsers and crowd share the machine.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from loadtest.bench.child import Child, ChildFailed
from loadtest.bench.stage import UNLIMITED, Say, crowd
from loadtest.bench.table import Row
from tests.e2e.people import PHONE, browsing
from tests.e2e.test_whiteboard import PAPER, Drawer, Stylus
from tests.running import serving_alone

VIEWERS = 1_000
STROKES, POINTS, STEP = 30, 50, 9.0  # px from point to point, so that each is a place of its own
EVERY = 1 / 60  # seconds
WARM = 3  # strokes that are not counted
MEDIAN, LAST = 60.0, 150.0  # ms that half, and ninety-nine in a hundred, may take
LEFT, TOP, ROW = 300.0, 110.0, 36.0  # px of the page, beside what the editor has in its corners

# When a page sends and hears something, for the parts of the way.
WIRE = """
  window.sent = [];
  window.heard = [];
  const now = () => performance.timeOrigin + performance.now();
  window.WebSocket = class extends WebSocket {
    constructor(...how) {
      super(...how);
      this.addEventListener('message', () => window.heard.push(now()));
    }
    send(data) {
      window.sent.push(now());
      super.send(data);
    }
  };
"""
# The clock of both pages. A pointer's time is when the browser was told of it, not when the page came to hear of it.
MOVES = """(host) => {
  window.moves = [];
  host.addEventListener('pointermove', (event) => {
    for (const at of event.getCoalescedEvents?.() ?? [event])
      window.moves.push([at.clientX, at.clientY, performance.timeOrigin + at.timeStamp]);
  }, {capture: true});
}"""
# After every frame, once all that paints in it has painted: how far the pen's line has come since the last. A place that is
# passed over while the next ones are painted was not seen.
LOOKS = """([paper, places]) => {
  const [base, over] = paper.querySelectorAll('canvas');
  window.seen = places.map(() => 0);
  const painted = (canvas, x, y, clear) => {
    const context = canvas.getContext('2d', clear ? undefined : {alpha: false});
    const [red, , , alpha] = context.getImageData(x, y, 1, 1).data;
    return clear ? alpha > 40 : red < 150;
  };
  const there = ([x, y]) => painted(over, x, y, true) || painted(base, x, y, false);
  let next = 0;
  const after = new MessageChannel();
  const frame = () => {
    requestAnimationFrame(frame);
    after.port2.postMessage(0);
  };
  after.port1.onmessage = () => {
    for (let ahead = 0; ahead < 3 && next + ahead < places.length; ahead += 1) {
      if (!there(places[next + ahead])) continue;
      next += ahead;
      window.seen[next] = performance.timeOrigin + performance.now();
      next += 1;
      ahead = -1;
    }
  };
  requestAnimationFrame(frame);
}"""


class Way(NamedTuple):
    """Of a point: when it was drawn, sent, heard of, and seen on the canvas (ms since 1970)."""

    moved: float
    sent: float
    heard: float
    seen: float


def run(say: Say) -> Iterator[Row]:
    ways, missed = asyncio.run(_measure(say))
    latencies = sorted(way.seen - way.moved for way in ways)
    count = len(latencies)
    yield Row(f"pen to canvas, {VIEWERS} viewers, p50", latencies[count // 2], "ms", limit=MEDIAN)
    yield Row(f"pen to canvas, {VIEWERS} viewers, p99", latencies[count * 99 // 100], "ms", limit=LAST)
    yield Row("the same, the longest", latencies[-1], "ms")
    yield Row("of it, until the teacher's page sends it, p50", median(way.sent - way.moved for way in ways), "ms")
    yield Row("of it, until the student's page hears of it, p50", median(way.heard - way.sent for way in ways), "ms")
    yield Row("of it, until it is painted, p50", median(way.seen - way.heard for way in ways), "ms")
    yield Row(f"points not seen, of {count + missed}", float(missed), "points", limit=0)


def path() -> list[list[tuple[float, float]]]:
    """Strokes on the page, in px of a page of 1280 by 720, two in a row: none crosses another."""
    return [
        [(LEFT + STEP * (number % 2 * (POINTS + 1) + n), TOP + ROW * (number // 2)) for n in range(POINTS)]
        for number in range(STROKES)
    ]


async def _measure(say: Say) -> tuple[list[Way], int]:
    limits = {name.removeprefix("CLASSROOM_").lower(): value for name, value in UNLIMITED.items()}
    with (
        TemporaryDirectory() as folder,
        serving_alone(Path(folder) / "data", media_enabled=False, **limits) as server,
        crowd() as members,
    ):
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
            teacher, student = await people.person("Teacher"), await people.person("Asha", PHONE)
            for each in (teacher, student):
                await each.page.add_init_script(WIRE)
            await teacher.open(server.link("Instructor"))
            await teacher.button("Open the whiteboard").click()
            drawer = Drawer(teacher)
            await drawer.ready()
            # Something far from the strokes, so that the student has the board.
            await drawer.shape("r", [(1_018, 670), (1_025, 676)])
            await student.join(server.link("Student"))
            await student.page.locator(f"{PAPER}[data-board-at]").wait_for()
            reading = asyncio.create_task(_read(members))
            try:
                return await _draw(drawer, student.page, say)
            finally:
                reading.cancel()


async def _read(members: Child) -> None:
    """Have the crowd look for what has come fifty times a second: else the server pays for waking it for each frame, which a
    network would do."""
    while True:
        with suppress(ChildFailed):
            await asyncio.to_thread(members.ask, "until", counted=1 << 40)


async def _draw(drawer: Drawer, viewer: Any, say: Say) -> tuple[list[Way], int]:
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
    await viewer.evaluate(LOOKS, [await paper.element_handle(), places])
    await drawer.tool("p")
    stylus = Stylus(await drawer.page.context.new_cdp_session(drawer.page))
    client = [(box["x"] + (x - left) * zoom, box["y"] + (y - top) * zoom) for x, y in flat]
    moves: list[list[float]] = []
    for number in range(STROKES):
        await _stroke(stylus, client[number * POINTS : (number + 1) * POINTS])
        moves += (await drawer.page.evaluate("moves.splice(0)"))[-POINTS:]
    await asyncio.sleep(1)
    seen = await viewer.evaluate("seen")
    sent, heard = await drawer.page.evaluate("sent"), await viewer.evaluate("heard")
    found = [
        _way(moved, at, sent, heard)
        for (x, y), (mx, my, moved), at in zip(client, moves, seen, strict=True)
        if at and abs(mx - x) < 2 and abs(my - y) < 2
    ]
    say(f"{len(found)} of {len(flat)} points seen")
    missed = sum(not at for at in seen[WARM * POINTS :])
    return found[WARM * POINTS :], missed


def _way(moved: float, seen: float, sent: list[float], heard: list[float]) -> Way:
    """A point leaves with the next message after it, and is painted with the last that was heard before."""
    leaves = min(bisect(sent, moved), len(sent) - 1)
    comes = max(bisect(heard, seen) - 1, 0)
    return Way(moved, sent[leaves], heard[comes], seen)


async def _stroke(stylus: Stylus, places: list[tuple[float, float]]) -> None:
    due = time.perf_counter()
    for index, (x, y) in enumerate(places):
        if index == 0:
            await stylus.down(x, y)
        await stylus.move(x, y)
        due += EVERY
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await stylus.lift(*places[-1])
    await asyncio.sleep(0.15)


def _view(width: float, height: float, most: float) -> tuple[float, float, float]:
    """The view in which an empty page fits, as `client/src/whiteboard/render/view.ts` has it: left, top, zoom."""
    zoom = min(width / 1_280, height / 720, most)
    return (1_280 - width / zoom) / 2, (720 - height / zoom) / 2, zoom
