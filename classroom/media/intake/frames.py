"""What comes out of the intake: frames, and what a decoder has to know before the first of them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from classroom.media.intake.rtp import Packet


class Setup(NamedTuple):
    """What a decoder needs beforehand. `codec` as a track names it; `string`: RFC 6381; `private`: the body of the box that
    describes the codec in MP4 (avcC, vpcC, av1C, dOps), without its header; `inline`: what a key frame must begin with where
    the setup may change within a file."""

    codec: str
    string: str
    private: bytes
    width: int = 0
    height: int = 0
    inline: bytes = b""


class Unit(NamedTuple):
    """A frame as MP4 keeps it. `timestamp` is RTP's."""

    data: bytes
    timestamp: int
    key: bool
    setup: Setup


class Depacketizer(Protocol):
    """Frames of packets in order. `waiting`: nothing comes before a key frame, because something was lost."""

    waiting: bool

    def push(self, packet: Packet) -> Unit | None:
        """A frame, if `packet` completes one."""
        ...
