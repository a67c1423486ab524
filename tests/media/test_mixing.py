"""Voices are mixed at their class time, and the sound never stops."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import av
import pytest

from classroom.media.hls.mixing import BLOCK, DELAY, RATE, Mixer, mix
from classroom.media.intake.feed import Frame
from classroom.media.intake.opus import SETUP
from tests.media.browser import tone

EPOCH = 1_700_000_000_000.0


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def heard(frames: list[Frame], codec: str) -> array[int]:
    """The left channel, as a listener's decoder gives it."""
    decoder = av.CodecContext.create({"opus": "libopus"}.get(codec, codec), "r")
    decoder.sample_rate, decoder.layout = RATE, "stereo"
    if codec == "aac":
        decoder.extradata = frames[0].setup.private
    resampler = av.AudioResampler("s16", "stereo", RATE)
    samples = array("h")
    for frame in frames:
        for decoded in decoder.decode(av.Packet(frame.data)):
            for even in resampler.resample(decoded):
                samples.frombytes(bytes(even.planes[0])[: even.samples * 4])
    return samples[::2]


def strength(samples: array[int], hertz: float) -> float:
    """How much of a tone is in samples: 1 for a full sine (Goertzel)."""
    turn = 2 * math.pi * hertz / RATE
    real = sum(value * math.cos(turn * index) for index, value in enumerate(samples))
    imaginary = sum(value * math.sin(turn * index) for index, value in enumerate(samples))
    return math.hypot(real, imaginary) * 2 / len(samples) / 32_767


def say(mixer: Mixer, name: str, start: float, hertz: float, seconds: float = 1.0, lost: tuple[int, ...] = ()) -> None:
    for index, shot in enumerate(tone(2.0, hertz)[: round(seconds * 50)]):
        if index not in lost:
            mixer.packet(name, Frame(EPOCH + (start + shot.at) * 1_000, shot.data, True, SETUP))


@pytest.mark.parametrize("codec", ["opus", "aac"])
async def test_two_voices_are_heard_together_and_each_at_its_time(codec: str, threads: ThreadPoolExecutor) -> None:
    mixer = Mixer(EPOCH, 64_000, True, threads)
    say(mixer, "first", 0.0, 440)
    say(mixer, "second", 0.5, 1_000)
    sound = await mixer.step(EPOCH + (1.5 + DELAY) * 1_000)
    frames = sound.opus if codec == "opus" else sound.aac
    begin = round((EPOCH - frames[0].at) * RATE / 1_000)
    samples = heard(frames, codec)[begin:]
    early, both, late = (samples[round(at * RATE) : round((at + 0.3) * RATE)] for at in (0.15, 0.6, 1.1))
    assert strength(early, 440) > 0.2 > 0.02 > strength(early, 1_000)
    assert strength(both, 440) > 0.2
    assert strength(both, 1_000) > 0.2
    assert strength(late, 1_000) > 0.2 > 0.02 > strength(late, 440)


async def test_without_a_voice_there_is_silence_without_a_gap(threads: ThreadPoolExecutor) -> None:
    mixer = Mixer(EPOCH, 64_000, True, threads)
    opus, aac = [], []
    for step in range(1, 31):
        sound = await mixer.step(EPOCH + step * 100)
        opus += sound.opus
        aac += sound.aac
    for frames, length in ((opus, BLOCK), (aac, 1_024)):
        gaps = {round((after.at - before.at) * 48) for before, after in pairwise(frames)}
        assert gaps == {length}
        assert len(frames) * length > (3 - DELAY - 0.1) * RATE
    assert max(map(abs, heard(opus, "opus"))) < 10


async def test_a_lost_packet_costs_its_own_time_only(threads: ThreadPoolExecutor) -> None:
    whole, holed = Mixer(EPOCH, 64_000, False, threads), Mixer(EPOCH, 64_000, False, threads)
    say(whole, "voice", 0.0, 440)
    say(holed, "voice", 0.0, 440, lost=(10, 11))
    now = EPOCH + (1.0 + DELAY) * 1_000
    both = [heard((await mixer.step(now)).opus, "opus") for mixer in (whole, holed)]
    tails = [samples[round(0.5 * RATE) : round(0.8 * RATE)] for samples in both]
    # A voice that had slipped by 40 ms would be out of step with the other.
    product = sum(map(lambda one, other: one * other, *tails))
    assert product / sum(value * value for value in tails[0]) > 0.95


async def test_rubbish_is_no_voice(threads: ThreadPoolExecutor) -> None:
    mixer = Mixer(EPOCH, 64_000, False, threads)
    for index in range(300):
        mixer.packet("voice", Frame(EPOCH + index * 20, b"\xff" * 7, True, SETUP))
    assert len((await mixer.step(EPOCH + 2_000)).opus) > 80


def test_what_is_too_loud_together_is_cut_off_and_does_not_wrap() -> None:
    loud = array("h", [30_000, -30_000] * BLOCK)
    assert set(array("h", mix([loud, loud]))) == {32_767, -32_768}
