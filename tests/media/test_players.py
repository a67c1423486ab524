"""Players of others' making: FFmpeg by the playlists' address, and MediaSource in Chromium by the segments alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import av
import pytest
from playwright.async_api import Browser, async_playwright

from classroom.media.tap import Codec
from tests.e2e.people import CHROMIUM, FLAGS, close
from tests.media.studio import Studio, on_air
from tests.media.test_live import playing
from tests.media.test_playlist import read
from tests.running import until

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><video id="v" muted></video><script>
// Append each file of each track, play from where all of them begin, and say what was seen.
window.play = async (tracks) => {
  const video = document.getElementById("v"), source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise((go) => source.addEventListener("sourceopen", go, {once: true}));
  await Promise.all(tracks.map(async ({type, urls}) => {
    if (!MediaSource.isTypeSupported(type)) throw new Error("not supported: " + type);
    const buffer = source.addSourceBuffer(type);
    for (const url of urls) {
      buffer.appendBuffer(await (await fetch(url)).arrayBuffer());
      await new Promise((go, no) => { buffer.onupdateend = go; buffer.onerror = () => no(new Error("append " + url)); });
    }
    if (buffer.buffered.length !== 1) throw new Error(type + " has holes: " + buffer.buffered.length);
  }));
  source.endOfStream();
  video.currentTime = video.buffered.start(0);
  video.playbackRate = 4;
  await video.play();
  const begun = video.currentTime;
  await new Promise((go, no) => {
    video.onended = go;
    video.onerror = () => no(new Error(video.error.message));
  });
  return {played: video.currentTime - begun, length: video.buffered.end(0) - begun, width: video.videoWidth,
    frames: video.getVideoPlaybackQuality().totalVideoFrames};
};
</script>"""


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"]
        )
        yield opened
        await close(opened)


async def listed(http: aiohttp.ClientSession, studio: Studio, name: str, segments: int) -> list[str]:
    """The addresses of a rendition's header and first segments."""
    base = f"{studio.live}{name}/"
    async with http.get(f"{base}playlist.m3u8?_HLS_msn={segments}") as answer:
        assert answer.status == 200
        found = read(await answer.text())
    return [base + found.maps[0].split('"')[1]] + [base + uri for _, uri in found.segments[:segments]]


@pytest.mark.parametrize(("codec", "sound"), [("h264", "opus"), ("vp8", "aac"), ("vp9", "opus")])
async def test_mediasource_in_chromium_plays_picture_and_sound_without_a_hole(
    codec: Codec, sound: str, http: aiohttp.ClientSession, browser: Browser
) -> None:
    async with on_air(pages={"/play": PAGE}) as studio:
        studio.camera(codec)
        studio.microphone()
        await playing(studio, "camera", "opus", "aac")
        live = studio.streams._rooms["demo"]
        tracks = []
        for name, kind in (("camera1", "video"), (f"{sound}1", "audio")):
            setup = live.renditions[name].setup
            assert setup is not None
            urls = await listed(http, studio, name, 2)
            tracks.append({"type": f'{kind}/mp4; codecs="{setup.string}"', "urls": urls})
        page = await browser.new_page()
        await page.goto(studio.url + "/play")
        seen = await page.evaluate("(tracks) => play(tracks)", tracks)
        await page.close()
    print(seen)
    assert seen["width"] == 320
    assert seen["played"] == pytest.approx(seen["length"], abs=0.2)
    assert seen["length"] > 2.5
    assert seen["frames"] > 20


async def test_ffmpeg_plays_the_class_by_its_address() -> None:
    def watch(url: str) -> tuple[int, int]:
        with av.open(url, options={"live_start_index": "-2"}, timeout=30) as file:
            pictures = sounds = 0
            for frame in file.decode(file.streams.video[0], file.streams.audio[0]):
                pictures += isinstance(frame, av.VideoFrame)
                sounds += isinstance(frame, av.AudioFrame)
                if pictures >= 60 and sounds >= 60:
                    break
            return pictures, sounds

    async with on_air() as studio:
        studio.camera()
        studio.microphone()
        await playing(studio, "camera", "opus", "aac")
        renditions = studio.streams._rooms["demo"].renditions.values()
        await until(lambda: all(len(one.timeline.segments) > 1 for one in renditions))  # FFmpeg knows no parts
        pictures, sounds = await asyncio.to_thread(watch, studio.live + "index.m3u8")
    assert pictures >= 60
    assert sounds >= 60
