"""One packet, encrypted for each viewer and sent: the loop that costs what forwarding costs.

What always holds: a viewer that cannot be sent to does not keep the others waiting; the packet is dropped for it and counted. The
loop here needs nothing; `native.py` has the same in C, and one suite holds both to the same bytes and the same counts.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from classroom.media.sfu.aiortc_parts import TRAILER, ffi, lib

if TYPE_CHECKING:
    from classroom.media.sfu.forward import Leg

SIZE = 2_048  # bytes of the buffer that a packet is encrypted in
LONGEST = SIZE - TRAILER  # bytes of a packet; a longer one goes to nobody

_buffer: Any = ffi.new("char[]", SIZE)
_view = memoryview(ffi.buffer(_buffer))
_length: Any = ffi.new("int *")


class Group:
    """Viewers who are sent the same bytes. `packed`: what the loop in C has made of them; empty: nothing yet, or they have
    changed since. It holds addresses of sessions, which `legs` keep alive."""

    __slots__ = ("legs", "packed")

    def __init__(self, legs: Iterable[Leg] = ()) -> None:
        self.legs = dict.fromkeys(legs)
        self.packed = b""

    def __len__(self) -> int:
        return len(self.legs)

    def add(self, leg: Leg) -> None:
        self.legs[leg] = None
        self.packed = b""

    def remove(self, leg: Leg) -> None:
        self.legs.pop(leg, None)
        self.packed = b""


class Fanout(Protocol):
    """`name` is for the log and the metrics."""

    name: str

    def send(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        """Send an RTP packet to all of a group; for how many the network did not take it."""
        ...

    def report(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        """The same of an RTCP packet."""
        ...


class Python:
    """The loop in Python, which serves where there is no C compiler."""

    name = "python"

    def send(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        return _send(lib.srtp_protect, sock, packet, group)

    def report(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        return _send(lib.srtp_protect_rtcp, sock, packet, group)


def _send(protect: Any, sock: socket.socket, packet: bytes, group: Group) -> int:
    size, dropped = len(packet), 0
    if not 0 < size <= LONGEST:
        return len(group)
    buffer, view, length, sendto = _buffer, _view, _length, sock.sendto
    for leg in group.legs:
        view[:size] = packet
        length[0] = size
        if protect(leg.outbound.srtp, buffer, length) != 0:
            continue
        try:
            sendto(view[: length[0]], leg.address)
        except OSError:
            dropped += 1
    return dropped
