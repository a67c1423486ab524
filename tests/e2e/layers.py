"""A class whose camera is sent in several sizes at once, watched over a good network and over a thin one: `python -m
tests.e2e.layers FOLDER SECONDS [FPS]`, where there are fewer seconds once all is settled. All pages are the client's own.

To be run in a network namespace with nothing but loopback. Prints what was seen as JSON: how high each student's picture was
from second to second, what the instructor's browser sent, and how high the recording's picture is; then the same of an
instructor whose server takes one size only.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import av
from playwright.async_api import Page, Route, async_playwright

from classroom.kernel import Role
from tests.e2e.clock import camera
from tests.e2e.live import LIVE_FLAGS, enter, go_live, plays
from tests.e2e.people import CHROMIUM, COARSE, COARSE_FLAG, FLAGS, SMALL_DESK, People, Someone, close
from tests.media.impaired import Relay, Trouble
from tests.running import serving_alone

THIN = 300_000  # bits a second
SETTLED = 6  # seconds in which a height has not changed
CANDIDATE = re.compile(r"(a=candidate:\S+ 1 udp \d+) (\S+) (\d+)")
HEIGHT = "() => document.querySelector('figure[aria-label=\"Meera, camera\"] video')?.videoHeight ?? 0"
SENT = """async () => [...(await connections.at(-1).getStats()).values()]
  .filter(({type, kind}) => type === 'outbound-rtp' && kind === 'video')
  .map(({rid = '', frameHeight = 0, framesPerSecond = 0, targetBitrate = 0, qualityLimitationReason}) =>
    ({rid, height: frameHeight, fps: framesPerSecond, bits: targetBitrate, limited: qualityLimitationReason}))"""


async def through(page: Page, relay: Relay, asked: str = "whep") -> None:
    """What is watched from this page comes over `relay`; or, with `whip`, what is published from it goes over it."""

    async def answer(route: Route) -> None:
        response = await route.fetch()
        told = await response.text()
        found = CANDIDATE.search(told)
        if found and not relay.port:
            await relay.start((found[2], int(found[3])))
        await route.fulfill(response=response, body=CANDIDATE.sub(rf"\1 \2 {relay.port}", told))

    await page.route(f"**/{asked}?*", answer)


async def one_size(page: Page) -> None:
    """The server of who publishes from this page knows no layers."""

    async def answer(route: Route) -> None:
        response = await route.fetch()
        told = await response.text()
        await route.fulfill(response=response, body=re.sub(r"a=(rid|simulcast):.*\r\n", "", told))

    await page.route("**/whip?*", answer)


async def publish(people: People, server: Any, fps: int, *, refused: bool = False) -> Someone:
    meera = await enter(people, server, "Meera", Role.INSTRUCTOR, "t1", camera=camera(640, 360, fps), size=SMALL_DESK)
    if refused:
        await one_size(meera.page)
    await meera.stage.get_by_role("button", name="Camera and screen").click()
    await go_live(meera, "Go live")
    return meera


async def heights(students: dict[str, Someone], seconds: int, apart: bool = False) -> dict[str, list[int]]:
    """From second to second. `apart`: or until each has gone on to see a height of their own."""
    seen: dict[str, list[int]] = {name: [] for name in students}
    for _ in range(seconds):
        await asyncio.sleep(1)
        for name, student in students.items():
            seen[name].append(await student.page.evaluate(HEIGHT))
        newest = [each[-SETTLED:] for each in seen.values()]
        still = all(each == each[:1] * SETTLED for each in newest)
        if apart and still and len({each[0] for each in newest}) == len(newest):
            break
    return seen


def recorded(folder: Path) -> list[int]:
    """How high the pictures of the camera's recording are, each once, in order."""
    found: list[int] = []
    for path in sorted(folder.glob("**/*.camera.mp4")):
        with av.open(str(path)) as file:
            for frame in file.decode(video=0):
                if not found or found[-1] != frame.height:
                    found.append(frame.height)
    return found


async def play(folder: Path, seconds: int, fps: int = 30) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serving_alone(folder))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *LIVE_FLAGS, COARSE_FLAG])
        stack.push_async_callback(close, browser)
        relay = Relay(Trouble(rate=THIN))
        stack.push_async_callback(relay.close)
        people = People(browser, COARSE)
        students = {
            "thin": await enter(people, server, "Asha", Role.STUDENT, "s1", size=SMALL_DESK),
            "wide": await enter(people, server, "Ravi", Role.STUDENT, "s2", size=SMALL_DESK),
        }
        await through(students["thin"].page, relay)
        meera = await publish(people, server, fps)
        for student in students.values():
            await plays(student, "Meera, camera")
        seen: dict[str, Any] = {"heights": await heights(students, seconds, apart=True)}
        seen["sent"] = await meera.page.evaluate(SENT)
        await meera.button("Stop publishing").click()
        await meera.page.close()
        await asyncio.sleep(1.5)  # until the recording's last second is written
        seen["recorded"] = recorded(folder)

        meera = await publish(people, server, fps, refused=True)
        await plays(students["wide"], "Meera, camera")
        seen["refused"] = await heights({"wide": students["wide"]}, 3)
        seen["refused_sent"] = await meera.page.evaluate(SENT)
        return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(play(Path(sys.argv[1]), *map(int, sys.argv[2:])))) + "\n")
