"""The live stream's packaging: CPU per frame of pictures and per packet of sound, from RTP to the part that is served."""

from __future__ import annotations

import asyncio
import fractions
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import av
from aiortc.codecs.h264 import H264Encoder

from classroom.media.hls.mixing import DELAY, Mixer
from classroom.media.hls.rendition import Rendition
from classroom.media.intake.clock import PublisherClock
from classroom.media.intake.feed import Feed, Frame
from classroom.media.playlist import Shape
from loadtest.bench.stage import Say
from loadtest.bench.table import Row

SECONDS = 60
RATE = 30
BITRATE = 1_100_000
ROUNDS = 3
START = 1_790_000_000.0  # seconds
SHAPE = Shape(4, 0.333, 120)


def run(say: Say) -> Iterator[Row]:
    film, tone = _film(), _tone()
    size = sum(map(len, film)) * 8 / SECONDS / 1e6
    say(f"{SECONDS} s of H.264 at {size:.1f} Mbit/s and Opus; {len(film) / SECONDS:.0f} packets of pictures a second")
    yield Row("picture packaged, RTP to part", _best(lambda: _pictures(film), SECONDS * RATE), "µs/frame")
    yield Row("sound packaged, RTP to part", _best(lambda: _sound(tone), len(tone)), "µs/packet")
    for voices in (1, 4):
        each = _best(lambda voices=voices: asyncio.run(_mixed(tone, voices)), SECONDS * 50)
        yield Row(f"sound mixed of {voices}, to Opus and AAC", each, "µs/20 ms")
    yield Row("playlist written, 120 s window", _best(_playlists(film), 200), "µs")


def _best(work: Callable[[], None], count: int) -> float:
    """µs of this process's CPU per piece, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best / count * 1e6


def _packet(payload: bytes, number: int, timestamp: int, kind: int, marker: bool) -> bytes:
    return struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), number % 65_536, timestamp, 7) + payload


def _film() -> list[bytes]:
    """RTP packets of noise that moves, which an encoder cannot make small, a key frame every 2 s."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 640, 360, "yuv420p"
    encoder.time_base, encoder.framerate = fractions.Fraction(1, 90_000), fractions.Fraction(RATE)
    encoder.bit_rate, encoder.gop_size, encoder.max_b_frames = BITRATE, 2 * RATE, 0
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    packets: list[bytes] = []
    for index in range(SECONDS * RATE):
        frame = av.VideoFrame(640, 360, "yuv420p")
        for plane in frame.planes:
            noise = bytes((at * 37 + index * 3 + (at >> 6) * index) & 0xFF for at in range(997))
            plane.update((noise * (plane.buffer_size // 997 + 1))[: plane.buffer_size])
        frame.pts = index * 90_000 // RATE
        for encoded in encoder.encode(frame):
            payloads = list(H264Encoder._packetize(H264Encoder._split_bitstream(bytes(encoded))))
            for place, payload in enumerate(payloads):
                last = place == len(payloads) - 1
                packets.append(_packet(payload, len(packets), encoded.pts or 0, 102, last))
    return packets


def _tone() -> list[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = 48_000, "stereo", "s16", 48_000
    found: list[bytes] = []
    for index in range(SECONDS * 50):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(bytes((at * at + index) & 0x3F for at in range(3_840)))
        frame.sample_rate, frame.pts = 48_000, index * 960
        found += [bytes(packet) for packet in encoder.encode(frame)]
    return found


def _rendition(kind: str, codec: str) -> Rendition:
    return Rendition(f"{kind}1", kind, codec, SHAPE, 1.5 if kind == "camera" else 2.0, START * 1_000)


def _pictures(film: list[bytes]) -> None:
    rendition = _rendition("camera", "h264")
    feed = Feed("h264", 90_000, 102, PublisherClock(), rendition.cutter.frame)
    for packet in film:
        feed.rtp(packet, START + int.from_bytes(packet[4:8], "big") / 90_000)
    assert len(rendition.timeline.segments) >= SECONDS // 2 - 2


def _sound(tone: list[bytes]) -> None:
    rendition = _rendition("sound", "opus")
    feed = Feed("opus", 48_000, 111, PublisherClock(), rendition.cutter.frame)
    for index, payload in enumerate(tone):
        feed.rtp(_packet(payload, index, index * 960, 111, True), START + index / 50)


async def _mixed(tone: list[bytes], voices: int) -> None:
    with ThreadPoolExecutor(1) as threads:
        mixer = Mixer(START * 1_000, 64_000, True, threads)
        made: list[Frame] = []

        def feed_for(name: str) -> Feed:
            return Feed("opus", 48_000, 111, PublisherClock(), lambda frame: mixer.packet(name, frame))

        feeds = [feed_for(str(voice)) for voice in range(voices)]
        for index, payload in enumerate(tone):
            packet = _packet(payload, index, index * 960, 111, True)
            for feed in feeds:
                feed.rtp(packet, START + index / 50)
            if index % 5 == 4:
                made += (await mixer.step((START + index / 50 + DELAY) * 1_000)).opus
        assert len(made) > len(tone) - 50


def _playlists(film: list[bytes]) -> Callable[[], None]:
    rendition = _rendition("camera", "h264")
    feed = Feed("h264", 90_000, 102, PublisherClock(), rendition.cutter.frame)
    for packet in film:
        feed.rtp(packet, START + int.from_bytes(packet[4:8], "big") / 90_000)

    def write() -> None:
        for _ in range(200):
            rendition.timeline.render()

    return write
