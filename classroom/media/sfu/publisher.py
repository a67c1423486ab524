"""What one publisher sends: received, asked for again where lost, and handed to its tracks.

What always holds: a tap or a track is given each packet once; RTX is unwrapped before. A packet of
nothing but padding is given too, since it has a place in the order, and would look like a loss if it were not.
What the staff have muted goes nowhere. The publisher is told what arrived (transport-wide feedback and REMB, receiver reports).
"""

from __future__ import annotations

from typing import Protocol

from classroom.media.sfu import packets, sdp
from classroom.media.sfu.forward import Forward
from classroom.media.sfu.layers import Layers
from classroom.media.sfu.port import Peer, Port
from classroom.media.sfu.sdp import Format
from classroom.media.tap import Taps, Track

NACK_TRIES = 6
NACK_PAUSE = 0.06  # seconds between two NACKs for the same packet
NACK_GAP = 200  # a hole of more is not asked for: a key frame is
FEEDBACK_EVERY = 0.1
REPORT_EVERY = 1.0
OURS = 1  # the SSRC in our own reports: we send a publisher no media


class Incoming:
    """One track as it arrives, or one layer of it (`rid`, else "")."""

    def __init__(
        self, track: Track, format: Format, mid: str, ssrcs: tuple[int, ...], layers: Layers, rid: str = ""
    ) -> None:
        self.track = track
        self.format = format
        self.mid = mid
        self.rid = rid
        self.place = 0  # among its publisher's tracks
        self.ssrcs = ssrcs
        self.layers = layers
        self.forward: Forward = layers.layer(rid)
        self.ssrc = 0
        self.highest = -1
        self.cycles = 0
        self.first = 0
        self.received = 0
        self.expected_before = self.received_before = 0
        self.jitter = 0.0
        self.transit: float | None = None
        self.missing: dict[int, tuple[int, float]] = {}
        self.reported: tuple[int, int, float] | None = None  # a report's NTP time and timestamp, and when it came

    def arrived(self, head: packets.Rtp, now: float) -> bool:
        """Note a packet of the stream itself. Whether there is a hole now that was not there before."""
        if head.ssrc != self.ssrc or self.highest < 0:
            self.ssrc, self.highest, self.cycles, self.first = head.ssrc, head.sequence, 0, head.sequence
            self.received = self.expected_before = self.received_before = 0
            self.missing.clear()
        self.received += 1
        transit = now * self.format.clock_rate - head.timestamp
        if self.transit is not None and abs(transit - self.transit) < self.format.clock_rate:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit
        self.missing.pop(head.sequence, None)
        ahead = head.sequence - self.highest & 0xFFFF
        if ahead == 0 or ahead >= 0x8000:
            return False
        hole = False
        if 1 < ahead <= NACK_GAP:
            for step in range(1, ahead):
                self.missing[self.highest + step & 0xFFFF] = (0, now)
            hole = True
        elif ahead > NACK_GAP:
            self.missing.clear()
            self.forward.key(now)
        if head.sequence < self.highest:
            self.cycles += 1 << 16
        self.highest = head.sequence
        return hole

    def hand(self, taps: Taps, data: bytes, now: float) -> None:
        """Give a packet that has just been forwarded to the packager too, if it is of the layer that this one is given."""
        before = self.layers.tapped
        if not self.layers.taps(self.forward, now):
            return
        taps.rtp(self.track, data)
        if before is not self.forward and self.reported is not None:
            # Another layer counts its time from elsewhere: what its last report would say now puts it in its place.
            ntp, timestamp, at = self.reported
            seconds = ntp / (1 << 32) - packets.NTP_EPOCH + now - at
            taps.report(self.track, seconds, timestamp + int((now - at) * self.format.clock_rate) & 0xFFFFFFFF)

    def tell(self, taps: Taps, ntp: int, timestamp: int, now: float) -> None:
        """Pass a sender report on."""
        self.reported = (ntp, timestamp, now)
        self.forward.report(ntp, timestamp)
        if self.layers.tapped is self.forward:
            taps.report(self.track, ntp / (1 << 32) - packets.NTP_EPOCH, timestamp)

    def due(self, now: float) -> list[int]:
        """Numbers to ask for again now."""
        asked = []
        for sequence, (tries, at) in list(self.missing.items()):
            if at > now:
                continue
            if tries >= NACK_TRIES:
                del self.missing[sequence]
                self.forward.key(now)
                continue
            self.missing[sequence] = (tries + 1, now + NACK_PAUSE)
            asked.append(sequence)
        return asked

    def block(self, now: float) -> bytes:
        """The receiver report's block (RFC 3550, A.3)."""
        extended = self.cycles + self.highest
        expected = extended - self.first + 1
        lately, got = expected - self.expected_before, self.received - self.received_before
        self.expected_before, self.received_before = expected, self.received
        fraction = max(0, min(255, (lately - got) * 256 // lately)) if lately > 0 else 0
        last = since = 0
        if self.reported is not None:
            last, since = self.reported[0] >> 16 & 0xFFFFFFFF, int((now - self.reported[2]) * 65_536)
        return packets.report_block(
            self.ssrc, fraction, expected - self.received, extended, int(self.jitter), last, since
        )


class Outlet(Protocol):
    """Where a publication goes on to another machine. None of these may raise or wait."""

    def rtp(self, incoming: Incoming, data: bytes) -> None: ...

    def report(self, incoming: Incoming, ntp: int, timestamp: int) -> None: ...

    def ended(self) -> None: ...


class Publisher:
    """A handler of a peer's packets. `bits`: what it may send at most, in bits a second."""

    def __init__(
        self, port: Port, peer: Peer, tracks: list[Incoming], extensions: dict[str, int], taps: Taps, bits: int
    ) -> None:
        self._port = port
        self.peer = peer
        self.tracks = tracks
        self._taps = taps
        self._bits = bits
        self._mid, self._wide = extensions.get(sdp.MID, 0), extensions.get(sdp.TRANSPORT_CC, 0)
        self._rids = [id for id in (extensions.get(sdp.RID, 0), extensions.get(sdp.REPAIRED_RID, 0)) if id]
        self._by_ssrc = {ssrc: one for one in tracks for ssrc in one.ssrcs}
        for place, one in enumerate(tracks):
            one.place = place
        self.outlets: set[Outlet] = set()
        self.muted: frozenset[str] = frozenset()
        self._wide_seen: dict[int, float] = {}
        self._wide_base: int | None = None
        self._wide_count = 0
        self._fed_back = self._reported = 0.0
        self.packets = 0

    def rtp(self, data: bytes, now: float) -> None:
        head = packets.read(data)
        if head is None:
            return
        if self._wide:
            wide = packets.extension(data, self._wide)
            if wide is not None and len(wide) == 2:
                self._wide_seen[int.from_bytes(wide, "big")] = now
        incoming = self._by_ssrc.get(head.ssrc) or self._find(head, data)
        if incoming is None:
            return
        self.packets += 1
        if head.payload_type == incoming.format.rtx:
            payload = data[head.body : len(data) - head.padding]
            if len(payload) < 2 or not incoming.ssrc:
                return
            sequence = int.from_bytes(payload[:2], "big")
            incoming.missing.pop(sequence, None)
            data = (
                packets.header(incoming.format.payload_type, head.marker, sequence, head.timestamp, incoming.ssrc)
                + payload[2:]
            )
            head = packets.Rtp(
                incoming.format.payload_type, head.marker, sequence, head.timestamp, incoming.ssrc, 12, 0
            )
        elif head.payload_type != incoming.format.payload_type:
            return
        elif incoming.arrived(head, now):
            self._ask_again(incoming, now)
        if incoming.track.source in self.muted:
            return
        forward = incoming.forward
        if not forward.push(head, data, incoming.format.clock_rate, now):
            return
        for outlet in self.outlets:
            outlet.rtp(incoming, data)
        incoming.hand(self._taps, data, now)

    def _find(self, head: packets.Rtp, data: bytes) -> Incoming | None:
        mid = packets.extension(data, self._mid) if self._mid else None
        rids = [told for told in (packets.extension(data, id) for id in self._rids) if told is not None]
        fitting = [
            one
            for one in self.tracks
            if head.payload_type in (one.format.payload_type, one.format.rtx)
            and (mid is None or one.mid.encode() == mid)
            and (not one.rid or one.rid.encode() in rids)
        ]
        if len(fitting) != 1:
            return None
        if len(self._by_ssrc) < 64:
            self._by_ssrc[head.ssrc] = fitting[0]
        return fitting[0]

    def rtcp(self, data: bytes, now: float) -> None:
        for control in packets.controls(data):
            if control.type == packets.SR and len(control.body) >= 16:
                incoming = self._by_ssrc.get(int.from_bytes(control.body[:4], "big"))
                if incoming is None or incoming.ssrc != int.from_bytes(control.body[:4], "big"):
                    continue
                ntp = int.from_bytes(control.body[4:12], "big")
                timestamp = int.from_bytes(control.body[12:16], "big")
                if incoming.track.source in self.muted:
                    incoming.reported = (ntp, timestamp, now)
                    continue
                incoming.tell(self._taps, ntp, timestamp, now)
                for outlet in self.outlets:
                    outlet.report(incoming, ntp, timestamp)

    def need_key(self, incoming: Incoming) -> None:
        if incoming.ssrc:
            self._control(packets.pli(OURS, incoming.ssrc))

    def tick(self, now: float) -> None:
        """Called every 50 ms."""
        for incoming in self.tracks:
            if incoming.missing:
                self._ask_again(incoming, now)
        if self._wide_seen and now - self._fed_back >= FEEDBACK_EVERY:
            self._fed_back = now
            self._feed_back()
        if now - self._reported >= REPORT_EVERY:
            self._reported = now
            there = [one for one in self.tracks if one.ssrc]
            if there:
                told = packets.receiver_report(OURS, [one.block(now) for one in there])
                self._control(told + packets.remb(OURS, self._bits, [one.ssrc for one in there]))

    def _ask_again(self, incoming: Incoming, now: float) -> None:
        lost = incoming.due(now)
        if lost:
            self._control(packets.nack(OURS, incoming.ssrc, lost[: packets.NACK_LIMIT]))

    def _feed_back(self) -> None:
        newest = next(reversed(self._wide_seen))
        numbers = {
            newest + ((number - newest + 0x8000 & 0xFFFF) - 0x8000): at for number, at in self._wide_seen.items()
        }
        self._wide_seen.clear()
        first = min(numbers)
        if self._wide_base is not None and 0 < (first - self._wide_base & 0xFFFF) < 500:
            first -= first - self._wide_base & 0xFFFF
        last = max(numbers)
        self._wide_base = last + 1 & 0xFFFF
        if last - first > 2_000:
            first = min(numbers)
        media = next((one.ssrc for one in self.tracks if one.ssrc), 0)
        for base in range(first, last + 1, 400):
            arrivals = [numbers.get(number) for number in range(base, min(base + 400, last + 1))]
            if any(at is not None for at in arrivals):
                self._control(packets.transport_feedback(OURS, media, self._wide_count, base, arrivals))
                self._wide_count += 1

    def _control(self, data: bytes) -> None:
        if self.peer.outbound is not None and self.peer.address is not None:
            self._port.send(self.peer.outbound.rtcp(data), self.peer.address)
