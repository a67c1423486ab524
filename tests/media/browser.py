"""What a browser would send: pictures and sound of PyAV's encoders, cut into RTP packets as Chromium cuts them.

What always holds: pictures differ from one another (a bar moves), the sound is a tone, times are those of a steady camera.
"""

from __future__ import annotations

import fractions
import math
import multiprocessing
import struct
from array import array
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import NamedTuple

import av
from aiortc.codecs.h264 import H264Encoder
from av.packet import Packet as Encoded

MTU = 1_100
ENCODERS = {"h264": "libx264", "vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
OPTIONS = {
    "h264": {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"},
    "vp8": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"},
    "vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
    "av1": {"preset": "13", "svtav1-params": "pred-struct=1:lp=1"},
}
PAYLOAD_TYPES = {"h264": 102, "vp8": 96, "vp9": 98, "av1": 45, "opus": 111}


class Shot(NamedTuple):
    """An encoded frame. `at`: seconds since the first."""

    at: float
    data: bytes
    key: bool


def picture(index: int, width: int = 320, height: int = 180) -> av.VideoFrame:
    """A grey picture in which a white bar stands at a place of its own."""
    frame = av.VideoFrame(width, height, "yuv420p")
    left = index * 7 % (width - 16)
    for number, plane in enumerate(frame.planes):
        row = bytearray(b"\x80" if number else b"\x3c") * plane.line_size
        if not number:
            row[left : left + 16] = b"\xeb" * 16
        plane.update(bytes(row) * plane.height)
    return frame


def film(
    codec: str, count: int = 60, rate: float = 30, key_every: int = 30, size: tuple[int, int] = (320, 180)
) -> tuple[Shot, ...]:
    """So many frames of a picture that moves: the same ones whenever the same are asked for, by default or by name.

    An encoder that works in real time looks at the clock, and makes other frames the next time.
    """
    return _encoded(codec, count, rate, key_every, size)


@cache
def _encoded(codec: str, count: int, rate: float, key_every: int, size: tuple[int, int]) -> tuple[Shot, ...]:
    # As root, SVT-AV1 puts the thread that calls it in the real-time class, and all that this starts later with it. A browser
    # in that class keeps everything else from running: AV1 is made in a process of its own.
    if codec != "av1":
        return _film(codec, count, rate, key_every, size)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
        return apart.submit(_film, codec, count, rate, key_every, size).result()


def _film(codec: str, count: int, rate: float, key_every: int, size: tuple[int, int]) -> tuple[Shot, ...]:
    encoder = av.CodecContext.create(ENCODERS[codec], "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = fractions.Fraction(1, 90_000)
    encoder.framerate = fractions.Fraction(rate).limit_denominator(1_000)
    if codec != "av1":  # SVT-AV1 without delay knows no variable rate
        encoder.bit_rate = 300_000
    encoder.gop_size = key_every
    encoder.max_b_frames = 0
    encoder.options = OPTIONS[codec]
    shots: list[Shot] = []

    def keep(packets: list[Encoded]) -> None:
        shots.extend(Shot((packet.pts or 0) / 90_000, bytes(packet), packet.is_keyframe) for packet in packets)

    for index in range(count):
        frame = picture(index, *size)
        frame.pts = round(index / rate * 90_000)
        frame.time_base = encoder.time_base
        keep(encoder.encode(frame))
    keep(encoder.encode(None))
    return tuple(shots)


@cache
def tone(seconds: float = 2.0, hertz: float = 440.0, level: float = 0.3) -> tuple[Shot, ...]:
    """Opus of 20 ms each."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    encoder.bit_rate = 48_000
    encoder.options = {"application": "voip", "frame_duration": "20"}
    shots: list[Shot] = []
    for index in range(round(seconds * 50)):
        wave = array("h")
        for at in range(index * 960, (index + 1) * 960):
            wave.extend([round(math.sin(at * 2 * math.pi * hertz / 48_000) * level * 32_767)] * 2)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate, frame.pts = 48_000, index * 960
        shots += [
            Shot(len(shots) * 0.02 + at * 0, bytes(packet), True) for at, packet in enumerate(encoder.encode(frame))
        ]
    return tuple(shots)


def payloads(codec: str, shot: Shot) -> list[bytes]:
    """A frame's RTP payloads."""
    match codec:
        case "opus":
            return [shot.data]
        case "h264":
            return list(H264Encoder._packetize(H264Encoder._split_bitstream(shot.data)))
        case "vp8":
            return [(b"\x90" if at == 0 else b"\x80") + b"\x80\x81\x23" + part for at, part in _cut(shot.data)]
        case "vp9":
            return [
                _vp9_descriptor(shot.key, at == 0, at + MTU >= len(shot.data)) + part for at, part in _cut(shot.data)
            ]
        case "av1":
            return _av1_payloads(shot)
    raise AssertionError(codec)


def _cut(data: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(data), MTU):
        yield at, data[at : at + MTU]


def _vp9_descriptor(key: bool, first: bool, last: bool) -> bytes:
    """Flexible mode off, one layer, as Chromium describes it: I, L, and a scalability structure before a key frame."""
    flags = (
        0xA0 | (0 if key else 0x40) | (0x08 if first else 0) | (0x04 if last else 0) | (0x02 if key and first else 0)
    )
    described = bytes([flags, 0x81, 0x23, 0, 7])
    if key and first:
        described += bytes([0x18]) + struct.pack("!HH", 320, 180) + bytes([1, 0x04, 1])
    return described


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if not byte & 0x80:
            return value, at


def _av1_payloads(shot: Shot) -> list[bytes]:
    obus, at = [], 0
    while at < len(shot.data):
        header = shot.data[at]
        assert header & 2
        size, body = _leb128(shot.data, at + 1)
        if header >> 3 & 15 != 2:
            obus.append(bytes([header & ~2]) + shot.data[body : body + size])
        at = body + size
    packets: list[bytes] = []
    for index, obu in enumerate(obus):
        for start, part in _cut(obu):
            flags = 0x10 | (0x80 if start else 0) | (0x40 if start + MTU < len(obu) else 0)
            packets.append(bytes([flags | (0x08 if shot.key and index == start == 0 else 0)]) + part)
    return packets


class Sender:
    """A track's sender: counters from a seed, so that they wrap soon if a test asks for it."""

    def __init__(self, codec: str, sequence: int = 65_500, timestamp: int = 4_294_900_000, ssrc: int = 0x1234) -> None:
        self.codec = codec
        self.rate = 48_000 if codec == "opus" else 90_000
        self.sequence, self.ssrc = sequence, ssrc
        self._first = timestamp

    def timestamp(self, at: float) -> int:
        return (self._first + round(at * self.rate)) % (1 << 32)

    def packets(self, shot: Shot) -> list[bytes]:
        parts = payloads(self.codec, shot)
        return [self.packet(part, shot.at, index == len(parts) - 1) for index, part in enumerate(parts)]

    def packet(self, payload: bytes, at: float, marker: bool = False, extension: bytes = b"") -> bytes:
        first = 0x80 | (0x10 if extension else 0)
        second = PAYLOAD_TYPES[self.codec] | (0x80 if marker else 0)
        header = struct.pack("!BBHII", first, second, self.sequence, self.timestamp(at), self.ssrc)
        self.sequence = (self.sequence + 1) % 65_536
        if extension:
            header += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
        return header + payload

    def padding(self, at: float) -> bytes:
        """A packet of nothing but padding, as a browser probes the network with."""
        packet = bytearray(self.packet(bytes(199) + bytes([200]), at))
        packet[0] |= 0x20
        return bytes(packet)
