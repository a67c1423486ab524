"""Blocks of packed points on their way to a crowd: in an arithmetic code, since each bit is paid for by everybody.

What always holds: reading gives exactly the blocks that were written (golden vectors say so for both sides); what is expected of
the next block follows from the blocks so far alone, however they were told; whatever the bytes, reading ends.

A message is a sequence of blocks, each followed by whether there is another. All of it is told in binary decisions, each with a
chance of being 1 in 65,536ths. An interval begins with the integers from 0 below 2^32. A decision splits it: with w its width,
the lower (w >> 16) * chance of it stand for 1, the rest for 0. As long as the width is at most 2^24, all is taken times 2^8.
The message is the fewest bits that, with zeros behind, are a number of the interval; they fill whole bytes.

    block   = how many points, as a residue to the last block's (at first 1), and of each of them x, y and the pressure, if there
              are any, as residues to what is expected
    residue = u (zigzag, as in `quantise`) in the context of what it is of: as many 1 and a 0; after `LONG` times 1 instead u in
              `RAW` decisions of even chances, the highest first. The chance of a 1 is sum / (sum + count), at least 1 / 32 and at
              most 31 / 32; then sum += u, count += 1, and when that is `WINDOW` both are halved
    more    = a chance of 1 / 32

A context begins with the `sum` and `count` of `BEGINNINGS`. With d the last difference of a coordinate and c how much that was
more than the one before, the next one is expected at last + d + floor((c + 1) / 2), at first at 0; a pressure at
last + floor((3 * e + 4) / 8), where e is how much the last is above the last but two, all of them at first `LIGHTLY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from classroom.whiteboard.quantise import Packer, Unpacker, Unreadable

LONG = 20
RAW = 28
WINDOW = 32
BEGINNINGS = ((1, 2), (4, 1), (4, 1), (1, 2))  # of how many points, of x, y and pressures
LIGHTLY = 5  # 32nds: how a pen comes down
RARELY = 1 << 11  # of 65,536
EVENLY = 1 << 15


class Block(NamedTuple):
    """Points in units, and as many pressures or none."""

    points: Sequence[tuple[int, int]]
    pressures: Sequence[int]


class Coder(Protocol):
    """One side of a message."""

    def decide(self, one: bool, chance: int) -> bool:
        """Whether it is 1: as it is written, or read."""


class Course:
    """What is expected of a path that grows block by block. `pressures`: whether it has some."""

    def __init__(self, pressures: bool) -> None:
        self._pressures = pressures
        self._contexts = [list(each) for each in BEGINNINGS]
        self._count = 1
        self._last, self._slope, self._bend = [0, 0], [0, 0], [0, 0]
        self._pressed = [LIGHTLY, LIGHTLY, LIGHTLY]

    def write(self, coder: Coder, blocks: Sequence[Block]) -> None:
        """Tell of these blocks."""
        for number, block in enumerate(blocks):
            self._number(coder, len(block.points))
            for index, (x, y) in enumerate(block.points):
                self._coordinate(coder, 0, x)
                self._coordinate(coder, 1, y)
                if self._pressures:
                    self._pressure(coder, block.pressures[index])
            coder.decide(number + 1 < len(blocks), RARELY)

    def read(self, coder: Coder, most: int) -> list[Block]:
        """The blocks that are told of, of `most` points at most. Raises `ValueError`."""
        blocks = []
        while True:
            count = self._number(coder, 0)
            if not 0 < count <= most:
                raise ValueError("a block of too many points, or of none")
            most -= count
            points, pressures = [], []
            for _ in range(count):
                points.append((self._coordinate(coder, 0, 0), self._coordinate(coder, 1, 0)))
                if self._pressures:
                    pressures.append(self._pressure(coder, 0))
            blocks.append(Block(points, pressures))
            if not coder.decide(False, RARELY):
                return blocks

    def _number(self, coder: Coder, count: int) -> int:
        self._count += self._residue(coder, 0, count - self._count)
        return self._count

    def _coordinate(self, coder: Coder, axis: int, value: int) -> int:
        last, slope, bend = self._last[axis], self._slope[axis], self._bend[axis]
        expected = last + slope + (bend + 1 >> 1)
        value = expected + self._residue(coder, 1 + axis, value - expected)
        self._last[axis], self._slope[axis], self._bend[axis] = value, value - last, value - last - slope
        return value

    def _pressure(self, coder: Coder, value: int) -> int:
        last, before, first = self._pressed
        expected = last + ((last - first) * 3 + 4 >> 3)
        value = expected + self._residue(coder, 3, value - expected)
        self._pressed = [value, last, before]
        return value

    def _residue(self, coder: Coder, which: int, residue: int) -> int:
        context = self._contexts[which]
        total, count = context
        chance = min(max((total << 16) // (total + count), RARELY), 65_536 - RARELY)
        told, u = residue << 1 if residue >= 0 else -(residue << 1) - 1, 0
        while u < LONG and coder.decide(told > u, chance):
            u += 1
        if u == LONG:
            u = 0
            for bit in reversed(range(RAW)):
                u = u << 1 | coder.decide(bool(told >> bit & 1), EVENLY)
        context[:] = total + u, count + 1
        if context[1] == WINDOW:
            context[:] = context[0] >> 1, context[1] >> 1
        return -(u + 1) >> 1 if u & 1 else u >> 1


class Stroke:
    """A stroke under way, as both sides know it. `header`: the first byte of its packed points. `points`: in units."""

    def __init__(self, header: int) -> None:
        self._unpacker = Unpacker(header)
        self.precision = self._unpacker.precision
        self._packer = Packer(self.precision, self._unpacker.pressures)
        self._course = Course(self._unpacker.pressures)
        self.points: list[tuple[int, int]] = []

    def take(self, packed: bytes, coder: Coder, most: int) -> bool:
        """Take in what is put behind its packed points, at least a block, and tell of it. Whether it can be told; if not, the
        stroke is of no use any more."""
        try:
            blocks = [Block(points, pressures) for points, pressures in self._unpacker.take(packed, most)]
        except Unreadable:
            return False
        if not blocks or b"".join(self._packer.block(*block) for block in blocks) != packed:
            return False
        self._course.write(coder, blocks)
        self._add(blocks)
        return True

    def read(self, coder: Coder, most: int) -> bytes:
        """What is put behind its packed points, as it is told. Raises `ValueError`."""
        blocks = self._course.read(coder, most)
        self._add(blocks)
        return b"".join(self._packer.block(*block) for block in blocks)

    def _add(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self.points += block.points


class Heard:
    """What was told otherwise: the coder of no message."""

    def decide(self, one: bool, chance: int) -> bool:
        return one


class Writer:
    """Puts a message together."""

    def __init__(self) -> None:
        self._low, self._width, self._bits = 0, 1 << 32, 32

    def decide(self, one: bool, chance: int) -> bool:
        split = (self._width >> 16) * chance
        if one:
            self._width = split
        else:
            self._low += split
            self._width -= split
        while self._width <= 1 << 24:
            self._low, self._width, self._bits = self._low << 8, self._width << 8, self._bits + 8
        return one

    def bytes(self, first: int | None = None) -> bytes:
        """The message; with `first`, its first four bits stand in the lower half of that byte."""
        size = 0 if first is None else 4
        while True:
            rest = self._bits - size
            value = -(-self._low >> rest) if rest >= 0 else self._low << -rest
            if value << max(rest, 0) < self._low + self._width and value < 1 << size:
                break
            size += 8
        if first is None:
            return value.to_bytes(size >> 3, "big")
        return (first << size - 4 | value).to_bytes(size + 4 >> 3, "big")


class Reader:  # as clients do it; the server only writes
    """Takes a message apart. `half`: its first four bits stand in the lower half of the first byte."""

    def __init__(self, data: bytes, half: bool = False) -> None:
        self._data = data
        self._at = 4 if half else 0
        self._code, self._width = self._bits(32), 1 << 32

    def decide(self, one: bool, chance: int) -> bool:
        split = (self._width >> 16) * chance
        one = self._code < split
        if one:
            self._width = split
        else:
            self._code -= split
            self._width -= split
        while self._width <= 1 << 24:
            self._code, self._width = self._code << 8 | self._bits(8), self._width << 8
        return one

    def _bits(self, count: int) -> int:
        """The next bits; behind the message there are zeros."""
        end = self._at + count
        whole = int.from_bytes(
            self._data[self._at >> 3 : -(-end // 8)].ljust(-(-end // 8) - (self._at >> 3), b"\0"), "big"
        )
        self._at = end
        return whole >> (-end % 8) & (1 << count) - 1
