"""Strokes in shorthand: what a tick says of the strokes under way in a few bytes, for clients that can read it.

What always holds: a frame in shorthand says exactly what the signal or the event in long form would have said; it leaves out
only what every session of the group has been told before. Whatever has no shorthand goes in long form. Who joins a group is
told what the others know (`known`), so that a class where people come and go stays with the shorthand.

How: a stroke is given one of a few slots, which its long form names (`board.ink_by`'s `slot`). A slot keeps the look of its
last stroke, so that the next one by the same member tells but the differences, and the place in the log of its last event.
A frame is an Engine.IO message whose first byte is below 128, which no MessagePack packet begins with:

    ink    = 0 0 slot:2, points. The piece is what is told of
    begin  = 0 1 slot:2 000 near:1, id, index, seed, across, down, header, points. A stroke on the page and by the member of the
             slot's last, and with its look, but for what is told here; its points so far are `header` and what is told of,
             and `width` and `height` are their box
    lift   = 0 1 slot:2 1 more:1 0 last:1, seq, at, version, step, nonce, sum, points. The stroke is an element: `board.drawn`
             with one change that gives it whole and adds it, its fields those of the look, but for `width` and `height`, the
             box of all its points, and, where `last` is 1, `lastCommittedPoint`, which is the last of them. `points` are there
             where `more` is 1: what comes behind the ink

    points = blocks of packed points in an arithmetic code (`whiteboard.arithmetic`), to the end of the frame
    id     = 21 letters of 6 bits each (`LETTERS`), and two zero bits; where `near` is 1: LEB128, how much more the last four
             letters are, as a number, than those of the slot's last stroke, whose other letters it has
    index  = keep:4 more:4, `more` bytes: so many letters of the slot's last index, and ASCII
    seed, nonce = 4 bytes, sum = 2 bytes, the low ones of the CRC-32 of all the points; the highest byte first
    across, down = how far `x` and `y` are from those of the slot's last stroke, in quarters of a px, as zigzag
    seq, at, step = how much more than in the slot's last event, LEB128, `step` as zigzag; version = LEB128
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

import msgspec
from msgspec.structs import replace

from classroom.kernel import Meta, Stored
from classroom.rooms.signals import SignalOut
from classroom.whiteboard.arithmetic import Stroke, Writer
from classroom.whiteboard.model import Changed, Drawn, InkBy, InkSlot
from classroom.whiteboard.quantise import Unreadable

SLOTS = 4
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
GRAIN = 4  # of a px: the grid on which `x` and `y` have to lie
FARTHEST = 1 << 28  # a number that is told as LEB128
NEAR = 4  # letters at the end of an id that count on from stroke to stroke
MOST = 256  # points in a piece; more are told at length
_TOLD = ("x", "y", "seed", "index")  # of a look, by a frame that begins
_SEEN = ("width", "height", "lastCommittedPoint")  # what follows from the points
_PLACE = {letter: place for place, letter in enumerate(LETTERS)}
_encode = msgspec.json.Encoder().encode


class Slot:
    """What a group's sessions know. `known`: all of them know the slot's look and how much of the stroke was `sent`; `last`:
    the place of the slot's last event (seq, at, step), if they all know it."""

    __slots__ = ("by", "id", "known", "last", "look", "page", "running", "sent", "stroke", "used")

    def __init__(self) -> None:
        self.page, self.by, self.look = 0, "", dict[str, Any]()
        self.id = ""  # of the last stroke
        self.running = False  # whether that is under way
        self.sent = bytearray()
        self.stroke: Stroke | None = None  # what was sent; None: it cannot be told in shorthand
        self.known = False
        self.last: tuple[int, int, int] | None = None
        self.used = 0


class Shorthand:
    """Writes for one group of sessions, who are all sent the same."""

    def __init__(self) -> None:
        self._slots = [Slot() for _ in range(SLOTS)]
        # Slots with a frame among those being written; what is at length goes out before these.
        self._spoken = set[int]()
        self._count = 0
        self.turn = 0
        """Goes on whenever `known` may have become another."""

    def known(self) -> list[InkSlot | InkBy]:
        """What somebody must be told to read what comes: what is known of the slots, and the strokes under way in them."""
        told: list[InkSlot | InkBy] = []
        for number, slot in enumerate(self._slots):
            if not slot.known:
                continue
            if not slot.running:
                told.append(
                    InkSlot(slot=number, page=slot.page, by=slot.by, look=slot.look, last=slot.last, id=slot.id)
                )
            else:  # the stroke tells of its look
                told.append(InkSlot(slot=number, page=slot.page, by=slot.by, last=slot.last))
                ink = InkBy(page=slot.page, id=slot.id, by=slot.by, after=0, ink=bytes(slot.sent), look=slot.look)
                told.append(replace(ink, slot=number))
        return told

    def tells(self, ink: InkBy) -> bool:
        """Whether the stroke is under way in a slot."""
        return self._running(ink.page, ink.id) is not None

    def signals(self, signals: Iterable[SignalOut]) -> tuple[list[SignalOut], list[bytes]]:
        """What is to be sent in long form, and the frames of the rest."""
        long: list[SignalOut] = []
        frames = []
        self._spoken.clear()
        for signal in signals:
            self.turn += isinstance(signal, InkBy)
            told = self._ink(signal) if isinstance(signal, InkBy) else signal
            if isinstance(told, bytes):
                frames.append(told)
            else:
                long.append(told)
        return long, frames

    def events(self, events: Sequence[Stored]) -> bytes | None:
        """The frame that says all of it, if there is one. What is told of a stroke's end is heard here in any case."""
        frames = [self._end(stored.meta, stored.event) for stored in events if isinstance(stored.event, Drawn)]
        self.turn += len(frames)
        return frames[0] if len(events) == len(frames) == 1 else None

    # --- a stroke's way -------------------------------------------------------------------------------------------

    def _ink(self, ink: InkBy) -> InkBy | bytes:
        if ink.after == 0:
            return self._begin(ink)
        number = self._running(ink.page, ink.id)
        if number is None:
            return ink
        slot, writer = self._slots[number], Writer()
        stroke = slot.stroke if slot.by == ink.by and len(slot.sent) == ink.after else None
        if stroke is None or not stroke.take(ink.ink, writer, MOST):
            self._let_go(slot)
            return ink
        slot.sent += ink.ink
        self._spoken.add(number)
        return writer.bytes(number << 4)

    def _begin(self, ink: InkBy) -> InkBy | bytes:
        number, look = self._slot_for(ink), ink.look or {}
        if number is None:
            return ink
        slot, stroke, writer = self._slots[number], _stroke(ink.ink), Writer()
        if stroke is None or not stroke.take(ink.ink[1:], writer, MOST):
            self._let_go(slot)
            return ink
        head = _beginning(number, slot, ink, stroke, look)
        slot.page, slot.by, slot.id, slot.look, slot.known = ink.page, ink.by, ink.id, look, True
        slot.running, slot.stroke, slot.sent = True, stroke, bytearray(ink.ink)
        self._count += 1
        slot.used = self._count
        if head is None:
            return replace(ink, slot=number)
        self._spoken.add(number)
        return head + writer.bytes()

    def _end(self, meta: Meta, event: Drawn) -> bytes | None:
        frame = None
        for changed in event.changes:
            number = self._running(event.page, changed.id)
            if number is None:
                continue
            slot = self._slots[number]
            if len(event.changes) == 1:
                frame = _lifted(number, slot, meta, event, changed)
                slot.last = (meta.seq, meta.at, event.step) if slot.known else None
            slot.running = False
        return frame

    def _running(self, page: int, id: str) -> int | None:
        slots = enumerate(self._slots)
        return next((n for n, slot in slots if slot.running and (slot.id, slot.page) == (id, page)), None)

    def _let_go(self, slot: Slot) -> None:
        """What is under way there goes on at length, and nothing is taken for known."""
        slot.running = slot.known = False
        slot.last = None

    def _slot_for(self, ink: InkBy) -> int | None:
        """The slot that knows most of the stroke that begins: the same member's; else the one used longest ago, one with no
        stroke under way before the others."""
        again = self._running(ink.page, ink.id)
        if again is not None:
            return again if again not in self._spoken else None
        free = [number for number in range(SLOTS) if number not in self._spoken]
        mine = [n for n in free if (self._slots[n].by, self._slots[n].page) == (ink.by, ink.page)]
        return min(mine or free, key=lambda n: (self._slots[n].running, self._slots[n].used), default=None)


def _stroke(packed: bytes) -> Stroke | None:
    try:
        return Stroke(packed[0])
    except Unreadable:
        return None


def _beginning(number: int, slot: Slot, ink: InkBy, stroke: Stroke, look: dict[str, Any]) -> bytes | None:
    """The frame but for the points."""
    like = slot.look
    if not slot.known or (slot.by, slot.page) != (ink.by, ink.page) or look.keys() != like.keys():
        return None
    if _but(look, *_TOLD, *_SEEN[:2]) != _but(like, *_TOLD, *_SEEN[:2]):
        return None
    near = _near(ink.id, slot.id)
    id = _letters(ink.id) if near is None else _leb(near)
    index, seed = _index(look.get("index"), like.get("index")), _seed(look.get("seed"))
    across, down = _grains(look, like, "x"), _grains(look, like, "y")
    if id is None or index is None or across is None or down is None or seed is None:
        return None
    if _box(stroke) != (look.get("width"), look.get("height")):
        return None
    first = bytes((0x40 | number << 4 | (near is not None),))
    return first + id + index + seed + _leb(_zigzag(across)) + _leb(_zigzag(down)) + ink.ink[:1]


def _lifted(number: int, slot: Slot, meta: Meta, event: Drawn, changed: Changed) -> bytes | None:
    """`changed` gives the points whole."""
    last = slot.last
    if slot.stroke is None or last is None or event.by != slot.by or (event.added, event.undo) != (1, 0):
        return None
    sent, points = bytes(slot.sent), changed.points
    if changed.base is not None or changed.unset or points is None or not points.startswith(sent):
        return None
    seq, at, step = meta.seq - last[0], meta.at - last[1], event.step - last[2]
    if not 0 < seq < FARTHEST or not 0 <= at < FARTHEST or abs(step) >= FARTHEST or changed.version >= FARTHEST:
        return None
    rest, writer = points[len(sent) :], Writer()
    if rest and not slot.stroke.take(rest, writer, MOST):
        return None
    committed = _follows(slot.look, changed.set, slot.stroke)
    if committed is None:
        return None
    return (
        bytes((0x48 | number << 4 | bool(rest) << 2 | committed,))
        + _leb(seq)
        + _leb(at)
        + _leb(changed.version)
        + _leb(_zigzag(step))
        + changed.nonce.to_bytes(4, "big")
        + (crc32(points) & 0xFFFF).to_bytes(2, "big")
        + (writer.bytes() if rest else b"")
    )


def _follows(look: dict[str, Any], fields: dict[str, Any], stroke: Stroke) -> bool | None:
    """Whether `lastCommittedPoint` is the last point; None: the fields do not follow from the look and the points."""
    if fields.keys() != look.keys() or _but(fields, *_SEEN) != _but(look, *_SEEN):
        return None
    if _box(stroke) != (fields.get("width"), fields.get("height")):
        return None
    before, after = look.get("lastCommittedPoint"), fields.get("lastCommittedPoint")
    last = [units / (1 << stroke.precision) for units in stroke.points[-1]]
    return False if before == after else True if after == last else None


def _box(stroke: Stroke) -> tuple[float, float]:
    """How wide and high it is, in px."""
    xs, ys, unit = [x for x, _ in stroke.points], [y for _, y in stroke.points], 1 << stroke.precision
    return (max(xs) - min(xs)) / unit, (max(ys) - min(ys)) / unit


def _but(look: dict[str, Any], *names: str) -> bytes:
    return _encode({name: value for name, value in look.items() if name not in names})


def _near(id: str, last: str) -> int | None:
    """How much more the last letters are, where all else is the same."""
    if (
        not len(id) == len(last) == 21
        or id[:-NEAR] != last[:-NEAR]
        or not all(letter in _PLACE for letter in id + last)
    ):
        return None
    more = _number(id[-NEAR:]) - _number(last[-NEAR:])
    return more if more >= 0 else None


def _number(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value << 6 | _PLACE[letter]
    return value


def _letters(id: str) -> bytes | None:
    if len(id) != 21 or not all(letter in _PLACE for letter in id):
        return None
    return (_number(id) << 2).to_bytes(16, "big")


def _index(index: Any, like: Any) -> bytes | None:
    if not isinstance(index, str) or not isinstance(like, str) or not index.isascii():
        return None
    keep = 0
    while keep < min(len(index), len(like), 15) and index[keep] == like[keep]:
        keep += 1
    more = index[keep:]
    return bytes((keep << 4 | len(more),)) + more.encode() if len(more) <= 15 else None


def _grains(look: dict[str, Any], like: dict[str, Any], name: str) -> int | None:
    one, other = look.get(name), like.get(name)
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return None
    moved = one * GRAIN - other * GRAIN
    whole = float(one * GRAIN).is_integer() and float(other * GRAIN).is_integer()
    return int(moved) if whole and abs(moved) < FARTHEST else None


def _seed(seed: Any) -> bytes | None:
    whole = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 1 << 32
    return int(seed).to_bytes(4, "big") if whole else None


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else -(value << 1) - 1


def _leb(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes((*data, value))
