"""RTP packets read (RFC 3550, section 5.1), and put back in order.

What always holds: `Reorder` gives each packet out once, in the order of sending, and holds at most `DEPTH` packets, none for
longer than `patience`. What is missing by then is given up, and the packet behind the hole says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

DEPTH = 256  # packets held while an earlier one is missing: half a second of a busy picture
RESET = 3_000  # a jump of this many sequence numbers is a new stream (RFC 3550, appendix A.1: MAX_DROPOUT)
HALF = 1 << 15


class Packet(NamedTuple):
    """`gap`: packets before this one are lost for good."""

    sequence: int
    timestamp: int
    marker: bool
    payload_type: int
    ssrc: int
    payload: bytes
    gap: bool = False


def parse(data: bytes) -> Packet | None:
    """A packet of its header and payload, without extensions and padding. None: it is not RTP, or is cut short."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    start = 12 + (data[0] & 0x0F) * 4
    if data[0] & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + int.from_bytes(data[start + 2 : start + 4], "big") * 4
    end = len(data)
    if data[0] & 0x20:
        end -= data[-1]
        if data[-1] == 0:
            return None
    if end < start:
        return None
    return Packet(
        int.from_bytes(data[2:4], "big"),
        int.from_bytes(data[4:8], "big"),
        bool(data[1] & 0x80),
        data[1] & 0x7F,
        int.from_bytes(data[8:12], "big"),
        bytes(data[start:end]),
    )


class Unwrap:
    """Counters that wrap at `1 << bits`, as numbers that do not."""

    def __init__(self, bits: int) -> None:
        self._size = 1 << bits
        self._last: int | None = None

    def __call__(self, value: int) -> int:
        if self._last is None:
            self._last = value
            return value
        step = (value - self._last) % self._size
        if step >= self._size // 2:
            step -= self._size
        self._last += step
        return self._last


class Reorder:
    """Packets in the order of sending. `patience`: seconds that a missing one is waited for."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._ssrc: int | None = None
        self._next = 0
        self._held: dict[int, tuple[float, Packet]] = {}
        self._gap = False
        self.lost = 0  # packets given up
        self.repeated = 0  # packets that had been given out, held or given up before

    def push(self, packet: Packet, now: float) -> Iterator[Packet]:
        """What can be given out, now that `packet` has come at `now` (seconds)."""
        ahead = (packet.sequence - self._next) & 0xFFFF
        if self._ssrc != packet.ssrc or RESET <= ahead < (1 << 16) - RESET:
            self._gap = self._ssrc is not None
            self._ssrc, self._next = packet.ssrc, packet.sequence
            self._held.clear()
        elif ahead >= HALF or packet.sequence in self._held:
            self.repeated += 1
            return
        self._held[packet.sequence] = (now, packet)
        yield from self.due(now)

    def due(self, now: float) -> Iterator[Packet]:
        """What can be given out at `now`, be it that patience with what was missing has ended."""
        while self._held:
            held = self._held.pop(self._next, None)
            if held is None:
                if len(self._held) <= DEPTH and now - self._oldest() < self._patience:
                    return
                first = min(self._held, key=lambda sequence: (sequence - self._next) & 0xFFFF)
                self.lost += (first - self._next) & 0xFFFF
                self._next, self._gap = first, True
                continue
            self._next = (self._next + 1) & 0xFFFF
            packet = held[1]
            if self._gap:
                packet, self._gap = packet._replace(gap=True), False
            yield packet

    def _oldest(self) -> float:
        return min(at for at, _ in self._held.values())
