"""VP8 (RFC 7741) and VP9 (RFC 9628) from RTP.

What always holds: a frame that comes out is whole, and no frame before it that it may refer to is missing. Spatial layers of one
picture of VP9 come out as one superframe, as a file keeps them.
"""

from __future__ import annotations

from classroom.media.intake.bits import Bits
from classroom.media.intake.frames import Setup, Unit
from classroom.media.intake.rtp import Packet

MAX_FRAME = 8 << 20  # bytes
SYNC = 0x498342
# VP9 levels by the most luma samples of a picture (VP9 bitstream specification, annex A); rates are not known here.
LEVELS = ((36_864, 10), (73_728, 11), (122_880, 20), (245_760, 21), (552_960, 30), (983_040, 31), (2_228_224, 40))


class Vp8:
    """Frames of packets in order."""

    def __init__(self) -> None:
        self.waiting = True
        self._frame = bytearray()
        self._timestamp: int | None = None
        self._whole = False
        self._setup: Setup | None = None

    def push(self, packet: Packet) -> Unit | None:
        described = _vp8_descriptor(packet.payload)
        if packet.gap:
            self.waiting, self._whole = True, False
        if described is None:
            self._whole = False
            return None
        start, first = described
        if first:
            self._frame, self._timestamp, self._whole = bytearray(), packet.timestamp, True
        elif packet.timestamp != self._timestamp:
            self._whole = False
        if not self._whole or len(self._frame) > MAX_FRAME:
            self.waiting = True
            return None
        self._frame += packet.payload[start:]
        return self._finish() if packet.marker else None

    def _finish(self) -> Unit | None:
        data, self._frame, self._whole = bytes(self._frame), bytearray(), False
        if len(data) < 3 or self._timestamp is None:
            return None
        key = not data[0] & 1 and len(data) >= 10 and data[3:6] == b"\x9d\x01\x2a"
        if key:
            width = int.from_bytes(data[6:8], "little") & 0x3FFF
            height = int.from_bytes(data[8:10], "little") & 0x3FFF
            private = bytes([1, 0, 0, 0, 0, 10, 8 << 4 | 1 << 1, 2, 2, 2, 0, 0])
            self._setup, self.waiting = Setup("vp8", "vp08.00.10.08", private, width, height), False
        if self.waiting or self._setup is None:
            return None
        return Unit(data, self._timestamp, key, self._setup)


def _vp8_descriptor(payload: bytes) -> tuple[int, bool] | None:
    """Where a payload's own bytes begin, and whether a frame does (section 4.2)."""
    if not payload:
        return None
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            return None
        flags, at = payload[1], 2
        if flags & 0x80:
            if len(payload) <= at:
                return None
            at += 2 if payload[at] & 0x80 else 1
        at += (1 if flags & 0x40 else 0) + (1 if flags & 0x30 else 0)
    return (at, bool(payload[0] & 0x10) and not payload[0] & 0x07) if at < len(payload) else None


class Vp9:
    """Pictures of packets in order."""

    def __init__(self) -> None:
        self.waiting = True
        self._layers: list[bytearray] = []
        self._timestamp: int | None = None
        self._whole = False
        self._setup: Setup | None = None

    def push(self, packet: Packet) -> Unit | None:
        described = _vp9_descriptor(packet.payload)
        if packet.gap:
            self.waiting, self._whole = True, False
        if described is None:
            self._whole = False
            return None
        start, begins, layer = described
        if begins:
            if layer == 0 or packet.timestamp != self._timestamp:
                self._layers, self._timestamp, self._whole = [], packet.timestamp, layer == 0
            self._layers.append(bytearray())
        if not self._layers or packet.timestamp != self._timestamp or sum(map(len, self._layers)) > MAX_FRAME:
            self._whole = False
        if not self._whole:
            self.waiting = True
            return None
        self._layers[-1] += packet.payload[start:]
        return self._finish() if packet.marker else None

    def _finish(self) -> Unit | None:
        layers, self._layers, self._whole = [bytes(layer) for layer in self._layers], [], False
        if self._timestamp is None or not layers[0]:
            return None
        described = describe_vp9(layers[0])
        if described is not None:
            self._setup, self.waiting = described, False
        if self.waiting or self._setup is None:
            return None
        return Unit(superframe(layers), self._timestamp, described is not None, self._setup)


def _vp9_descriptor(payload: bytes) -> tuple[int, bool, int] | None:
    """Where a payload's own bytes begin, whether a layer's frame does, and which spatial layer (section 4.2)."""
    padded = payload + bytes(8)  # a descriptor that is cut short is found out below
    flags, at, layer = padded[0], 1, 0
    if flags & 0x80:
        at += 2 if padded[at] & 0x80 else 1
    if flags & 0x20:
        layer = padded[at] >> 1 & 7
        at += 1 if flags & 0x10 else 2
    if flags & 0x10 and flags & 0x40:
        for _ in range(3):
            at += 1
            if not padded[at - 1] & 1:
                break
    if flags & 0x02:
        at += _vp9_structure(payload[at:])
    return (at, bool(flags & 0x08), layer) if at < len(payload) else None


def _vp9_structure(data: bytes) -> int:
    """How many bytes a scalability structure has (section 4.2.1)."""
    if not data:
        return 1
    size = 1 + ((data[0] >> 5) + 1) * (4 if data[0] & 0x10 else 0)
    if data[0] & 0x08:
        pictures = data[size] if size < len(data) else 0
        size += 1
        for _ in range(pictures):
            size += 1 + (data[size] >> 2 & 3 if size < len(data) else 0)
    return size


def superframe(layers: list[bytes]) -> bytes:
    """Frames of one picture, and behind them their sizes (VP9 bitstream specification, annex B)."""
    if len(layers) == 1:
        return layers[0]
    width = max(1, (max(map(len, layers)).bit_length() + 7) // 8)
    marker = bytes([0b11000000 | (width - 1) << 3 | len(layers) - 1])
    index = marker + b"".join(len(layer).to_bytes(width, "little") for layer in layers) + marker
    return b"".join(layers) + index


def describe_vp9(frame: bytes) -> Setup | None:
    """The setup that a key frame's header makes; None: it is not a key frame (section 6.2; vpcC of VP Codec ISO Binding)."""
    bits = Bits(frame[:24])
    if bits.read(2) != 2:
        return None
    profile = bits.read(1) | bits.read(1) << 1
    if profile == 3:
        bits.flag()
    if bits.flag() or bits.flag():  # an old frame shown again, or one that is no key frame
        return None
    bits.read(2)
    if bits.read(24) != SYNC:
        return None
    depth = (12 if bits.flag() else 10) if profile >= 2 else 8
    space, full, chroma = bits.read(3), False, 1
    if space == 7:  # sRGB
        full, chroma = True, 3
        if profile in (1, 3):
            bits.flag()
    else:
        full = bits.flag()
        if profile in (1, 3):
            chroma = {0b11: 1, 0b10: 2, 0b00: 3}.get(bits.read(2), 1)
            bits.flag()
    width, height = bits.read(16) + 1, bits.read(16) + 1
    level = next((level for most, level in LEVELS if width * height <= most), 50)
    primaries = {1: 6, 2: 1, 3: 6, 4: 7, 5: 9, 7: 1}.get(space, 2)
    private = bytes(
        [1, 0, 0, 0, profile, level, depth << 4 | chroma << 1 | full, primaries, primaries, primaries, 0, 0]
    )
    return Setup("vp9", f"vp09.{profile:02}.{level:02}.{depth:02}", private, width, height)
