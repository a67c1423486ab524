"""A student on stage whose way to the server is narrow for a while: `python -m tests.e2e.heals FOLDER BAD GOOD`, for so many
seconds of 150 kbit/s and, behind them, of any rate. All pages are the client's own.

To be run in a network namespace with nothing but loopback. Prints JSON: how high their picture was at the instructor's, and how
many pictures there had been, from second to second: before, in the bad time and after it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import async_playwright

from classroom.kernel import Role
from tests.e2e.clock import SMALL, camera
from tests.e2e.layers import through
from tests.e2e.live import LIVE_FLAGS, called, enter, go_live, plays
from tests.e2e.people import CHROMIUM, FLAGS, People, Someone, close
from tests.media.impaired import Relay, Trouble
from tests.running import serving_alone

SETTLES = 10  # seconds
NARROW = 150_000  # bits a second
SHOWN = """() => {
  const video = document.querySelector('figure[aria-label="Ravi, camera"] video');
  return video ? [video.videoHeight, video.getVideoPlaybackQuality().totalVideoFrames] : [0, 0];
}"""


async def look(someone: Someone) -> tuple[int, int]:
    """A second later: how high the picture is, and how many there have been."""
    await asyncio.sleep(1)
    height, pictures = await someone.page.evaluate(SHOWN)
    return height, pictures


async def play(folder: Path, bad: int, good: int) -> dict[str, list[tuple[int, int]]]:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serving_alone(folder))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *LIVE_FLAGS])
        stack.push_async_callback(close, browser)
        relay = Relay(Trouble())
        stack.push_async_callback(relay.close)
        people = People(browser)
        meera = await enter(people, server, "Meera", Role.INSTRUCTOR, "t1", camera=SMALL)
        ravi = await enter(people, server, "Ravi", Role.STUDENT, "s1", camera=camera(640, 360, 20))
        await through(ravi.page, relay, "whip")
        await meera.tab("People")
        await called(meera, ravi)
        await go_live(ravi, "Come on stage")
        await plays(meera, "Ravi, camera")
        seen: dict[str, list[tuple[int, int]]] = {}
        for name, seconds, rate in (("before", SETTLES, 0), ("narrow", bad, NARROW), ("healed", good, 0)):
            relay.trouble = Trouble(up_rate=rate)
            seen[name] = [await look(meera) for _ in range(seconds)]
        return seen


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(play(Path(given[0]), int(given[1]), int(given[2])))) + "\n")
