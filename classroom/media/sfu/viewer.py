"""One viewer: the tracks it is sent, which of their layers, and the cheap path of what it says of them.

What always holds: what a viewer asks for costs at most `REPEATS` packets a second, and a key frame at most every
`KEY_EVERY` seconds. Layers are chosen when a viewer reports, never by a clock of its own. Browsers report up to fifty times a
second, where one packet of three that came late is a third: so reports are taken together until they speak of enough.
"""

from __future__ import annotations

from classroom.media.sfu import packets
from classroom.media.sfu.forward import Leg
from classroom.media.sfu.layers import Layers
from classroom.media.sfu.pace import AWFUL, Pace, Track
from classroom.media.sfu.port import Peer
from classroom.media.sfu.sdp import Format

REPEATS = 1_000
# Repetitions take so much of what is sent besides: where a way is too narrow, they are lost as well, asked for again, and would
# fill it all. So many bytes may be owed to a viewer, so many are at first, and so many more in any second.
REPEATED, CREDIT, FIRST_CREDIT, SECOND_CREDIT = 0.25, 40_000, 10_000, 8_000
# So many times as much where less than `AWFUL` is lost: that is no narrow way, and browsers also ask for what was but overtaken.
GENEROUS = 2
COUNTED = 0.5  # seconds at least over which what is sent is counted
KEY_EVERY = (
    1.5  # seconds between key frames for one viewer: who loses most would ask for one after the other, and lose more
)
# Reports of less than so many seconds are taken together, and those of fewer packets until `LONGEST` seconds.
WINDOW, LONGEST, ENOUGH = 0.8, 3.0, 20
JUMP = 10_000  # packets between two reports that no viewer is sent


class Viewer:
    """`wanted`: tracks, the most important picture first, the format that this viewer takes each in, and the id of its
    abs-send-time (0: none)."""

    def __init__(self, peer: Peer, wanted: list[tuple[Layers, Format, int]]) -> None:
        self.peer = peer
        self._wanted = wanted
        self._legs: dict[int, tuple[Layers, Leg]] = {}
        self._by_rtx: dict[int, tuple[Layers, Leg]] = {}
        self._pictures: list[tuple[Layers, Leg]] = []
        self._sounds: list[Layers] = []
        self._second = 0.0
        self._repeats = 0
        self._credit, self._credited = float(FIRST_CREDIT), (0, 0.0)  # bytes for repetitions; what was sent until when
        self._asked_key = float("-inf")
        self._counted = (0.0, 0)  # when what is sent of pictures was counted last, and the bytes until then
        self._bits: float | None = None  # how much it was, in bits a second
        self._highest: dict[int, int] = {}  # by SSRC, as reported last
        self._since = 0.0  # when the reports began that are taken together
        self._expected = self._lost = 0.0  # packets that they speak of, and what of them was lost
        self._estimate: int | None = None  # the newest in them
        self.pace: Pace | None = None

    def connect(self, now: float) -> None:
        """Begin to send."""
        if self.peer.outbound is None or self.peer.address is None:
            return
        self.pace = Pace(now)
        self._counted, self._since = (now, 0), now
        left = self.pace.allowed
        for track, format, send_time in self._wanted:
            leg = Leg(self.peer.outbound, self.peer.address, format, send_time)
            self._legs[track.ssrc] = (track, leg)
            track.add(leg, now, left)
            if track.kind == "video":
                self._by_rtx[track.rtx_ssrc] = (track, leg)
                self._pictures.append((track, leg))
                left -= track.rate(leg.forward) if leg.forward is not None else 0.0
            else:
                self._sounds.append(track)

    def moved(self) -> None:
        if self.peer.address is not None:
            for _, leg in self._legs.values():
                leg.move(self.peer.address)

    def stop(self) -> None:
        for track, leg in self._legs.values():
            track.remove(leg)
        self._legs.clear()
        self._pictures.clear()

    @property
    def padding(self) -> float:
        """Bits a second of padding that are wanted now."""
        return self.pace.padding if self.pace is not None else 0.0

    def pad(self, seconds: float, now: float) -> None:
        """Send the padding of so many seconds."""
        for track, leg in self._pictures:
            if leg.rtx is not None:
                track.pad(leg, self.padding * seconds / 8, now)
                return

    def rtcp(self, data: bytes, now: float) -> None:
        at, size = 0, len(data)
        while at + 8 <= size:
            type, format = data[at + 1], data[at] & 31
            end = at + 4 + 4 * (data[at + 2] << 8 | data[at + 3])
            if end > size:
                break
            if type == packets.RR:
                self._heard(data[at + 4 : end], format)
            elif type == packets.PSFB and format == 15:
                self._estimate = packets.estimate_of(data[at + 4 : end]) or self._estimate
            elif type == packets.RTPFB or type == packets.PSFB:
                self._feedback(type, format, data[at + 4 : end], now)
            at = end
        waited = now - self._since
        if waited >= WINDOW and (self._expected >= ENOUGH or waited >= LONGEST):
            lost = self._lost / self._expected if self._expected else None
            estimate, self._estimate = self._estimate, None
            self._since, self._expected, self._lost = now, 0.0, 0.0
            if lost is not None or estimate is not None:
                self._reported(lost, estimate, now)

    def _heard(self, body: bytes, count: int) -> None:
        for ssrc, parts, highest in packets.losses(body, count):
            before = self._highest.get(ssrc)
            if ssrc not in self._legs and ssrc not in self._by_rtx:
                continue
            self._highest[ssrc] = highest
            expected = 0 if before is None else highest - before & 0xFFFFFFFF
            if expected < JUMP and (ssrc in self._legs or self.padding):
                self._expected += expected
                self._lost += parts / 256 * expected

    def _reported(self, lost: float | None, estimate: int | None, now: float) -> None:
        """Choose what is sent from now on."""
        pace = self.pace
        if pace is None or not self._pictures:
            return
        if not lost and estimate is None and pace.is_calm(now):
            for track, leg in self._pictures:
                if not track.is_at_top(leg):
                    break
            else:
                return  # as nearly every report of nearly every viewer: it must cost nothing
        sound = sum(sum(track.rates) for track in self._sounds)
        tracks = [Track(track.rates, track.goal(leg)) for track, leg in self._pictures]
        sent = sound + self._sent(now, sum(one.rates[one.now] for one in tracks if one.now >= 0))
        trouble = pace.told(now, sent, lost, estimate)
        pads = any(leg.rtx is not None for _, leg in self._pictures)
        for (track, leg), before, layer in zip(
            self._pictures, tracks, pace.choose(now, sound, tracks, trouble, pads), strict=True
        ):
            if layer != before.now:
                track.send(leg, track.live[layer] if layer >= 0 else None, now)

    def _sent(self, now: float, wanted: float) -> float:
        """Bits a second of pictures, repetitions and padding lately: not what is `wanted`, since a smaller layer begins where
        its next key frame does."""
        at, before = self._counted
        if now - at >= COUNTED:
            octets = sum(leg.sent + leg.extra for _, leg in self._pictures)
            self._bits = 8 * (octets - before) / (now - at)
            self._counted = (now, octets)
        return wanted if self._bits is None else self._bits

    def _feedback(self, type: int, format: int, body: bytes, now: float) -> None:
        if type == packets.PSFB and format == 4 and len(body) >= 12:  # FIR names its stream later
            found = self._legs.get(int.from_bytes(body[8:12], "big"))
        else:
            found = self._legs.get(int.from_bytes(body[4:8], "big")) if len(body) >= 8 else None
        if found is None:
            return
        track, leg = found
        if type == packets.PSFB and format in (1, 4):
            if now - self._asked_key >= KEY_EVERY and track.key(now, leg):
                self._asked_key = now
        elif type == packets.RTPFB and format == 1 and leg.repeats:
            if now - self._second >= 1.0:
                self._second, self._repeats = now, 0
            self._lend(now)
            for wanted in packets.lost_of(body)[: REPEATS - self._repeats]:
                if self._credit <= 0:
                    break
                before = leg.extra
                self._repeats += track.again(leg, [wanted], now)
                self._credit -= leg.extra - before

    def _lend(self, now: float) -> None:
        """What may be repeated by now."""
        sent = sum(one.sent for _, one in self._pictures)
        before, at = self._credited
        more = GENEROUS if self.pace is not None and self.pace.loss < AWFUL else 1
        lent = REPEATED * (sent - before) + SECOND_CREDIT * (now - at)
        self._credit = min(more * CREDIT, self._credit + more * lent)
        self._credited = (sent, now)
