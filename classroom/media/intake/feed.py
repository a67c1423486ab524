"""A track's packets, in any order and with holes, become its frames on the class's clock.

What always holds: frames come in the order of sending, each once, whole, and with nothing missing that it refers to. While a
key frame is needed, it is asked for at most every `ASK_EVERY` seconds. Nothing that a packet holds raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from classroom.media.intake.av1 import Av1
from classroom.media.intake.clock import PublisherClock, TrackClock
from classroom.media.intake.frames import Depacketizer, Setup
from classroom.media.intake.h264 import H264
from classroom.media.intake.opus import Opus
from classroom.media.intake.rtp import Reorder, parse
from classroom.media.intake.vpx import Vp8, Vp9

PATIENCE = {"video": 0.15, "audio": 0.06}  # seconds that a lost packet's repetition is waited for
ASK_EVERY = 0.5
DEPACKETIZERS: dict[str, Callable[[], Depacketizer]] = {"h264": H264, "vp8": Vp8, "vp9": Vp9, "av1": Av1, "opus": Opus}


class Frame(NamedTuple):
    """A frame as MP4 keeps it. `at`: class time in ms."""

    at: float
    data: bytes
    key: bool
    setup: Setup


class Feed:
    """One track. `on_frame` is given each frame; `need_key` is called when a key frame should be asked for."""

    def __init__(
        self,
        codec: str,
        clock_rate: int,
        payload_type: int,
        publisher: PublisherClock,
        on_frame: Callable[[Frame], None],
        need_key: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises `KeyError` for a codec that is not known."""
        self._make = DEPACKETIZERS[codec]
        self._depacketizer = self._make()
        self._reorder = Reorder(PATIENCE["audio" if codec == "opus" else "video"])
        self._clock = TrackClock(publisher, clock_rate)
        self._payload_type = payload_type
        self._on_frame = on_frame
        self._need_key = need_key
        self._asked = float("-inf")
        self._ssrc: int | None = None
        self._gap = False

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return self._reorder.lost

    def rtp(self, data: bytes, now: float) -> None:
        """A packet that came at `now`, in seconds of the server's clock."""
        packet = parse(data)
        if packet is None:
            return
        if packet.ssrc != self._ssrc:
            if self._ssrc is not None:
                self._depacketizer = self._make()
                self._clock.reset()
            self._ssrc = packet.ssrc
        for ordered in self._reorder.push(packet, now):
            if ordered.payload_type != self._payload_type or not ordered.payload:
                # Padding has a place in the order too. If it lies behind a hole, so does what comes next.
                self._gap = self._gap or ordered.gap
                continue
            if self._gap:
                ordered, self._gap = ordered._replace(gap=True), False
            unit = self._depacketizer.push(ordered)
            if unit is not None:
                self._on_frame(Frame(self._clock.at(unit.timestamp, now), unit.data, unit.key, unit.setup))
        if self._depacketizer.waiting and now - self._asked >= ASK_EVERY:
            self._asked = now
            self._need_key()

    def report(self, ntp: float, timestamp: int, now: float) -> None:
        """A sender report that came at `now`: at `ntp` of the publisher's clock it was `timestamp`."""
        self._clock.report(ntp, timestamp, now)
