"""One stream from its publisher to its viewers: a track, or one layer of a track that is sent in several.

What always holds: viewers are sent each packet once; all who use the same payload type and the same `Shift` share one header, so
that per viewer there is only encryption and the send. A picture's packets are sent together (`Port.later`). The numbering goes
on when the publisher comes back with another SSRC, and, for a viewer who comes from another layer or from a pause, behind what
it has been sent before: it joins at the beginning of a key frame, without a gap. A ring of the last `RING` packets answers NACK.
A key frame is asked for at most every `KEY_EVERY` seconds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from classroom.media.sfu import packets, pictures
from classroom.media.sfu.aiortc_parts import BIGGEST, Outbound
from classroom.media.sfu.fanout import Group
from classroom.media.sfu.port import Port
from classroom.media.sfu.sdp import Format
from classroom.media.sfu.stun import Address

RING = 1_024
KEY_EVERY = 0.5
PICTURE_RATE = 90_000  # Hz, of all codecs of pictures
HEAD = 20  # bytes of RTP around a payload, which receivers' estimates count; those of UDP and IP they do not
PRESSED = 0.02  # seconds that pictures wait after the network has refused some
STRAY = 5  # seconds that two layers' clocks may seem to differ by before their sender reports are not believed


class Kept(NamedTuple):
    sequence: int
    marker: bool
    timestamp: int
    payload: bytes


class Shift(NamedTuple):
    """What is added to a stream's numbers for a viewer; `picture` and `tl0` to those that VP8 keeps itself."""

    sequence: int = 0
    timestamp: int = 0
    picture: int = 0
    tl0: int = 0


NONE = Shift()


class Numbers(NamedTuple):
    """The newest that a viewer has been sent, as it was told; `at`: when, in seconds."""

    sequence: int
    timestamp: int
    picture: int
    tl0: int
    at: float


class Leg:
    """A viewer's end of a track. `payload_type` and `send_time` (the extension's id, 0: none) make its group, with `shift`.

    `forward` is what it is sent now; `before` what it was sent until `floor`, its first number of `forward`."""

    def __init__(self, outbound: Outbound, address: Address, format: Format, send_time: int) -> None:
        self.outbound = outbound
        self.address = address
        self.payload_type = format.payload_type
        self.rtx = format.rtx
        self.repeats = "nack" in format.feedback  # whether it may ask for what it has lost (RFC 4585, 4.2)
        self.send_time = send_time
        self.rtx_sequence = secrets.randbits(15)
        self.forward: Forward | None = None
        self.shift = NONE
        self.floor: int | None = None
        self.before: tuple[Forward, Shift] | None = None
        self.last: Numbers | None = None
        self.waits_for: Forward | None = None
        self.extra = 0  # bytes of repetitions and padding, for whoever counts them
        self.target = b""  # this viewer as the loop in C has it; empty: not made yet
        self._sent = self._joined_at = 0

    @property
    def sent(self) -> int:
        """Bytes that were sent of the track since the beginning, in whatever layers, without `extra`."""
        return self._sent + (self.forward.volume - self._joined_at if self.forward is not None else 0)

    def go(self, forward: Forward | None) -> None:
        """Be sent this from now on."""
        self._sent = self.sent
        self.forward = forward
        self._joined_at = forward.volume if forward is not None else 0

    def move(self, address: Address) -> None:
        """The viewer is at another address from now on."""
        self.address, self.target = address, b""
        if self.forward is not None:
            self.forward.moved(self)


class Forward:
    """`ask` has whoever publishes now send a key frame. `ssrcs`: of the stream and its retransmissions, as viewers know them;
    `is_layer`: one of several of its track."""

    def __init__(
        self, port: Port, kind: str, codec: str = "", ssrcs: tuple[int, int] | None = None, *, is_layer: bool = False
    ) -> None:
        self._port = port
        self.kind = kind
        self.codec = codec
        self.is_layer = is_layer
        self.ask: Callable[[], None] = lambda: None
        self._asked = float("-inf")
        self.ssrc, self.rtx_ssrc = ssrcs or (secrets.randbits(31) or 1, secrets.randbits(31) or 2)
        self._groups: dict[tuple[int, int, Shift], Group] = {}
        self._waiting: dict[Leg, None] = {}
        self._ring: list[Kept | None] = [None] * RING
        self._source: int | None = None
        self._seen: list[int] = [-1] * RING
        self._highest = 0
        self._shift = secrets.randbits(15)
        self._time_shift = 0
        self._last = (0, 0, 0.0)  # number and timestamp of the newest sent, and when
        self._counters = (0, 0)  # PictureID and TL0PICIDX of the newest, where they are kept
        self._said: tuple[int, int] | None = None  # the last sender report: NTP time and our timestamp
        self.packets = self.octets = 0
        self._pressed_until = 0.0
        self.at_key = False  # whether the packet that came last begins a key frame
        self.size = (0, 0)  # of the last key frame, where it told

    @property
    def viewers(self) -> int:
        return sum(map(len, self._groups.values()))

    @property
    def volume(self) -> int:
        """Bytes of all that came, with the headers of RTP."""
        return self.octets + HEAD * self.packets

    @property
    def last_at(self) -> float:
        """When the newest packet came; 0: none has."""
        return self._last[2]

    def add(self, leg: Leg, now: float) -> None:
        """Send to a viewer who has been sent nothing of this track, from the next packet on."""
        self._join(leg, NONE, None)
        self.key(now)

    def wait(self, leg: Leg, now: float) -> None:
        """Send to a viewer from the next key frame on; until then it goes on with what it has."""
        if leg.waits_for is not None:
            leg.waits_for.forget(leg)
        leg.waits_for = self
        self._waiting[leg] = None
        self.key(now)

    def forget(self, leg: Leg) -> None:
        """Wait no more."""
        self._waiting.pop(leg, None)
        leg.waits_for = None

    def remove(self, leg: Leg) -> None:
        """Send to a viewer no more."""
        if leg.forward is not self:
            return
        self.flush()
        key = (leg.payload_type, leg.send_time, leg.shift)
        group = self._groups[key]
        group.remove(leg)
        if not group.legs:
            del self._groups[key]
        leg.go(None)
        leg.before = (self, leg.shift)
        if self.packets:
            sequence, timestamp, at = self._last
            shift = leg.shift
            leg.last = Numbers(
                sequence + shift.sequence & 0xFFFF,
                timestamp + shift.timestamp & 0xFFFFFFFF,
                self._counters[0] + shift.picture,
                self._counters[1] + shift.tl0,
                at,
            )

    def moved(self, leg: Leg) -> None:
        """One who is sent this is at another address."""
        self.flush()
        self._groups[leg.payload_type, leg.send_time, leg.shift].packed = b""

    def legs(self) -> list[Leg]:
        """All who are sent this."""
        return [leg for group in self._groups.values() for leg in group.legs]

    def awaited(self) -> list[Leg]:
        """All who wait for a key frame of this."""
        return list(self._waiting)

    def key(self, now: float) -> bool:
        """Have the publisher send a key frame, unless it has just been asked; whether it is asked now."""
        if self.kind != "video" or now - self._asked < KEY_EVERY:
            return False
        self._asked = now
        self.ask()
        return True

    def push(self, head: packets.Rtp, data: bytes, rate: int, now: float) -> bool:
        """A packet of the publisher's, RTX unwrapped. Whether it is new."""
        if head.ssrc != self._source:
            self._begin(head, rate, now)
        ahead = head.sequence - self._highest & 0xFFFF
        late = ahead >= 0x8000
        if not late:
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
        if not late:
            self._last = (sequence, timestamp, now)
        if self.is_layer or self._waiting:
            self._look(payload, late, sequence, timestamp, now)
        if self._groups:
            self._send(head.marker, sequence, timestamp, payload, now, late)
        self.packets += 1
        self.octets += len(payload)
        return True

    def _look(self, payload: bytes, late: bool, sequence: int, timestamp: int, now: float) -> None:
        size = None if late else pictures.key_size(self.codec, payload)
        self.at_key = size is not None
        if size is not None:
            if size[0]:
                self.size = size
            for leg in list(self._waiting):
                self.forget(leg)
                before = leg.forward
                if before is not None:
                    before.remove(leg)
                self._join(leg, self._shift_of(leg, sequence, timestamp, payload, now), sequence)
        if self.codec == "vp8" and not late:
            counters = pictures.counters(payload)
            if counters is not None:
                self._counters = (counters.picture, counters.tl0)

    def _join(self, leg: Leg, shift: Shift, sequence: int | None) -> None:
        self.flush()
        leg.go(self)
        leg.shift = shift
        leg.floor = None if sequence is None else sequence + shift.sequence & 0xFFFF
        self._groups.setdefault((leg.payload_type, leg.send_time, shift), Group()).add(leg)

    def _shift_of(self, leg: Leg, sequence: int, timestamp: int, payload: bytes, now: float) -> Shift:
        """What puts a key frame, beginning with this packet, right behind what a viewer has been sent."""
        last = leg.last
        if last is None or leg.before is None:
            return NONE
        before, shift = leg.before
        wanted = timestamp + shift.timestamp + (0 if before is self else self._apart(before))
        step = (wanted - last.timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        passed = int((now - last.at) * PICTURE_RATE)
        if before is not self and abs(step - passed) > STRAY * PICTURE_RATE:
            step = passed
        counters = pictures.counters(payload) if self.codec == "vp8" and before is not self else None
        return Shift(
            last.sequence + 1 - sequence & 0xFFFF,
            last.timestamp + max(1, step) - timestamp & 0xFFFFFFFF,
            last.picture + 1 - counters.picture & 0x7FFF if counters else shift.picture,
            last.tl0 + 1 - counters.tl0 & 0xFF if counters else shift.tl0,
        )

    def _apart(self, other: Forward) -> int:
        """What another layer's timestamp is at the moment when ours is 0: by sender reports, else by when packets came."""
        if self._said is not None and other._said is not None:
            passed = (self._said[0] - other._said[0]) * PICTURE_RATE >> 32
            return other._said[1] + passed - self._said[1]
        return other._last[1] - self._last[1] + int((self._last[2] - other._last[2]) * PICTURE_RATE)

    def _begin(self, head: packets.Rtp, rate: int, now: float) -> None:
        sequence, timestamp, at = self._last
        if self._source is not None:
            self._shift = sequence + 1 - head.sequence & 0xFFFF
            self._time_shift = timestamp + max(1, int((now - at) * rate)) - head.timestamp & 0xFFFFFFFF
        self._source, self._said = head.ssrc, None
        self._seen = [-1] * RING
        self._highest = head.sequence

    def _send(self, marker: bool, sequence: int, timestamp: int, payload: bytes, now: float, late: bool) -> None:
        if self.kind == "video" and now < self._pressed_until:
            return  # sound goes before pictures while the network takes no more
        for (payload_type, send_time, shift), group in self._groups.items():
            number, time = sequence + shift.sequence & 0xFFFF, timestamp + shift.timestamp & 0xFFFFFFFF
            head = packets.header(payload_type, marker, number, time, self.ssrc, send_time)
            if send_time:
                head = head[:-3] + packets.stamp(now)
            whole = head + _counted(payload, shift)
            to = _of(group, sequence) if late else group
            if to is group:
                group.waiting.append(whole)
            else:
                self._sent(to, [whole])
        self._port.later(self.flush, whole=marker or self.kind == "audio")

    def flush(self) -> None:
        """Send what waits."""
        for group in self._groups.values():
            if group.waiting:
                burst, group.waiting = group.waiting, []
                self._sent(group, burst)

    def _sent(self, group: Group, burst: list[bytes]) -> None:
        self._port.forwarded += len(burst) * len(group)
        dropped = self._port.fanout.send(self._port.sock, burst, group)
        if dropped:
            self._port.dropped += dropped
            self._pressed_until = self._last[2] + PRESSED

    def again(self, leg: Leg, lost: list[int], now: float) -> int:
        """Answer a NACK; how many packets were sent again. What a viewer lost of another layer before is found there."""
        sent = 0
        for wanted in lost:
            source, shift = self, leg.shift
            if leg.forward is not self or (leg.floor is not None and wanted - leg.floor & 0xFFFF >= 0x8000):
                if leg.before is None or _newer(wanted, leg):
                    continue
                source, shift = leg.before
            sequence = wanted - shift.sequence & 0xFFFF
            kept = source._ring[sequence % RING]
            if kept is None or kept.sequence != sequence:
                continue
            body = _counted(kept.payload, shift)
            timestamp = kept.timestamp + shift.timestamp & 0xFFFFFFFF
            if leg.rtx is not None:
                leg.rtx_sequence = leg.rtx_sequence + 1 & 0xFFFF
                head = packets.header(leg.rtx, kept.marker, leg.rtx_sequence, timestamp, self.rtx_ssrc, 0)
                whole = head + wanted.to_bytes(2, "big") + body
            else:
                whole = packets.header(leg.payload_type, kept.marker, wanted, timestamp, self.ssrc, 0) + body
            self._port.send(leg.outbound.rtp(whole), leg.address)
            leg.extra += len(whole)
            sent += 1
        self._port.repeated += sent
        return sent

    def report(self, ntp: int, timestamp: int) -> None:
        """Pass a sender report on."""
        ours = timestamp + self._time_shift & 0xFFFFFFFF
        self._said = (ntp, ours)
        for (_, _, shift), group in self._groups.items():
            moved = ours + shift.timestamp & 0xFFFFFFFF
            told = packets.sender_report(self.ssrc, ntp, moved, self.packets, self.octets)
            self._port.dropped += self._port.fanout.report(self._port.sock, told, group)


def _counted(payload: bytes, shift: Shift) -> bytes:
    return pictures.recounted(payload, shift.picture, shift.tl0) if shift.picture or shift.tl0 else payload


def _of(group: Group, sequence: int) -> Group:
    """Those of a group whom a packet that comes late is for: nearly always all."""
    fitting = [leg for leg in group.legs if _is_for(leg, sequence)]
    return group if len(fitting) == len(group) else Group(fitting)


def _is_for(leg: Leg, sequence: int) -> bool:
    """Whether a packet that comes late is of what this viewer has been sent of the stream."""
    return leg.floor is None or sequence + leg.shift.sequence - leg.floor & 0xFFFF < 0x8000


def _newer(wanted: int, leg: Leg) -> bool:
    """Whether a number has not been sent to a viewer whose pictures pause."""
    return leg.forward is None and leg.last is not None and 0 < (wanted - leg.last.sequence & 0xFFFF) < 0x8000
