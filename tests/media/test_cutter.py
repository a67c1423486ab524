"""Frames become parts of equal length and segments that begin with key frames, whatever the rate at which they come."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.media import mp4
from classroom.media.cutter import LINGER, SLACK, SPARSE, Cutter
from classroom.media.intake.feed import Frame
from classroom.media.intake.frames import Setup
from tests.media.test_mp4 import frames_of

EPOCH = 1_000_000.0
PICTURE = b"\0\0\0\7picture"
SETUP = Setup("h264", "avc1.42e01f", b"", 320, 180)


class Cut(NamedTuple):
    start: int
    parts: list[tuple[int, bool, bytes]]


class Kept:
    """What a cutter gave out."""

    def __init__(self) -> None:
        self.segments: list[Cut] = []
        self.setups: list[Setup] = []
        self.whole = 0

    def began(self, start: int, setup: Setup | None) -> None:
        assert self.whole == len(self.segments)
        self.segments.append(Cut(start, []))
        if setup is not None:
            self.setups.append(setup)

    def part(self, data: bytes, duration: int, independent: bool) -> None:
        self.segments[-1].parts.append((duration, independent, data))

    def ended(self) -> None:
        self.whole += 1


def cutter(out: Kept) -> Cutter:
    return Cutter(out, mp4.VIDEO_RATE, EPOCH, 1 / 3, 1.8, 4.0)


def begins(data: bytes) -> int:
    """When a part's first sample does, in ticks."""
    return int.from_bytes(data[data.index(b"tfdt") + 8 :][:8], "big")


def is_key(data: bytes) -> bool:
    """Whether a part's first sample is a key frame."""
    run = data.index(b"trun")
    steady = not data[run + 6] & 0x04  # all alike: then all are key frames
    return steady or data[run + 24 : run + 28] == mp4.SYNC.to_bytes(4, "big")


def frame(at: float, key: bool = False, setup: Setup = SETUP) -> Frame:
    return Frame(EPOCH + at * 1_000, PICTURE, key, setup)


def test_segments_begin_at_key_frames_and_parts_are_as_long_as_their_target() -> None:
    out = Kept()
    one = cutter(out)
    for index in range(300):
        one.frame(frame(index / 30, index % 60 == 0))
    assert [segment.start for segment in out.segments] == [0, 180_000, 360_000, 540_000, 720_000]
    for segment in out.segments[:-1]:
        assert [part[0] for part in segment.parts] == [30_000] * 6
        assert [part[1] for part in segment.parts] == [True] + [False] * 5


@given(
    st.lists(st.tuples(st.floats(0.001, 1.5), st.booleans(), st.booleans()), min_size=1, max_size=200),
)
def test_whatever_comes_parts_and_segments_cover_the_time_without_a_gap(made: list[tuple[float, bool, bool]]) -> None:
    out = Kept()
    one = cutter(out)
    at = 0.0
    one.frame(frame(0, True))
    for wait, key, ticked in made:
        at += wait
        if ticked:
            one.tick(EPOCH + at * 1_000)
        one.frame(frame(at, key))
    one.end()
    assert out.whole == len(out.segments)
    expected = 0
    for segment in out.segments:
        assert segment.start == expected
        assert all(duration >= 30_000 for duration, _, _ in segment.parts[:-1])
        assert 0.85 * SLACK * 30_000 <= 30_000  # rfc8216bis, 4.4.4.9
        assert all(0 < duration <= SLACK * 30_000 for duration, _, _ in segment.parts)
        for duration, independent, data in segment.parts:
            if independent:
                assert begins(data) == expected
                assert is_key(data)
            expected += duration
        assert expected - segment.start <= 360_000  # rfc8216bis, 4.4.3.1
    samples = sum(data.count(PICTURE) for segment in out.segments for _, _, data in segment.parts)
    assert samples == len(made) + 1


def test_a_part_is_independent_only_where_it_begins_when_its_key_frame_does() -> None:
    out = Kept()
    one = cutter(out)
    for index in range(12):  # so few pictures that parts do not end where pictures do
        one.frame(frame(index * 0.15, index in (0, 3)))
    one.end()
    at, seen = 0, set()
    for duration, independent, data in out.segments[0].parts:
        if is_key(data):
            seen.add((begins(data) == at, independent))
        at += duration
    assert seen == {(True, True), (False, False)}


def test_key_frames_that_come_too_often_do_not_make_segments_of_their_own() -> None:
    out = Kept()
    one = cutter(out)
    for index in range(120):
        one.frame(frame(index / 30, index % 10 == 0))
    assert [segment.start for segment in out.segments] == [0, 180_000]
    assert all(independent for _, independent, _ in out.segments[0].parts)


def test_another_setup_begins_a_segment_at_once() -> None:
    out = Kept()
    one = cutter(out)
    larger = SETUP._replace(width=640)
    for index in range(60):
        one.frame(frame(index / 30, index in (0, 20), SETUP if index < 20 else larger))
    assert [segment.start for segment in out.segments] == [0, 60_000]
    assert out.setups == [SETUP, larger]


def test_a_part_does_not_wait_for_a_frame_that_does_not_come() -> None:
    out = Kept()
    one = cutter(out)
    one.frame(frame(0, True))
    one.tick(EPOCH + 1_000 / 3 + LINGER * 1_000 - 5)
    assert out.segments[0].parts == []
    one.tick(EPOCH + 1_000 / 3 + LINGER * 1_000 + 5)
    assert len(out.segments[0].parts) == 1
    one.tick(EPOCH + 2_000)
    assert len(out.segments[0].parts) == 4
    one.frame(frame(2.1, True))
    assert out.segments[-1].start == 189_000


def test_parts_of_sound_end_where_its_packets_do() -> None:
    out = Kept()
    one = Cutter(out, mp4.AUDIO_RATE, EPOCH, 0.333, 2.0, 4.0)
    for index in range(500):
        one.frame(frame(index / 50, True))
    for segment in out.segments[:-1]:
        assert {duration % 960 for duration, _, _ in segment.parts} == {0}
        assert sum(duration for duration, _, _ in segment.parts) == 96_000


def test_a_segment_that_is_a_little_longer_than_its_parts_leaves_no_crumb() -> None:
    out = Kept()
    one = Cutter(out, mp4.VIDEO_RATE, EPOCH, 0.333, 1.8, 4.0)
    for index in range(120):
        one.frame(frame(index / 30, index % 60 == 0))
    assert [part[0] for part in out.segments[0].parts] == [30_000] * 6


def test_where_frames_are_few_each_lasts_until_the_next_and_is_in_its_own_part() -> None:
    out = Kept()
    one = Cutter(out, mp4.VIDEO_RATE, EPOCH, 1 / 3, 1.8, 4.0, SPARSE)
    for index in range(4):
        one.frame(frame(index * 1.05, index % 2 == 0))
        for tick in range(10):
            one.tick(EPOCH + (index + tick / 10) * 1_050)
    shown = [data for _, _, data in out.segments[0].parts if PICTURE in data]
    # Where all samples of a run are as long as each other, that stands in the fragment's header.
    places = [data.index(b"tfhd") + 12 if b"trun\0\0\2\1" in data else data.index(b"trun") + 16 for data in shown]
    lengths = [struct.unpack_from("!I", data, place)[0] for data, place in zip(shown, places, strict=True)]
    assert lengths == [94_500, 94_500]
    assert [PICTURE in data for _, _, data in out.segments[0].parts] == [True, False, False, True, False, False, False]


def test_parts_one_after_another_are_what_a_decoder_plays() -> None:
    out = Kept()
    one = cutter(out)
    frames = frames_of("h264").frames
    for sent in frames:
        one.frame(sent)
    one.end()
    data = mp4.header([mp4.Track(1, out.setups[0])])
    data += b"".join(part for segment in out.segments for _, _, part in segment.parts)
    with av.open(io.BytesIO(data)) as file:
        times = [float(picture.time or 0) for picture in file.decode(video=0)]
    assert times == pytest.approx([(sent.at - EPOCH) / 1_000 for sent in frames], abs=1e-3)
