"""The loop of `fanout.py` in C: where it cannot be had (`classroom/native.py`), the one in Python serves; the log says so."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import structlog

from classroom import native
from classroom.media.sfu import aiortc_parts
from classroom.media.sfu.fanout import Fanout, Group, Python, takes_segments
from classroom.media.sfu.forward import Leg
from classroom.native import Unavailable

SOURCE = Path(__file__).with_name("fanout.c")
VERSION = 2

_target = struct.Struct("@P28sI")  # `struct target` of fanout.c

log = structlog.get_logger(__name__)


class Native:
    """The loop in C. `library`: what was built of it."""

    name = "c"

    def __init__(self, library: ctypes.CDLL) -> None:
        self._send: Any = library.fan_send
        self._send.restype = ctypes.c_int
        self._send.argtypes = (
            *(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int),
            *(ctypes.c_char_p, ctypes.c_int, ctypes.c_int),
        )

    def send(self, sock: socket.socket, burst: Sequence[bytes], group: Group) -> int:
        return self._all(aiortc_parts.PROTECT, sock, burst, group)

    def report(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        return self._all(aiortc_parts.PROTECT_RTCP, sock, (packet,), group)

    def _all(self, protect: int, sock: socket.socket, burst: Sequence[bytes], group: Group) -> int:
        packed = group.packed
        if not packed:
            packed = group.packed = b"".join([leg.target or _pack(leg) for leg in group.legs])
        number = len(burst)
        sizes = struct.pack(f"@{number}i", *map(len, burst))
        together = number > 1 and takes_segments(sock)
        dropped: int = self._send(
            *(sock.fileno(), protect, b"".join(burst), sizes, number),
            *(packed, len(packed) // _target.size, together),
        )  # ctypes lets other threads run meanwhile
        return dropped


def target(leg: Leg, address: bytes) -> bytes:
    """A viewer as the loop in C is given one. `address`: a `sockaddr` of at most 28 bytes."""
    return _target.pack(leg.outbound.pointer, address, len(address))


def _pack(leg: Leg) -> bytes:
    host, port = leg.address[:2]
    if ":" in host:
        tail = bytes(4) + socket.inet_pton(socket.AF_INET6, host) + bytes(4)
        address = struct.pack("=H", socket.AF_INET6) + port.to_bytes(2, "big") + tail
    else:
        address = struct.pack("=H", socket.AF_INET) + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)
    leg.target = target(leg, address)
    return leg.target


def choose(wanted: Literal["auto", "python"], folder: Path) -> Fanout:
    """The loop that serves. `folder`: where the one in C is kept once it is built."""
    if wanted == "python":
        log.info("packets are sent by the loop in Python", reason="media.fanout says so")
        return Python()
    try:
        found = load(folder)
    except (Unavailable, OSError) as error:
        log.warning(
            "packets are sent by the loop in Python, which takes about twice the CPU of that in C", reason=str(error)
        )
        return Python()
    log.info("packets are sent by the loop in C")
    return found


def load(folder: Path) -> Native:
    """The loop in C, built where that has not been done. Raises `Unavailable`, `OSError`."""
    return Native(native.load(SOURCE, folder, VERSION << 16 | _target.size))
