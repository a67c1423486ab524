"""Points as integers in few bits: how a pen's path travels and is kept.

What always holds: unpacking gives exactly the integers that were packed, in Python as in TypeScript (golden vectors); packed
points followed by a packed block are packed points again, so appending is putting bytes behind bytes; whatever the bytes,
unpacking ends with points within bounds or with `Unreadable`, after work in proportion to their number.

A coordinate is a whole number of units of 2^-precision px relative to the element's `x`, `y`, so that it is exact as a
float. A hand moves smoothly: what is written is how far a point is from where the last ones would have led, going on with
the last difference and half of its change, in Rice codes whose parameter follows the mean of what came before (as in
JPEG-LS, ISO 14495-1). A pressure is a whole number of 32nds, written as the difference to the last.

    packed  = header block*
    header  = one byte: bits 0–3 precision, bit 4 whether there are pressures, bits 5–7 zero
    block   = count (LEB128, from 1), then the bits of `count` points (x, y, pressure), most significant bit first, filled
              up with zero bits to a whole byte
    residue = u (zigzag: 0, -1, 1, -2 … → 0, 1, 2, 3 …) in the Rice code with parameter k: u >> k one-bits, a zero-bit and
              the k low bits of u; from `LONG` one-bits on instead: `LONG` one-bits and u in `RAW` bits
    k       = the smallest k with (n << k) >= sum, where a context (one for x and y each, one for pressures) begins with
              n = 1, sum = 4; after each residue sum += u, n += 1, and when n is `WINDOW` both are halved

With d the last difference of a coordinate and c how much that was more than the one before, the next coordinate is
predicted at last + d + floor(c / 2). All of them begin at 0, the pressure at 16, and all state goes on from block to block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

PRECISION = 2  # of a board at its own size: a quarter of a pixel
PRECISION_MOST = 8
PRESSURES = 16  # the header's bit
PRESSURE_UNITS = 32
LONG = 14
RAW = 28
WINDOW = 16
BOUND = 1 << 22  # units from the origin


class Unreadable(ValueError):
    """These bytes are no packed points, or are some beyond the bounds."""


class Points(NamedTuple):
    """Unpacked: points in units of 2^-precision px, pressures in 32nds (empty: there are none)."""

    precision: int
    points: list[tuple[int, int]]
    pressures: list[int]

    def plain(self) -> tuple[list[list[float]], list[float]]:
        """As they stand in an Excalidraw element: px, and pressures from 0 to 1."""
        unit = 1 / (1 << self.precision)
        return [[x * unit, y * unit] for x, y in self.points], [p / PRESSURE_UNITS for p in self.pressures]


class Packer:
    """Packs a path as it grows: the header, then block by block."""

    def __init__(self, precision: int = PRECISION, pressures: bool = False) -> None:
        self.header = bytes((precision | (PRESSURES if pressures else 0),))
        self._pressures = pressures
        self._sums, self._counts = [4, 4, 4], [1, 1, 1]
        self._x = self._y = self._dx = self._dy = self._cx = self._cy = 0
        self._p = PRESSURE_UNITS // 2

    def block(self, points: Sequence[tuple[int, int]], pressures: Sequence[int] = ()) -> bytes:
        """The block of these points, at least one; `pressures` are as many, if there are any."""
        bits: list[str] = []
        for index, (x, y) in enumerate(points):
            dx, dy = x - self._x, y - self._y
            bits.append(self._code(0, dx - self._dx - (self._cx >> 1)))
            bits.append(self._code(1, dy - self._dy - (self._cy >> 1)))
            self._cx, self._cy = dx - self._dx, dy - self._dy
            self._x, self._y, self._dx, self._dy = x, y, dx, dy
            if self._pressures:
                bits.append(self._code(2, pressures[index] - self._p))
                self._p = pressures[index]
        text = "".join(bits)
        text += "0" * (-len(text) % 8)
        return _varint(len(points)) + int(text, 2).to_bytes(len(text) // 8, "big")

    def _code(self, context: int, residue: int) -> str:
        u = residue << 1 if residue >= 0 else -(residue << 1) - 1
        k = _parameter(self._sums[context], self._counts[context])
        self._sums[context] += u
        self._counts[context] += 1
        if self._counts[context] == WINDOW:
            self._sums[context] >>= 1
            self._counts[context] >>= 1
        if u >> k >= LONG:
            return "1" * LONG + format(u, f"0{RAW}b")
        return "1" * (u >> k) + "0" + (format(u & ((1 << k) - 1), f"0{k}b") if k else "")


def pack(points: Sequence[tuple[int, int]], pressures: Sequence[int] = (), precision: int = PRECISION) -> bytes:
    """All points at once, in one block."""
    packer = Packer(precision, bool(pressures))
    return packer.header + (packer.block(points, pressures) if points else b"")


class Unpacker:
    """Unpacks a path as it grows. Raises `Unreadable`, and is of no use after that."""

    def __init__(self, header: int) -> None:
        if header & 0xE0 or header & 0x0F > PRECISION_MOST:
            raise Unreadable("no header of packed points")
        self.precision, self.pressures = header & 0x0F, bool(header & PRESSURES)
        self._last, self._slope, self._bend = [0, 0, PRESSURE_UNITS // 2], [0, 0, 0], [0, 0, 0]
        self._sums, self._counts = [4, 4, 4], [1, 1, 1]

    def take(self, data: bytes, most: int) -> list[tuple[list[tuple[int, int]], list[int]]]:
        """The points and pressures of each block that is put behind those so far, `most` points at most."""
        values = (0, 1, 2) if self.pressures else (0, 1)
        last, slope, bend, sums, counts = self._last, self._slope, self._bend, self._sums, self._counts
        blocks: list[tuple[list[tuple[int, int]], list[int]]] = []
        bits = bin(int.from_bytes(b"\x01" + data, "big"))[3:]
        at, end = 0, len(bits)
        try:
            while at < end:
                count, at = _count(bits, at)
                if not 0 < count <= most:
                    raise Unreadable("too many points, or an empty block")
                most -= count
                points: list[tuple[int, int]] = []
                pressures: list[int] = []
                for _ in range(count):
                    for v in values:
                        k = _parameter(sums[v], counts[v])
                        zero = bits.find("0", at, at + LONG)
                        if zero < 0:
                            zero = at + LONG
                            u = int(bits[zero : zero + RAW], 2)
                            at = zero + RAW
                        else:
                            u = (zero - at) << k
                            at = zero + 1 + k
                            if k:
                                u |= int(bits[zero + 1 : at], 2)
                        sums[v] += u
                        counts[v] += 1
                        if counts[v] == WINDOW:
                            sums[v] >>= 1
                            counts[v] >>= 1
                        residue = -(u + 1) >> 1 if u & 1 else u >> 1
                        if v < 2:
                            moved = residue + slope[v] + (bend[v] >> 1)
                            bend[v], slope[v] = moved - slope[v], moved
                            last[v] += moved
                        else:
                            last[v] += residue
                    if at > end or not (-BOUND <= last[0] <= BOUND and -BOUND <= last[1] <= BOUND):
                        raise Unreadable("points beyond the bounds")
                    points.append((last[0], last[1]))
                    if self.pressures:
                        if not 0 <= last[2] <= PRESSURE_UNITS:
                            raise Unreadable("a pressure beyond the bounds")
                        pressures.append(last[2])
                blocks.append((points, pressures))
                at += -at % 8
        except ValueError as error:
            raise Unreadable("the packed points break off") from error
        return blocks


def unpack(data: bytes, most: int) -> Points:
    """The points, `most` of them at most. Raises `Unreadable`."""
    if not data:
        raise Unreadable("no header of packed points")
    unpacker = Unpacker(data[0])
    blocks = unpacker.take(data[1:], most)
    return Points(
        unpacker.precision,
        [each for points, _ in blocks for each in points],
        [p for _, pressed in blocks for p in pressed],
    )


def quantised(points: Iterable[Sequence[float]], precision: int = PRECISION) -> list[tuple[int, int]]:
    """Points in px as whole units, halves away from zero as JavaScript's `Math.round` of the magnitude does it."""
    unit = 1 << precision
    return [(_round(x * unit), _round(y * unit)) for x, y, *_ in points]


def _round(value: float) -> int:
    return int(value + 0.5) if value >= 0 else -int(0.5 - value)


def _parameter(total: int, count: int) -> int:
    k = 0
    while count << k < total:
        k += 1
    return k


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes((*data, value))


def _count(bits: str, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = int(bits[at : at + 8], 2)
        at += 8
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 14:
            raise Unreadable("a block of too many points")
