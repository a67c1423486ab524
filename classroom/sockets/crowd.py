"""A packet written to many members at once: past their transports, by a loop in C (`crowd.c`), where nothing waits for them.
The loop hands its sends to io_uring, where the kernel has that.

What always holds: it is the same for every member as `Link.offer` one after the other, which serves where there is no C
compiler. Whoever has bytes waiting, closes, speaks TLS or has no socket of their own is offered the packet as ever, and what a
socket does not take is handed to its transport, so that nothing goes out twice or out of order.
"""

from __future__ import annotations

import ctypes
import weakref
from array import array
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import structlog

from classroom import native
from classroom.native import Unavailable
from classroom.packets import Packet, Pair
from classroom.rooms.places import PLACES
from classroom.rooms.roll import Row
from classroom.rooms.session import Offer, Session, one_by_one

SOURCE = Path(__file__).with_name("crowd.c")
VERSION = 2
FEW = 16  # members for whom gathering their sockets is not worth it
AT_ONCE = 256  # sends that are handed to the kernel at once

log = structlog.get_logger(__name__)


class Crowd:
    """The loop in C. `library`: what was built of it; `uring`: whether io_uring is to be asked for. `ring`: where sends are
    handed over; None: they are system calls, one by one."""

    def __init__(self, library: ctypes.CDLL, *, uring: bool = True) -> None:
        self._send: Any = library.crowd_send
        self._send.restype = ctypes.c_int
        self._send.argtypes = (
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p,
        )  # fmt: skip
        library.crowd_open.restype = ctypes.c_void_p
        library.crowd_close.restype = None
        library.crowd_close.argtypes = (ctypes.c_void_p,)
        self._taken = array("i", bytes(4 * AT_ONCE))  # of each socket, how much it took in the last call
        self.ring: int | None = library.crowd_open(AT_ONCE) if uring else None
        if self.ring is not None:
            weakref.finalize(self, library.crowd_close, self.ring)

    def offer(self, packet: Packet | Pair, sessions: Collection[Session], bound: int) -> list[Session]:
        """As `one_by_one`."""
        count = len(sessions)
        if count < FEW:
            return one_by_one(packet, sessions, bound)
        row = sessions if isinstance(sessions, Row) else Row.of(sessions)
        columns = row.columns
        # A descriptor may be another's once its transport is closing; what goes past one that has bytes would overtake them.
        closed, waiting = [closing() for closing in columns.closings], [waits() for waits in columns.waits]
        slots = columns.slots
        places = list(map(PLACES.at.__getitem__, slots))
        if not (any(closed) or any(waiting)) and places.count(places[0]) == count:  # nearly always
            self._write(_frame(packet, places[0], slots), row, columns.descriptors)
            return []
        refused: list[Session] = []
        alike: dict[int, list[int]] = {}  # by place, who is written to: where in the row
        for at, (place, away, bytes_waiting) in enumerate(zip(places, closed, waiting, strict=True)):
            if not (away or bytes_waiting):
                alike.setdefault(place, []).append(at)
            elif not row[at].link.offer(packet, bound):
                refused.append(row[at])
        frames: dict[bytes, list[int]] = {}
        for place, some in alike.items():
            frame = _frame(packet, place, [slots[at] for at in some])
            frames.setdefault(frame, []).extend(some)
        for frame, some in frames.items():
            some.sort()
            self._write(frame, row, array("i", [columns.descriptors[at] for at in some]), some)
        return refused

    def _write(self, frame: bytes, row: Row, sockets: array[int], some: Sequence[int] | None = None) -> None:
        """Write to the sockets of a row, or of some in it, in its order."""
        count, size = len(sockets), len(frame)
        if count > len(self._taken):
            self._taken = array("i", bytes(self._taken.itemsize * count))
        taken = self._taken
        if self._send(self.ring, sockets.buffer_info()[0], count, frame, size, taken.buffer_info()[0]):
            for at, sent in zip(range(count) if some is None else some, taken, strict=False):
                if sent != size:
                    row[at].link.rest(frame[sent:])


def _frame(packet: Packet | Pair, place: int, slots: Iterable[int]) -> bytes:
    """The packet for connections that are at a place, which go on from there."""
    frame, now = packet.after(place)
    if now != place:
        for slot in slots:
            PLACES.at[slot] = now
    return frame


class Chosen(NamedTuple):
    """What writes to crowds, and how that is called."""

    offer: Offer
    way: Literal["io_uring", "send", "python"]


def choose(wanted: Literal["auto", "send", "python"], folder: Path) -> Chosen:
    """What writes to crowds; the log says it. `wanted`: as in the settings. `folder`: where the loop in C is kept once it is
    built."""
    if wanted == "python":
        log.info("crowds are written to by the loop in Python", reason="server.fanout says so")
        return Chosen(one_by_one, "python")
    try:
        library = native.load(SOURCE, folder, VERSION << 16 | array("i").itemsize)
    except (Unavailable, OSError) as error:
        log.warning("crowds are written to by the loop in Python, which takes longer than that in C", reason=str(error))
        return Chosen(one_by_one, "python")
    crowd = Crowd(library, uring=wanted == "auto")
    if crowd.ring is not None:
        log.info("crowds are written to by the loop in C, by io_uring")
        return Chosen(crowd.offer, "io_uring")
    reason = "server.fanout says so" if wanted == "send" else "the kernel gives this process no io_uring"
    log.info("crowds are written to by the loop in C, by send() for each member", reason=reason)
    return Chosen(crowd.offer, "send")
