"""How fast the live stream is, from page to page: `python -m tests.e2e.live_speed MODE FOLDER [TIMES] [CODEC]`.

`first`: from asking by WHEP to the first picture, and what the time went to, for so many students one after another. `back`:
how long nothing moves for who watches by WebRTC and by LL-HLS after the media process is killed, and until the publisher is on
the air again, so many times. `glass`: how late pictures are, and how often they stall, for so many seconds; CODEC is `H264` (or
whichever the server asks for), `VP8` or `VP9`.

To be run in a network namespace with nothing but loopback, and with nothing beside it. Prints JSON. Times are ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from classroom.kernel import Role
from tests.e2e.clock import AFRESH, CAMERA, GLASS, READ, spread
from tests.e2e.layers import SENT
from tests.e2e.live import LIVE_FLAGS, PATIENCE, enter, go_live, plays, serving_media, way
from tests.e2e.people import CHROMIUM, FLAGS, People, Someone, close
from tests.running import Subprocess, serving_alone

FIGURE = "Meera, camera"
# When what became of each connection, by the page's clock.
PHASES = """(() => {
  const Connection = RTCPeerConnection;
  window.phases = {};
  const note = (name) => { phases[name] = performance.now(); };
  window.RTCPeerConnection = function (...given) {
    const made = new Connection(...given);
    window.phases = {};
    made.addEventListener('signalingstatechange', () => note(made.signalingState));
    made.addEventListener('iceconnectionstatechange', () => note('ice ' + made.iceConnectionState));
    made.addEventListener('connectionstatechange', () => note(made.connectionState));
    made.addEventListener('track', ({track}) => track.addEventListener('unmute', () => note(track.kind)));
    return made;
  };
  window.RTCPeerConnection.prototype = Connection.prototype;
})()"""
FIRST = """() => {
  const asked = (part) => performance.getEntriesByType('resource').find(({name}) => name.includes(part));
  const whep = asked('/whep'), live = asked('/live'), begun = whep.startTime;
  const frame = performance.getEntriesByName('live first frame')[0].startTime;
  const since = {'live asked': live.startTime - begun, answered: whep.responseEnd - begun, frame: frame - begun};
  for (const [name, at] of Object.entries(phases)) since[name] = at - begun;
  return since;
}"""
ONLY = """(() => {
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (track, {sendEncodings, ...init}) {
    const layered = sendEncodings && 'CODEC' !== 'VP9';  // which is taken in one layer only
    const made = add.call(this, track, layered ? {...init, sendEncodings} : init);
    const kinds = ['video/CODEC', 'video/rtx'];
    if (made.sender.track?.kind === 'video') {
      made.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter((one) => kinds.includes(one.mimeType)));
    }
    return made;
  };
})();"""
ON_AIR = "(before) => connections.length > before && connections.at(-1).connectionState === 'connected'"
MOVES = "() => seen.gap > 500 && performance.now() - seen.moved < 100"


async def publish(people: People, server: Subprocess, script: str) -> Someone:
    meera = await enter(people, server, "Meera", Role.INSTRUCTOR, "t1", camera=script)
    await meera.stage.get_by_role("button", name="Camera and screen").click()
    await go_live(meera, "Go live")
    return meera


async def first(people: People, server: Subprocess, times: int, codec: str) -> dict[str, Any]:
    await publish(people, server, CAMERA)
    await asyncio.sleep(3)  # until the publisher has settled
    runs: list[dict[str, float]] = []
    for number in range(times):
        student = await enter(people, server, "Asha", Role.STUDENT, f"s{number}", camera=PHASES)
        await plays(student, FIGURE)
        runs.append({name: round(at) for name, at in (await student.page.evaluate(FIRST)).items()})
        await student.page.context.close()
        await asyncio.sleep(0.7)
    named = {name for run in runs for name in run}
    return {
        "runs": runs,
        "median": {name: middle([run[name] for run in runs if name in run]) for name in sorted(named)},
    }


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


async def back(people: People, server: Subprocess, times: int, codec: str) -> dict[str, Any]:
    meera = await publish(people, server, CAMERA)
    asha = await enter(people, server, "Asha", Role.STUDENT, "s1")
    await way(asha, "webrtc")
    ravi = await enter(people, server, "Ravi", Role.STUDENT, "s2")
    await way(ravi, "hls")
    runs = []
    for _ in range(times):
        for one in (asha, ravi):
            await plays(one, FIGURE)
        await asyncio.sleep(6)  # so that this death counts as a first one
        runs.append(await kill(server, meera, asha, ravi))
    return {"runs": runs, "median": {name: middle([run[name] for run in runs]) for name in runs[0]}}


async def kill(server: Subprocess, meera: Someone, asha: Someone, ravi: Someone) -> dict[str, float]:
    """When each of them was back, and the longest time that each who watches saw nothing move."""
    connections = await meera.page.evaluate("connections.length")
    for one in (asha, ravi):
        await one.page.evaluate("seen.gap = 0")
    begun = time.monotonic()
    serving_media(server).kill()
    after: dict[str, float] = {}

    async def when(name: str, someone: Someone, condition: str, value: Any = None) -> None:
        await someone.page.wait_for_function(condition, arg=value, timeout=PATIENCE, polling=20)
        after[name] = round(1_000 * (time.monotonic() - begun))

    await asyncio.gather(
        when("publisher", meera, ON_AIR, connections), when("webrtc", asha, MOVES), when("hls", ravi, MOVES)
    )
    for name, one in (("webrtc gap", asha), ("hls gap", ravi)):
        after[name] = round(await one.page.evaluate("seen.gap"))
    return after


async def glass(people: People, server: Subprocess, seconds: int, codec: str) -> dict[str, Any]:
    meera = await publish(people, server, CAMERA + (f";{ONLY.replace('CODEC', codec)}" if codec else ""))
    watchers: dict[str, Someone] = {}
    for number, name in enumerate(("webrtc", "hls")):
        watchers[name] = await enter(people, server, "Asha", Role.STUDENT, f"s{number}")
        await way(watchers[name], name)
        await plays(watchers[name], FIGURE)
    await asyncio.sleep(5)  # until players have caught up
    for one in watchers.values():
        await one.page.evaluate(READ, FIGURE)
        await one.page.evaluate(AFRESH)
    await asyncio.sleep(seconds)
    found: dict[str, Any] = {}
    for name, one in watchers.items():
        told = await one.page.evaluate(GLASS)
        found[name] = {**spread(told.pop("late")), **told}
    found["sent"] = await meera.page.evaluate(SENT)
    return found


MODES: dict[str, tuple[Callable[[People, Subprocess, int, str], Coroutine[Any, Any, dict[str, Any]]], int, int]] = {
    "first": (first, 12, 100),  # how it is played, how often, and how many places there are by WebRTC
    "back": (back, 5, 1),
    "glass": (glass, 120, 1),
}


async def play(mode: str, folder: Path, times: int = 0, codec: str = "") -> dict[str, Any]:
    measure, usual, places = MODES[mode]
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serving_alone(folder, media_viewers=places))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *LIVE_FLAGS])
        stack.push_async_callback(close, browser)
        return await measure(People(browser), server, times or usual, codec)


if __name__ == "__main__":
    given = sys.argv[1:]
    played = play(given[0], Path(given[1]), *map(int, given[2:3]), *given[3:4])
    sys.stdout.write(json.dumps(asyncio.run(played), indent=1) + "\n")
