"""Frames of one rendition become parts and segments. Pure: time comes in as an argument.

What always holds: a part is `part` long, up to `SLACK` times that where a frame ends it, unless its segment ends; one of
pictures begins with a key frame, unless none came for the target duration. A frame lasts until the next one, so that players find
no hole, and so a part waits for the frame behind it, but `linger` seconds at most: then it goes out without, that nobody waits
for it in vain. A part in which no frame begins is an empty fragment; a player's buffer reaches past it already.
"""

from __future__ import annotations

from typing import Protocol

from classroom.media import mp4
from classroom.media.intake.feed import Frame
from classroom.media.intake.frames import Setup

SLACK = 1.15  # what a part may be longer by, in order to end where a frame does; parts stay above 85 % of the target (4.4.4.9)
LINGER = 0.5  # seconds past a part's end that the next frame may take to arrive: jitter, and what is sent again
SPARSE = 1.1  # the same where frames are few: a browser's screen share sends one a second while nothing moves


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

    def __init__(
        self, out: Out, rate: int, epoch: float, part: float, segment: float, target: float, linger: float = LINGER
    ) -> None:
        self._out = out
        self._rate = rate
        self._epoch = epoch
        self._part = round(part * rate)
        self._segment = round(segment * rate)
        self._target = round(target * rate)
        self._linger = round(linger * rate)
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
        passed = tick - (self._begun or 0)
        cut = frame.key and passed > 0 and (frame.setup != self._setup or passed >= self._segment)
        if self._part <= tick - self._at <= self._part * SLACK:
            self._close_at(tick, not cut)
        else:
            self._advance(tick)
        if cut and tick > (self._begun or 0):
            self._close_part(tick)
            self._out.ended()
            self._begin(tick, frame.setup)
        self._held = (tick, frame)

    def tick(self, at: float) -> None:
        """It is `at`, class time in ms: parts that are over go out, with or without frames."""
        if self._begun is None:
            return
        late = self.ticks(at) - self._linger
        while late >= self._at + self._part:
            self._settle_by(self._at + self._part)
            self._advance(self._at + self._part)

    def end(self) -> None:
        """No more frames: what is there goes out."""
        if self._begun is not None:
            self._settle_by(self._last + max(1, self._rate // 30))
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

    def _settle_by(self, end: int) -> None:
        if self._held is not None and self._held[0] < end:
            self._settle(end)

    def _advance(self, tick: int) -> None:
        """Parts that end by `tick` go out."""
        while tick >= self._at + self._part:
            self._close_at(self._at + self._part, True)

    def _close_at(self, end: int, limited: bool) -> None:
        """The part ends; with `limited`, so does a segment that another part would make longer than the target."""
        self._close_part(end)
        if limited and self._setup is not None and end + self._part * SLACK - (self._begun or 0) > self._target:
            self._out.ended()
            self._begin(end, self._setup)

    def _close_part(self, end: int) -> None:
        if end <= self._at:
            return
        self._count += 1
        samples, self._samples = self._samples, []
        run = mp4.Run(1, self._first if samples else self._at, samples)
        # Players that begin with a part take its first frame to lie where the part does, and find holes later where it does not.
        independent = bool(samples) and samples[0].key and self._first == self._at
        self._out.part(mp4.fragment(self._count, [run]), end - self._at, independent)
        self._at = end
