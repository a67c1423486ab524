"""Members who are read for by a loop in C (`herd.c`): as long as frames to count and pings are all that comes, nothing in
Python is called for them.

What always holds: it is the same for every member as `Seat.readable` one by one, which serves where there is no C compiler,
and over TLS, which the loop does not speak. Only members who hold no half of a frame are read for, neither of one that comes
nor of one that goes.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classroom import native
from classroom.native import Unavailable
from loadtest import student
from loadtest.poller import NOT_READ, Other

if TYPE_CHECKING:
    from loadtest.party import Party
    from loadtest.student import Seat

SOURCE = Path(__file__).with_name("herd.c")
VERSION = 2
MOST = 512  # sockets at one look
HEAD = 132
EVENTS = 0x80002001  # EPOLLIN, EPOLLRDHUP, EPOLLET


class OneByOne:
    """Nobody is read for. `at_once`: how many sockets are served before others have their turn."""

    at_once = 128

    def join(self, number: int, seat: Seat) -> int:
        """From now on `seat`, whose socket is `number`, is read for with others: what to watch it for. 0: it is not."""
        return 0

    def part(self, number: int) -> bool:
        """It no longer is; whether it was."""
        return False

    def head(self, number: int) -> tuple[bytes, bool]:
        """How the last packet of events began that was counted of this socket, and whether it is deflated. It is told once."""
        return b"", False

    def look(self, epoll: Any, most: int) -> tuple[int, list[Other]]:
        """Look once: how many sockets were ready, and those of them that are not done with."""
        ready = epoll.poll(0, most)
        return len(ready), [(number, NOT_READ, 0) for number, _ in ready]

    def take(self, number: int, got: int, at: int) -> None:
        """Do what is left to do for one who was read for."""


class _Head(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint16), ("deflated", ctypes.c_uint16), ("bytes", ctypes.c_uint8 * HEAD))


class _Herd(ctypes.Structure):
    _fields_ = (
        ("reads", ctypes.c_int64), ("bytes", ctypes.c_int64), ("frames", ctypes.c_int64),
        ("members", ctypes.c_int32), ("name_at", ctypes.c_int32), ("kinds", ctypes.c_void_p), ("heads", ctypes.c_void_p),
        ("buffer", ctypes.c_void_p), ("size", ctypes.c_int32), ("others", ctypes.c_int32), ("other", ctypes.c_void_p),
    )  # fmt: skip


class Herd(OneByOne):
    """The loop in C. `library`: what was built of it."""

    at_once = MOST

    def __init__(self, library: ctypes.CDLL, party: Party) -> None:
        self._look: Any = library.herd_look
        self._look.restype = ctypes.c_int
        self._look.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
        self._party = party
        self._members: dict[int, Seat] = {}
        self._kinds: Any = (ctypes.c_uint8 * 0)()
        self._heads: Any = (_Head * 0)()
        self._buffer = bytearray(len(student.BUFFER))
        self._view = memoryview(self._buffer)
        self._kept = (ctypes.c_char * len(self._buffer)).from_buffer(self._buffer)
        self._others = array("i", bytes(3 * MOST * 4))
        self._herd = _Herd(
            name_at=party.name_at, buffer=ctypes.addressof(self._kept), size=len(self._buffer),
            other=self._others.buffer_info()[0],
        )  # fmt: skip
        self._at = ctypes.addressof(self._herd)

    def join(self, number: int, seat: Seat) -> int:
        if number >= len(self._kinds):
            self._grow(2 * number)
        self._members[number] = seat
        self._kinds[number] = seat.counts
        return EVENTS

    def _grow(self, size: int) -> None:
        kinds, heads = (ctypes.c_uint8 * size)(), (_Head * size)()
        ctypes.memmove(kinds, self._kinds, ctypes.sizeof(self._kinds))
        ctypes.memmove(heads, self._heads, ctypes.sizeof(self._heads))
        self._kinds, self._heads = kinds, heads
        self._herd.kinds, self._herd.heads, self._herd.members = ctypes.addressof(kinds), ctypes.addressof(heads), size

    def part(self, number: int) -> bool:
        if self._members.pop(number, None) is None:
            return False
        self._kinds[number] = student.APART
        return True

    def head(self, number: int) -> tuple[bytes, bool]:
        if number >= len(self._heads):
            return b"", False
        head = self._heads[number]
        size, head.size = head.size, 0
        return bytes(head.bytes[:size]), bool(head.deflated)

    def look(self, epoll: Any, most: int) -> tuple[int, list[Other]]:
        herd = self._herd
        count: int = self._look(self._at, epoll.fileno(), most)
        if herd.reads:
            self._party.reads += herd.reads
            self._party.bytes += herd.bytes
            self._party.frames += herd.frames
            herd.reads = herd.bytes = herd.frames = 0
        others = self._others[: 3 * herd.others]
        return count, list(zip(others[::3], others[1::3], others[2::3], strict=True))

    def take(self, number: int, got: int, at: int) -> None:
        seat = self._members.get(number)
        if seat is not None:
            if got > 0:
                student.BUFFER[:got] = self._view[at : at + got]
            seat.received(got)


def choose(party: Party) -> OneByOne:
    """What reads for members. The loop in C is kept in a folder of this user's among the temporary files."""
    try:
        return Herd(_library(), party)
    except (Unavailable, OSError):
        return OneByOne()


def reader() -> str:
    """What reads for members here, in words."""
    try:
        _library()
    except (Unavailable, OSError):
        return "one by one in Python, since no C compiler is here"
    return "together, by a loop in C"


def _library() -> ctypes.CDLL:
    folder = Path(tempfile.gettempdir()) / f"classroom-loadtest-{os.geteuid()}"
    return native.load(SOURCE, folder, VERSION << 16 | ctypes.sizeof(_Herd) + ctypes.sizeof(_Head))
