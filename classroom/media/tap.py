"""The port between who receives a publisher's media and who else wants it: the packager of HLS, the recorder.

What always holds: a tap is given whole RTP packets, decrypted, each once (no duplicates, RTX unwrapped), in order of
arrival. Some hold nothing but padding: they count in the order and are no media. What a tap raises never
reaches the packet path: `Taps` logs it once and lets go of that tap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
import structlog

Source = Literal["camera", "microphone", "screen", "screen_audio"]
Codec = Literal["h264", "vp8", "vp9", "av1", "opus"]

log = structlog.get_logger(__name__)


class Track(msgspec.Struct, frozen=True):
    """What one publisher sends of one source. `parameters`: those of its fmtp line. `ssrc`: as its packets say it."""

    room: str
    publisher: str  # a member's id
    source: Source
    kind: Literal["audio", "video"]
    codec: Codec
    payload_type: int
    clock_rate: int  # Hz
    channels: int
    ssrc: int
    parameters: tuple[tuple[str, str], ...] = ()
    relayed: bool = False  # it comes from another machine, which records it


class Tap(Protocol):
    """Whoever listens in. Each call must be cheap: it is made between two packets."""

    def rtp(self, track: Track, packet: bytes) -> None:
        """One RTP packet, header and all, as it arrived."""
        ...

    def report(self, track: Track, ntp: float, rtp_time: int) -> None:
        """A sender report: at `ntp` (seconds since 1970 by the publisher's clock) the RTP timestamp was `rtp_time`."""
        ...

    def ended(self, track: Track) -> None:
        """Nothing more comes of this track."""
        ...


class Taps:
    """Several taps as one that never raises. `need_key(track)` asks the publisher for a key frame; who makes the taps hands
    it on to them."""

    def __init__(self, *taps: Tap, need_key: Callable[[Track], None] = lambda _: None) -> None:
        self._taps: tuple[Tap, ...] = taps
        self.need_key = need_key

    def add(self, tap: Tap) -> None:
        self._taps = (*self._taps, tap)

    def remove(self, tap: Tap) -> None:
        self._taps = tuple(one for one in self._taps if one is not tap)

    def rtp(self, track: Track, packet: bytes) -> None:
        for tap in self._taps:
            try:
                tap.rtp(track, packet)
            except Exception:
                self._failed(tap, track)

    def report(self, track: Track, ntp: float, rtp_time: int) -> None:
        for tap in self._taps:
            try:
                tap.report(track, ntp, rtp_time)
            except Exception:
                self._failed(tap, track)

    def ended(self, track: Track) -> None:
        for tap in self._taps:
            try:
                tap.ended(track)
            except Exception:
                self._failed(tap, track)

    def _failed(self, tap: Tap, track: Track) -> None:
        log.exception("a tap failed and is let go of", room=track.room, source=track.source, tap=type(tap).__name__)
        self.remove(tap)
