"""The live stream's packaging: CPU per frame of pictures and per packet of sound, from RTP to the part that is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from classroom.media.hls.mixing import DELAY, Mixer
from classroom.media.hls.rendition import Rendition
from classroom.media.intake.clock import PublisherClock
from classroom.media.intake.feed import Feed, Frame
from classroom.media.playlist import Shape
from loadtest.bench.footage import RATE, film, packet, tone
from loadtest.bench.stage import Say
from loadtest.bench.table import Row

SECONDS = 60
ROUNDS = 3
START = 1_790_000_000.0  # seconds
SHAPE = Shape(4, 0.333, 120)


def run(say: Say) -> Iterator[Row]:
    pictures, sounds = film(SECONDS), tone(SECONDS)
    size = sum(map(len, pictures)) * 8 / SECONDS / 1e6
    say(
        f"{SECONDS} s of H.264 at {size:.1f} Mbit/s and Opus; {len(pictures) / SECONDS:.0f} packets of pictures a second"
    )
    yield Row("picture packaged, RTP to part", _best(lambda: _pictures(pictures), SECONDS * RATE), "µs/frame")
    yield Row("sound packaged, RTP to part", _best(lambda: _sound(sounds), len(sounds)), "µs/packet")
    for voices in (1, 4):
        each = _best(lambda voices=voices: asyncio.run(_mixed(sounds, voices)), SECONDS * 50)
        yield Row(f"sound mixed of {voices}, to Opus and AAC", each, "µs/20 ms")
    yield Row("playlist written, 120 s window", _best(_playlists(pictures), 200), "µs")


def _best(work: Callable[[], None], count: int) -> float:
    """µs of this process's CPU per piece, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best / count * 1e6


def _rendition(kind: str, codec: str) -> Rendition:
    return Rendition(f"{kind}1", kind, codec, SHAPE, 1.5 if kind == "camera" else 2.0, START * 1_000)


def _pictures(packets: list[bytes]) -> None:
    rendition = _rendition("camera", "h264")
    feed = Feed("h264", 90_000, 102, PublisherClock(), rendition.cutter.frame)
    for one in packets:
        feed.rtp(one, START + int.from_bytes(one[4:8], "big") / 90_000)
    assert len(rendition.timeline.segments) >= SECONDS // 2 - 2


def _sound(payloads: list[bytes]) -> None:
    rendition = _rendition("sound", "opus")
    feed = Feed("opus", 48_000, 111, PublisherClock(), rendition.cutter.frame)
    for index, payload in enumerate(payloads):
        feed.rtp(packet(payload, index, index * 960, 111, True), START + index / 50)


async def _mixed(payloads: list[bytes], voices: int) -> None:
    with ThreadPoolExecutor(1) as threads:
        mixer = Mixer(START * 1_000, 64_000, True, threads)
        made: list[Frame] = []

        def feed_for(name: str) -> Feed:
            return Feed("opus", 48_000, 111, PublisherClock(), lambda frame: mixer.packet(name, frame))

        feeds = [feed_for(str(voice)) for voice in range(voices)]
        for index, payload in enumerate(payloads):
            data = packet(payload, index, index * 960, 111, True)
            for feed in feeds:
                feed.rtp(data, START + index / 50)
            if index % 5 == 4:
                made += (await mixer.step((START + index / 50 + DELAY) * 1_000)).opus
        assert len(made) > len(payloads) - 50


def _playlists(packets: list[bytes]) -> Callable[[], None]:
    rendition = _rendition("camera", "h264")
    feed = Feed("h264", 90_000, 102, PublisherClock(), rendition.cutter.frame)
    for one in packets:
        feed.rtp(one, START + int.from_bytes(one[4:8], "big") / 90_000)

    def write() -> None:
        for _ in range(200):
            rendition.timeline.render()

    return write
