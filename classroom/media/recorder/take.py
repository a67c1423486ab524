"""One file of a recording, `rec.{start}.{kind}.mp4`: media time 0 is class time `start`, ms since 1970, for as long as it lasts.

What always holds: a fragment is written by one call, after the frames in it are known, so that a process that is killed leaves a
file that plays up to its last fragment. Whatever can be known of a file stands in the file itself: `scan` needs nothing else.
While a file is written its writer holds a lock on it, which goes with the process.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from classroom.media import mp4
from classroom.media.intake.frames import Setup

NAME = re.compile(r"rec\.(?P<start>\d{1,15})\.(?P<kind>camera|screen|sound)\.mp4")
ROOM_FOR_INDEX = 1 << 16  # bytes kept free behind the header, where the index goes when the file is done
MOST_REFERENCES = (ROOM_FOR_INDEX - 64) // 12


class Fragment(NamedTuple):
    """`offset`, `size` in bytes; `start`, `duration` in ms of media time; `key`: a player may begin here."""

    offset: int
    size: int
    start: float
    duration: float
    key: bool


class Scan(NamedTuple):
    """What a file holds: `header` bytes at its beginning, and `end`, behind its last whole fragment."""

    header: int
    fragments: list[Fragment]
    end: int
    indexed: bool

    @property
    def duration(self) -> float:
        """ms"""
        return max((one.start + one.duration for one in self.fragments), default=0.0)


class Take:
    """A file that is being written. Opened by the thread that writes. Raises `OSError`."""

    def __init__(self, folder: Path, start: int, kind: str, tracks: list[mp4.Track]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"rec.{start}.{kind}.mp4"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.write(mp4.header(tracks) + mp4.box(b"free", bytes(ROOM_FOR_INDEX - 8)))

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def close(self) -> None:
        """The file is done: it gets its index."""
        try:
            os.fsync(self._file)
            finish(self.path)
        finally:
            os.close(self._file)


def header_for(picture: Setup | None, sound: Setup | None) -> list[mp4.Track]:
    """The tracks of a file: the picture is number 1, the sound 2."""
    tracks = [mp4.Track(1, picture, inband=True)] if picture is not None else []
    return tracks + ([mp4.Track(2, sound)] if sound is not None else [])


def scan(path: Path) -> Scan:
    """What a file holds, read from its boxes alone. Raises `OSError`."""
    size = path.stat().st_size
    fragments: list[Fragment] = []
    header, at, indexed = 0, 0, False
    rates: dict[int, int] = {}
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            length, kind = struct.unpack("!I4s", file.read(8))
            if length < 8 or at + length > size:
                break
            if kind == b"moov":
                rates = _rates(file.read(length - 8))
            if kind == b"moof":
                body = file.read(length - 8)
                more = file.read(8)
                data = struct.unpack("!I4s", more)[0] if len(more) == 8 else 0
                if data < 8 or at + length + data > size:
                    break
                start, duration, key = _times(body, rates)
                fragments.append(Fragment(at, length + data, start, duration, key))
                length += data
            elif not fragments:
                header = at + length if kind in (b"ftyp", b"moov") else header
                indexed = indexed or kind == b"sidx"
            at += length
    return Scan(header, fragments, at, indexed)


def _rates(moov: bytes) -> dict[int, int]:
    """Ticks per second of each track."""
    found, at = {}, 0
    while (at := moov.find(b"tkhd", at)) >= 0:
        number = int.from_bytes(moov[at + 16 : at + 20], "big")
        media = moov.find(b"mdhd", at)
        found[number] = int.from_bytes(moov[media + 16 : media + 20], "big")
        at = media
    return found


def _times(moof: bytes, rates: dict[int, int]) -> tuple[float, float, bool]:
    """When a fragment's first track begins and how long it lasts, in ms, and whether it begins with a key frame."""
    head, begins, run = moof.find(b"tfhd"), moof.find(b"tfdt"), moof.find(b"trun")
    number = int.from_bytes(moof[head + 8 : head + 12], "big")
    rate = rates.get(number, mp4.VIDEO_RATE)
    start = int.from_bytes(moof[begins + 8 : begins + 16], "big") * 1_000 / rate
    flags, count = int.from_bytes(moof[run + 5 : run + 8], "big"), int.from_bytes(moof[run + 8 : run + 12], "big")
    if not flags & 0x100:
        steady = int.from_bytes(moof[head + 12 : head + 16], "big")
        return start, steady * count * 1_000 / rate, count > 0
    rows = struct.iter_unpack("!III", moof[run + 16 : run + 16 + 12 * count])
    samples = list(rows)
    return start, sum(row[0] for row in samples) * 1_000 / rate, bool(samples) and samples[0][2] == mp4.SYNC


def finish(path: Path) -> Scan:
    """Cut off what is torn, and write the index into the room left for it. Doing it again changes nothing."""
    found = scan(path)
    with path.open("r+b") as file:
        file.truncate(found.end)
        if found.indexed or not found.fragments:
            return found
        track = mp4.Track(1, Setup("", "", b"", 1 if _first_is_picture(file, found) else 0))
        number = 1 if track.is_video else 2
        step = -(-len(found.fragments) // MOST_REFERENCES)
        ticks = [round(one.start * track.rate / 1_000) for one in found.fragments]
        ticks.append(round(found.duration * track.rate / 1_000))
        groups = [slice(at, min(at + step, len(found.fragments))) for at in range(0, len(found.fragments), step)]
        references = [
            mp4.Reference(
                sum(one.size for one in found.fragments[group]),
                ticks[group.stop] - ticks[group.start],
                found.fragments[group.start].key,
            )
            for group in groups
        ]
        size = 44 + 12 * len(references) - 4
        left = ROOM_FOR_INDEX - size
        index = mp4.index(track._replace(number=number), ticks[0], references, left)
        assert len(index) == size
        file.seek(found.header)
        file.write(index + mp4.box(b"free", bytes(left - 8)))
        file.flush()
        os.fsync(file.fileno())
    return found._replace(indexed=True)


def _first_is_picture(file: BinaryIO, found: Scan) -> bool:
    file.seek(0)
    return b"vide" in file.read(found.header)


def is_being_written(path: Path) -> bool:
    """Whether a process holds the file's lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def playlist(found: Scan, name: str) -> str:
    """A file as a playlist of byte ranges (RFC 8216, section 4.3.2.2), with which players go anywhere at once: segments begin
    at key frames."""
    groups: list[list[Fragment]] = []
    for fragment in found.fragments:
        if fragment.key or not groups:
            groups.append([])
        groups[-1].append(fragment)
    starts = [group[0].start for group in groups] + [found.duration]
    lengths = [max(0.001, after - before) / 1_000 for before, after in pairwise(starts)]
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f"#EXT-X-TARGETDURATION:{max(1, round(max(lengths, default=1) + 0.5))}",
        f'#EXT-X-MAP:URI="{name}",BYTERANGE="{found.header}@0"',
    ]
    for group, length in zip(groups, lengths, strict=True):
        lines += [
            f"#EXTINF:{length:.5f},",
            f"#EXT-X-BYTERANGE:{sum(one.size for one in group)}@{group[0].offset}",
            name,
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"
