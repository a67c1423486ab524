"""Fragmented MP4 (ISO 14496-12), no more of it than a live stream needs: headers, fragments, and an index.

What always holds: a file is a header and whole fragments behind it, each of which says when it begins, so that whatever is cut
off at the end costs that fragment alone. A fragment has one run of samples for each of its tracks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from classroom.media.intake.frames import Setup

VIDEO_RATE = 90_000  # ticks per second of pictures
AUDIO_RATE = 48_000  # ticks per second of sound
SYNC, NOT_SYNC = 0x02000000, 0x01010000  # sample flags: depends on no other; depends on others
BASE_IS_MOOF = 0x020000
MATRIX = struct.pack("!9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
LANGUAGE = 0x55C4  # "und"


class Track(NamedTuple):
    """A track of a file. `inband`: parameter sets may also stand in the samples (avc3 instead of avc1)."""

    number: int
    setup: Setup
    inband: bool = False

    @property
    def is_video(self) -> bool:
        return self.setup.width > 0

    @property
    def rate(self) -> int:
        return VIDEO_RATE if self.is_video else AUDIO_RATE


class Sample(NamedTuple):
    """`duration` in ticks of its track."""

    data: bytes
    duration: int
    key: bool = True


class Run(NamedTuple):
    """Samples of a track one after another, from `start` on (ticks)."""

    track: int
    start: int
    samples: Sequence[Sample]


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, (version << 24 | flags).to_bytes(4, "big"), *parts)


def header(tracks: Sequence[Track]) -> bytes:
    """What stands before the fragments: `ftyp` and `moov`."""
    brands = box(b"ftyp", b"iso6", (0).to_bytes(4, "big"), b"iso6cmfcmp41")
    # rate 1.0 and volume 1.0 are fixed-point numbers; behind them reserved bytes, the matrix and six empty fields.
    movie = full(
        b"mvhd",
        0,
        0,
        struct.pack("!4IIH10x", 0, 0, 1_000, 0, 0x10000, 0x0100),
        MATRIX,
        bytes(24),
        struct.pack("!I", max(track.number for track in tracks) + 1),
    )
    extends = b"".join(
        full(b"trex", 0, 0, struct.pack("!5I", track.number, 1, 0, 0, NOT_SYNC if track.is_video else SYNC))
        for track in tracks
    )
    return brands + box(b"moov", movie, *map(_track, tracks), box(b"mvex", extends))


def _track(track: Track) -> bytes:
    setup = track.setup
    volume = 0 if track.is_video else 0x0100
    head = full(
        b"tkhd",
        0,
        3,
        struct.pack("!5I8xHHHH", 0, 0, track.number, 0, 0, 0, 0 if track.is_video else 1, volume, 0),
        MATRIX,
        struct.pack("!II", setup.width << 16, setup.height << 16),
    )
    media = full(b"mdhd", 0, 0, struct.pack("!4I2H", 0, 0, track.rate, 0, LANGUAGE, 0))
    kind, name = (b"vide", b"Video\0") if track.is_video else (b"soun", b"Sound\0")
    handler = full(b"hdlr", 0, 0, bytes(4), kind, bytes(12), name)
    shown = full(b"vmhd", 0, 1, bytes(8)) if track.is_video else full(b"smhd", 0, 0, bytes(4))
    here = box(b"dinf", full(b"dref", 0, 0, struct.pack("!I", 1), full(b"url ", 0, 1)))
    entry = _video_entry(track) if track.is_video else _audio_entry(setup)
    table = box(
        b"stbl",
        full(b"stsd", 0, 0, struct.pack("!I", 1), entry),
        full(b"stts", 0, 0, bytes(4)),
        full(b"stsc", 0, 0, bytes(4)),
        full(b"stsz", 0, 0, bytes(8)),
        full(b"stco", 0, 0, bytes(4)),
    )
    return box(b"trak", head, box(b"mdia", media, handler, box(b"minf", shown, here, table)))


def _video_entry(track: Track) -> bytes:
    setup = track.setup
    kind, config = {
        "h264": (b"avc3" if track.inband else b"avc1", b"avcC"),
        "vp8": (b"vp08", b"vpcC"),
        "vp9": (b"vp09", b"vpcC"),
        "av1": (b"av01", b"av1C"),
    }[setup.codec]
    fields = struct.pack("!6xH16xHHII4xH32xHh", 1, setup.width, setup.height, 0x480000, 0x480000, 1, 24, -1)
    return box(kind, fields, box(config, setup.private))


def _audio_entry(setup: Setup) -> bytes:
    fields = struct.pack("!6xH8xHH4xI", 1, 2, 16, AUDIO_RATE << 16)
    if setup.codec == "opus":
        return box(b"Opus", fields, box(b"dOps", setup.private))
    return box(b"mp4a", fields, full(b"esds", 0, 0, _descriptors(setup.private)))


def _descriptors(config: bytes) -> bytes:
    """What describes AAC (ISO 14496-1, section 7.2.6), around its AudioSpecificConfig."""

    def tagged(tag: int, body: bytes) -> bytes:
        return bytes([tag, len(body)]) + body

    decoder = bytes([0x40, 0x15]) + bytes(11) + tagged(5, config)
    return tagged(3, struct.pack("!HB", 0, 0) + tagged(4, decoder) + tagged(6, b"\x02"))


def fragment(sequence: int, runs: Sequence[Run]) -> bytes:
    """`moof` and `mdat`. A run without samples says only that its track is still there, and when."""
    bodies = [b"".join(sample.data for sample in run.samples) for run in runs]
    moof = _moof(sequence, runs, [0] * len(runs))  # once for its size: the offsets in it count from its own beginning
    offsets, at = [], len(moof) + 8
    for body in bodies:
        offsets.append(at)
        at += len(body)
    return _moof(sequence, runs, offsets) + box(b"mdat", *bodies)


def _moof(sequence: int, runs: Sequence[Run], offsets: list[int]) -> bytes:
    tracks = []
    for run, offset in zip(runs, offsets, strict=True):
        first = run.samples[0].duration if run.samples else 0
        steady = bool(run.samples) and all(sample.key and sample.duration == first for sample in run.samples)
        if steady:
            head = full(b"tfhd", 0, BASE_IS_MOOF | 0x28, struct.pack("!III", run.track, first, SYNC))
            flags, rows = 0x201, [struct.pack("!I", len(sample.data)) for sample in run.samples]
        else:
            head = full(b"tfhd", 0, BASE_IS_MOOF, struct.pack("!I", run.track))
            flags, rows = (
                0x701,
                [
                    struct.pack("!III", sample.duration, len(sample.data), SYNC if sample.key else NOT_SYNC)
                    for sample in run.samples
                ],
            )
        begins = full(b"tfdt", 1, 0, struct.pack("!Q", run.start))
        listed = full(b"trun", 0, flags, struct.pack("!Ii", len(run.samples), offset), *rows)
        tracks.append(box(b"traf", head, begins, listed))
    return box(b"moof", full(b"mfhd", 0, 0, struct.pack("!I", sequence & 0xFFFFFFFF)), *tracks)


class Reference(NamedTuple):
    """A fragment as an index names it: bytes, ticks, and whether it begins with a key frame."""

    size: int
    duration: int
    key: bool


def index(track: Track, start: int, references: Sequence[Reference], behind: int = 0) -> bytes:
    """`sidx` (section 8.16.3): where fragments are, the first of them `behind` bytes after the index."""
    rows = b"".join(
        struct.pack("!III", one.size & 0x7FFFFFFF, one.duration, 0x90000000 if one.key else 0) for one in references
    )
    fields = struct.pack("!IIQQHH", track.number, track.rate, start, behind, 0, len(references))
    return full(b"sidx", 1, 0, fields, rows)
