"""H.264 from RTP (RFC 6184): single NAL units, STAP-A and FU-A become access units with length prefixes (ISO 14496-15).

What always holds: a unit that comes out is whole, and all that it refers to has come out before it. Parameter sets are not in
`data` but in the setup; access unit delimiters, filler and supplemental information are left out.
"""

from __future__ import annotations

from classroom.media.intake.bits import Bits
from classroom.media.intake.frames import Setup, Unit
from classroom.media.intake.rtp import Packet

IDR, SPS, PPS, STAP_A, FU_A = 5, 7, 8, 24, 28
KEPT = frozenset({1, 2, 3, 4, 5})  # slices, whole or in partitions
MAX_FRAME = 8 << 20  # bytes
MAX_PARAMETER_SETS = 16
HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128})


class H264:
    """Access units of packets in order."""

    def __init__(self) -> None:
        self.waiting = True
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}
        self._setup: Setup | None = None
        self._units: list[bytes] = []
        self._fragment: bytearray | None = None
        self._timestamp: int | None = None
        self._size = 0
        self._broken = False
        self._key = False

    def push(self, packet: Packet) -> Unit | None:
        if packet.gap:
            self.waiting = True
            self._clear(packet.timestamp, broken=True)
        elif packet.timestamp != self._timestamp:
            # No marker came with the frame before. Nothing was lost, so it is as whole as it will ever be.
            done = self._finish() if self._units or self._fragment is not None else None
            self._clear(packet.timestamp)
            self._take(packet.payload)
            if packet.marker and done is None:
                done = self._finish()
                self._clear(None)
            return done
        self._take(packet.payload)
        if not packet.marker:
            return None
        done = self._finish()
        self._clear(None)
        return done

    def _clear(self, timestamp: int | None, broken: bool = False) -> None:
        self._units, self._fragment, self._size = [], None, 0
        self._timestamp, self._broken, self._key = timestamp, broken, False

    def _take(self, payload: bytes) -> None:
        self._size += len(payload)
        if len(payload) < 2 or self._size > MAX_FRAME:
            self._broken = self._broken or self._size > MAX_FRAME
            return
        kind = payload[0] & 0x1F
        if kind == STAP_A:
            at = 1
            while at + 2 <= len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                self._nal(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == FU_A:
            self._fragmented(payload)
        elif 0 < kind < STAP_A:
            self._nal(payload)

    def _fragmented(self, payload: bytes) -> None:
        header = payload[1]
        if header & 0x80:
            self._fragment = bytearray([payload[0] & 0xE0 | header & 0x1F])
            # A key frame may begin behind a hole: what was lost is then of the frame before.
            if self._broken and not self._units and header & 0x1F == IDR:
                self._broken = False
        if self._fragment is None:
            self._broken = True
            return
        self._fragment += payload[2:]
        if header & 0x40:
            nal, self._fragment = bytes(self._fragment), None
            self._nal(nal)

    def _nal(self, nal: bytes) -> None:
        if not nal:
            return
        kind = nal[0] & 0x1F
        if kind == SPS and len(nal) >= 4:
            # A setup that follows a hole is a new beginning of its own.
            self._broken = self._broken and bool(self._units)
            self._remember(self._sps, Bits(_unescaped(nal[4:])).ue(), nal)
        elif kind == PPS:
            self._remember(self._pps, Bits(_unescaped(nal[1:])).ue(), nal)
        elif kind in KEPT:
            self._key = self._key or kind == IDR
            self._units.append(nal)

    def _remember(self, sets: dict[int, bytes], number: int, nal: bytes) -> None:
        if sets.get(number) != nal and (number in sets or len(sets) < MAX_PARAMETER_SETS):
            sets[number] = nal
            self._setup = None

    def _finish(self) -> Unit | None:
        """The frame that has been gathered, if it is whole and can be decoded."""
        if self._fragment is not None or self._broken:
            self.waiting = True
        if not self._units or self._broken or self._fragment is not None or self._timestamp is None:
            return None
        if self._key and self._sps and self._pps:
            self.waiting = False
        if self.waiting:
            return None
        if self._setup is None:
            self._setup = describe(list(self._sps.values()), list(self._pps.values()))
        return Unit(prefixed(self._units), self._timestamp, self._key, self._setup)


def prefixed(nals: list[bytes]) -> bytes:
    """NAL units, each behind its length in four bytes."""
    return b"".join(part for nal in nals for part in (len(nal).to_bytes(4, "big"), nal))


def describe(sps: list[bytes], pps: list[bytes]) -> Setup:
    """The setup that parameter sets make (AVCDecoderConfigurationRecord, ISO 14496-15, section 5.3.3.1)."""
    first = sps[0]
    record = bytes([1, first[1], first[2], first[3], 0xFF, 0xE0 | len(sps)])
    record += b"".join(len(nal).to_bytes(2, "big") + nal for nal in sps)
    record += bytes([len(pps)]) + b"".join(len(nal).to_bytes(2, "big") + nal for nal in pps)
    if first[1] in HIGH_PROFILES:
        chroma, luma_depth, chroma_depth = _formats(first)
        record += bytes([0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth, 0])
    width, height = size(first)
    return Setup("h264", f"avc1.{first[1:4].hex()}", record, width, height, prefixed([*sps, *pps]))


def _unescaped(data: bytes) -> bytes:
    """Without the bytes that keep start codes from appearing inside (H.264, section 7.4.1)."""
    return data.replace(b"\0\0\3", b"\0\0")


def _formats(sps: bytes) -> tuple[int, int, int]:
    bits = Bits(_unescaped(sps[4:]))
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.flag()
    return chroma & 3, bits.ue() & 7, bits.ue() & 7


def size(sps: bytes) -> tuple[int, int]:
    """Width and height that a sequence parameter set speaks of (H.264, section 7.3.2.1.1)."""
    bits = Bits(_unescaped(sps[4:]))
    bits.ue()
    chroma = 1
    if sps[1] in HIGH_PROFILES:
        chroma = bits.ue()
        if chroma == 3:
            bits.flag()
        bits.ue()
        bits.ue()
        bits.flag()
        if bits.flag():
            for index in range(8 if chroma != 3 else 12):
                if bits.flag():
                    _skip_scaling(bits, 16 if index < 6 else 64)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.flag()
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue()
    bits.flag()
    width, height = (bits.ue() + 1) * 16, (bits.ue() + 1) * 16
    frames_only = bits.flag()
    if not frames_only:
        height *= 2
        bits.flag()
    bits.flag()
    if bits.flag():
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (1 if frames_only else 2)
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= (left + right) * across
        height -= (top + bottom) * down
    return max(0, min(width, 0xFFFF)), max(0, min(height, 0xFFFF))


def _skip_scaling(bits: Bits, count: int) -> None:
    last = following = 8
    for _ in range(count):
        if following:
            following = (last + bits.se() + 256) % 256
        last = following or last
