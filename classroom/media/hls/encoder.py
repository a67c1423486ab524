"""VP8 becomes H.264: a program of its own, which decodes what strangers sent, and may crash without harm to anybody.

What always holds: frames come out in the order in which they came in, at most one for each; times are passed on untouched. A
picture that is late is decoded and not encoded, so that who cannot keep up shows fewer pictures and does not fall behind. It
ends when its input does.

Frames on standard input: `HEAD` (source's number, class time in ms, length), then VP8. On standard output: `HEAD`, then H.264 as
a stream of bytes (annex B), every key frame with its parameter sets; a length of 0: the source needs a key frame.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from fractions import Fraction
from typing import BinaryIO

import av
from av.video.frame import PictureType

HEAD = struct.Struct("!BdI")
MAX_FRAME = 8 << 20  # bytes
LATE = 500.0  # ms by which a picture may be later than the most punctual, and still be encoded
FORGET = (
    1.0  # ms a picture by which the most punctual is forgotten: the publisher's way may have become longer for good
)
LEAST, MOST = 300_000, 2_500_000  # bits per second
BITS_PER_PIXEL = 3  # and second
NICE = 5  # packets and parts of all classes come before one class's pictures
OPTIONS = {"preset": "superfast", "tune": "zerolatency", "profile": "main", "crf": "24", "forced-idr": "1"}


class Source:
    """One picture's decoder and encoder. `seconds`: from key frame to key frame."""

    def __init__(self, seconds: float) -> None:
        self._between = seconds * 1_000
        self._decoder: av.VideoCodecContext | None = None
        self._encoder: av.VideoCodecContext | None = None
        self._size = (0, 0)
        self._key_at = float("-inf")
        self._first: float | None = None
        self._punctual = float("inf")

    def frame(self, data: bytes, at: float, now: float) -> bytes | None:
        """The picture in H.264; empty: it needs a key frame; None: nothing comes of it. `at`, `now`: ms."""
        if not data[0] & 1:  # a key frame: nothing before it matters
            self._decoder = _decoder()
        if self._decoder is None:
            return b""
        try:
            pictures = self._decoder.decode(av.Packet(data))
        except av.error.FFmpegError:
            self._decoder = None
            return b""
        late = now - at
        self._punctual = min(late, self._punctual + FORGET)
        if late - self._punctual > LATE:
            return None
        return b"".join(self._encode(picture, at) for picture in pictures[-1:]) or None

    def _encode(self, picture: av.VideoFrame, at: float) -> bytes:
        size = (max(2, picture.width & ~1), max(2, picture.height & ~1))
        if self._encoder is None or size != self._size:
            self._encoder, self._size, self._key_at, self._first = _encoder(*size), size, float("-inf"), at
        if (picture.width, picture.height) != size or picture.format.name != "yuv420p":
            picture = picture.reformat(*size, format="yuv420p")
        picture.pts, picture.time_base = round((at - (self._first or 0)) * 90), Fraction(1, 90_000)
        key = at - self._key_at >= self._between
        picture.pict_type = PictureType.I if key else PictureType.NONE
        if key:
            self._key_at = at
        return b"".join(bytes(packet) for packet in self._encoder.encode(picture))


def _decoder() -> av.VideoCodecContext:
    decoder = av.CodecContext.create("vp8", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    return decoder


def _encoder(width: int, height: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 90_000), Fraction(30)
    encoder.gop_size, encoder.max_b_frames, encoder.thread_count = 100_000, 0, 1
    most = max(LEAST, min(MOST, width * height * BITS_PER_PIXEL))
    encoder.options = OPTIONS | {"maxrate": str(most), "bufsize": str(most)}
    return encoder


def run(come: BinaryIO, go: BinaryIO, seconds: float) -> None:
    """Until `come` ends. Raises `ValueError` where it holds no frames."""
    sources: dict[int, Source] = {}
    while len(head := come.read(HEAD.size)) == HEAD.size:
        number, at, length = HEAD.unpack(head)
        if not 0 < length <= MAX_FRAME:
            raise ValueError("no frame has that length")
        data = come.read(length)
        if len(data) < length:
            return
        source = sources.setdefault(number, Source(seconds))
        made = source.frame(data, at, time.time() * 1_000)
        if made is not None:
            go.write(HEAD.pack(number, at, len(made)) + made)
            go.flush()


if __name__ == "__main__":
    os.nice(NICE)
    av.logging.set_level(av.logging.PANIC)
    run(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[1]))
