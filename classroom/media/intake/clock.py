"""One clock for a class: milliseconds since 1970 as this server counts them, which the log's events carry too.

What always holds: a track's times never run backwards and never jump once its first frame is out, but for an error of more than
`JUMP` ms. Tracks of one publisher agree with each other as its sender reports say (RFC 3550, section 6.4.1), not as packets
happen to arrive; how far the publisher's own clock is from ours is taken from the report that travelled fastest.
"""

from __future__ import annotations

from collections import deque

from classroom.media.intake.rtp import Unwrap

REPORTS = 30  # the fastest of so many reports says how far two clocks are apart: half a minute or more
SLEW = 0.05  # of the time that passes, what the mapping may move by
JUMP = 1_000.0  # ms; an error above this is not slewed but taken at once


class PublisherClock:
    """How far a publisher's clock is from ours, shared by its tracks."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=REPORTS)
        self.offset: float | None = None  # ms to add to the publisher's clock

    def report(self, ntp: float, arrived: float) -> None:
        """A sender report of any of its tracks: its own time and ours, both in seconds."""
        self._seen.append((arrived - ntp) * 1_000)
        self.offset = min(self._seen)


class TrackClock:
    """RTP timestamps of one track as class time. `rate`: its clock rate in Hz."""

    def __init__(self, publisher: PublisherClock, rate: int) -> None:
        self._publisher = publisher
        self._rate = rate
        self._unwrap = Unwrap(32)
        self._report: tuple[float, int] | None = None  # the publisher's ms, and the RTP timestamp at that moment
        self._shift: float | None = None  # ms between the media's own time and the class's
        self._last: tuple[int, float] | None = None  # timestamp and class time of the frame before

    def reset(self) -> None:
        """The stream begins anew (another SSRC): its timestamps have nothing to do with those before."""
        self._unwrap = Unwrap(32)
        self._report = self._shift = None
        self._last = None

    def report(self, ntp: float, timestamp: int, arrived: float) -> None:
        """A sender report: `timestamp` was at `ntp` seconds of the publisher's clock."""
        self._publisher.report(ntp, arrived)
        self._report = (ntp * 1_000, timestamp)

    def at(self, timestamp: int, arrived: float) -> float:
        """Class time in ms of a frame, which arrived at `arrived` (seconds of our clock)."""
        ticks = self._unwrap(timestamp)
        media = ticks * 1_000 / self._rate
        wanted = self._wanted(timestamp, media)
        if self._shift is None:
            self._shift = arrived * 1_000 - media if wanted is None else wanted
        elif wanted is not None and abs(wanted - self._shift) > JUMP:
            self._shift = wanted
        elif self._last is not None:
            # Without a report yet, the frame that came fastest tells: later ones have waited somewhere.
            goal = min(self._shift, arrived * 1_000 - media) if wanted is None else wanted
            most = SLEW * max(0.0, (ticks - self._last[0]) * 1_000 / self._rate)
            self._shift += max(-most, min(most, goal - self._shift))
        at = media + self._shift
        if self._last is not None and ticks > self._last[0]:
            at = max(at, self._last[1])
        self._last = (ticks, at)
        return at

    def _wanted(self, timestamp: int, media: float) -> float | None:
        if self._report is None or self._publisher.offset is None:
            return None
        ntp, reported = self._report
        step = (timestamp - reported) & 0xFFFFFFFF
        if step >= 1 << 31:
            step -= 1 << 32
        return ntp + step * 1_000 / self._rate + self._publisher.offset - media
