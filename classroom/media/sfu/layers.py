"""One track of a publisher: in one stream, or in several layers of the same picture (simulcast, RFC 8853).

What always holds: viewers know one SSRC and one numbering, whatever they are sent of it. A viewer goes from one layer to another,
or comes back from a pause, where a key frame of the new one begins. Layers are in order of their size, the smallest first. One
that has sent nothing for `SILENT` seconds while others have is none; who was sent it gets the next below. The packager and the
recorder are given the largest layer that there is, from the first picture on.
"""

from __future__ import annotations

import secrets

from classroom.media.sfu import packets
from classroom.media.sfu.forward import PICTURE_RATE, Forward, Leg
from classroom.media.sfu.port import Port

SILENT = 1.0
TOGETHER = 1.5  # seconds in which a publication's layers begin; one that has not by then is not waited for
COUNTED_EVERY = 0.5  # seconds between two measurements of the layers' rates
SMOOTH = 0.5  # the weight of the newest


class Layers:
    """`ssrc` and `rtx_ssrc`: as viewers know them."""

    def __init__(self, port: Port, kind: str, codec: str) -> None:
        self._port = port
        self.kind = kind
        self.codec = codec
        self.ssrc, self.rtx_ssrc = secrets.randbits(31) or 1, secrets.randbits(31) or 2
        self._by_rid: dict[str, Forward] = {}
        self._legs: dict[Leg, None] = {}
        self.live: list[Forward] = []
        self.tapped: Forward | None = None
        self._begun_at: float | None = None  # when the first packet came that the packager was not given
        self.rates: tuple[float, ...] = ()  # what each of `live` needs, in bits a second, as measured
        self._rates: dict[Forward, float] = {}
        self._counted: dict[Forward, int] = {}
        self._counted_at = float("-inf")

    @property
    def viewers(self) -> int:
        """How many watch this track, those among them whose pictures pause."""
        return len(self._legs)

    @property
    def packets(self) -> int:
        return sum(one.packets for one in self._by_rid.values())

    def layer(self, rid: str) -> Forward:
        """The stream of a layer; "" where there is but one."""
        found = self._by_rid.get(rid)
        if found is None:
            ssrcs = (self.ssrc, self.rtx_ssrc)
            found = self._by_rid[rid] = Forward(self._port, self.kind, self.codec, ssrcs, is_layer=bool(rid))
        return found

    def keep(self, rids: tuple[str, ...], now: float) -> None:
        """Only these are sent from now on; who was sent others waits for one of these."""
        gone = [one for rid, one in self._by_rid.items() if rid not in rids]
        self._by_rid = {rid: one for rid, one in self._by_rid.items() if rid in rids}
        self._order(now)
        for forward in gone:
            self._rates.pop(forward, None)
            self._counted.pop(forward, None)
            for leg in [*forward.legs(), *forward.awaited()]:
                forward.forget(leg)
                forward.remove(leg)
                self.send(leg, self.live[0] if self.live else None, now)
        if self.tapped in gone:
            self.tapped = self._begun_at = None

    # --- viewers ----------------------------------------------------------------------------------------------------

    def add(self, leg: Leg, now: float, bits: float) -> None:
        """A new viewer, who is sent the largest layer that needs at most `bits` a second."""
        self._legs[leg] = None
        if not self.live:
            self._order(now)
        fitting = [one for one in self.live if self.rate(one) <= bits]
        (fitting[-1] if fitting else self.live[0]).add(leg, now)

    def remove(self, leg: Leg) -> None:
        self._legs.pop(leg, None)
        if leg.waits_for is not None:
            leg.waits_for.forget(leg)
        if leg.forward is not None:
            leg.forward.remove(leg)

    def send(self, leg: Leg, forward: Forward | None, now: float) -> None:
        """Have a viewer sent this layer from its next key frame on; None: no pictures at all, from now on."""
        if forward is None:
            if leg.waits_for is not None:
                leg.waits_for.forget(leg)
            if leg.forward is not None:
                leg.forward.remove(leg)
        elif leg.forward is forward:
            if leg.waits_for is not None:
                leg.waits_for.forget(leg)
        elif leg.waits_for is not forward:
            forward.wait(leg, now)

    def goal(self, leg: Leg) -> int:
        """Which of `live` a viewer is sent, or will be with the next key frame; -1: none."""
        forward = leg.waits_for or leg.forward
        return self.live.index(forward) if forward in self.live else -1

    def is_at_top(self, leg: Leg) -> bool:
        """Whether a viewer is sent the largest layer that there is, and is to stay there."""
        return leg.waits_for is None and bool(self.live) and leg.forward is self.live[-1]

    def again(self, leg: Leg, lost: list[int], now: float) -> int:
        """Answer a NACK; how many packets were sent again."""
        source = leg.forward or (leg.before[0] if leg.before else None)
        return source.again(leg, lost, now) if source is not None else 0

    def key(self, now: float, leg: Leg | None = None) -> bool:
        """Have the publisher send a key frame: of what this viewer is sent, or of all that anybody is. Whether it is asked."""
        if leg is not None:
            wanted = leg.waits_for or leg.forward
            return wanted is not None and wanted.key(now)
        asked = False
        for forward in self._by_rid.values():
            if forward.viewers or forward in (self.tapped, self.live[-1] if self.live else None):
                asked = forward.key(now) or asked
        return asked

    def pad(self, leg: Leg, octets: float, now: float) -> None:
        """Send so many bytes of padding, as retransmissions of nothing: they show what the way to a viewer carries."""
        if leg.rtx is None:
            return
        while octets > 0:
            leg.rtx_sequence = leg.rtx_sequence + 1 & 0xFFFF
            timestamp = int(now * PICTURE_RATE) & 0xFFFFFFFF
            head = packets.header(leg.rtx, False, leg.rtx_sequence, timestamp, self.rtx_ssrc, leg.send_time)
            if leg.send_time:
                head = head[:-3] + packets.stamp(now)
            whole = bytes((head[0] | 0x20,)) + head[1:] + bytes(254) + b"\xff"
            self._port.send(leg.outbound.rtp(whole), leg.address)
            leg.extra += len(whole)
            octets -= len(whole)

    # --- layers -----------------------------------------------------------------------------------------------------

    def rate(self, forward: Forward) -> float:
        """What a layer needs, in bits a second, as measured."""
        return self._rates.get(forward, 0.0)

    def taps(self, forward: Forward, now: float) -> bool:
        """Whether the packet of this layer that has just come is for the packager."""
        if self.tapped is None:
            if not self._begins(forward, now):
                return False
            self.tapped = forward
        elif forward is not self.tapped and forward.at_key:
            if forward not in self.live:  # it comes late, and begins with this
                self._look(now)
            if forward is self.live[-1]:
                self.tapped = forward
        return self.tapped is forward

    def _begins(self, forward: Forward, now: float) -> bool:
        """Whether the packager is to begin with this packet: players take a file to be as large as its first picture."""
        if len(self._by_rid) == 1:
            return True
        there = [one for one in self._by_rid.values() if one.packets]
        if self._begun_at is None:
            self._begun_at = now
        if len(there) < len(self._by_rid) and now - self._begun_at < TOGETHER:
            return False
        largest = max(there, key=_area)
        if forward is largest and forward.at_key:
            return True
        largest.key(now)
        return False

    def tick(self, now: float) -> None:
        """Called every 50 ms."""
        for forward in self._by_rid.values():
            if forward.awaited():
                forward.key(now)
        if self.live and self.tapped not in (None, self.live[-1]):
            self.live[-1].key(now)
        if now - self._counted_at < COUNTED_EVERY:
            return
        self._count(now)
        self._look(now)

    def _look(self, now: float) -> None:
        """See which layers there are now; who was sent one that is no more is sent another."""
        before = self.live
        self._order(now)
        if before == self.live:
            return
        for leg in self._legs:
            wanted = leg.waits_for or leg.forward
            if wanted is not None and wanted not in self.live:
                self.send(leg, self.live[0], now)

    def _count(self, now: float) -> None:
        passed, self._counted_at = now - self._counted_at, now
        for forward in self._by_rid.values():
            counted = self._counted.get(forward, forward.volume)
            self._counted[forward] = forward.volume
            if passed < 10 * COUNTED_EVERY:
                lately = 8 * (forward.volume - counted) / passed
                before = self._rates.get(forward)
                self._rates[forward] = lately if not before else before + SMOOTH * (lately - before)

    def _order(self, now: float) -> None:
        """Find out which layers there are. Where sizes are not known, they are in the order of the offer."""
        layers = list(self._by_rid.values())
        newest = max((one.last_at for one in layers), default=0.0)
        there = [one for one in layers if one.packets and newest - one.last_at < SILENT] or layers[:1]
        if all(one.size[0] for one in there):
            there.sort(key=_area)
        self.live = there
        self.rates = tuple(map(self.rate, there))


def _area(forward: Forward) -> int:
    return forward.size[0] * forward.size[1]
