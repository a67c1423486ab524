"""RTP (RFC 3550) and its control packets as bytes: only the fields that forwarding needs, read and written at their places.

What always holds: nothing that a packet holds raises here; what is not whole is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

SR, RR, BYE, RTPFB, PSFB = 200, 201, 203, 205, 206
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
NACK_LIMIT = 512  # packets that one NACK may ask for; more are passed over

_head = struct.Struct("!BBHII")
_block = struct.Struct("!IB3xI12x")  # of a report: SSRC, fraction lost, highest number, and what is not looked at


class Rtp(NamedTuple):
    """`body`: where the payload begins, after CSRCs and header extensions; `padding`: bytes of it at the end."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    body: int
    padding: int


def read(data: bytes) -> Rtp | None:
    """A packet's header, or None where it is not whole."""
    if len(data) < 12:
        return None
    first, second, sequence, timestamp, ssrc = _head.unpack_from(data)
    if first >> 6 != 2:
        return None
    body = 12 + 4 * (first & 15)
    if first & 0x10:
        if len(data) < body + 4:
            return None
        body += 4 + 4 * int.from_bytes(data[body + 2 : body + 4], "big")
    padding = data[-1] if first & 0x20 else 0
    if body + padding > len(data) or (first & 0x20 and not padding):
        return None
    return Rtp(second & 0x7F, second > 127, sequence, timestamp, ssrc, body, padding)


def extension(data: bytes, id: int) -> bytes | None:
    """The header extension `id` (one-byte form, RFC 8285), if the packet has it."""
    if not data[0] & 0x10:
        return None
    at = 12 + 4 * (data[0] & 15)
    if data[at : at + 2] != b"\xbe\xde":
        return None
    end = min(len(data), at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big"))
    at += 4
    while at < end:
        head = data[at]
        if head == 0:
            at += 1
            continue
        size = (head & 15) + 1
        if head >> 4 == id:
            return data[at + 1 : at + 1 + size]
        at += 1 + size
    return None


def header(payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, send_time: int = 0) -> bytes:
    """A header; with `send_time` (the id of abs-send-time, 0: none) three bytes are left for `stamp`."""
    second = payload_type | (0x80 if marker else 0)
    plain = _head.pack(0x90 if send_time else 0x80, second, sequence, timestamp, ssrc)
    return plain + bytes((0xBE, 0xDE, 0, 1, send_time << 4 | 2, 0, 0, 0)) if send_time else plain


def stamp(now: float) -> bytes:
    """`now` in seconds as abs-send-time says it: 6.18 bits fixed point."""
    return (int(now * (1 << 18)) & 0xFFFFFF).to_bytes(3, "big")


class Control(NamedTuple):
    """One RTCP packet of a compound: its type, count or format, and body after the first four bytes."""

    type: int
    format: int
    body: bytes


def controls(data: bytes) -> Iterator[Control]:
    """The packets of a compound one, as far as it is whole."""
    at = 0
    while at + 8 <= len(data) and data[at] >> 6 == 2:
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            return
        yield Control(data[at + 1], data[at] & 0x1F, data[at + 4 : end])
        at = end


def lost_of(body: bytes) -> list[int]:
    """The sequence numbers that a NACK's body asks for."""
    found: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        found.append(first)
        found += [first + 1 + bit & 0xFFFF for bit in range(16) if mask >> bit & 1]
        if len(found) >= NACK_LIMIT:
            break
    return found[:NACK_LIMIT]


def losses(body: bytes, count: int) -> Iterable[tuple[int, int, int]]:
    """Of a receiver report's body: SSRCs, how many 256ths of each were lost since the report before, and the highest number that
    has come, with what it has wrapped (RFC 3550, 6.4.2)."""
    whole = min(count, (len(body) - 4) // 24)
    return _block.iter_unpack(body[4 : 4 + 24 * whole])


def estimate_of(body: bytes) -> int | None:
    """Bits a second that a REMB's body speaks of; None: it is none."""
    if len(body) < 16 or body[8:12] != b"REMB":
        return None
    return (body[13] << 16 & 0x30000 | body[14] << 8 | body[15]) << (body[13] >> 2)


def nack(sender: int, media: int, lost: list[int]) -> bytes:
    """Ask for packets again (RFC 4585, 6.2.1)."""
    entries = b""
    rest = sorted(lost)
    while rest:
        first, mask = rest[0], 0
        for one in rest[1:]:
            if 1 <= one - first <= 16:
                mask |= 1 << one - first - 1
        entries += struct.pack("!HH", first, mask)
        rest = [one for one in rest[1:] if one - first > 16]
    return struct.pack("!BBHII", 0x81, RTPFB, 2 + len(entries) // 4, sender, media) + entries


def pli(sender: int, media: int) -> bytes:
    """Ask for a key frame (RFC 4585, 6.3.1)."""
    return struct.pack("!BBHII", 0x81, PSFB, 2, sender, media)


def remb(sender: int, bits: int, ssrcs: list[int]) -> bytes:
    """What the receiver can take, in bits a second (draft-alvestrand-rmcat-remb)."""
    exponent = max(0, bits.bit_length() - 18)
    mantissa = bits >> exponent
    body = b"REMB" + bytes((len(ssrcs), exponent << 2 | mantissa >> 16, mantissa >> 8 & 255, mantissa & 255))
    body += b"".join(struct.pack("!I", ssrc) for ssrc in ssrcs)
    return struct.pack("!BBHII", 0x8F, PSFB, 2 + len(body) // 4, sender, 0) + body


def receiver_report(sender: int, blocks: list[bytes]) -> bytes:
    return struct.pack("!BBHI", 0x80 | len(blocks), RR, 1 + 6 * len(blocks), sender) + b"".join(blocks)


def report_block(ssrc: int, fraction: int, lost: int, highest: int, jitter: int, last: int, since: int) -> bytes:
    told = struct.pack("!IB", ssrc, fraction) + (max(0, min(lost, 0x7FFFFF))).to_bytes(3, "big")
    return told + struct.pack("!IIII", highest & 0xFFFFFFFF, jitter & 0xFFFFFFFF, last, since & 0xFFFFFFFF)


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    return struct.pack(
        "!BBHIQIII", 0x80, SR, 6, ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )


def transport_feedback(sender: int, media: int, count: int, base: int, arrivals: list[float | None]) -> bytes:
    """When packets from the transport-wide number `base` on came (seconds), None: not
    (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1). `count`: how many of these were sent before."""
    first = next((at for at in arrivals if at is not None), 0.0)
    reference = int(first / 0.064)
    at_last, symbols, deltas = reference * 256, [], b""  # in units of 250 µs
    for arrival in arrivals:
        if arrival is None:
            symbols.append(0)
            continue
        ticks = int(arrival * 4_000)
        delta = max(-32_768, min(32_767, ticks - at_last))
        at_last += delta
        if 0 <= delta <= 255:
            symbols.append(1)
            deltas += bytes((delta,))
        else:
            symbols.append(2)
            deltas += struct.pack("!h", delta)
    chunks = b""
    for at in range(0, len(symbols), 7):
        word = 0xC000
        for place, symbol in enumerate(symbols[at : at + 7]):
            word |= symbol << 12 - 2 * place
        chunks += struct.pack("!H", word)
    body = struct.pack("!HH", base & 0xFFFF, len(symbols))
    body += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((count & 255,)) + chunks + deltas
    body += bytes(-len(body) % 4)
    return struct.pack("!BBHII", 0x8F, RTPFB, 2 + len(body) // 4, sender, media) + body
