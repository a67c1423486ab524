"""A class on the air behind the real handlers of LL-HLS, for `loadtest.bench.edge`: says where, then answers lines of JSON."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from fractions import Fraction

import av
import uvloop

from classroom.media.hls.rendition import Rendition
from tests.media.browser import Shot
from tests.media.studio import Publisher, Studio, on_air, track
from tests.running import until

LENGTH, RATE, BITS = 4.0, 30, 300_000


def film() -> tuple[Shot, ...]:
    """Noise that moves, which takes the bits that it is given, with a key frame every 2 s."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 320, 180, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 90_000), Fraction(RATE)
    encoder.bit_rate, encoder.gop_size, encoder.max_b_frames = BITS, 2 * RATE, 0
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    dice = random.Random(1)
    shots: list[Shot] = []
    for index in range(round(LENGTH * RATE)):
        frame = av.VideoFrame(320, 180, "yuv420p")
        for plane in frame.planes:
            plane.update(dice.randbytes(997) * (plane.buffer_size // 997) + bytes(plane.buffer_size % 997))
        frame.pts, frame.time_base = index * 90_000 // RATE, encoder.time_base
        made = encoder.encode(frame)
        shots += [Shot((packet.pts or 0) / 90_000, bytes(packet), packet.is_keyframe) for packet in made]
    return tuple(shots)


def noted(rendition: Rendition) -> dict[str, float]:
    """When each part was there, by `segment.part`."""
    times: dict[str, float] = {}
    real = rendition.part

    def part(data: bytes, duration: int, independent: bool) -> None:
        place = rendition.timeline.next_part
        times[f"{place.segment}.{place.part}"] = time.time()
        real(data, duration, independent)

    rendition.part = part  # type: ignore[method-assign]
    return times


async def main() -> None:
    shots = film()
    async with on_air() as studio:
        studio.publishers.append(Publisher(studio.streams, track("camera", "h264"), shots, LENGTH))
        await until(lambda: studio.streams.address("demo"))
        live = studio.streams.find(studio.live.split("/")[-2])
        assert live is not None
        await until(lambda: "camera" in live.current and live.current["camera"].live, 30)
        times = noted(live.current["camera"])
        port = int(studio.url.rsplit(":", 1)[1])
        say({"port": port, "path": f"{studio.streams.address('demo')}camera1/"})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if json.loads(line)["op"] == "usage":
                say({"cpu": time.process_time(), "requests": requests(studio), "times": times})


def requests(studio: Studio) -> float:
    """Requests answered so far."""
    samples = [one for metric in studio.streams.metrics.hls_requests.collect() for one in metric.samples]
    return sum(one.value for one in samples if one.name.endswith("_total"))


def say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    uvloop.run(main())
