"""A packet written to many members at once: past their transports, by a loop in C (`crowd.c`), where nothing waits for them.
The loop hands its sends to io_uring, where the kernel has that, those of many small rooms in one go.

What always holds: it is the same for every member as `Link.offer` one after the other, which serves where there is no C
compiler. Whoever has bytes waiting, is lost, speaks TLS or has no socket of their own is offered the packet as ever, and what a
socket does not take is handed to its transport, so that nothing goes out twice or out of order.
"""

from __future__ import annotations

import ctypes
import weakref
from array import array
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import structlog

from classroom import native
from classroom.native import Unavailable
from classroom.packets import Packet, Pair
from classroom.rooms.places import PLACES
from classroom.rooms.roll import Row
from classroom.rooms.session import Fanout, OneByOne, Session

SOURCE = Path(__file__).with_name("crowd.c")
VERSION = 3
FEW = 16  # members for whom gathering their sockets is not worth it
MANY = 64  # members who are not worth waiting for others
AT_ONCE = 256  # sends that are handed to the kernel at once

log = structlog.get_logger(__name__)


class Lot(NamedTuple):
    """A frame on its way to a row, or (`some`) to those who stand at some places of it."""

    frame: bytes
    row: Row
    some: Sequence[int] | None


class Crowd:
    """A `Fanout`: the loop in C. `library`: what was built of it; `uring`: whether io_uring is to be asked for. `ring`: where
    sends are handed over; None: they are system calls, one by one."""

    def __init__(self, library: ctypes.CDLL, *, uring: bool = True) -> None:
        self._send: Any = library.crowd_send
        self._send.restype = ctypes.c_int
        self._send.argtypes = (
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        library.crowd_open.restype = ctypes.c_void_p
        library.crowd_close.restype = None
        library.crowd_close.argtypes = (ctypes.c_void_p,)
        self._one_by_one = OneByOne().offer
        self._gathering = False
        self._lots: list[Lot] = []  # that are to be written
        self._sockets = array("i")  # of all of them
        self._taken = array("i", bytes(4 * AT_ONCE))  # of each socket, how much it took in the last call
        self.ring: int | None = library.crowd_open(AT_ONCE) if uring else None
        if self.ring is not None:
            weakref.finalize(self, library.crowd_close, self.ring)

    def gather(self) -> None:
        self._gathering = True

    def settle(self) -> None:
        self._gathering = False
        self._send_lots()

    def offer(self, packet: Packet | Pair, sessions: Collection[Session], bound: int) -> list[Session]:
        count = len(sessions)
        if count < FEW:
            return self._one_by_one(packet, sessions, bound)
        row = sessions if isinstance(sessions, Row) else Row.of(sessions)
        columns = row.columns
        slots = columns.slots
        # A descriptor may be another's once its transport is closed; what goes past one that has bytes would overtake them.
        unsure = bytes(map(PLACES.unsure.__getitem__, slots))
        apart = {at for at, ask in enumerate(unsure) if ask and not row[at].link.clear()} if 1 in unsure else ()
        places = list(map(PLACES.at.__getitem__, slots))
        if not apart and places.count(places[0]) == count:  # nearly always
            self._write(_frame(packet, places[0], slots), row, columns.descriptors)
            return []
        refused: list[Session] = []
        alike: dict[int, list[int]] = {}  # by place, who is written to: where in the row
        for at, place in enumerate(places):
            if at not in apart:
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
        """Write to the sockets of a row, or of some in it, in its order: now, or together with what is gathered."""
        row.lend()  # whoever comes or goes until it is written
        self._lots.append(Lot(frame, row, some))
        self._sockets += sockets
        if not self._gathering or len(sockets) > MANY:
            self._send_lots()

    def _send_lots(self) -> None:
        if not self._lots:
            return
        lots, sockets = self._lots, self._sockets
        self._lots, self._sockets = [], array("i")
        counts = array("i", [len(lot.row if lot.some is None else lot.some) for lot in lots])
        sizes = array("i", [len(lot.frame) for lot in lots])
        count = len(sockets)
        if count > len(self._taken):
            self._taken = array("i", bytes(self._taken.itemsize * count))
        frames = (ctypes.c_char_p * len(lots))(*[lot.frame for lot in lots])
        addresses = [column.buffer_info()[0] for column in (sockets, counts, sizes, self._taken)]
        short_of = self._send(self.ring, addresses[0], len(lots), addresses[1], frames, addresses[2], addresses[3])
        taken = iter(self._taken)
        for lot, count in zip(lots, counts, strict=True):
            if short_of:
                places = range(count) if lot.some is None else lot.some
                for at, sent in zip(places, islice(taken, count), strict=True):
                    if sent != len(lot.frame):
                        self._write_rest(lot.row[at], lot.frame[sent:])
            lot.row.give_back()

    def _write_rest(self, session: Session, rest: bytes) -> None:
        try:
            session.link.rest(rest)
        except Exception:  # the others are written theirs
            log.exception("what a socket did not take was not written", member=session.member.id)


def _frame(packet: Packet | Pair, place: int, slots: Iterable[int]) -> bytes:
    """The packet for connections that are at a place, which go on from there."""
    frame, now = packet.after(place)
    if now != place:
        for slot in slots:
            PLACES.at[slot] = now
    return frame


class Chosen(NamedTuple):
    """What writes to crowds, and how that is called."""

    fanout: Fanout
    way: Literal["io_uring", "send", "python"]


def choose(wanted: Literal["auto", "send", "python"], folder: Path) -> Chosen:
    """What writes to crowds; the log says it. `wanted`: as in the settings. `folder`: where the loop in C is kept once it is
    built."""
    if wanted == "python":
        log.info("crowds are written to by the loop in Python", reason="server.fanout says so")
        return Chosen(OneByOne(), "python")
    try:
        library = native.load(SOURCE, folder, VERSION << 16 | array("i").itemsize)
    except (Unavailable, OSError) as error:
        log.warning("crowds are written to by the loop in Python, which takes longer than that in C", reason=str(error))
        return Chosen(OneByOne(), "python")
    crowd = Crowd(library, uring=wanted == "auto")
    if crowd.ring is not None:
        log.info("crowds are written to by the loop in C, by io_uring")
        return Chosen(crowd, "io_uring")
    reason = "server.fanout says so" if wanted == "send" else "the kernel gives this process no io_uring"
    log.info("crowds are written to by the loop in C, by send() for each member", reason=reason)
    return Chosen(crowd, "send")
