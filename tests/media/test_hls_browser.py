"""hls.js in real Chromium plays a class on the air: close behind it, and without a stall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.e2e.people import CHROMIUM, FLAGS, close
from tests.media.studio import Studio, on_air
from tests.running import until

HLS = Path(__file__).parent.parent.parent / "client" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
SECONDS = 17
SETTLED = 12  # seconds in which a player that began too far behind has caught up
PLAYER = {"maxLiveSyncPlaybackRate": 1.5}  # as our client sets it: without, hls.js never catches up
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><video id="v" muted autoplay></video>
<script src="/hls.js"></script><script>
const video = document.getElementById("v");
window.seen = {errors: [], fatal: [], stalls: 0, behind: [], times: [], started: false, shown: 0};
video.addEventListener("waiting", () => { if (seen.started) seen.stalls++; });
window.watch = (url, settings) => {
  window.hls = new Hls(settings);
  hls.on(Hls.Events.ERROR, (_, error) => (error.fatal ? seen.fatal : seen.errors).push(error.details));
  hls.loadSource(url);
  hls.attachMedia(video);
};
setInterval(() => {
  if (!window.hls || !hls.playingDate || video.paused || video.currentTime === 0) return;
  if (!seen.started && video.readyState >= 3) { seen.started = true; seen.since = performance.now(); }
  if (performance.now() - seen.since < 3000) return;
  seen.behind.push((Date.now() - hls.playingDate) / 1000);
  seen.times.push(video.currentTime);
  seen.shown = video.getVideoPlaybackQuality().totalVideoFrames;
}, 250);
</script>"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"]
        )
        yield opened
        await close(opened)


async def watched(browser: Browser, url: str, live: str, seconds: float, **settings: Any) -> dict[str, Any]:
    """What a page has seen that watched for so long."""
    page: Page = await browser.new_page()
    await page.goto(url + "/watch")
    await page.evaluate("([url, settings]) => watch(url, settings)", [live, settings])
    # By itself Playwright looks with each frame: then the page makes 60 a second, which is dearer than what it plays.
    enough = f"seen.behind.length >= {round(seconds * 4)}"
    await page.wait_for_function(enough, timeout=(seconds + 25) * 1_000, polling=250)
    seen: dict[str, Any] = await page.evaluate(
        "({...seen, state: hls.levels.map(level => level.codecs || level.videoCodec)})"
    )
    await page.close()
    return seen


async def ready(studio: Studio, name: str) -> str:
    """The address of a playlist, when there is something to play."""
    await until(lambda: studio.streams.address("demo"))
    live = studio.streams.find(studio.live.split("/")[-2])
    assert live is not None
    await until(lambda: live.index(name) is not None and "opus" in live.current and "aac" in live.current)
    return f"{studio.live}{name}.m3u8"


def pages() -> dict[str, str]:
    return {"/hls.js": HLS.read_text(), "/watch": PAGE}


async def test_a_class_is_watched_close_behind_and_without_a_stall(browser: Browser) -> None:
    """Three who watch: the camera, a still screen of one picture a second, the voices alone."""
    async with on_air(pages=pages()) as studio:
        studio.camera("h264")
        studio.camera("h264", "screen", rate=1)
        studio.microphone()
        lists = [await ready(studio, name) for name in ("index", "screen", "audio")]
        watching = [watched(browser, studio.url, live, SECONDS, **PLAYER) for live in lists]
        camera, screen, voices = await asyncio.gather(*watching)
    for seen, behind in ((camera, 2.5), (screen, 3.5), (voices, 2.5)):
        print(seen)
        assert seen["fatal"] == []
        assert seen["stalls"] <= 1  # a busy machine may hold a part up once
        assert max(seen["behind"][SETTLED * 4 :]) <= behind
    settled = camera["times"][SETTLED * 4 :]
    assert settled[-1] - settled[0] == pytest.approx((len(settled) - 1) * 0.25, abs=1.5)
    assert camera["shown"] > SECONDS * 30 * 0.8
