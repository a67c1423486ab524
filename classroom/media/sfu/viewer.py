"""One viewer: the tracks it is sent, and the cheap path of what it says of them.

What always holds: what a viewer asks for costs at most `REPEATS` packets a second, and a key frame at most every
`KEY_EVERY` seconds for all viewers together.
"""

from __future__ import annotations

from classroom.media.sfu import packets
from classroom.media.sfu.forward import Forward, Leg
from classroom.media.sfu.port import Peer
from classroom.media.sfu.sdp import Format

REPEATS = 1_000


class Viewer:
    """`wanted`: tracks, the format that this viewer takes each in, and the id of its abs-send-time (0: none)."""

    def __init__(self, peer: Peer, wanted: list[tuple[Forward, Format, int]]) -> None:
        self.peer = peer
        self._wanted = wanted
        self._legs: dict[int, tuple[Forward, Leg]] = {}
        self._second = 0.0
        self._repeats = 0

    def connect(self, now: float) -> None:
        """Begin to send."""
        if self.peer.outbound is None or self.peer.address is None:
            return
        for forward, format, send_time in self._wanted:
            leg = Leg(self.peer.outbound, self.peer.address, format, send_time)
            self._legs[forward.ssrc] = (forward, leg)
            forward.add(leg, now)

    def moved(self) -> None:
        if self.peer.address is not None:
            for _, leg in self._legs.values():
                leg.address = self.peer.address

    def stop(self) -> None:
        for forward, leg in self._legs.values():
            forward.remove(leg)
        self._legs.clear()

    def rtcp(self, data: bytes, now: float) -> None:
        at, size = 0, len(data)
        while at + 8 <= size:
            type = data[at + 1]
            end = at + 4 + 4 * (data[at + 2] << 8 | data[at + 3])
            if end > size:
                return
            if type == packets.RTPFB or type == packets.PSFB:
                self._feedback(type, data[at] & 31, data[at + 4 : end], now)
            at = end

    def _feedback(self, type: int, format: int, body: bytes, now: float) -> None:
        if type == packets.PSFB and format == 4 and len(body) >= 12:  # FIR names its stream later
            found = self._legs.get(int.from_bytes(body[8:12], "big"))
        else:
            found = self._legs.get(int.from_bytes(body[4:8], "big")) if len(body) >= 8 else None
        if found is None:
            return
        forward, leg = found
        if type == packets.PSFB and format in (1, 4):
            forward.key(now)
        elif type == packets.RTPFB and format == 1:
            if now - self._second >= 1.0:
                self._second, self._repeats = now, 0
            lost = packets.lost_of(body)[: REPEATS - self._repeats]
            self._repeats += forward.again(leg, lost, now)
