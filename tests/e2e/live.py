"""A class on the air, in real browsers with devices of their own making: `python -m tests.e2e.live FOLDER`
(and, where pictures of it are to be drawn, another folder for them).

To be run in a network namespace with nothing but loopback, since a browser else uses the machine's own addresses. Prints what
was seen as JSON. The instructor publishes camera, microphone and screen from the page; one student watches by WebRTC, another,
for whom there is no place left, by LL-HLS without being asked; the media process is killed; a student is called on stage.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psutil
from playwright.async_api import Error, Route, async_playwright, expect

from classroom.kernel import Role
from classroom.media.stage import Published
from tests.e2e.clock import AFRESH, FAIL, GLASS, READ, SMALL, spread
from tests.e2e.people import (
    CHROMIUM,
    COARSE,
    COARSE_FLAG,
    DESKTOP,
    FLAGS,
    PHONE,
    SMALL_DESK,
    People,
    Someone,
    close,
)
from tests.e2e.test_accessibility import Audit
from tests.running import Subprocess, serving_alone

LIVE_FLAGS = [
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--auto-select-tab-capture-source-by-title=Demo",
]
PATIENCE = 90_000  # ms
# ms until a page is asked again. By itself Playwright asks with each frame, for which a page then makes 60 a second.
EVERY = 100
# What a browser itself says where a place is refused, a playlist is not there yet, or the media process is gone.
REFUSED = re.compile(r"Failed to load resource|net::ERR_")
# An offer to watch or to publish by WebRTC, and how many seconds a slow server takes to answer it, or an ICE restart.
ASKED, RESTARTED = re.compile(r"/wh[ei]p\?"), re.compile(r"/whip/")
SLOW = 6
# How long no picture at all had moved, at most, when one did again, since it was set to 0.
CLOCK = """() => {
  window.seen = {frames: 0, moved: performance.now(), gap: 0};
  setInterval(() => {
    const videos = [...document.querySelectorAll('figure video:not([data-mine])')];
    const frames = videos.reduce((sum, each) => sum + each.getVideoPlaybackQuality().totalVideoFrames, 0);
    const now = performance.now();
    if (frames === seen.frames) return;
    seen.gap = Math.max(seen.gap, now - seen.moved);
    seen.frames = frames;
    seen.moved = now;
  }, 50);
}"""
PLAYS = """(names) => names.every((name) => {
  const video = document.querySelector(`figure[aria-label="${name}"] video`);
  return video && video.videoWidth > 0 && video.readyState >= 2 && !video.paused;
})"""
HEARD = """(figure) => {
  const video = document.querySelector(`figure[aria-label="${figure}"] video`);
  const silent = !video || video.muted || video.paused || video.readyState < 2;
  const pictures = video?.srcObject?.getVideoTracks().length ?? video?.videoWidth;
  return !silent && Boolean(pictures) === figure.endsWith('camera');
}"""
FIRST_FRAME = """() => {
  const asked = performance.getEntriesByType('resource').find(({name}) => name.includes('/whep'));
  return performance.getEntriesByName('live first frame')[0].startTime - asked.startTime;
}"""


async def enter(
    people: People,
    server: Subprocess,
    name: str,
    role: Role,
    sub: str,
    camera: str = "",
    untouched: bool = False,
    **look: Any,
) -> Someone:
    """`camera`: a script that runs before the page's own."""
    someone = await people.person(name, **{"permissions": ["camera", "microphone"]} | look)
    if camera:
        await someone.page.add_init_script(camera)
    link = f"{server.url}/r/demo#token={server.auth.mint('demo', name, role, sub)}"
    if untouched:
        await quiet(someone, link)
        await someone.inside()
    else:
        await someone.open(link)
    await someone.page.evaluate(CLOCK)
    return someone


async def quiet(someone: Someone, link: str) -> None:
    """Come in without touching anything, as the browser sees it (what Playwright evaluates counts as a touch), until the page
    says that it may not be heard."""
    session = await someone.page.context.new_cdp_session(someone.page)
    await someone.page.goto(link)
    asked = {"expression": "document.body.innerText.includes('Turn sound on')"}
    async with asyncio.timeout(PATIENCE / 1_000):
        while not (await session.send("Runtime.evaluate", asked))["result"]["value"]:
            await asyncio.sleep(0.05)


async def way(someone: Someone, wanted: str) -> None:
    await expect(someone.page.locator(f"[data-way={wanted}]")).to_be_visible(timeout=PATIENCE)


async def plays(someone: Someone, *figures: str) -> None:
    await someone.page.wait_for_function(PLAYS, arg=list(figures), timeout=PATIENCE, polling=EVERY)


async def go_live(someone: Someone, button: str) -> None:
    await expect(someone.dialog.get_by_role("button", name=button)).to_be_enabled()
    await someone.dialog.get_by_role("button", name=button).click()
    off = someone.button("Stop publishing").or_(someone.button("Leave the stage"))
    await expect(off).to_be_visible(timeout=PATIENCE)


def serving_media(server: Subprocess) -> psutil.Process:
    """The media process that serves, not the one that watches over it."""
    assert server.process is not None
    found = [one for one in psutil.Process(server.process.pid).children(recursive=True) if "media" in one.cmdline()]
    return found[-1]


async def kill_media(server: Subprocess, watchers: list[Someone]) -> list[float]:
    """Kill the media process; the longest time that each watcher saw nothing move, in ms."""
    before = len([one for one in await server.read() if isinstance(one.event, Published)])
    for someone in watchers:
        await someone.page.evaluate("seen.gap = 0")
    serving_media(server).kill()
    while len([one for one in await server.read() if isinstance(one.event, Published)]) == before:
        await asyncio.sleep(0.05)
    for someone in watchers:
        frames = await someone.page.evaluate("seen.frames")
        await someone.page.wait_for_function(
            "(frames) => seen.gap > 500 && seen.frames !== frames",
            arg=frames,
            timeout=PATIENCE,
            polling=EVERY,
        )
    return [float(await someone.page.evaluate("seen.gap")) for someone in watchers]


async def never(_: Route) -> None:
    """Take a request, and answer nothing."""


async def slowly(route: Route) -> None:
    await asyncio.sleep(SLOW)
    with suppress(Error):  # what is still held when this ends (`unroute`) has gone on by then, or was given up
        await route.continue_()


async def picture(someone: Someone, folder: Path | None, name: str, scheme: Literal["light", "dark"] = "light") -> None:
    if folder is not None:
        await someone.page.emulate_media(color_scheme=scheme)
        await someone.page.screenshot(path=folder / f"{name}.png", animations="disabled")


async def play(folder: Path, pictures: Path | None = None) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    audit = Audit()
    with serving_alone(folder, media_viewers=1) as server:
        async with async_playwright() as playwright:
            flags = [*FLAGS, *LIVE_FLAGS, *(() if pictures else (COARSE_FLAG,))]
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            try:
                people = People(browser, 1 if pictures else COARSE)
                await lesson(people, server, audit, seen, pictures)
                for someone in people.all:
                    someone.excuse(REFUSED)
                seen["complaints"] = people.complaints
            finally:
                await close(browser)
    return seen | {"axe": audit.grave}


async def lesson(people: People, server: Subprocess, audit: Audit, seen: dict[str, Any], pictures: Path | None) -> None:
    desk = DESKTOP if pictures else SMALL_DESK
    camera = "" if pictures else SMALL
    meera = await enter(people, server, "Meera", Role.INSTRUCTOR, "t1", camera=camera, size=desk)
    await on_the_air(meera, audit, pictures)

    # One watches by WebRTC, the other has no place there.
    asha = await enter(people, server, "Asha", Role.STUDENT, "s1", untouched=pictures is None, size=PHONE)
    await way(asha, "webrtc")
    await plays(asha, "Meera, camera")
    seen["first_frame_ms"] = await asha.page.evaluate(FIRST_FRAME)
    ravi = await enter(people, server, "Ravi", Role.STUDENT, "s2", size=desk)
    await way(ravi, "hls")
    await plays(ravi, "Meera, camera")
    if pictures is None:
        await watches(asha, ravi)
        await late(meera, asha, ravi, seen)

    # The screen comes beside the camera.
    await meera.button("Share the screen").click()
    for student in (asha, ravi):
        await plays(student, "Meera, camera", "Meera, screen")
    await changed(meera, asha, ravi)
    await captions(meera, asha, ravi, audit)
    await picture(meera, pictures, "live-publishing")
    await picture(asha, pictures, "live-phone")
    await picture(asha, pictures, "live-phone-dark", "dark")
    await picture(ravi, pictures, "live")
    await picture(ravi, pictures, "live-dark", "dark")

    # A server that takes its time to answer, as one that has just begun may, is not one that cannot be reached.
    for someone in (meera, asha):
        await someone.page.route(ASKED, slowly)
    seen["back_ms"] = await kill_media(server, [asha, ravi])
    await way(asha, "webrtc")
    await way(ravi, "hls")
    await plays(asha, "Meera, camera", "Meera, screen")
    await plays(ravi, "Meera, camera", "Meera, screen")
    for someone in (meera, asha):
        await someone.page.unroute(ASKED)

    await on_stage(meera, asha, ravi, audit, pictures)

    # The end is the instructor's to choose: nothing is waited for.
    began = time.monotonic()
    await meera.button("Stop publishing").click()
    await expect(asha.page.locator("figure")).to_have_count(0, timeout=PATIENCE)
    seen["over_ms"] = (time.monotonic() - began) * 1_000


async def on_the_air(meera: Someone, audit: Audit, pictures: Path | None) -> None:
    """The instructor goes on the air from the page; at first the browser does not let them."""
    await meera.button("Start the class").click()
    await meera.confirm("Start the class")
    await meera.page.context.clear_permissions()
    await meera.stage.get_by_role("button", name="Camera and screen").click()
    fault = meera.dialog.get_by_role("alert")
    await expect(fault).to_contain_text("Allow them in the address bar")
    await expect(meera.dialog.get_by_role("button", name="Go live")).to_be_disabled()
    await audit.look(meera, "no camera", "[role=dialog]")
    await meera.page.context.grant_permissions(["camera", "microphone"])
    await fault.get_by_role("button", name="Try again").click()
    await expect(fault).to_have_count(0)
    await expect(meera.dialog.get_by_role("meter")).to_be_visible()
    await audit.look(meera, "studio", "[role=dialog]")
    await picture(meera, pictures, "studio")
    await go_live(meera, "Go live")


async def watches(asha: Someone, ravi: Someone) -> None:
    """What who watches can do: sound, which a browser lets start only when it is asked for, sound alone, a picture of its own."""
    await asha.page.get_by_text("Turn sound on", exact=True).click()
    # An offer that the server leaves without an answer is made again.
    await asha.page.route(ASKED, never, times=1)
    for someone in (asha, ravi):
        await someone.page.wait_for_function(HEARD, arg="Meera, camera", timeout=PATIENCE, polling=EVERY)
        await someone.button("Sound only, for a weak network").click()
        await someone.page.wait_for_function(HEARD, arg="Meera, sound only", timeout=PATIENCE, polling=EVERY)
        await someone.button("Sound only, for a weak network").click()
        await plays(someone, "Meera, camera")
    await asha.button("Picture in picture").click()
    await asha.page.wait_for_function("() => document.pictureInPictureElement !== null", polling=EVERY)
    await asha.button("Picture in picture").click()
    await asha.page.wait_for_function("() => document.pictureInPictureElement === null", polling=EVERY)


async def late(meera: Someone, asha: Someone, ravi: Someone, seen: dict[str, Any]) -> None:
    """How late pictures are, and that they go on over another way through the network for the publisher, also where the server
    takes its time to answer."""

    async def some(script: str, *given: str) -> None:
        """Until each has read some pictures since `script`."""
        for someone in (asha, ravi):
            await someone.page.evaluate(script, *given)
        for someone in (asha, ravi):
            await someone.page.wait_for_function("() => glass.late.length > 15", timeout=PATIENCE, polling=EVERY)

    await some(READ, "Meera, camera")
    seen["late_ms"] = [spread((await one.page.evaluate(GLASS))["late"])["p50"] for one in (asha, ravi)]
    await meera.page.route(RESTARTED, slowly)
    seen["restart_kept"] = await meera.page.evaluate(FAIL)
    await meera.page.unroute(RESTARTED)
    await some(AFRESH)


async def changed(meera: Someone, asha: Someone, ravi: Someone) -> None:
    """What is sent is changed while it is sent: other devices, and the screen without the camera."""
    await meera.button("Choose devices").click()
    await meera.dialog.get_by_role("button", name="Use these").click()
    await expect(meera.dialog).to_have_count(0)
    await meera.button("Turn the camera off").click()
    await expect(asha.page.get_by_role("figure", name="Meera, sound only")).to_be_visible(timeout=PATIENCE)
    await expect(ravi.page.get_by_role("figure", name="Meera, camera")).to_have_count(0, timeout=PATIENCE)
    for student in (asha, ravi):
        await plays(student, "Meera, screen")
    await meera.button("Turn the camera on").click()
    for student in (asha, ravi):
        await plays(student, "Meera, camera", "Meera, screen")


async def captions(meera: Someone, asha: Someone, ravi: Someone, audit: Audit) -> None:
    await meera.page.get_by_role("toolbar", name="Live").get_by_role("button", name="Captions").click()
    await audit.look(meera, "caption menu", "[role=menu]")
    await meera.page.get_by_role("menuitem", name="Type captions").click()
    await meera.page.get_by_role("textbox", name="What is being said").fill("Current is charge per second.")
    await meera.page.keyboard.press("Enter")
    for student in (asha, ravi):
        await expect(student.page.get_by_role("log", name="Captions")).to_contain_text("charge per second")
        await audit.look(student, "watching", "section[aria-label=Stage]")
    await audit.look(meera, "on the air")
    # They go along where a picture fills the screen.
    await ravi.button("Full screen").click()
    inside = ravi.page.locator("figure").get_by_role("log", name="Captions")
    await meera.page.get_by_role("textbox", name="What is being said").fill("A volt drives it.")
    await meera.page.keyboard.press("Enter")
    await expect(inside).to_contain_text("A volt drives it.")
    await ravi.page.evaluate("document.exitFullscreen()")
    await expect(inside).to_have_count(0)
    await expect(ravi.page.get_by_role("log", name="Captions")).to_be_attached()


async def called(meera: Someone, ravi: Someone) -> None:
    """A raised hand is called on stage."""
    await ravi.button("Raise hand").click()
    await meera.page.get_by_role("button", name="Call on stage").click()
    await expect(ravi.dialog).to_contain_text("You have been called on stage")


async def on_stage(meera: Someone, asha: Someone, ravi: Someone, audit: Audit, pictures: Path | None) -> None:
    await meera.tab("People")
    await called(meera, ravi)
    waited = meera.page.get_by_role("list", name="Called on stage, not there yet")
    await expect(waited).to_contain_text("Ravi")
    await audit.look(meera, "somebody was called", "[role=tabpanel]")
    await audit.look(ravi, "called on stage", "[role=dialog]")
    await ravi.dialog.get_by_role("button", name="Decline").click()
    await expect(ravi.dialog).to_have_count(0)
    await expect(waited).to_have_count(0)
    await expect(ravi.button("Camera and screen")).to_have_count(0)

    # There is a place by WebRTC for who is on stage in any case.
    await called(meera, ravi)
    await go_live(ravi, "Come on stage")
    await way(ravi, "webrtc")
    await plays(meera, "Ravi, camera")
    await plays(ravi, "Meera, camera", "Meera, screen")
    # For two on stage the one place is not enough: she goes on by LL-HLS, which has one camera and all voices.
    await way(asha, "hls")
    await plays(asha, "The stage, camera", "Meera, screen")
    await picture(asha, pictures, "stage-phone")
    await picture(ravi, pictures, "stage")
    await ravi.button("Leave the stage").click()
    await expect(meera.page.get_by_role("figure", name="Ravi, camera")).to_have_count(0)
    await expect(ravi.button("Camera and screen")).to_have_count(0)

    # And sent off.
    await called(meera, ravi)
    await go_live(ravi, "Come on stage")
    await meera.button("Actions for Ravi on stage").click()
    await meera.page.get_by_role("menuitem", name="Send off the stage").click()
    await expect(ravi.button("Leave the stage")).to_have_count(0)
    await expect(meera.page.get_by_role("figure", name="Ravi, camera")).to_have_count(0)
    await plays(asha, "Meera, camera")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(play(*map(Path, sys.argv[1:3])))) + "\n")
