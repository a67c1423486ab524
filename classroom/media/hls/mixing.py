"""The voices of the stage become one sound: decoded once each, mixed and encoded once for all.

What always holds: sound goes on without a gap while the class is live, with silence where nobody speaks; each voice lies at its
class time, to `TOLERANCE`. What arrives later than `DELAY` behind the class's clock is not heard. Encoding runs in a thread,
where PyAV leaves the interpreter free.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from operator import add
from typing import NamedTuple

import av

from classroom.media.intake.feed import Frame
from classroom.media.intake.frames import Setup
from classroom.media.intake.opus import SETUP

RATE = 48_000
BLOCK = 960  # samples: 20 ms
DELAY = 0.2  # seconds behind the class's clock at which voices are mixed
TOLERANCE = 720  # samples by which a packet may be off its place, before silence is put in or sound is taken out
MAX_QUEUED = 100  # packets of a voice
MAX_AHEAD = 2 * RATE  # samples of a voice that may wait to be mixed
LEAST, MOST = -32_768, 32_767


class Sound(NamedTuple):
    """What a step has made, by kind."""

    opus: list[Frame]
    aac: list[Frame]


class Voice:
    """One member's sound: packets come in, samples are taken out."""

    def __init__(self) -> None:
        self.packets: deque[tuple[int, bytes]] = deque(maxlen=MAX_QUEUED)
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = RATE
        self._decoder.layout = "stereo"
        self._samples = array("h")
        self._start = 0  # tick of the first of the samples

    def decode(self, before: int) -> None:
        """Packets up to tick `before` become samples."""
        while self.packets and self.packets[0][0] < before:
            tick, data = self.packets.popleft()
            try:
                frames = self._decoder.decode(av.Packet(data))
            except av.error.FFmpegError:
                continue
            for frame in frames:
                self._place(tick, array("h", bytes(frame.planes[0])[: frame.samples * 4]))
                tick += frame.samples

    def _place(self, tick: int, samples: array[int]) -> None:
        if not self._samples:
            self._start = tick
        end = self._start + len(self._samples) // 2
        if tick - end > TOLERANCE:
            self._samples.frombytes(bytes(min(tick - end, MAX_AHEAD) * 4))
        elif end - tick > TOLERANCE:
            del samples[: (end - tick) * 2]
        self._samples.extend(samples)

    def take(self, tick: int) -> array[int] | None:
        """The block that begins at `tick`; None: silence."""
        late = tick - self._start
        if late > 0:
            del self._samples[: late * 2]
            self._start = tick
        ahead = self._start - tick
        if not self._samples or ahead >= BLOCK:
            return None
        block = array("h", bytes(max(0, ahead) * 4))
        count = BLOCK * 2 - len(block)
        block.extend(self._samples[:count])
        del self._samples[:count]
        self._start = tick + BLOCK
        block.frombytes(bytes((BLOCK * 2 - len(block)) * 2))
        return block


def mix(blocks: list[array[int]]) -> bytes:
    """Blocks added up, no sample louder than there is room for."""
    if not blocks:
        return bytes(BLOCK * 4)
    total = list(blocks[0])
    for block in blocks[1:]:
        total = list(map(add, total, block))
    if len(blocks) > 1 and (max(total) > MOST or min(total) < LEAST):
        total = [LEAST if value < LEAST else min(value, MOST) for value in total]
    return array("h", total).tobytes()


class Mixer:
    """The sound of one class, from class time `epoch` (ms) on."""

    def __init__(self, epoch: float, bitrate: int, aac: bool, threads: ThreadPoolExecutor) -> None:
        self.voices: dict[str, Voice] = {}
        self._epoch = epoch
        self._threads = threads
        self._next = 0  # tick of the next block
        self._opus = _encoder("libopus", "s16", bitrate, {"application": "audio", "frame_duration": "20"})
        self._aac = _encoder("aac", "fltp", bitrate * 3 // 2, {}) if aac else None
        self.aac_setup = Setup("aac", "mp4a.40.2", bytes(self._aac.extradata or b"")) if self._aac else None

    def packet(self, name: str, frame: Frame) -> None:
        """A packet of a voice, whose name is made known by it."""
        voice = self.voices.get(name)
        if voice is None:
            voice = self.voices[name] = Voice()
        voice.packets.append((self._tick(frame.at), frame.data))

    def forget(self, name: str) -> None:
        self.voices.pop(name, None)

    async def step(self, now: float) -> Sound:
        """All that is due at class time `now` (ms). One step at a time."""
        until = self._tick(now) - round(DELAY * RATE)
        if until - self._next < BLOCK:
            return Sound([], [])
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._run, until, list(self.voices.values()))
        return await work

    def _tick(self, at: float) -> int:
        return round((at - self._epoch) * RATE / 1_000)

    def _run(self, until: int, voices: list[Voice]) -> Sound:
        made = Sound([], [])
        for voice in voices:
            voice.decode(until)
        while self._next + BLOCK <= until:
            blocks = [block for voice in voices if (block := voice.take(self._next)) is not None]
            frame = av.AudioFrame(format="s16", layout="stereo", samples=BLOCK)
            frame.planes[0].update(mix(blocks))
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._next, Fraction(1, RATE)
            made.opus.extend(self._encode(self._opus, frame, SETUP))
            if self._aac is not None and self.aac_setup is not None:
                made.aac.extend(self._encode(self._aac, frame, self.aac_setup))
            self._next += BLOCK
        return made

    def _encode(self, encoder: av.AudioCodecContext, frame: av.AudioFrame, setup: Setup) -> list[Frame]:
        return [
            Frame(self._epoch + (packet.pts or 0) * 1_000 / RATE, bytes(packet), True, setup)
            for packet in encoder.encode(frame)
        ]


def _encoder(name: str, kind: str, bitrate: int, options: dict[str, str]) -> av.AudioCodecContext:
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "stereo", kind
    encoder.time_base, encoder.bit_rate, encoder.options = Fraction(1, RATE), bitrate, options
    encoder.open()
    return encoder
