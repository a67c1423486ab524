"""A class on the air behind the edges that `config/deploy/` sets up: the origin is asked once for what a crowd asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.media.edge import EDGES, edge
from tests.media.studio import Studio, on_air
from tests.media.test_live import playing
from tests.media.test_playlist import read
from tests.running import until

CROWD = 100


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


def answered(studio: Studio, what: str) -> float:
    return studio.streams.metrics.hls_requests.labels(what)._value.get()


@pytest.mark.parametrize("kind", EDGES)
async def test_what_a_crowd_asks_for_the_origin_is_asked_for_once(
    kind: str, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async def crowd(url: str) -> bytes:
        async def one() -> bytes:
            async with http.get(url) as answer:
                assert answer.status == 200, f"{url}: {answer.status}"
                return await answer.read()

        bodies = await asyncio.gather(*(one() for _ in range(CROWD)))
        assert len(set(bodies)) == 1
        return bodies[0]

    async with on_air() as studio:
        studio.camera()
        await playing(studio, "camera")
        loop = asyncio.get_running_loop()
        context = edge(kind, tmp_path, int(studio.url.rsplit(":", 1)[1]))
        url, _ = await loop.run_in_executor(None, context.__enter__)
        try:
            base = studio.live.replace(studio.url, url) + "camera1/"
            rendition = studio.streams._rooms["demo"].renditions["camera1"]
            for _ in range(4):
                place = rendition.timeline.next_part
                playlists, parts = answered(studio, "playlist"), answered(studio, "part")
                text = (await crowd(f"{base}playlist.m3u8?_HLS_msn={place.segment}&_HLS_part={place.part}")).decode()
                await crowd(base + read(text).parts[-1][1])
                assert answered(studio, "playlist") == playlists + 1
                assert answered(studio, "part") == parts + 1
            # Another query is another playlist, and what is refused stays refused.
            delta = await crowd(f"{base}playlist.m3u8?_HLS_msn=0&_HLS_part=0&_HLS_skip=YES")
            assert delta.startswith(b"#EXTM3U")
            async with http.get(f"{base}playlist.m3u8?_HLS_msn=99999") as answer:
                assert answer.status == 400
            async with http.get(url + "/api/rooms/demo") as answer:
                assert answer.status == 404
        finally:
            await loop.run_in_executor(None, context.__exit__, None, None, None)


@pytest.mark.parametrize("kind", EDGES)
async def test_come_again_is_not_kept_by_an_edge_for_longer_than_it_is_true(
    kind: str, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with on_air() as studio:
        studio.microphone()
        await until(lambda: studio.streams.address("demo"))
        loop = asyncio.get_running_loop()
        context = edge(kind, tmp_path, int(studio.url.rsplit(":", 1)[1]))
        url, _ = await loop.run_in_executor(None, context.__enter__)
        try:
            screen = studio.live.replace(studio.url, url) + "screen.m3u8"
            async with http.get(screen) as answer:
                assert answer.status == 503
            studio.camera(source="screen")
            await playing(studio, "screen", "opus")
            status = 503
            async with asyncio.timeout(10):
                while status == 503:
                    async with http.get(screen) as answer:
                        status = answer.status
                    await asyncio.sleep(0.05)
            assert status == 200
        finally:
            await loop.run_in_executor(None, context.__exit__, None, None, None)
