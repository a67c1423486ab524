"""VP8 becomes H.264 in a process of its own: what comes out, what bad input does, and what the death of the process does."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import time

import av
import psutil

from classroom.media.hls.anew import QUEUE, Anew
from classroom.media.hls.encoder import HEAD, LATE, Source, run
from classroom.media.hls.live import Live
from classroom.media.intake.feed import Frame
from classroom.media.intake.frames import Setup
from classroom.media.sfu import sdp
from tests.media.browser import Shot, film
from tests.media.studio import Studio, on_air
from tests.media.test_live import playing
from tests.running import until

NOW = 1_790_000_000_000.0  # ms


def the_class(studio: Studio) -> Live:
    live = studio.streams.find(studio.live.split("/")[-2])
    assert live is not None
    return live


def process_id(live: Live) -> int:
    assert live._anew is not None
    assert live._anew.process is not None
    return live._anew.process.pid


def encoder_of(live: Live) -> psutil.Process:
    return psutil.Process(process_id(live))


def encoded(frames: list[tuple[float, bytes]], late: float = 0.0) -> list[tuple[float, bytes]]:
    """What a program that is given these is heard to say."""
    now = time.time() * 1_000 - late
    come = io.BytesIO(b"".join(HEAD.pack(0, now + at, len(data)) + data for at, data in frames))
    go = io.BytesIO()
    run(come, go, 1.0)
    data, found = go.getvalue(), []
    while data:
        _, at, length = HEAD.unpack(data[: HEAD.size])
        found.append((at - now, data[HEAD.size : HEAD.size + length]))
        data = data[HEAD.size + length :]
    return found


def test_each_picture_comes_out_with_its_time_and_a_key_frame_comes_every_segment() -> None:
    shots = film("vp8", 90, 30, 90)
    made = encoded([(shot.at * 1_000, shot.data) for shot in shots])
    assert [round(at) for at, _ in made] == [round(shot.at * 1_000) for shot in shots]
    decoder = av.CodecContext.create("h264", "r")
    pictures = [picture for _, data in made for picture in decoder.decode(av.Packet(data))]
    pictures += decoder.decode(None)
    assert len(pictures) == 90
    assert [number for number, picture in enumerate(pictures) if picture.key_frame] == [0, 30, 60]
    # The bar of picture 50 stands where it was drawn.
    row = bytes(pictures[50].planes[0])[: pictures[50].width]
    assert max(range(320), key=lambda x: sum(row[x : x + 16])) in range(50 * 7 % 304 - 2, 50 * 7 % 304 + 3)


def test_a_picture_of_another_size_goes_on_with_other_parameter_sets() -> None:
    small, large = film("vp8", 10, 30, 10, (161, 91)), film("vp8", 10, 30, 10)
    frames = [(shot.at * 1_000, shot.data) for shot in small] + [(1_000 + shot.at * 1_000, shot.data) for shot in large]
    decoder = av.CodecContext.create("h264", "r")
    pictures = [picture for _, data in encoded(frames) for picture in decoder.decode(av.Packet(data))]
    pictures += decoder.decode(None)
    assert [(one.width, one.height) for one in pictures] == [(160, 90)] * 10 + [(320, 180)] * 10


def test_what_is_no_vp8_is_answered_by_asking_for_a_key_frame_and_the_next_one_is_taken() -> None:
    dice = random.Random(5)
    shots = film("vp8", 10, 30, 5)
    key = shots[0].data
    broken = [bytes([dice.randrange(256)]) + dice.randbytes(dice.randrange(1, 900)) for _ in range(200)]
    broken += [key[: dice.randrange(1, len(key))] for _ in range(50)]
    broken += [bytes(b ^ (dice.random() < 0.01) * dice.randrange(256) for b in key) for _ in range(50)]
    made = encoded([(0.0, data) for data in broken] + [(shot.at * 1_000, shot.data) for shot in shots])
    assert (0.0, b"") in [(round(at), data) for at, data in made]
    assert all(data for _, data in made[-9:])


def test_who_is_late_shows_fewer_pictures_and_comes_back() -> None:
    shots = film("vp8", 40, 30, 40)
    source = Source(1.0)
    made = [source.frame(shots[n].data, NOW + n * 33, NOW + n * 33 + (LATE + 90) * (10 <= n < 20)) for n in range(40)]
    assert [number for number, data in enumerate(made) if data is None] == list(range(10, 20))
    longer = Source(1.0)  # a way that has become longer for good is not taken for being late for ever
    made = [longer.frame(shots[0].data, NOW + n * 33, NOW + n * 33 + (LATE + 90) * (n >= 10)) for n in range(120)]
    assert made[10] is None
    assert made[119]


async def test_an_encoder_that_dies_is_started_again_and_the_class_goes_on() -> None:
    async with on_air() as studio:
        studio.camera("vp8")
        await playing(studio, "camera", "opus")
        live = the_class(studio)
        first = encoder_of(live)
        assert first.nice() > psutil.Process().nice()
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: process_id(live) != first.pid, 20)
        last = live.current["camera"].timeline.last
        await until(lambda: live.current["camera"].timeline.last != last, 20)
        parts = live.current["camera"].timeline.last
        await until(lambda: (live.current["camera"].timeline.last or (0,))[0] > (parts or (0,))[0] + 1, 20)
        assert "camera2" not in live.renditions


async def test_the_encoder_ends_with_its_publisher_and_its_place_is_the_next_ones() -> None:
    async with on_air(encoders=1) as studio:
        camera = studio.camera("vp8")
        await playing(studio, "camera")
        live = the_class(studio)
        process = encoder_of(live)
        assert studio.streams._encoders.left == 0
        await camera.stop()
        await until(lambda: studio.streams._encoders.left == 1)
        assert not process.is_running()
        studio.camera("vp8")
        await until(lambda: live._anew is not None and live._anew.process is not None)
        second = encoder_of(live)
        await studio.streams.end("demo")
        assert not second.is_running()


async def test_without_a_place_for_an_encoder_the_class_is_heard_and_vp8_not_seen() -> None:
    async with on_air(encoders=0) as studio:
        camera = studio.camera("vp8")
        studio.microphone()
        await playing(studio, "opus", "aac")
        live = the_class(studio)
        await until(lambda: camera.sent > 30)
        assert live._anew is None
        assert "camera" not in live.current
        assert "mp4a" in (live.index("index") or "")


async def test_frames_that_the_encoder_cannot_take_are_left_out_up_to_a_key_frame() -> None:
    shots = film("vp8", 2, 30, 2)
    setup = Setup("vp8", "vp08.00.10.08", b"", 320, 180)
    asked: list[str] = []
    made: list[Frame] = []
    anew = Anew("demo", 1.0, lambda _, frame: made.append(frame), asked.append)
    try:
        at = NOW

        def send(shot: Shot, size: int = 0) -> None:
            nonlocal at
            at += 33
            anew.frame("camera", Frame(at, shot.data.ljust(size, b"\0"), shot.key, setup))

        send(shots[0])
        await until(lambda: len(made) == 1)
        assert anew.process is not None
        psutil.Process(anew.process.pid).suspend()
        for _ in range(QUEUE + 20):
            send(shots[1], 200_000)
            await asyncio.sleep(0)
        assert asked == ["camera"]
        psutil.Process(anew.process.pid).resume()
        await until(anew._queue.empty)
        send(shots[1])
        assert anew._queue.empty()
        last = at
        send(shots[0])
        await until(lambda: made[-1].at > last)
        assert made[0].setup == made[-1].setup
    finally:
        await anew.close()


def test_of_vp8_and_h264_a_publisher_is_asked_for_h264() -> None:
    lines = [
        "v=0",
        "s=-",
        "a=ice-ufrag:abcd",
        f"a=ice-pwd:{'p' * 22}",
        f"a=fingerprint:sha-256 {'AA:' * 31}AA",
        "a=setup:actpass",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 98 102",
        "a=mid:0",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:98 VP9/90000",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
    ]
    (section,) = sdp.read_offer("\r\n".join(lines)).sections
    assert [one and one.codec for one in (sdp.pick(section),)] == ["h264"]
    (section,) = sdp.read_offer("\r\n".join(lines[:-1])).sections  # packetization mode 0 is not taken
    assert [one and one.codec for one in (sdp.pick(section),)] == ["vp9"]
