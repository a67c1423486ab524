"""Playlists keep the rules of draft-pantos-hls-rfc8216bis; each test names the section that it is about."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.media.playlist import Part, Picture, Place, Report, Shape, Sound, Timeline, Wanted, multivariant

SHAPE = Shape(target=4, part_target=1 / 3, window=30)


class Listed(NamedTuple):
    """A playlist, read as a client reads it."""

    tags: dict[str, str]
    skipped: int
    first: int
    segments: list[tuple[float, str]]
    parts: list[tuple[float, str, bool]]
    hint: str | None
    maps: list[str]
    dates: list[str]
    ended: bool


def read(text: str) -> Listed:
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U"
    tags, segments, parts, maps, dates, hint = {}, [], [], [], [], None
    duration = 0.0
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if not line.startswith("#"):
            segments.append((duration, line))
        elif name == "#EXTINF":
            duration = float(value.rstrip(","))
        elif name == "#EXT-X-PART":
            uri = re.search(r'URI="([^"]+)"', value)
            length = re.match(r"DURATION=([\d.]+)", value)
            assert uri
            assert length
            parts.append((float(length[1]), uri[1], "INDEPENDENT=YES" in value))
        elif name == "#EXT-X-MAP":
            maps.append(value)
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            dates.append(value)
        elif name == "#EXT-X-PRELOAD-HINT":
            hint = value
        else:
            tags[name] = value
    skipped = int(tags.get("#EXT-X-SKIP", "SKIPPED-SEGMENTS=0").partition("=")[2])
    first = int(tags["#EXT-X-MEDIA-SEQUENCE"])
    return Listed(tags, skipped, first, segments, parts, hint, maps, dates, "#EXT-X-ENDLIST" in lines)


def grown(segments: int, shape: Shape = SHAPE, parts: int = 6, open_parts: int = 2) -> Timeline:
    """So many whole segments of 2 s, and one that is under way."""
    timeline = Timeline(shape)
    for number in range(segments + (1 if open_parts else 0)):
        timeline.begin(1_700_000_000_000 + number * 2_000, 1)
        for index in range(parts if number < segments else open_parts):
            timeline.add(Part(1 / 3, index == 0))
        if number < segments:
            timeline.close()
    return timeline


def test_4_4_1_a_playlist_says_its_version_and_begins_as_one() -> None:
    assert read(grown(3).render()).tags["#EXT-X-VERSION"] == "9"


@given(st.lists(st.tuples(st.integers(1, 12), st.floats(0.01, 1 / 3)), min_size=1, max_size=60))
def test_4_4_3_1_and_4_4_4_9_durations_stay_below_the_targets(made: list[tuple[int, float]]) -> None:
    timeline = Timeline(SHAPE)
    for number, (parts, last) in enumerate(made):
        timeline.begin(number * 4_000.0, 1)
        for index in range(parts):
            timeline.add(Part(1 / 3 if index < parts - 1 else last, index == 0))
        timeline.close()
        listed = read(timeline.render())
        assert all(round(duration) <= 4 for duration, _ in listed.segments)
        assert all(duration <= 0.33334 for duration, _, _ in listed.parts)


def test_4_4_3_2_numbers_stay_with_their_segments_while_the_front_leaves() -> None:
    timeline = grown(3)
    seen: dict[str, float] = {}
    for number in range(4, 40):
        listed = read(timeline.render())
        names = [uri for _, uri in listed.segments]
        assert names == [f"{listed.first + index}.m4s" for index in range(len(names))]
        for duration, uri in listed.segments:
            assert seen.setdefault(uri, duration) == duration
        for _ in range(4):
            timeline.add(Part(1 / 3, False))
        timeline.close()
        timeline.begin(number * 2_000.0, 1)
        timeline.add(Part(1 / 3, True))
        timeline.add(Part(1 / 3, False))
    assert listed.first > 0


def test_6_2_2_a_segment_leaves_only_while_three_target_durations_remain() -> None:
    for window in (0, 5, 12, 30, 90):
        timeline = grown(100, Shape(4, 1 / 3, window))
        assert sum(duration for duration, _ in read(timeline.render()).segments) >= max(12, window)


def test_4_4_3_7_the_part_target_is_told() -> None:
    assert read(grown(3).render()).tags["#EXT-X-PART-INF"] == "PART-TARGET=0.33333"


def test_4_4_3_8_server_control_has_blocking_and_hold_backs_that_are_long_enough() -> None:
    control = read(grown(3).render()).tags["#EXT-X-SERVER-CONTROL"]
    values = dict(pair.split("=") for pair in control.split(","))
    assert values["CAN-BLOCK-RELOAD"] == "YES"
    assert float(values["PART-HOLD-BACK"]) >= 3 * 0.33333
    assert float(values["HOLD-BACK"]) >= 3 * 4
    assert float(values["CAN-SKIP-UNTIL"]) >= 6 * 4


def test_4_4_4_5_each_header_is_named_before_the_first_segment_that_needs_it() -> None:
    timeline = grown(3, open_parts=0)
    timeline.begin(1_700_000_006_000, 2)
    timeline.add(Part(1 / 3, True))
    text = timeline.render()
    assert read(text).maps == ['URI="init1.mp4"', 'URI="init2.mp4"']
    assert text.index("init2.mp4") < text.index("3.0.m4s") > text.index("2.m4s")


def test_4_4_4_6_each_segment_says_when_it_was() -> None:
    listed = read(grown(3).render())
    assert listed.dates[:2] == ["2023-11-14T22:13:20.000Z", "2023-11-14T22:13:22.000Z"]
    assert len(listed.dates) == 4


def test_4_4_4_9_parts_are_listed_near_the_live_edge_only_and_add_up_to_their_segment() -> None:
    listed = read(grown(20).render())
    numbers = {int(uri.split(".")[0]) for _, uri, _ in listed.parts}
    assert max(numbers) == 20
    assert 12 <= sum(duration for duration, _, _ in listed.parts) < 12 + 2
    for number in numbers - {20}:
        total = sum(duration for duration, uri, _ in listed.parts if uri.startswith(f"{number}."))
        assert total == pytest.approx(2, abs=0.001)
    assert [uri for _, uri, independent in listed.parts if independent] == [
        f"{number}.0.m4s" for number in sorted(numbers)
    ]


def test_4_4_5_3_the_hint_is_the_part_that_comes_next() -> None:
    assert read(grown(3).render()).hint == 'TYPE=PART,URI="3.2.m4s"'
    assert read(grown(3, open_parts=0).render()).hint == 'TYPE=PART,URI="3.0.m4s"'


def test_4_4_5_4_other_renditions_are_reported() -> None:
    text = grown(3).render([Report("../opus1/playlist.m3u8", 7, 3)])
    assert read(text).tags["#EXT-X-RENDITION-REPORT"] == 'URI="../opus1/playlist.m3u8",LAST-MSN=7,LAST-PART=3'


@given(st.integers(0, 60), st.integers(0, 5))
def test_4_4_5_2_and_6_2_5_1_a_delta_and_what_was_known_make_the_whole(segments: int, open_parts: int) -> None:
    timeline = grown(segments, Shape(4, 1 / 3, 90), open_parts=open_parts)
    whole, delta = read(timeline.render()), read(timeline.render(skip=True))
    assert delta.first == whole.first
    assert whole.segments[: delta.skipped] + delta.segments == whole.segments
    assert delta.parts == whole.parts
    kept = sum(duration for duration, _ in delta.segments) + open_parts / 3
    if delta.skipped:
        assert kept >= SHAPE.skip_until - 1e-3  # nothing newer than the skip boundary is left out
        assert kept < SHAPE.skip_until + 2 + 1e-3


def test_6_2_1_the_end_is_told_and_there_is_nothing_to_wait_for() -> None:
    timeline = grown(3)
    timeline.end()
    listed = read(timeline.render())
    assert listed.ended
    assert listed.hint is None
    assert len(listed.segments) == 4
    assert timeline.wants(Place(99, 9)) is Wanted.READY


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        (Place(0, None), Wanted.READY),
        (Place(2, None), Wanted.READY),
        (Place(2, 5), Wanted.READY),
        (Place(2, 6), Wanted.READY),  # past the end of a whole segment: the first part of the next, which is there
        (Place(3, 1), Wanted.READY),
        (Place(3, 2), Wanted.WAIT),
        (Place(3, None), Wanted.WAIT),
        (Place(4, 0), Wanted.WAIT),
        (Place(5, 0), Wanted.WAIT),
        (Place(3, 10), Wanted.WAIT),
        (Place(3, 11), Wanted.REFUSED),  # further ahead than the advance part limit
        (Place(6, 0), Wanted.REFUSED),  # more than two segments ahead
    ],
)
def test_6_2_5_2_what_a_client_may_wait_for(place: Place, answer: Wanted) -> None:
    assert grown(3).wants(place) is answer


def test_6_2_5_2_a_part_past_a_segments_end_is_the_next_segments_first() -> None:
    timeline = grown(3, open_parts=0)
    assert timeline.wants(Place(2, 6)) is Wanted.WAIT
    timeline.begin(1_700_000_006_000, 1)
    assert timeline.wants(Place(2, 6)) is Wanted.WAIT
    timeline.add(Part(1 / 3, True))
    assert timeline.wants(Place(2, 6)) is Wanted.READY


def test_what_has_left_the_window_is_no_reason_to_wait() -> None:
    assert grown(100).wants(Place(3, 2)) is Wanted.READY


def test_before_the_first_part_only_the_first_segments_can_be_waited_for() -> None:
    timeline = Timeline(SHAPE)
    assert timeline.last is None
    assert timeline.wants(Place(0, 0)) is Wanted.WAIT
    assert timeline.wants(Place(2, 0)) is Wanted.REFUSED


def test_a_segment_without_parts_was_none() -> None:
    timeline = grown(3, open_parts=0)
    timeline.begin(0, 1)
    timeline.close()
    assert timeline.begin(0, 1).number == 3


def test_4_4_6_2_each_picture_comes_with_each_kind_of_sound() -> None:
    text = multivariant(
        [Picture("camera1/playlist.m3u8", "avc1.42e01f", 1_280, 720, 1_500_000, 30)],
        [Sound("opus1/playlist.m3u8", "opus", 64_000), Sound("aac1/playlist.m3u8", "mp4a.40.2", 128_000)],
    )
    assert text.count("#EXT-X-STREAM-INF") == 2
    assert (
        '#EXT-X-STREAM-INF:BANDWIDTH=1564000,CODECS="avc1.42e01f,opus",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="opus"\n'
        "camera1/playlist.m3u8\n"
    ) in text
    assert '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="mp4a",NAME="Class",DEFAULT=YES' in text


def test_4_4_6_2_sound_alone_and_pictures_alone_are_variants_too() -> None:
    assert 'CODECS="opus"\nopus1/playlist.m3u8\n' in multivariant([], [Sound("opus1/playlist.m3u8", "opus", 64_000)])
    alone = multivariant([Picture("screen1/playlist.m3u8", "vp09.00.10.08", 640, 360, 500_000)], [])
    assert "AUDIO" not in alone
    assert "screen1/playlist.m3u8" in alone
