"""Every rule of draft-pantos-hls-rfc8216bis-20 that applies here, each by its section, against the playlists of a running class.

Rules of what is not used (encryption, byte ranges, gaps, discontinuities, date ranges, interstitials, content steering, I-frames,
session data) do not apply. `test_playlist.py` has those that depend on what a class does (6.2.5.2's limits, deltas, the end).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import aiohttp
import pytest

from tests.media.studio import Studio, on_air
from tests.media.test_live import playing
from tests.media.test_playlist import Listed, read

RELOADS = 12
KINDS = ("camera1", "opus1", "aac1")
NAMES = re.compile(
    r"#(EXTM3U|EXTINF|EXT-X-(VERSION|TARGETDURATION|SERVER-CONTROL|PART-INF|MEDIA-SEQUENCE|SKIP|MAP|PROGRAM-DATE-TIME|PART|"
    r"PRELOAD-HINT|RENDITION-REPORT|MEDIA|STREAM-INF|ENDLIST))(:.*)?"
)
# 4.2: an attribute list. Names in capitals; strings quoted; lists of codecs quoted; no spaces between.
ATTRIBUTES = re.compile(r'[A-Z0-9-]+=("[^"\r\n]*"|[^",\s]+)(,[A-Z0-9-]+=("[^"\r\n]*"|[^",\s]+))*')
ONCE = ("#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-SERVER-CONTROL", "#EXT-X-PART-INF", "#EXT-X-MEDIA-SEQUENCE")


class Loaded(NamedTuple):
    """A media playlist as it was loaded."""

    text: str
    listed: Listed
    content: str
    url: str


def attributes(line: str) -> dict[str, str]:
    """The attribute list of a tag; an attribute stands in it once (4.2)."""
    _, _, value = line.partition(":")
    assert ATTRIBUTES.fullmatch(value), line
    pairs = re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', value)
    assert len({name for name, _ in pairs}) == len(pairs), line
    return {name: text.strip('"') for name, text in pairs}


def check_text(one: Loaded) -> None:
    # 4: the media type.
    assert one.content == "application/vnd.apple.mpegurl"
    # 4.1: UTF-8 without a mark, no control characters, every line a tag, a URI or empty.
    assert not one.text.startswith("\ufeff")
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", one.text)
    lines = one.text.splitlines()
    assert all(not line.startswith("#") or NAMES.fullmatch(line) for line in lines), one.text
    # 4.4.1.1: the first line. 4.4.1.2, 4.4.3: what stands once, and the version that its tags need (8: skips need 9).
    assert lines[0] == "#EXTM3U"
    for name in ONCE:
        assert sum(line.startswith(f"{name}:") for line in lines) == 1, name
    assert int(one.listed.tags["#EXT-X-VERSION"]) >= 9
    # 4.4.3: tags of the whole playlist stand before the first segment's. 4.4.3.2: so does the sequence's number.
    first = next(
        place for place, line in enumerate(lines) if line.startswith(("#EXTINF", "#EXT-X-PART:", "#EXT-X-MAP"))
    )
    assert all(place < first for place, line in enumerate(lines) if line.partition(":")[0] in ONCE)


def check_times(one: Loaded) -> None:
    listed = one.listed
    target = int(listed.tags["#EXT-X-TARGETDURATION"])
    part = float(attributes("x:" + listed.tags["#EXT-X-PART-INF"])["PART-TARGET"])
    # 4.4.3.1: rounded, no segment is longer than the target.
    assert all(round(duration) <= target for duration, _ in listed.segments)
    # 4.4.3.7, 4.4.4.9: no part is longer than its target; only a segment's last one is shorter than 85 % of it.
    assert all(duration <= part + 1e-5 for duration, _, _ in listed.parts)
    for (duration, uri, _), (_, following, _) in zip(listed.parts, listed.parts[1:], strict=False):
        if uri.split(".")[0] == following.split(".")[0]:
            assert duration >= 0.85 * part - 1e-5, (uri, duration, part)
    # 4.4.4.9: a segment's parts make its duration.
    for duration, uri in listed.segments:
        pieces = [length for length, name, _ in listed.parts if name.startswith(uri.removesuffix("m4s"))]
        assert not pieces or abs(sum(pieces) - duration) < 1e-3
    # 6.2.2: and stand in it only near the end: not further from it than three target durations and a segment.
    assert sum(duration for duration, _, _ in listed.parts) <= 3 * target + target
    # 4.4.3.8: what the server can do, and how far from the end a player stays.
    control = attributes("x:" + listed.tags["#EXT-X-SERVER-CONTROL"])
    assert control["CAN-BLOCK-RELOAD"] == "YES"
    assert float(control["PART-HOLD-BACK"]) >= 3 * part - 1e-4  # at least twice, and better three times
    assert float(control["HOLD-BACK"]) >= 3 * target
    assert float(control.get("CAN-SKIP-UNTIL", "inf")) >= 6 * target


def check_segments(one: Loaded) -> None:
    listed, lines = one.listed, one.text.splitlines()
    # 4.4.4.1: each segment has a duration, and it is right before its URI.
    assert all(lines[place - 1].startswith("#EXTINF") for place, line in enumerate(lines) if not line.startswith("#"))
    # 4.4.4.5, 3.1.2: fragmented MP4 has a header, which stands before the first segment and, 4.4.4.9, its first part.
    assert listed.maps
    assert one.text.index("#EXT-X-MAP") < one.text.index("#EXTINF" if listed.segments else "#EXT-X-PART:")
    # 4.4.4.6: dates with milliseconds and a zone; a segment begins where the one before it ends.
    dates = [datetime.fromisoformat(date) for date in listed.dates]
    assert all(re.search(r"\.\d{3}Z$", date) for date in listed.dates)
    for before, after, (duration, _) in zip(dates, dates[1:], listed.segments, strict=False):
        assert abs((after - before).total_seconds() - duration) < 0.002
    # 4.4.5.3: the hint is of the part behind the last one. 4.4.5.4: it names other renditions by relative addresses.
    hints = [attributes(line) for line in lines if line.startswith("#EXT-X-PRELOAD-HINT")]
    assert [hint["TYPE"] for hint in hints] == ["PART"]
    assert hints[0]["URI"] not in [uri for _, uri, _ in listed.parts]
    reports = [attributes(line) for line in lines if line.startswith("#EXT-X-RENDITION-REPORT")]
    assert len({report["URI"] for report in reports}) == len(reports)
    for report in reports:
        assert re.fullmatch(r"\.\./\w+/playlist\.m3u8", report["URI"])
        assert report["LAST-MSN"].isdigit()
        assert report["LAST-PART"].isdigit()


def check_reload(before: Loaded, after: Loaded) -> None:
    """6.2.1, 6.2.2: a playlist only grows at its end and leaves at its front; its other tags stay as they are."""
    for name in ("#EXT-X-TARGETDURATION", "#EXT-X-PART-INF", "#EXT-X-VERSION"):
        assert before.listed.tags[name] == after.listed.tags[name]
    assert after.listed.first >= before.listed.first
    had = dict(zip((uri for _, uri in before.listed.segments), before.listed.segments, strict=True))
    for segment in after.listed.segments:
        assert had.get(segment[1], segment) == segment
    left = after.listed.first - before.listed.first
    assert before.listed.segments[left:] == after.listed.segments[: len(before.listed.segments) - left]
    parts = {
        uri: rest for *rest, uri in [(duration, independent, uri) for duration, uri, independent in before.listed.parts]
    }
    for duration, uri, independent in after.listed.parts:
        assert parts.get(uri, [duration, independent]) == [duration, independent]
    # 4.4.5.3: what was hinted came, unless its segment ended before it.
    hint = attributes("x:" + (before.listed.hint or ""))["URI"]
    number = int(hint.split(".")[0])
    came = hint in [uri for _, uri, _ in after.listed.parts]
    assert came or f"{number}.m4s" in [uri for _, uri in after.listed.segments] or f"{number + 1}.0.m4s" in after.text


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def loaded(http: aiohttp.ClientSession, url: str) -> Loaded:
    async with http.get(url) as answer:
        assert answer.status == 200, f"{url}: {answer.status}"
        text = (await answer.read()).decode("utf-8")
        return Loaded(text, read(text), answer.headers["Content-Type"], url)


async def follow(http: aiohttp.ClientSession, base: str) -> list[Loaded]:
    """Load a playlist as players do: each time when the next part is in it (6.2.5.2)."""
    seen = [await loaded(http, base + "playlist.m3u8")]
    for _ in range(RELOADS):
        hint = attributes("x:" + (seen[-1].listed.hint or ""))["URI"]
        segment, part, _ = hint.split(".")
        seen.append(await loaded(http, f"{base}playlist.m3u8?_HLS_msn={segment}&_HLS_part={part}"))
        # 6.2.5.2: what comes has that part, or, where its segment ended before, what follows.
        last = [int(number) for number in seen[-1].listed.parts[-1][1].split(".")[:2]]
        assert last >= [int(segment), int(part)]
    return seen


def boxes(data: bytes) -> list[str]:
    found, at = [], 0
    while at < len(data):
        found.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at : at + 4], "big")
    assert at == len(data)
    return found


async def check_media(http: aiohttp.ClientSession, studio: Studio, name: str, one: Loaded) -> None:
    """3.1.2: a header is ftyp and moov, a segment and each part is moof and mdat, with a time of its own (tfdt); 4.4.4.9: parts
    are their segment, byte for byte; 4.4.5.2, 6.2.2: all that is listed is there."""
    base = one.url.rpartition("/")[0] + "/"

    async def data(uri: str) -> bytes:
        async with http.get(base + uri) as answer:
            assert answer.status == 200, uri
            assert answer.headers["Content-Type"] == ("video/mp4" if name == "camera1" else "audio/mp4")
            return await answer.read()

    for header in one.listed.maps:
        assert boxes(await data(attributes("x:" + header)["URI"])) == ["ftyp", "moov"]
    for _, uri in one.listed.segments:
        whole = await data(uri)
        assert set(boxes(whole)) == {"moof", "mdat"}
        assert b"tfdt" in whole
        pieces = [part for _, part, _ in one.listed.parts if part.startswith(uri.removesuffix("m4s"))]
        if pieces:
            assert b"".join([await data(part) for part in pieces]) == whole


async def test_the_playlists_of_a_running_class_keep_every_rule(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.camera()
        studio.microphone()
        await playing(studio, "camera", "opus", "aac")
        followed = await asyncio.gather(*(follow(http, f"{studio.live}{name}/") for name in KINDS))
        for name, seen in zip(KINDS, followed, strict=True):
            for one in seen:
                check_text(one)
                check_times(one)
                check_segments(one)
            for before, after in pairwise(seen):
                check_reload(before, after)
            # 4.4.5.4: each other rendition of the class is reported.
            assert seen[-1].text.count("#EXT-X-RENDITION-REPORT") == len(KINDS) - 1
            await check_media(http, studio, name, seen[-1])
        # 6.2.4: renditions of one class have one target duration, and lie on one clock.
        assert len({seen[-1].listed.tags["#EXT-X-TARGETDURATION"] for seen in followed}) == 1
        # … and the same server control; but for deltas, which hls.js 1.7.4 cannot take of sound.
        controls = [attributes("x:" + seen[-1].listed.tags["#EXT-X-SERVER-CONTROL"]) for seen in followed]
        assert (
            len({tuple(sorted(one.items() - {("CAN-SKIP-UNTIL", one.get("CAN-SKIP-UNTIL"))})) for one in controls}) == 1
        )
        begins = [datetime.fromisoformat(seen[-1].listed.dates[-1]).timestamp() for seen in followed]
        assert max(begins) - min(begins) < 4


async def test_the_multivariant_playlist_of_a_running_class_keeps_every_rule(http: aiohttp.ClientSession) -> None:
    async with on_air() as studio:
        studio.camera()
        studio.microphone()
        await playing(studio, "camera", "opus", "aac")
        async with http.get(f"{studio.live}camera1/playlist.m3u8?_HLS_msn=2") as answer:
            assert answer.status == 200
        async with http.get(studio.live + "index.m3u8") as answer:
            lines = (await answer.text()).splitlines()
        assert lines[0] == "#EXTM3U"
        assert all(not line.startswith("#") or NAMES.fullmatch(line) for line in lines)
        media = [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")]
        variants = [
            (attributes(line), lines[place + 1])
            for place, line in enumerate(lines)
            if line.startswith("#EXT-X-STREAM-INF")
        ]
        # 4.4.6.1: type, group and name; one default per group, and who is default may be chosen by itself.
        assert all(one["TYPE"] == "AUDIO" and one["GROUP-ID"] and one["NAME"] for one in media)
        assert all(one["AUTOSELECT"] == "YES" for one in media if one["DEFAULT"] == "YES")
        assert len({one["GROUP-ID"] for one in media}) == len(media)
        # 4.4.6.1.1: groups have the same members, but for their codecs.
        assert len({(one["NAME"], one["DEFAULT"], one["CHANNELS"]) for one in media}) == 1
        for variant, uri in variants:
            # 4.4.6.2: a variant is followed by its address; its group is there; its codecs are all that it plays.
            assert not uri.startswith("#")
            (sound,) = [one for one in media if one["GROUP-ID"] == variant["AUDIO"]]
            assert variant["CODECS"].split(",")[1].partition(".")[0] == sound["GROUP-ID"]
            assert re.fullmatch(r"\d+x\d+", variant["RESOLUTION"])
            # 4.4.6.2: no segment of the picture with its sound needs more than BANDWIDTH.
            peak = 0.0
            for part in (uri, sound["URI"]):
                one = await loaded(http, studio.live + part)
                rates = [0.0]
                for duration, name in one.listed.segments:
                    async with http.get(one.url.rpartition("/")[0] + "/" + name) as answer:
                        rates.append(len(await answer.read()) * 8 / duration)
                peak += max(rates)
            assert 0 < peak <= int(variant["BANDWIDTH"])
