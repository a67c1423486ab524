"""Playlists of a live stream (draft-pantos-hls-rfc8216bis, its sections named below). Pure: no clock, no bytes of media.

What always holds: parts of a segment follow one another without a gap, and so do segments; a number once given to a segment or
to a part of it stays with it; nothing that has been listed changes but by leaving at the front. A part is as long as the
part target, unless it is the last of its segment (4.4.4.9). What the client asks for is either there, or can be waited for, or
is refused with a reason.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

VERSION = 9  # EXT-X-SKIP needs it (section 7)


class Shape(NamedTuple):
    """What stays the same while a playlist lives, in seconds. `target`: no segment is longer, when rounded (4.4.3.1). `hold`: how
    far from the end players should keep, if more than three parts (4.4.3.8); `skips`: whether deltas are offered."""

    target: int
    part_target: float
    window: float
    hold: float = 0.0
    skips: bool = True

    @property
    def skip_until(self) -> float:
        """6 target durations at least (4.4.3.8)."""
        return 6.0 * self.target

    @property
    def advance_limit(self) -> int:
        """Parts that a client may ask for ahead (6.2.5.2)."""
        return 3 if self.part_target >= 1 else math.ceil(3 / self.part_target)


class Part(NamedTuple):
    duration: float
    independent: bool


class Segment:
    """`at`: when it begins, ms since 1970. `header`: the number of the media initialization section that it needs."""

    __slots__ = ("at", "duration", "header", "number", "parts")

    def __init__(self, number: int, at: float, header: int) -> None:
        self.number = number
        self.at = at
        self.header = header
        self.parts: list[Part] = []
        self.duration = 0.0


class Place(NamedTuple):
    """A part by its segment's number and its own within it; `part` None is the whole segment."""

    segment: int
    part: int | None


class Wanted(Enum):
    READY = "ready"
    WAIT = "wait"
    REFUSED = "refused"


class Report(NamedTuple):
    """Where another rendition is (4.4.5.4)."""

    uri: str
    segment: int
    part: int


class Timeline:
    """A media playlist. The last segment is open: parts are added to it until it is closed."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.segments: deque[Segment] = deque()  # those that are whole
        self.open: Segment | None = None
        self.ended = False
        self._next = 0
        self._length = 0.0

    def begin(self, at: float, header: int) -> Segment:
        """A new segment; the one before must be closed."""
        assert self.open is None, "a segment is open already"
        self.open = Segment(self._next, at, header)
        self._next += 1
        return self.open

    def add(self, part: Part) -> Place:
        """A part of the open segment."""
        segment = self.open
        assert segment is not None, "no segment is open"
        segment.parts.append(part)
        segment.duration += part.duration
        return Place(segment.number, len(segment.parts) - 1)

    def close(self) -> list[Segment]:
        """The open segment is whole: those that leave the window for it (6.2.2)."""
        segment, self.open = self.open, None
        assert segment is not None, "no segment is open"
        if not segment.parts:
            self._next -= 1
            return []
        self.segments.append(segment)
        self._length += segment.duration
        left: list[Segment] = []
        least = max(self.shape.window, 3.0 * self.shape.target)
        while self.segments and self._length - self.segments[0].duration >= least:
            left.append(self.segments.popleft())
            self._length -= left[-1].duration
        return left

    def end(self) -> list[Segment]:
        """Nothing more will come."""
        left = self.close() if self.open is not None else []
        self.ended = True
        return left

    @property
    def last(self) -> Place | None:
        """The newest part; None: there is none yet."""
        for segment in (self.open, self.segments[-1] if self.segments else None):
            if segment is not None and segment.parts:
                return Place(segment.number, len(segment.parts) - 1)
        return None

    def wants(self, place: Place) -> Wanted:
        """Whether a playlist that contains `place` is there already (6.2.5.2)."""
        last = self.last
        if self.ended:
            return Wanted.READY
        if last is None:
            return Wanted.WAIT if place.segment <= 1 else Wanted.REFUSED
        whole = self.segments[-1].number if self.segments else -1
        newest = max(whole, last.segment)
        if place.segment > newest + 2:
            return Wanted.REFUSED
        if place.segment <= whole:
            return self._beyond(place, last)
        if place.part is None:
            return Wanted.WAIT
        if place.segment == last.segment and place.part <= (last.part or 0):
            return Wanted.READY
        ahead = place.part - (last.part or 0) if place.segment == last.segment else place.part + 1
        return Wanted.REFUSED if ahead > self.shape.advance_limit else Wanted.WAIT

    def _beyond(self, place: Place, last: Place) -> Wanted:
        """A part past the end of a whole segment means the first of the next one (6.2.5.2)."""
        segment = (
            self.segments[place.segment - self.segments[0].number] if place.segment >= self.segments[0].number else None
        )
        if segment is None or place.part is None or place.part < len(segment.parts):
            return Wanted.READY
        return Wanted.READY if last.segment > place.segment else Wanted.WAIT

    def render(self, reports: Iterable[Report] = (), skip: bool = False) -> str:
        """The playlist as text; `skip`: without what a client has that asked not long ago (6.2.5.1)."""
        shape = self.shape
        lines = [
            "#EXTM3U",
            f"#EXT-X-VERSION:{VERSION}",
            f"#EXT-X-TARGETDURATION:{shape.target}",
            f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={max(3 * shape.part_target, shape.hold):.5f},"
            f"HOLD-BACK={3.0 * shape.target:.1f}" + (f",CAN-SKIP-UNTIL={shape.skip_until:.1f}" if shape.skips else ""),
            f"#EXT-X-PART-INF:PART-TARGET={shape.part_target:.5f}",
        ]
        first = self.segments[0].number if self.segments else self.open.number if self.open else self._next
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
        skipped = self._skippable() if skip and shape.skips else 0
        if skipped:
            lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
        header = self.segments[skipped - 1].header if skipped else None
        behind = self._length + (self.open.duration if self.open else 0.0)
        for index, segment in enumerate(self.segments):
            if index >= skipped:
                header = self._head(lines, segment, header)
                # Parts are of use near the live edge only (6.2.2).
                if behind - segment.duration < 3.0 * shape.target:
                    _list_parts(lines, segment)
                lines += [f"#EXTINF:{segment.duration:.5f},", f"{segment.number}.m4s"]
            behind -= segment.duration
        if self.open is not None and self.open.parts:
            self._head(lines, self.open, header)
            _list_parts(lines, self.open)
        if self.ended:
            lines.append("#EXT-X-ENDLIST")
        else:
            hint = self.next_part
            lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{hint.segment}.{hint.part}.m4s"')
            lines += [
                f'#EXT-X-RENDITION-REPORT:URI="{report.uri}",LAST-MSN={report.segment},LAST-PART={report.part}'
                for report in reports
            ]
        return "\n".join(lines) + "\n"

    def _head(self, lines: list[str], segment: Segment, header: int | None) -> int:
        if segment.header != header:
            lines.append(f'#EXT-X-MAP:URI="init{segment.header}.mp4"')
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_iso(segment.at)}")
        return segment.header

    @property
    def next_part(self) -> Place:
        """The part that comes next (4.4.5.3), unless a key frame comes before it and begins a segment."""
        return Place(self.open.number, len(self.open.parts)) if self.open is not None else Place(self._next, 0)

    def _skippable(self) -> int:
        """Segments further from the end than the skip boundary (4.4.5.2)."""
        behind = self._length + (self.open.duration if self.open else 0.0)
        count = 0
        for segment in self.segments:
            behind -= segment.duration
            if behind < self.shape.skip_until:
                break
            count += 1
        return count


def _list_parts(lines: list[str], segment: Segment) -> None:
    for index, part in enumerate(segment.parts):
        independent = ",INDEPENDENT=YES" if part.independent else ""
        lines.append(f'#EXT-X-PART:DURATION={part.duration:.5f},URI="{segment.number}.{index}.m4s"{independent}')


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Sound(NamedTuple):
    """An audio rendition: its group is named for its codec."""

    uri: str
    codec: str
    bandwidth: int


class Picture(NamedTuple):
    """A video rendition. `rate`: frames per second, 0 where not known."""

    uri: str
    codec: str
    width: int
    height: int
    bandwidth: int
    rate: float = 0.0


def multivariant(pictures: Iterable[Picture], sounds: Iterable[Sound]) -> str:
    """The playlist that names the renditions (4.4.6): each picture with each kind of sound; without pictures, sound alone."""
    pictures, sounds = list(pictures), list(sounds)
    kinds: list[Sound | None] = [*sounds] or [None]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    lines += [
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{sound.codec.partition(".")[0]}",NAME="Class",DEFAULT=YES,AUTOSELECT=YES,'
        f'CHANNELS="2",URI="{sound.uri}"'
        for sound in sounds
        if pictures
    ]
    for picture in pictures:
        for kind in kinds:
            lines += [_variant(picture, kind), picture.uri]
    if not pictures:
        for sound in sounds:
            lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={sound.bandwidth},CODECS="{sound.codec}"', sound.uri]
    return "\n".join(lines) + "\n"


def _variant(picture: Picture, sound: Sound | None) -> str:
    codecs = ",".join([picture.codec, *([sound.codec] if sound else [])])
    attributes = [
        f"BANDWIDTH={picture.bandwidth + (sound.bandwidth if sound else 0)}",
        f'CODECS="{codecs}"',
        f"RESOLUTION={picture.width}x{picture.height}",
    ]
    if picture.rate:
        attributes.append(f"FRAME-RATE={picture.rate:.3f}")
    if sound:
        attributes.append(f'AUDIO="{sound.codec.partition(".")[0]}"')
    return "#EXT-X-STREAM-INF:" + ",".join(attributes)
