"""One packet, encrypted for each viewer and sent: the loop that costs what forwarding costs.

What always holds: a viewer that cannot be sent to does not keep the others waiting; the packet is dropped for it and counted.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from classroom.media.sfu.aiortc_parts import ffi, lib

if TYPE_CHECKING:
    from classroom.media.sfu.forward import Leg

_SIZE = 2_048
_buffer = ffi.new("char[]", _SIZE)
_view = memoryview(ffi.buffer(_buffer))
_length = ffi.new("int *")


def send(sock: socket.socket, packet: bytes, legs: Iterable[Leg]) -> int:
    """Send `packet` to all of `legs`; how many the network did not take."""
    size, dropped = len(packet), 0
    buffer, view, length, protect, sendto = _buffer, _view, _length, lib.srtp_protect, sock.sendto
    for leg in legs:
        view[:size] = packet
        length[0] = size
        if protect(leg.outbound.srtp, buffer, length) != 0:
            continue
        try:
            sendto(view[: length[0]], leg.address)
        except OSError:
            dropped += 1
    return dropped
