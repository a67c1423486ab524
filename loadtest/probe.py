"""A probe: a member who looks at every event, and whose notes are held against the room's record afterwards.

What always holds: a place that comes twice, or after a later one, is noted as disorder; every event is noted with a checksum
of what it says, so that the record can say what should have come, in which words; what a `welcome` covered need not come.
Points of a stroke that went by as ink are put together with it first. How long a message took is counted from when its sender
wrote it (the time stands in its text), not from when the server had it.
"""

from __future__ import annotations

import time
import zlib
from array import array
from collections.abc import Callable
from typing import Any

import msgspec

from classroom import wire as packets
from classroom.kernel import ALL, STAFF, Audience, Event, Meta
from classroom.polls.model import Voted
from classroom.rooms import room as rooms
from loadtest import wire
from loadtest.figures import Figures
from loadtest.ink import Ink

MARK = "@"  # a text that begins with it goes on with when it was written: milliseconds since 1970, and a space
SHOWN = 5  # places named where something is wrong


class Item(msgspec.Struct):
    """As much of an event as is looked at here."""

    seq: int
    at: int
    type: str
    id: int | None = None
    by: str | None = None
    role: str | None = None
    text: str | None = None
    state: str | None = None
    spec: Any = None
    tally: Any = None


class Probe:
    """`seqs` and `sums`: what came, and its checksum. `covered`: (after, up to) that a welcome stood for instead. `inkless`: what
    spoke of ink that is not what came. `heard` is told of every event."""

    __slots__ = ("_ink", "codec", "covered", "disorder", "figures", "heard", "inkless", "last", "me", "seqs", "sums")

    def __init__(self, codec: str, figures: Figures, heard: Callable[[Item], None]) -> None:
        self.codec = codec
        self.figures = figures
        self.heard = heard
        self.me = ""
        self.last = 0
        self.disorder = 0
        self.seqs = array("Q")
        self.sums = array("L")
        self.covered: list[tuple[int, int]] = []
        self.inkless: set[int] = set()
        self._ink = Ink()

    def welcome(self, greeting: wire.Greeting) -> None:
        """The whole room was said anew."""
        self.me = greeting.me
        self.covered.append((self.last, greeting.seq))
        self.last = max(self.last, greeting.seq)

    def resumed(self, body: bytes) -> None:
        """What was missed came in one piece."""
        resumed = wire.decode(self.codec, body, packets.Resumed)
        items = resumed.events
        for raw in wire.decode(self.codec, wire_bytes(self.codec, items), list[msgspec.Raw]):
            self._note(bytes(raw), live=False)

    def events(self, body: bytes) -> None:
        """A packet of events."""
        for raw in wire.decode(self.codec, body, list[msgspec.Raw]):
            self._note(bytes(raw), live=True)

    def signals(self, body: bytes) -> None:
        """A packet of signals. Only in MessagePack do events speak of ink."""
        if self.codec == wire.MSGPACK and b"board.ink_by" in body:
            for signal in wire.decode(self.codec, body):
                if signal["type"] == "board.ink_by":
                    self._ink.hear(signal)

    def _note(self, raw: bytes, live: bool) -> None:
        item: Item = wire.decode(self.codec, raw, Item)
        if item.seq <= self.last:
            self.disorder += 1
        self.last = max(self.last, item.seq)
        self.seqs.append(item.seq)
        said = wire.decode(self.codec, raw)
        if item.type == "board.drawn":
            for change in said["changes"]:
                if not self._ink.end(said["page"], change):
                    self.inkless.add(item.seq)
        self.sums.append(_digest(self.codec, said))
        if live:
            self._clock(item)
        self.heard(item)

    def _clock(self, item: Item) -> None:
        now = time.time() * 1_000
        if item.type != "doubt.published":  # its `at` is when it was asked
            self.figures.time("from_commit", now - item.at)
        if item.type == "chat.said" and item.text is not None and item.text.startswith(MARK):
            took = now - float(item.text[1 : item.text.index(" ")])
            self.figures.time("delivery", took)
            if item.role != "student":
                self.figures.time("delivery_staff", took)
            self.figures.count("delivered")


def wire_bytes(codec: str, value: Any) -> bytes:
    """A value that was decoded, encoded again as it stood."""
    return msgspec.json.encode(value) if codec == wire.JSON else msgspec.msgpack.encode(value)


class Record:
    """A room's log as its export tells it. `until`: the place of the last event that is looked at."""

    def __init__(self, lines: bytes, until: int) -> None:
        self.until = until
        self.log: list[tuple[Meta, Event]] = []
        self.votes: set[int] = set()
        self._special: dict[str, list[int]] = {}
        for line in lines.splitlines():
            meta = msgspec.json.decode(line, type=_Place)
            event = packets.event_from_text(line)
            if meta.seq > until:
                break
            if isinstance(event, Voted):
                self.votes.add(meta.seq)
            for member in rooms.addressees(event):
                self._special.setdefault(member, []).append(len(self.log))
            self.log.append((Meta(meta.seq, meta.at, meta.by), event))
        self._seen: dict[tuple[Audience, str], dict[int, int]] = {}

    def seen(self, audience: Audience, codec: str) -> dict[int, int]:
        """What the audience is shown: place to checksum."""
        kind = STAFF if audience.kind == "staff" else ALL
        known = self._seen.get((kind, codec))
        if known is None:
            known = self._seen[kind, codec] = {
                meta.seq: _sum(codec, meta, shown)
                for meta, event in self.log
                if (shown := rooms.view(event, kind)) is not None
            }
        mine = dict(known)
        for index in self._special.get(audience.member, ()):
            meta, event = self.log[index]
            shown = rooms.view(event, audience)
            if shown is None:
                mine.pop(meta.seq, None)
            else:
                mine[meta.seq] = _sum(codec, meta, shown)
        return mine


class _Place(msgspec.Struct):
    seq: int
    at: int
    by: str = ""


def _sum(codec: str, meta: Meta, event: Any) -> int:
    return _digest(codec, wire.decode(codec, packets.item(packets.Codec(codec), meta, event)))


def _digest(codec: str, said: Any) -> int:
    """A checksum of what an event says, whatever the way it was written: of a key that stood twice, the last one counts."""
    encoder = msgspec.json.encode if codec == wire.JSON else msgspec.msgpack.encode
    return zlib.crc32(encoder(said, order="sorted"))


class Findings(msgspec.Struct):
    """What holding probes against the record found; numbers of events, added up over probes. `samples`: some of them in
    words. `inkless`: strokes whose ink was not what their event speaks of; `unwitnessed`: votes acknowledged that their voter was
    never shown."""

    probes: int = 0
    checked: int = 0
    missing: int = 0
    changed: int = 0
    strange: int = 0
    disorder: int = 0
    inkless: int = 0
    unwitnessed: int = 0
    incomplete: int = 0
    samples: list[str] = []

    @property
    def clean(self) -> bool:
        """Whether every probe was shown just what it should."""
        return not self.wrong

    @property
    def wrong(self) -> dict[str, int]:
        """What was not as it should be: how many of it."""
        names = ("missing", "changed", "strange", "disorder", "inkless", "unwitnessed", "incomplete")
        return {name: count for name in names if (count := getattr(self, name))}

    def add(self, other: Findings) -> None:
        for name in self.__struct_fields__:
            if name != "samples":
                setattr(self, name, getattr(self, name) + getattr(other, name))
        self.samples = [*self.samples, *other.samples][:20]


def check(probe: Probe, record: Record, *, staff: bool = False, polls_voted: int = 0) -> Findings:
    """Hold one probe against the record. `polls_voted`: in how many polls it has an acknowledged vote."""
    expected = record.seen(Audience("staff" if staff else "member", probe.me), probe.codec)
    came = {seq: total for seq, total in zip(probe.seqs, probe.sums, strict=True) if seq <= record.until}
    missing = [seq for seq in expected if seq not in came and not _covered(probe, seq)]
    inkless = [seq for seq in sorted(probe.inkless) if seq <= record.until]
    changed = [
        seq for seq, total in came.items() if seq in expected and expected[seq] != total and seq not in probe.inkless
    ]
    # The record does not tell whose the votes in a secret poll are.
    votes = came.keys() & record.votes
    strange = [seq for seq in came if seq not in expected and seq not in votes]
    found = Findings(
        probes=1,
        checked=len(came),
        missing=len(missing),
        changed=len([seq for seq in changed if seq not in votes]),
        strange=len(strange),
        disorder=probe.disorder,
        inkless=len(inkless),
        unwitnessed=max(0, polls_voted - len(votes)) if not probe.covered[1:] else 0,
        incomplete=int(probe.last < record.until),
    )
    for what, seqs in (
        ("missing", missing),
        ("changed", changed),
        ("not meant for it", strange),
        ("not with its ink", inkless),
    ):
        if seqs:
            found.samples.append(f"{probe.me}: {what}: {', '.join(map(str, seqs[:SHOWN]))}")
    return found


def _covered(probe: Probe, seq: int) -> bool:
    return any(after < seq <= upto for after, upto in probe.covered)
