"""One track from its publisher to its viewers.

What always holds: viewers are sent each packet once; all share one SSRC and one numbering, so that a packet's header is
written once for all who use the same payload type, and per viewer there is only encryption and the send. The numbering goes on
when the publisher comes back with another SSRC. A ring of the last `RING` packets answers NACK. A key frame is asked for at
most every `KEY_EVERY` seconds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from classroom.media.sfu import fanout, packets
from classroom.media.sfu.aiortc_parts import BIGGEST, Outbound
from classroom.media.sfu.port import Port
from classroom.media.sfu.sdp import Format
from classroom.media.sfu.stun import Address

RING = 1_024
KEY_EVERY = 0.5
OUT_OF_RANGE = 3_000  # a step of the numbering this far means that the sender began anew


class Kept(NamedTuple):
    sequence: int
    marker: bool
    timestamp: int
    payload: bytes


class Leg:
    """A viewer's end of a track. `payload_type` and `send_time` (the extension's id, 0: none) make its group."""

    def __init__(self, outbound: Outbound, address: Address, format: Format, send_time: int) -> None:
        self.outbound = outbound
        self.address = address
        self.payload_type = format.payload_type
        self.rtx = format.rtx
        self.send_time = send_time
        self.rtx_sequence = secrets.randbits(15)
        self.fraction_lost = 0


class Forward:
    """`ask` has whoever publishes now send a key frame."""

    def __init__(self, port: Port, kind: str) -> None:
        self._port = port
        self.kind = kind
        self.ask: Callable[[], None] = lambda: None
        self._asked = float("-inf")
        self.ssrc, self.rtx_ssrc = secrets.randbits(31) or 1, secrets.randbits(31) or 2
        self._groups: dict[tuple[int, int], dict[Leg, None]] = {}
        self._ring: list[Kept | None] = [None] * RING
        self._source: int | None = None
        self._seen: list[int] = [-1] * RING
        self._highest = 0
        self._shift = secrets.randbits(15)
        self._time_shift = 0
        self._last = (0, 0, 0.0)  # number and timestamp of the newest sent, and when
        self.packets = self.octets = 0
        self._pressed_until = 0.0

    @property
    def viewers(self) -> int:
        return sum(len(legs) for legs in self._groups.values())

    def add(self, leg: Leg, now: float) -> None:
        self._groups.setdefault((leg.payload_type, leg.send_time), {})[leg] = None
        self.key(now)

    def remove(self, leg: Leg) -> None:
        group = self._groups.get((leg.payload_type, leg.send_time), {})
        group.pop(leg, None)
        if not group:
            self._groups.pop((leg.payload_type, leg.send_time), None)

    def key(self, now: float) -> None:
        """Have the publisher send a key frame, unless it has just been asked."""
        if self.kind == "video" and now - self._asked >= KEY_EVERY:
            self._asked = now
            self.ask()

    def push(self, head: packets.Rtp, data: bytes, rate: int, now: float) -> bool:
        """A packet of the publisher's, RTX unwrapped. Whether it is new."""
        if head.ssrc != self._source:
            self._begin(head, rate, now)
        ahead = head.sequence - self._highest & 0xFFFF
        if ahead < 0x8000:
            self._highest = head.sequence
        elif 0x10000 - ahead >= RING:
            return False
        place = head.sequence % RING
        if self._seen[place] == head.sequence:
            return False
        self._seen[place] = head.sequence
        payload = data[head.body : len(data) - head.padding]
        if len(payload) > BIGGEST:
            return False
        sequence = head.sequence + self._shift & 0xFFFF
        timestamp = head.timestamp + self._time_shift & 0xFFFFFFFF
        self._ring[sequence % RING] = Kept(sequence, head.marker, timestamp, payload)
        if ahead < 0x8000:
            self._last = (sequence, timestamp, now)
        if self._groups:
            self._send(head.marker, sequence, timestamp, payload, now)
        self.packets += 1
        self.octets += len(payload)
        return True

    def _begin(self, head: packets.Rtp, rate: int, now: float) -> None:
        sequence, timestamp, at = self._last
        if self._source is not None:
            self._shift = sequence + 1 - head.sequence & 0xFFFF
            self._time_shift = timestamp + max(1, int((now - at) * rate)) - head.timestamp & 0xFFFFFFFF
        self._source = head.ssrc
        self._seen = [-1] * RING
        self._highest = head.sequence

    def _send(self, marker: bool, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        if self.kind == "video" and now < self._pressed_until:
            return  # sound goes before pictures while the network takes no more
        dropped = 0
        for (payload_type, send_time), legs in self._groups.items():
            head = packets.header(payload_type, marker, sequence, timestamp, self.ssrc, send_time)
            if send_time:
                head = head[:-3] + packets.stamp(now)
            self._port.forwarded += len(legs)
            dropped += fanout.send(self._port.sock, head + payload, legs)
        if dropped:
            self._port.dropped += dropped
            self._pressed_until = now + 0.02

    def again(self, leg: Leg, lost: list[int], now: float) -> int:
        """Answer a NACK; how many packets were sent again."""
        sent = 0
        for sequence in lost:
            kept = self._ring[sequence % RING]
            if kept is None or kept.sequence != sequence:
                continue
            if leg.rtx is not None:
                leg.rtx_sequence = leg.rtx_sequence + 1 & 0xFFFF
                head = packets.header(leg.rtx, kept.marker, leg.rtx_sequence, kept.timestamp, self.rtx_ssrc, 0)
                whole = head + kept.sequence.to_bytes(2, "big") + kept.payload
            else:
                head = packets.header(leg.payload_type, kept.marker, sequence, kept.timestamp, self.ssrc, 0)
                whole = head + kept.payload
            self._port.send(leg.outbound.rtp(whole), leg.address)
            sent += 1
        return sent

    def report(self, ntp: int, timestamp: int) -> None:
        """Pass a sender report on."""
        told = packets.sender_report(self.ssrc, ntp, timestamp + self._time_shift, self.packets, self.octets)
        for legs in self._groups.values():
            for leg in legs:
                self._port.send(leg.outbound.rtcp(told), leg.address)
