"""Frames of one rendition become parts and segments. Pure: time comes in as an argument.

What always holds: a part lasts exactly the part target, unless a segment ends with it; a segment of pictures begins with a key
frame, unless none came for the target duration; parts appear although no frame comes (a still screen sends few), so that nobody
waits for them in vain. A frame is given the length to the next one, or, if its part must go out before that is known, `STRETCH`:
too long does no harm, the next frame ends it.
"""

from __future__ import annotations

from typing import Protocol

from classroom.media import mp4
from classroom.media.intake.feed import Frame
from classroom.media.intake.frames import Setup

LINGER = 0.15  # seconds past a part's end that its last frame may take to arrive
STRETCH = 1.1  # seconds; a browser's screen share sends one frame a second while nothing moves


class Out(Protocol):
    """Who takes what is cut. Times are ticks of the rendition's track since its epoch."""

    def began(self, start: int, setup: Setup | None) -> None:
        """A segment begins. `setup`: a new one, if it needs another than the segment before."""

    def part(self, data: bytes, duration: int, independent: bool) -> None:
        """A part of the segment is done."""

    def ended(self) -> None:
        """The segment is whole."""


class Cutter:
    """`epoch`: class time in ms at tick 0. `part`, `segment`, `target` in seconds; segments end at the first key frame after
    `segment`, and at `target` in any case."""

    def __init__(self, out: Out, rate: int, epoch: float, part: float, segment: float, target: float) -> None:
        self._out = out
        self._rate = rate
        self._epoch = epoch
        self._part = round(part * rate)
        self._segment = round(segment * rate)
        self._target = round(target * rate)
        self._setup: Setup | None = None
        self._held: tuple[int, Frame] | None = None
        self._samples: list[mp4.Sample] = []
        self._first = 0  # tick of the first of the samples
        self._last = -1
        self._begun: int | None = None  # tick at which the segment began
        self._at = 0  # tick at which the part began
        self._count = 0

    def ticks(self, at: float) -> int:
        return round((at - self._epoch) * self._rate / 1_000)

    @property
    def age(self) -> float:
        """Seconds from the segment's beginning to the newest frame."""
        return 0.0 if self._begun is None else (self._last - self._begun) / self._rate

    def frame(self, frame: Frame) -> None:
        tick = max(self.ticks(frame.at), self._last + 1, 0)
        self._last = tick
        self._settle(tick)
        if self._begun is None:
            self._begin(tick, frame.setup)
        self._advance(tick)
        anew = frame.setup != self._setup
        if frame.key and tick > (self._begun or 0) and (anew or tick - (self._begun or 0) >= self._segment):
            self._close_part(tick)
            self._out.ended()
            self._begin(tick, frame.setup)
        self._held = (tick, frame)

    def tick(self, at: float) -> None:
        """It is `at`, class time in ms: parts that are over go out, with or without frames."""
        if self._begun is None:
            return
        late = self.ticks(at) - round(LINGER * self._rate)
        while late >= self._at + self._part:
            self._settle_long(self._at + self._part)
            self._advance(self._at + self._part)

    def end(self) -> None:
        """No more frames: what is there goes out."""
        if self._begun is not None:
            self._settle_long(1 << 62)
            self._close_part(min(max(self._last + 1, self._at), self._at + self._part))
            self._out.ended()
            self._begun = None

    def _begin(self, tick: int, setup: Setup) -> None:
        self._out.began(tick, setup if setup != self._setup else None)
        self._setup, self._begun, self._at = setup, tick, tick

    def _settle(self, tick: int) -> None:
        """The frame that was held lasts until `tick`."""
        if self._held is not None:
            begun, frame = self._held
            self._held = None
            if not self._samples:
                self._first = begun
            self._samples.append(mp4.Sample(frame.data, tick - begun, frame.key))

    def _settle_long(self, end: int) -> None:
        if self._held is not None and self._held[0] < end:
            self._settle(self._held[0] + round(STRETCH * self._rate))

    def _advance(self, tick: int) -> None:
        """Parts that end by `tick` go out."""
        while tick >= self._at + self._part:
            end = self._at + self._part
            self._close_part(end)
            if self._setup is not None and end + self._part - (self._begun or 0) > self._target:
                self._out.ended()
                self._begin(end, self._setup)

    def _close_part(self, end: int) -> None:
        if end <= self._at:
            return
        self._count += 1
        samples, self._samples = self._samples, []
        run = mp4.Run(1, self._first if samples else self._at, samples)
        self._out.part(mp4.fragment(self._count, [run]), end - self._at, bool(samples) and samples[0].key)
        self._at = end
