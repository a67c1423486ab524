"""Bits of a header, first the highest. Past the end there are only zeros, so that nothing strange can raise."""

from __future__ import annotations

MOST_ZEROS = 32  # an Exp-Golomb code of more is no number that a header may hold


class Bits:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            byte = self._at >> 3
            bit = self._data[byte] >> (7 - (self._at & 7)) & 1 if byte < len(self._data) else 0
            value = value << 1 | bit
            self._at += 1
        return value

    def flag(self) -> bool:
        return self.read(1) == 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb number (H.264, section 9.1)."""
        zeros = 0
        while zeros < MOST_ZEROS and not self.flag():
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number (H.264, section 9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
