"""What forwarding has to know of a picture's bytes: where a key frame begins, how large it is, and the counters that VP8 keeps.

What always holds: nothing that a payload holds raises; what is not whole is no key frame and has no counters.
"""

from __future__ import annotations

from typing import NamedTuple

from classroom.media.intake import h264

SPS, STAP_A = 7, 24  # kinds of NAL units (H.264, table 7-1; RFC 6184, 5.2)


class Counters(NamedTuple):
    """VP8's PictureID and TL0PICIDX (RFC 7741, 4.2). `at`: where the first byte of the PictureID stands; `wide`: of 15 bits."""

    picture: int
    tl0: int
    at: int
    wide: bool
    has_tl0: bool


def key_size(codec: str, payload: bytes) -> tuple[int, int] | None:
    """Width and height where a key frame begins in this payload, (0, 0) where they are not told; else None."""
    match codec:
        case "vp8":
            return _vp8(payload)
        case "h264":
            return _h264(payload)
        case "vp9":  # B is set, P is not (RFC 9628, 4.2)
            return (0, 0) if payload and payload[0] & 0x48 == 0x08 else None
        case "av1":  # N: a coded video sequence begins (the AV1 RTP specification, 4.4)
            return (0, 0) if payload and payload[0] & 0x08 else None
    return (0, 0)


def _h264(payload: bytes) -> tuple[int, int] | None:
    kind = payload[0] & 31 if payload else 0
    if kind == SPS and len(payload) > 5:
        return h264.size(payload)
    at = 1
    while kind == STAP_A and at + 2 < len(payload):
        end = at + 2 + int.from_bytes(payload[at : at + 2], "big")
        nal = payload[at + 2 : end]
        if len(nal) > 5 and nal[0] & 31 == SPS:
            return h264.size(nal)
        at = end
    return None


def _vp8(payload: bytes) -> tuple[int, int] | None:
    if not payload or payload[0] & 0x17 != 0x10:  # the beginning of the first partition
        return None
    at = 1
    if payload[0] & 0x80 and len(payload) > 2:
        flags, at = payload[1], 2
        at += (2 if payload[2] & 0x80 else 1) if flags & 0x80 else 0
        at += bool(flags & 0x40) + bool(flags & 0x30)
    if len(payload) < at + 10 or payload[at] & 1 or payload[at + 3 : at + 6] != b"\x9d\x01\x2a":
        return None  # RFC 6386, 9.1
    size = [int.from_bytes(payload[at + 6 + of : at + 8 + of], "little") & 0x3FFF for of in (0, 2)]
    return size[0], size[1]


def counters(payload: bytes) -> Counters | None:
    """The counters of a VP8 payload, None where it has no PictureID."""
    if len(payload) < 4 or not payload[0] & 0x80 or not payload[1] & 0x80:
        return None
    wide = payload[2] > 127
    picture = int.from_bytes(payload[2:4], "big") & 0x7FFF if wide else payload[2]
    place = 4 if wide else 3
    has_tl0 = bool(payload[1] & 0x40) and len(payload) > place
    return Counters(picture, payload[place] if has_tl0 else 0, 2, wide, has_tl0)


def recounted(payload: bytes, picture: int, tl0: int) -> bytes:
    """A VP8 payload with so much added to its counters."""
    found = counters(payload)
    if found is None:
        return payload
    number = found.picture + picture
    told = (0x8000 | number & 0x7FFF).to_bytes(2, "big") if found.wide else bytes((number & 0x7F,))
    if found.has_tl0:
        told += bytes((found.tl0 + tl0 & 0xFF,))
    return payload[: found.at] + told + payload[found.at + len(told) :]
