"""Opus from RTP (RFC 7587): a packet is a frame. How long it lasts stands in its first byte or two (RFC 6716, section 3.1)."""

from __future__ import annotations

from classroom.media.intake.frames import Setup, Unit
from classroom.media.intake.rtp import Packet

RATE = 48_000
# dOps (Opus in ISOBMFF, section 4.3.2): version, two channels, 312 samples before the first that counts, rate, no gain.
SETUP = Setup("opus", "opus", bytes([0, 2]) + (312).to_bytes(2, "big") + RATE.to_bytes(4, "big") + bytes(3))
SILK = (480, 960, 1_920, 2_880)
HYBRID = (480, 960)
CELT = (120, 240, 480, 960)


def samples(packet: bytes) -> int:
    """How many samples at 48 kHz a packet lasts; 0: it is not a packet of Opus."""
    if not packet:
        return 0
    config = packet[0] >> 3
    frame = SILK[config & 3] if config < 12 else HYBRID[config & 1] if config < 16 else CELT[config & 3]
    code = packet[0] & 3
    count = (1, 2, 2)[code] if code < 3 else (packet[1] & 0x3F if len(packet) > 1 else 0)
    return frame * count if frame * count <= 5_760 else 0


class Opus:
    """Frames of packets in order. A hole is no reason to wait: the next packet can be decoded by itself."""

    waiting = False

    def push(self, packet: Packet) -> Unit | None:
        if not samples(packet.payload):
            return None
        return Unit(packet.payload, packet.timestamp, True, SETUP)
