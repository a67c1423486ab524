"""A class on the air, as those who watch it by LL-HLS are given it by the real handlers."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import av
import pytest

from classroom.media.tap import Codec
from tests.media.studio import Studio, on_air
from tests.media.test_playlist import Listed, read
from tests.running import until


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


async def text(http: aiohttp.ClientSession, url: str, status: int = 200) -> str:
    async with http.get(url) as answer:
        assert answer.status == status, f"{url}: {answer.status}"
        return await answer.text()


async def data(http: aiohttp.ClientSession, url: str) -> bytes:
    async with http.get(url) as answer:
        assert answer.status == 200, f"{url}: {answer.status}"
        return await answer.read()


async def playing(studio: Studio, *kinds: str) -> None:
    """Wait until something of each of these kinds can be played."""

    def there() -> bool:
        live = studio.streams.address("demo") and studio.streams.find(studio.live.split("/")[-2])
        return bool(live) and all(kind in live.current and live.current[kind].live for kind in kinds)

    await until(there)


async def whole(http: aiohttp.ClientSession, base: str, listed: Listed) -> bytes:
    header = listed.maps[0].split('"')[1]
    names = [uri for _, uri in listed.segments]
    return b"".join([await data(http, base + header), *[await data(http, base + name) for name in names]])


@pytest.mark.parametrize("codec", ["h264", "vp8", "vp9", "av1"])
async def test_a_publishers_camera_and_microphone_can_be_watched(codec: Codec, http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.camera(codec)
        studio.microphone()
        await playing(studio, "camera", "opus", "aac")
        index = await text(http, studio.live + "index.m3u8")
        assert {"h264": "avc1.", "vp8": "avc1.", "vp9": "vp09.", "av1": "av01."}[codec] in index
        assert "RESOLUTION=320x180" in index
        for name, count, codecs in (
            ("camera1", 60, {"h264" if codec == "vp8" else codec, "libdav1d"}),
            ("opus1", 100, {"opus", "libopus"}),
            ("aac1", 93, {"aac"}),
        ):
            base = f"{studio.live}{name}/"
            await text(http, f"{base}playlist.m3u8?_HLS_msn=1")
            listed = read(await text(http, f"{base}playlist.m3u8"))
            with av.open(io.BytesIO(await whole(http, base, listed))) as file:
                assert file.streams[0].codec_context.name in codecs
                assert sum(1 for _ in file.decode(file.streams[0])) >= count - 3


async def test_a_blocked_playlist_comes_with_the_part_it_waited_for_and_may_be_kept(
    http: aiohttp.ClientSession,
) -> None:
    async with on_air() as studio:
        studio.camera()
        await playing(studio, "camera")
        base = studio.live + "camera1/"
        for _ in range(8):
            hint = read(await text(http, base + "playlist.m3u8")).hint or ""
            segment, part = hint.split('"')[1].split(".")[:2]
            begun = time.monotonic()
            async with http.get(f"{base}playlist.m3u8?_HLS_msn={segment}&_HLS_part={part}") as answer:
                listed = read(await answer.text())
                assert answer.headers["Cache-Control"] == "public, max-age=24"
            assert time.monotonic() - begun < 1
            named = [uri for _, uri, _ in listed.parts]
            assert f"{segment}.{part}.m4s" in named or f"{int(segment) + 1}.0.m4s" in named


async def test_the_hinted_part_is_given_when_it_is_there_and_never_changes(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.camera()
        await playing(studio, "camera", "opus")
        base = studio.live + "opus1/"
        hint = (read(await text(http, base + "playlist.m3u8")).hint or "").split('"')[1]
        async with http.get(base + hint) as answer:
            assert answer.status == 200
            assert "immutable" in answer.headers["Cache-Control"]
            first = await answer.read()
        assert await data(http, base + hint) == first
        number = int(hint.split(".")[0])
        await text(http, f"{base}playlist.m3u8?_HLS_msn={number + 1}&_HLS_part=0")
        segment = await data(http, f"{base}{number}.m4s")
        assert first in segment
        assert await text(http, f"{base}{number + 9}.0.m4s", 404)


async def test_directives_that_make_no_sense_are_refused_at_once(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.camera()
        await playing(studio, "camera")
        for query, status in (
            ("_HLS_part=1", 400),
            ("_HLS_msn=x", 400),
            ("_HLS_msn=-1", 400),
            ("_HLS_msn=1&_HLS_part=1.5", 400),
            ("_HLS_msn=9999", 400),
            ("_HLS_msn=0&_HLS_part=0", 200),
            ("_HLS_skip=YES", 200),
            ("_HLS_unknown=1", 200),
        ):
            await text(http, f"{studio.live}camera1/playlist.m3u8?{query}", status)


async def test_before_the_first_part_one_is_told_to_come_again(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.microphone()
        await until(lambda: studio.streams.address("demo"))
        async with http.get(studio.live + "index.m3u8") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert answer.headers["Cache-Control"] == "no-store"
        await text(http, studio.url + "/live/unknown/index.m3u8", 404)
        await text(http, studio.live + "camera1/playlist.m3u8", 404)


async def test_a_thousand_who_wait_for_one_part_are_woken_at_once_with_one_body(http: aiohttp.ClientSession) -> None:
    async with on_air(target_seconds=20) as studio:
        studio.camera()
        await playing(studio, "camera")
        live = studio.streams.find(studio.live.split("/")[-2])
        assert live is not None
        rendition = live.renditions["camera1"]
        # Time stands still until all have asked.
        await studio.publishers[0].stop(told=False)
        live._task.cancel()
        place = rendition.timeline.next_part
        url = f"{studio.live}camera1/playlist.m3u8?_HLS_msn={place.segment}&_HLS_part={place.part}"
        rendered: list[int] = []
        render = rendition.timeline.render

        def counted(*arguments: Any) -> str:
            rendered.append(1)
            return render(*arguments)

        rendition.timeline.render = counted  # type: ignore[method-assign]
        tasks = [asyncio.create_task(text(http, url)) for _ in range(1_000)]
        await until(lambda: rendition.waiters == 1_000, 50)
        rendition.part(b"the part", 30_000, True)
        bodies = await asyncio.gather(*tasks)
        assert f"{place.segment}.{place.part}.m4s" in bodies[0]
        assert len(set(bodies)) == 1
        assert len(rendered) == 1
        live.closed = True
        live.over.set()


async def test_a_key_frame_is_asked_for_every_segment(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        camera = studio.camera()
        await playing(studio, "camera")
        await text(http, f"{studio.live}camera1/playlist.m3u8?_HLS_msn=1")
        assert camera.track in studio.asked


async def test_a_screen_comes_and_goes_beside_the_camera(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.camera()
        await playing(studio, "camera", "opus")
        assert await text(http, studio.live + "screen.m3u8", 503)
        screen = studio.camera("vp9", "screen", rate=10)
        await playing(studio, "screen")
        assert "vp09." in await text(http, studio.live + "screen.m3u8")
        camera = read(await text(http, studio.live + "camera1/playlist.m3u8?_HLS_msn=1"))
        assert "URI=" in camera.tags["#EXT-X-RENDITION-REPORT"]
        await screen.stop()
        live = studio.streams.find(studio.live.split("/")[-2])
        assert live is not None
        await until(lambda: "screen" not in live.current, 20)
        assert read(await text(http, studio.live + "screen1/playlist.m3u8")).ended
        assert not read(await text(http, studio.live + "camera1/playlist.m3u8")).ended


async def test_another_codec_begins_another_rendition_and_a_pause_does_not(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        camera = studio.camera()
        await playing(studio, "camera")
        await camera.stop()
        studio.camera()
        await asyncio.sleep(0)
        await text(http, f"{studio.live}camera1/playlist.m3u8?_HLS_msn=2")
        await studio.publishers[-1].stop()
        studio.camera("vp9")
        live = studio.streams.find(studio.live.split("/")[-2])
        assert live is not None
        await until(lambda: "camera2" in live.renditions and live.renditions["camera2"].live)
        assert read(await text(http, studio.live + "camera1/playlist.m3u8")).ended
        assert "camera2/playlist.m3u8" in await text(http, studio.live + "index.m3u8")


async def test_a_second_camera_does_not_disturb_the_first_and_follows_it() -> None:
    async with on_air() as studio:
        first = studio.camera()
        await playing(studio, "camera")
        studio.camera(publisher="student")
        live = studio.streams.find(studio.live.split("/")[-2])
        assert live is not None
        timeline = live.current["camera"].timeline
        await until(lambda: len(timeline.segments) > 1)
        assert live._holders["camera"] == "teacher"
        await first.stop()
        await until(lambda: live._holders.get("camera") == "student")
        segments = len(timeline.segments)
        await until(lambda: len(timeline.segments) > segments)


async def test_what_the_end_of_a_class_leaves_can_be_watched_to_its_end(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.camera()
        await playing(studio, "camera", "opus")
        live = studio.live
        await text(http, f"{live}camera1/playlist.m3u8?_HLS_msn=1")
        waiting = asyncio.create_task(text(http, f"{live}camera1/playlist.m3u8?_HLS_msn=3&_HLS_part=0"))
        await asyncio.sleep(0)
        await studio.publishers[0].stop()
        await studio.streams.end("demo")
        assert studio.streams.address("demo") is None
        assert read(await waiting).ended
        listed = read(await text(http, f"{live}camera1/playlist.m3u8"))
        with av.open(io.BytesIO(await whole(http, f"{live}camera1/", listed))) as file:
            assert sum(1 for _ in file.decode(video=0)) > 30


async def test_bytes_stay_for_as_long_again_as_a_playlist_named_them_and_no_longer() -> None:
    async with on_air(window_seconds=30) as studio:
        studio.camera()
        await playing(studio, "opus")
        live = studio.streams.find(studio.live.split("/")[-2])
        assert live is not None
        rendition = live.renditions["opus1"]
        await studio.publishers[0].stop()
        live._task.cancel()
        from classroom.media.intake.feed import Frame
        from classroom.media.intake.opus import SETUP

        start = live.epoch + 60_000
        for index in range(50 * 200):
            rendition.cutter.frame(Frame(start + index * 20, b"\xfc\xff\xfe", True, SETUP))
        kept = len(rendition._media)
        listed = len(rendition.timeline.segments)
        assert listed * 2 <= kept <= listed * 2 + 4
        live.closed = True
        live.over.set()
