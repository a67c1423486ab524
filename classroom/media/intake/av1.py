"""AV1 from RTP (RTP Payload Format For AV1, v1.0): elements of OBUs become temporal units as MP4 keeps them.

What always holds: a unit that comes out is whole, each OBU in it carries its size, and temporal delimiters are left out
(AV1 Codec ISO Media File Format Binding, section 2.4).
"""

from __future__ import annotations

from classroom.media.intake.bits import Bits
from classroom.media.intake.frames import Setup, Unit
from classroom.media.intake.rtp import Packet

SEQUENCE, DELIMITER, FRAME_HEADER, FRAME, TILE_LIST, PADDING = 1, 2, 3, 6, 8, 15
MAX_FRAME = 8 << 20  # bytes


class Av1:
    """Temporal units of packets in order."""

    def __init__(self) -> None:
        self.waiting = True
        self._obus: list[bytes] = []
        self._open: bytearray | None = None
        self._timestamp: int | None = None
        self._size = 0
        self._whole = False
        self._setup: Setup | None = None

    def push(self, packet: Packet) -> Unit | None:
        header = packet.payload[0]
        continues, goes_on, count = bool(header & 0x80), bool(header & 0x40), header >> 4 & 3
        if packet.timestamp != self._timestamp:
            if self._timestamp is not None or packet.gap:
                self.waiting = True  # the end of the unit before is missing
            self._begin(packet.timestamp, not continues)
        elif packet.gap:
            self.waiting, self._whole = True, False
        self._size += len(packet.payload)
        elements = _elements(packet.payload, count)
        if elements is None or continues != (self._open is not None) or self._size > MAX_FRAME:
            self._whole = False
        if not self._whole:
            self.waiting = True
        else:
            self._take(elements or [], goes_on)
        if not packet.marker:
            return None
        done = self._finish()
        self._timestamp, self._open = None, None
        return done

    def _begin(self, timestamp: int, whole: bool) -> None:
        self._obus, self._open, self._size = [], None, 0
        self._timestamp, self._whole = timestamp, whole

    def _take(self, elements: list[bytes], goes_on: bool) -> None:
        for index, element in enumerate(elements):
            joined = self._open if self._open is not None else bytearray()
            joined += element
            self._open = joined
            if index < len(elements) - 1 or not goes_on:
                self._open = None
                self._obus.append(bytes(joined))

    def _finish(self) -> Unit | None:
        if not self._whole or self._open is not None or self._timestamp is None:
            self.waiting = True
            return None
        units = [_with_size(obu) for obu in self._obus if obu]
        kept = [obu for obu in units if obu[0] >> 3 & 15 not in (DELIMITER, TILE_LIST, PADDING)]
        key = False
        for obu in kept:
            if obu[0] >> 3 & 15 == SEQUENCE and _is_key(kept):
                key, self.waiting = True, False
                if self._setup is None or not self._setup.private.endswith(obu):
                    self._setup = describe(obu)
        if self.waiting or self._setup is None or not kept:
            return None
        return Unit(b"".join(kept), self._timestamp, key, self._setup)


def _elements(payload: bytes, count: int) -> list[bytes] | None:
    """The parts of OBUs in a packet; None: their lengths do not fit."""
    found: list[bytes] = []
    at = 1
    while at < len(payload):
        if count and len(found) == count - 1:
            found.append(payload[at:])
            return found
        size, at = _leb128(payload, at)
        if size == 0 or at + size > len(payload):
            return None
        found.append(payload[at : at + size])
        at += size
    return found if found and not count else None


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        if at >= len(data):
            return 0, at
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            break
    return value, at


def _as_leb128(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _with_size(obu: bytes) -> bytes:
    if obu[0] & 0x02:
        return obu
    header = 2 if obu[0] & 0x04 else 1
    return bytes([obu[0] | 0x02]) + obu[1:header] + _as_leb128(max(0, len(obu) - header)) + obu[header:]


def _body(obu: bytes) -> bytes:
    _, at = _leb128(obu, 2 if obu[0] & 0x04 else 1)
    return obu[at:]


def _is_key(obus: list[bytes]) -> bool:
    """Whether the first frame of a unit is a key frame that is shown (section 5.9.2)."""
    for obu in obus:
        if obu[0] >> 3 & 15 in (FRAME_HEADER, FRAME):
            bits = Bits(_body(obu)[:2])
            return not bits.flag() and bits.read(2) == 0
    return False


def describe(sequence: bytes) -> Setup:
    """The setup that a sequence header OBU, with its size, makes (section 5.5 of the AV1 specification)."""
    bits = Bits(_body(sequence))
    profile = bits.read(3)
    bits.flag()
    reduced = bits.flag()
    level, tier = (bits.read(5), 0) if reduced else _operating_points(bits)
    wide, high = bits.read(4) + 1, bits.read(4) + 1
    width, height = bits.read(wide) + 1, bits.read(high) + 1
    _skip_tools(bits, reduced)
    depth, flags = _colour(bits, profile)
    private = bytes([0x81, profile << 5 | level, tier << 7 | flags, 0]) + sequence
    string = f"av01.{profile}.{level:02}{'H' if tier else 'M'}.{depth:02}"
    return Setup("av1", string, private, min(width, 0xFFFF), min(height, 0xFFFF))


def _operating_points(bits: Bits) -> tuple[int, int]:
    delay_bits = 0
    if bits.flag():  # timing information
        bits.read(64)
        if bits.flag():
            bits.ue()
        if bits.flag():
            delay_bits = bits.read(5) + 1
            bits.read(42)
    display_delay = bits.flag()
    points = []
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        level = bits.read(5)
        points.append((level, bits.read(1) if level > 7 else 0))
        if delay_bits and bits.flag():
            bits.read(2 * delay_bits + 1)
        if display_delay and bits.flag():
            bits.read(4)
    return points[0]


def _skip_tools(bits: Bits, reduced: bool) -> None:
    if not reduced and bits.flag():
        bits.read(7)
    bits.read(3)
    if not reduced:
        bits.read(4)
        hinted = bits.flag()
        if hinted:
            bits.read(2)
        forced = 2 if bits.flag() else bits.read(1)
        if forced and not bits.flag():
            bits.read(1)
        if hinted:
            bits.read(3)
    bits.read(3)


def _colour(bits: Bits, profile: int) -> tuple[int, int]:
    """The depth of colour, and the flags of it as av1C has them behind the tier."""
    high = bits.flag()
    twelve = profile == 2 and high and bits.flag()
    depth = 12 if twelve else 10 if high else 8
    mono = profile != 1 and bits.flag()
    described = (bits.read(8), bits.read(8), bits.read(8)) if bits.flag() else (2, 2, 2)
    across = down = position = 0
    if mono:
        bits.flag()
        across = down = 1
    elif described != (1, 13, 0):
        bits.flag()
        if profile == 0:
            across = down = 1
        elif profile == 2:
            across = bits.read(1) if twelve else 1
            down = bits.read(1) if twelve and across else 0
        if across and down:
            position = bits.read(2)
    return depth, high << 6 | twelve << 5 | mono << 4 | across << 3 | down << 2 | position
