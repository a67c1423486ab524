"""Members for whom the same has come, read one after the other by a loop in C (`herd.c`).

What always holds: it is the same for every member as `Seat.readable` one by one, which serves where there is no C compiler.
Only members who count what comes are read so, and only while none of them holds half a frame.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classroom import native
from classroom.native import Unavailable
from loadtest import student

if TYPE_CHECKING:
    from loadtest.party import Party
    from loadtest.student import Seat

SOURCE = Path(__file__).with_name("herd.c")
VERSION = 1


def one_by_one(_: Party, seats: Sequence[Seat]) -> None:
    """Read what has come for them."""
    for seat in seats:
        seat.readable()


class Herd:
    """The loop in C. `library`: what was built of it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._read: Any = library.herd_read
        self._read.restype = ctypes.c_int
        self._read.argtypes = (
            ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_int,
            ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p,
        )  # fmt: skip
        self._buffer = (ctypes.c_char * len(student.BUFFER)).from_buffer(student.BUFFER)
        self._got = ctypes.c_int()

    def __call__(self, party: Party, seats: Sequence[Seat]) -> None:
        """As `one_by_one`."""
        ready = []
        for seat in seats:
            if seat.rest or seat.skip:
                seat.readable()
            else:
                ready.append(seat)
        sockets = array("i", [seat.socket.fileno() for seat in ready])
        at, count = 0, len(ready)
        while at < count:
            seen = party.seen
            stop = self._read(
                sockets.buffer_info()[0], at, count, self._buffer, len(student.BUFFER),
                seen.data, len(seen.data), ctypes.byref(self._got),
            )  # fmt: skip
            if stop > at:
                same = stop - at
                party.reads += same
                party.bytes += same * len(seen.data)
                party.frames += same * seen.frames
                for seat in ready[at:stop]:
                    seat.head, seat.head_deflated = seen.head, seen.head_deflated
            if stop < count:  # what is said to one member closes no other one
                ready[stop].received(self._got.value)
            at = stop + 1


def choose() -> Callable[[Party, Sequence[Seat]], None]:
    """What reads for members. The loop in C is kept in a folder of this user's among the temporary files."""
    folder = Path(tempfile.gettempdir()) / f"classroom-loadtest-{os.geteuid()}"
    try:
        return Herd(native.load(SOURCE, folder, VERSION << 16 | array("i").itemsize))
    except (Unavailable, OSError):
        return one_by_one
