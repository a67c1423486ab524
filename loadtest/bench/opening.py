"""How soon a full page is there: a board of 100 pages, 5,000 elements on the one that the class looks at.

From the beginning of a student's navigation to the frame after the whole page has been painted, the class's code in the
browser's cache; the page itself comes from the server each time. A quarter each of the elements are rectangles, ellipses, pen
strokes and words. Beside it: the same class with an empty page.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import UNLIMITED, Say
from loadtest.bench.table import Row
from tests.e2e.people import Someone, browsing
from tests.e2e.test_whiteboard import PAPER
from tests.running import Subprocess, serving_alone

PAGES, ELEMENTS = 100, 5_000
BATCH = 80  # elements in a command, which has its largest size
TIMES = 7
LIMIT = 1_500.0  # ms

# When the page's elements were there, and when all of it was painted: ms since the navigation began.
WATCH = """
  window.opening = {};
  const look = () => {
    const paper = document.querySelector('[data-board-page][data-board-at]');
    if (paper && !window.opening.there) window.opening.there = performance.now();
    if (paper && paper.querySelector('canvas[data-painted]')) {
      const [page] = performance.getEntriesByType('resource').filter(({name}) => /board\\/\\d+@/.test(name));
      window.opening.asked = page?.startTime ?? 0;
      window.opening.got = page?.responseEnd ?? 0;
      requestAnimationFrame(() => (window.opening.painted = performance.now()));
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
"""


def run(say: Say) -> Iterator[Row]:
    limits = {name.removeprefix("CLASSROOM_").lower(): value for name, value in UNLIMITED.items()}
    with (
        TemporaryDirectory() as folder,
        serving_alone(Path(folder) / "data", media_enabled=False, **limits) as server,
    ):
        empty, full = asyncio.run(_measure(server, say))
    yield Row("a class opened, its board's page empty", median(empty), "ms")
    yield Row(f"a class opened, its page of {ELEMENTS:,} elements painted", median(full), "ms", limit=LIMIT)
    yield Row("the same, the longest", max(full), "ms")


async def _measure(server: Subprocess, say: Say) -> tuple[list[float], list[float]]:
    with Speaker(server.port, {"v": 1, "room": "demo", "token": server.instructor_token}) as hand:
        first = hand.welcome["state"]["board"]["current"]
        hand.command("board.add_page", backgrounds=[{}] * (PAGES - 1))
        async with browsing() as people:
            asha = await people.person("Asha")
            await asha.page.add_init_script(WATCH)
            await asha.join(server.link("Student"))
            empty = await _openings(asha, "empty", say)
            await asyncio.to_thread(fill, hand, first, ELEMENTS)
            full = await _openings(asha, f"{ELEMENTS} elements", say)
    return empty, full


async def _openings(who: Someone, what: str, say: Say) -> list[float]:
    found = []
    for _ in range(TIMES + 1):
        await who.page.reload()
        await who.page.wait_for_function("() => window.opening.painted")
        found.append(await who.page.evaluate("window.opening"))
    paper = await who.page.locator(PAPER).count()
    assert paper == 1
    parts = (f"{part} {median(each[part] for each in found[1:]):.0f}" for part in ("asked", "got", "there", "painted"))
    say(f"{what}: ms in the median until the page was {', '.join(parts)}")
    return [each["painted"] for each in found[1:]]  # what the browser keeps it has from the first


def fill(hand: Speaker, page: int, count: int) -> None:
    """Put so many elements on a page."""
    elements = [_element(number) for number in range(count)]
    for at in range(0, count, BATCH):
        hand.command("board.put", page=page, changes=elements[at : at + BATCH])


def _element(number: int) -> dict[str, Any]:
    """As Excalidraw makes them: rectangles, ellipses, strokes and words, row by row."""
    kind = ("rectangle", "ellipse", "freedraw", "text")[number % 4]
    fields: dict[str, Any] = {
        **{
            "type": kind,
            "x": 60.0 * (number % 100),
            "y": 60.0 * (number // 100),
            "width": 44,
            "height": 36,
            "angle": 0,
        },
        **{"strokeColor": "#1e1e1e", "backgroundColor": "transparent", "fillStyle": "solid", "strokeWidth": 2},
        **{"strokeStyle": "solid", "roughness": 1, "opacity": 100, "groupIds": [], "frameId": None, "roundness": None},
        **{"seed": number + 1, "boundElements": None, "link": None, "locked": False, "index": f"b{number:04d}"},
    }
    if kind == "freedraw":
        fields |= {"points": [[2.0 * step, 18 * math.sin(step / 3)] for step in range(22)], "pressures": []}
        fields |= {"simulatePressure": True, "lastCommittedPoint": None}
    if kind == "text":
        fields |= {"text": f"n{number}", "originalText": f"n{number}", "fontSize": 20, "fontFamily": 5}
        fields |= {"textAlign": "left", "verticalAlign": "top", "containerId": None, "lineHeight": 1.25}
    return {"id": f"e{number}", "version": 1, "nonce": number + 1, "set": fields}
