"""One rendition: its playlist, its bytes, and those who wait for the next part.

What always holds: a name of a part, a segment or a header stands for the same bytes for as long as anybody is given them, and
these are there until the longest playlist that named them is out of date (rfc8216bis, 6.2.2). A playlist is written once for
each change, and all who waited for it are given that one body. Those who wait are woken `WAKE` at a time, with the loop free
between, so that a crowd does not hold up the packets. More than `MAX_WAITING` do not wait: they are told to come again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from classroom.media import mp4
from classroom.media.cutter import LINGER, SLACK, SPARSE, Cutter
from classroom.media.intake.frames import Setup
from classroom.media.playlist import Part, Place, Report, Segment, Shape, Timeline, Wanted

WAKE = 128
MAX_WAITING = 50_000
RATE_SPAN = 10  # segments of which the busiest says the bandwidth


class Crowded(Exception):
    """So many wait already that one more is not taken."""


class Rendition:
    """`name`: its folder; `epoch`: class time in ms where its media begins to count. The part target of `shape` is what parts
    are meant to be; what is announced leaves some room."""

    def __init__(self, name: str, kind: str, codec: str, shape: Shape, segment: float, epoch: float) -> None:
        self.name = name
        self.kind = kind
        self.codec = codec
        part = shape.part_target
        shape = shape._replace(part_target=part * SLACK)
        if kind == "sound":
            # hls.js (1.7.4) passes parts of an audio rendition over when the skipped segments of its deltas grow.
            shape = shape._replace(skips=False)
        if kind == "screen":
            shape = shape._replace(hold=3 * part + SPARSE)
        self.timeline = Timeline(shape)
        self.setup: Setup | None = None
        self.rate = mp4.AUDIO_RATE if kind == "sound" else mp4.VIDEO_RATE
        self.epoch = epoch
        self.headers: dict[int, bytes] = {}
        self.reports: Callable[[Rendition], Iterable[Report]] = lambda _: ()
        self.counted: Callable[[], None] = lambda: None
        linger = SPARSE if kind == "screen" else LINGER
        self.cutter = Cutter(self, self.rate, epoch, part, segment, float(shape.target), linger)
        self._media: dict[int, list[bytes]] = {}
        self._gone: deque[tuple[float, int]] = deque()  # when bytes go, as a total of durations, and whose
        self._total = 0.0
        self._bodies: dict[bool, bytes] = {}
        self._waiting: dict[Place, list[asyncio.Future[None]]] = {}
        self._waiters = 0
        self._rates: deque[float] = deque([0.0], maxlen=RATE_SPAN)

    # What the cutter calls.

    def began(self, start: int, setup: Setup | None) -> None:
        if setup is not None:
            self.setup = setup
            self.headers[len(self.headers) + 1] = mp4.header([mp4.Track(1, setup)])
        segment = self.timeline.begin(self.epoch + start * 1_000 / self.rate, len(self.headers))
        self._media[segment.number] = []

    def part(self, data: bytes, duration: int, independent: bool) -> None:
        place = self.timeline.add(Part(duration / self.rate, independent))
        self._media[place.segment].append(data)
        self.counted()
        self._changed()

    def ended(self) -> None:
        segment = self.timeline.open
        left = self.timeline.close()
        if segment is not None and segment.duration:
            self._total += segment.duration
            self._rates.append(sum(map(len, self._media[segment.number])) * 8 / segment.duration)
        self._let_go(left)
        self._changed()

    def end(self) -> None:
        """Nothing more will come; who waits is answered."""
        if not self.timeline.ended:
            self.cutter.end()
            self.timeline.end()
            self._changed()

    def _let_go(self, left: list[Segment]) -> None:
        listed = sum(segment.duration for segment in self.timeline.segments)
        self._gone.extend((self._total + listed + 2 * segment.duration, segment.number) for segment in left)
        while self._gone and self._gone[0][0] <= self._total:
            del self._media[self._gone.popleft()[1]]

    # What those who ask call.

    @property
    def bandwidth(self) -> int:
        """Bits per second of the busiest of the last segments, with some room."""
        return round(max(self._rates) * 1.2)

    @property
    def live(self) -> bool:
        """Whether there is something to play."""
        return self.timeline.last is not None

    def playlist(self, skip: bool = False) -> bytes:
        """The playlist as it is now, the same bytes for all until it changes."""
        body = self._bodies.get(skip)
        if body is None:
            body = self._bodies[skip] = self.timeline.render(self.reports(self), skip).encode()
        return body

    def bytes_of(self, place: Place) -> bytes | None:
        """A part, or a whole segment. None: it is not there, be it not yet or no more."""
        parts = self._media.get(place.segment)
        if parts is None:
            return None
        if place.part is None:
            open_segment = self.timeline.open
            return None if open_segment is not None and open_segment.number == place.segment else b"".join(parts)
        return parts[place.part] if place.part < len(parts) else None

    async def until(self, place: Place) -> None:
        """Wait until a playlist with `place` in it is there. Raises `Crowded`. Wrap in a timeout."""
        if self.timeline.wants(place) is not Wanted.WAIT:
            return
        if self._waiters >= MAX_WAITING:
            raise Crowded
        self._waiters += 1
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(place, []).append(future)
        try:
            await future
        finally:
            self._waiters -= 1

    @property
    def waiters(self) -> int:
        return self._waiters

    def _changed(self) -> None:
        self._bodies.clear()
        ready = [place for place in self._waiting if self.timeline.wants(place) is not Wanted.WAIT]
        woken = [future for place in ready for future in self._waiting.pop(place)]
        if woken:
            _wake(woken, 0)


def _wake(futures: list[asyncio.Future[None]], start: int) -> None:
    for future in futures[start : start + WAKE]:
        if not future.done():
            future.set_result(None)
    if start + WAKE < len(futures):
        asyncio.get_running_loop().call_soon(_wake, futures, start + WAKE)
