"""How fast a full page opens, and how smooth the pen stays on it: `python -m tests.e2e.board_speed [ELEMENTS]`.

Prints the time from a student's first request to the whole page painted (the class's code in the browser's cache), and the
frames a second while the instructor draws on an empty page and on the full one.
"""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.people import Someone, browsing
from tests.e2e.test_whiteboard import PAPER, Drawer
from tests.running import serving_alone

FRAMES = """() => {
  window.frames_ = 0;
  const count = () => { window.frames_ += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
}"""


def drawing(elements: int) -> str:
    """A file of Excalidraw's: rectangles, ellipses, strokes and words, row by row."""
    import json

    made = []
    for number in range(elements):
        x, y = 60.0 * (number % 100), 60.0 * (number // 100)
        kind = ("rectangle", "ellipse", "freedraw", "text")[number % 4]
        each: dict[str, object] = {
            **{
                "id": f"e{number}",
                "type": kind,
                "x": x,
                "y": y,
                "width": 44,
                "height": 36,
                "angle": 0,
                "seed": number + 1,
            },
            **{"strokeColor": "#1e1e1e", "backgroundColor": "transparent", "fillStyle": "solid", "strokeWidth": 2},
            **{"strokeStyle": "solid", "roughness": 1, "opacity": 100, "groupIds": [], "frameId": None},
            **{
                "roundness": None,
                "boundElements": None,
                "link": None,
                "locked": False,
                "version": 1,
                "isDeleted": False,
            },
            **{"versionNonce": number + 1, "updated": 1, "index": f"b{number:04d}"},
        }
        if kind == "freedraw":
            each |= {"points": [[2.0 * step, 18 * math.sin(step / 3)] for step in range(22)], "pressures": []}
            each |= {"simulatePressure": True, "lastCommittedPoint": None}
        if kind == "text":
            each |= {"text": f"n{number}", "originalText": f"n{number}", "fontSize": 20, "fontFamily": 5}
            each |= {"textAlign": "left", "verticalAlign": "top", "containerId": None, "lineHeight": 1.25}
        made.append(each)
    return json.dumps({"type": "excalidraw", "version": 2, "source": "", "elements": made, "appState": {}, "files": {}})


async def frames(drawer: Drawer, seconds: float = 3.0) -> float:
    """Frames a second while a stroke is drawn."""
    page = drawer.page
    await drawer.tool("p")
    box = await page.locator("[data-board-editor]").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 300, box["y"] + 400)
    await page.mouse.down()
    before, start, step = await page.evaluate("window.frames_"), time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step += 1
        await page.mouse.move(box["x"] + 300 + 2 * (step % 300), box["y"] + 400 + 40 * math.sin(step / 9))
    rate = (await page.evaluate("window.frames_") - before) / (time.perf_counter() - start)
    await page.mouse.up()
    return float(rate)


async def opens(who: Someone) -> float:
    """Milliseconds from a reload until the page's elements are painted."""
    start = time.perf_counter()
    await who.page.reload()
    await who.page.locator(f"{PAPER}[data-board-at]").wait_for()
    await who.page.evaluate("() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))")
    return (time.perf_counter() - start) * 1_000


async def main(elements: int) -> None:
    with serving_alone(Path(tempfile.mkdtemp()) / "data") as server:
        async with browsing() as people:
            teacher = await people.person("Teacher")
            await teacher.open(server.link("Instructor"))
            await teacher.button("Open the whiteboard").click()
            drawer = Drawer(teacher)
            await drawer.ready()
            await teacher.page.evaluate(FRAMES)
            print(f"pen, empty page: {await frames(drawer):5.1f} frames/s")
            path = Path(tempfile.mkdtemp()) / "full.excalidraw"
            path.write_text(drawing(elements), encoding="utf-8")
            await teacher.page.locator("input[type=file][accept*=excalidraw]").set_input_files(path)
            await teacher.page.get_by_role("toolbar").first.get_by_text("1 / 2").wait_for()
            await teacher.button("Next page").click()
            asha = await people.person("Asha")
            await asha.join(server.link("Student"))
            await asha.page.locator(f"{PAPER}[data-board-at]").wait_for()
            times = sorted([await opens(asha) for _ in range(5)])
            print(f"{elements} elements open in {times[2]:.0f} ms (median of 5; {times[0]:.0f}–{times[-1]:.0f})")
            await asyncio.sleep(1)
            print(f"pen, {elements} elements: {await frames(drawer):5.1f} frames/s")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))
