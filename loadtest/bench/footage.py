"""Pictures and sound to be sent: H.264 at about 1.1 Mbit/s and Opus, encoded once, as RTP packets."""

from __future__ import annotations

import fractions
import struct

import av
from aiortc.codecs.h264 import H264Encoder

RATE = 30  # frames a second
BITRATE = 1_100_000


def packet(payload: bytes, number: int, timestamp: int, kind: int, marker: bool, ssrc: int = 7) -> bytes:
    head = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), number % 65_536, timestamp, ssrc)
    return head + payload


def film(seconds: int) -> list[bytes]:
    """RTP packets of noise that moves, which an encoder cannot make small, a key frame every 2 s."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 640, 360, "yuv420p"
    encoder.time_base, encoder.framerate = fractions.Fraction(1, 90_000), fractions.Fraction(RATE)
    encoder.bit_rate, encoder.gop_size, encoder.max_b_frames = BITRATE, 2 * RATE, 0
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    packets: list[bytes] = []
    for index in range(seconds * RATE):
        frame = av.VideoFrame(640, 360, "yuv420p")
        for plane in frame.planes:
            noise = bytes((at * 37 + index * 3 + (at >> 6) * index) & 0xFF for at in range(997))
            plane.update((noise * (plane.buffer_size // 997 + 1))[: plane.buffer_size])
        frame.pts = index * 90_000 // RATE
        for encoded in encoder.encode(frame):
            payloads = list(H264Encoder._packetize(H264Encoder._split_bitstream(bytes(encoded))))
            for place, payload in enumerate(payloads):
                last = place == len(payloads) - 1
                packets.append(packet(payload, len(packets), encoded.pts or 0, 102, last))
    return packets


def tone(seconds: int) -> list[bytes]:
    """Payloads of 20 ms each."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = 48_000, "stereo", "s16", 48_000
    found: list[bytes] = []
    for index in range(seconds * 50):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(bytes((at * at + index) & 0x3F for at in range(3_840)))
        frame.sample_rate, frame.pts = 48_000, index * 960
        found += map(bytes, encoder.encode(frame))
    return found
