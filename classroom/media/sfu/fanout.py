"""A burst of packets, encrypted for each viewer and sent: the loop that costs what forwarding costs.

What always holds: a viewer that cannot be sent to does not keep the others waiting; the packet is dropped for it and counted. A
viewer's packets go one after the other, since what its encryption needs is then at hand. Those that are as long as one another go
through the kernel as one, which sends them apart (UDP_SEGMENT, Linux 4.18). The loop here needs nothing; `native.py` has the same
in C, and one suite holds both to the same bytes and the same counts.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from classroom.media.sfu.aiortc_parts import TRAILER, ffi, lib

if TYPE_CHECKING:
    from classroom.media.sfu.forward import Leg

LONGEST = 1_900  # bytes of a packet; a longer one goes to nobody
TOGETHER = 32  # packets that go through the kernel as one
UDP_SEGMENT = 103  # linux/udp.h
FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)  # there is no room now; packets would do no better one by one

_slots: list[Any] = [ffi.new("char[]", LONGEST + TRAILER) for _ in range(TOGETHER)]
_views = [memoryview(ffi.buffer(slot)) for slot in _slots]
_length: Any = ffi.new("int *")
_each = struct.Struct("=H")


class Group:
    """Viewers who are sent the same bytes. `waiting`: those that they are sent next. `packed`: what the loop in C has made of the
    viewers; empty: nothing yet, or they have changed since. It holds addresses of sessions, which `legs` keep alive."""

    __slots__ = ("legs", "packed", "waiting")

    def __init__(self, legs: Iterable[Leg] = ()) -> None:
        self.legs = dict.fromkeys(legs)
        self.packed = b""
        self.waiting: list[bytes] = []

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

    def send(self, sock: socket.socket, burst: Sequence[bytes], group: Group) -> int:
        """Send RTP packets to all of a group; how many the network did not take, counted for each viewer."""
        ...

    def report(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        """The same of an RTCP packet."""
        ...


class Python:
    """The loop in Python, which serves where there is no C compiler."""

    name = "python"

    def send(self, sock: socket.socket, burst: Sequence[bytes], group: Group) -> int:
        return _send(lib.srtp_protect, sock, burst, group)

    def report(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        return _send(lib.srtp_protect_rtcp, sock, (packet,), group)


def takes_segments(sock: socket.socket) -> bool:
    """Whether packets may go through the kernel as segments of one: a UDP socket's, of Linux 4.18 and later."""
    try:
        return sock.getsockopt(socket.IPPROTO_UDP, UDP_SEGMENT) == 0
    except OSError:
        return False


def _send(protect: Any, sock: socket.socket, burst: Sequence[bytes], group: Group) -> int:
    fitting = [packet for packet in burst if 0 < len(packet) <= LONGEST]
    dropped = (len(burst) - len(fitting)) * len(group)
    if not fitting:
        return dropped
    runs = _runs(fitting) if len(fitting) > 1 and takes_segments(sock) else [[packet] for packet in fitting]
    length, sendto = _length, sock.sendto
    for leg in group.legs:
        srtp, address = leg.outbound.srtp, leg.address
        for run in runs:
            sealed = []
            for packet, slot, view in zip(run, _slots, _views, strict=False):
                size = length[0] = len(packet)
                view[:size] = packet
                if protect(srtp, slot, length) == 0:
                    sealed.append(view[: length[0]])
            if len(sealed) > 1:
                dropped += _send_together(sock, sealed, address)
                continue
            for one in sealed:
                try:
                    sendto(one, address)
                except OSError:
                    dropped += 1
    return dropped


def _runs(burst: list[bytes]) -> list[list[bytes]]:
    """Packets that may be segments of one: all are as long as the first, but for the last, which may be shorter."""
    runs: list[list[bytes]] = []
    open = 0
    for packet in burst:
        size = len(packet)
        if size <= open and len(runs[-1]) < TOGETHER:
            runs[-1].append(packet)
            open = size if size == open else 0
        else:
            runs.append([packet])
            open = size
    return runs


def _send_together(sock: socket.socket, parts: list[memoryview], address: tuple[str, int]) -> int:
    """Send packets as long as the first, the last of which may be shorter; how many the network did not take."""
    try:
        sock.sendmsg(parts, [(socket.IPPROTO_UDP, UDP_SEGMENT, _each.pack(len(parts[0])))], 0, address)
        return 0
    except OSError as error:
        if error.errno in FULL:
            return len(parts)
    dropped = 0
    for one in parts:
        try:
            sock.sendto(one, address)
        except OSError:
            dropped += 1
    return dropped
