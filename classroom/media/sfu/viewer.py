"""One viewer: the tracks it is sent, which of their layers, and the cheap path of what it says of them.

What always holds: what a viewer asks for costs at most `REPEATS` packets a second, and a key frame at most every
`KEY_EVERY` seconds. Layers are chosen when a viewer reports, never by a clock of its own.
"""

from __future__ import annotations

from classroom.media.sfu import packets
from classroom.media.sfu.forward import Leg
from classroom.media.sfu.layers import Layers
from classroom.media.sfu.pace import Pace, Track
from classroom.media.sfu.port import Peer
from classroom.media.sfu.sdp import Format

REPEATS = 1_000
COUNTED = 0.5  # seconds at least over which repetitions and padding are counted
KEY_EVERY = (
    1.5  # seconds between key frames for one viewer: who loses most would ask for one after the other, and lose more
)
AUDIO_TRUST = 0.5  # a share lost of sound is one of few packets, and says so much less


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
        self._asked_key = float("-inf")
        self._extra = (0.0, 0.0)  # when repetitions and padding were counted last, and how much it was in bits a second
        self.pace: Pace | None = None

    def connect(self, now: float) -> None:
        """Begin to send."""
        if self.peer.outbound is None or self.peer.address is None:
            return
        self.pace = Pace(now)
        self._extra = (now, 0.0)
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
        lost: float | None = None
        estimate: int | None = None
        while at + 8 <= size:
            type, format = data[at + 1], data[at] & 31
            end = at + 4 + 4 * (data[at + 2] << 8 | data[at + 3])
            if end > size:
                break
            if type == packets.RR:
                lost = self._lost(data[at + 4 : end], format, lost)
            elif type == packets.PSFB and format == 15:
                estimate = packets.estimate_of(data[at + 4 : end])
            elif type == packets.RTPFB or type == packets.PSFB:
                self._feedback(type, format, data[at + 4 : end], now)
            at = end
        if lost is not None or estimate is not None:
            self._reported(lost, estimate, now)

    def _lost(self, body: bytes, count: int, lost: float | None) -> float | None:
        for ssrc, parts in packets.losses(body, count):
            found = self._legs.get(ssrc)
            if found is None and self.padding:  # of repetitions there are too few for a share of them to mean anything
                found = self._by_rtx.get(ssrc)
            if found is None:
                continue
            share = parts / 256 if found[0].kind == "video" else parts / 256 * AUDIO_TRUST
            if lost is None or share > lost:
                lost = share
        return lost

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
        sent = sound + self._repeated(now) + sum(one.rates[one.now] for one in tracks if one.now >= 0)
        trouble = pace.told(now, sent, lost, estimate)
        pads = any(leg.rtx is not None for _, leg in self._pictures)
        for (track, leg), before, layer in zip(
            self._pictures, tracks, pace.choose(now, sound, tracks, trouble, pads), strict=True
        ):
            if layer != before.now:
                track.send(leg, track.live[layer] if layer >= 0 else None, now)

    def _repeated(self, now: float) -> float:
        """Bits a second of repetitions and padding lately."""
        at, bits = self._extra
        if now - at >= COUNTED:
            bits = 8 * sum(leg.extra for _, leg in self._pictures) / (now - at)
            for _, leg in self._pictures:
                leg.extra = 0
            self._extra = (now, bits)
        return bits

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
        elif type == packets.RTPFB and format == 1:
            if now - self._second >= 1.0:
                self._second, self._repeats = now, 0
            lost = packets.lost_of(body)[: REPEATS - self._repeats]
            self._repeats += track.again(leg, lost, now)
