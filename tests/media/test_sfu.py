"""Real peers: what one sends, others see and hear, each packet once, whoever comes and goes."""

from __future__ import annotations

import asyncio
import re

import pytest

from classroom.media.sfu import aiortc_parts, packets
from classroom.media.sfu.feeds import Session
from classroom.media.sfu.sdp import BadOffer, Unacceptable
from classroom.media.sfu.sfu import Bounds, Full, NotLive
from tests.media.peers import forwarding, loopback, published, shut, watching
from tests.running import until

__all__ = ["loopback"]
pytestmark = [pytest.mark.usefixtures("loopback"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_aiortc_is_a_version_that_has_been_looked_at() -> None:
    aiortc_parts.check()
    assert aiortc_parts.lib.srtp_protect
    assert aiortc_parts.lib.srtp_unprotect_rtcp
    assert aiortc_parts.Certificate().accept().feed(b"\x16" + bytes(20)) is not None


@pytest.mark.parametrize("codec", ["video/H264", "video/VP8"])
async def test_viewers_see_and_hear_what_is_published_and_the_tap_is_given_each_packet_once(codec: str) -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        teacher, session = await published(unit, codec=codec)
        await until(lambda: bool(unit.began))
        assert unit.began == [session]
        assert session.sources == ("microphone", "camera")

        viewers = [await watching(unit, member=f"s{n}") for n in range(3)]
        for _, _, tracks in viewers:
            picture = await tracks["video"].recv()
            assert (picture.width, picture.height) == (640, 480)
            sound = await tracks["audio"].recv()
            assert sound.sample_rate == 48_000

        assert {track.source for track, _ in unit.tap.packets} == {"camera", "microphone"}
        numbers = [packets.read(data).sequence for track, data in unit.tap.packets if track.source == "camera"]
        assert len(numbers) == len(set(numbers))
        await until(lambda: {track.source for track, _, _ in unit.tap.reports} == {"camera", "microphone"})

        await shut(viewers[0][0])
        await until(lambda: unit.sfu.viewers == 2)
        await shut(teacher)
        await until(lambda: unit.ended == [session])
        assert {track.source for track in unit.tap.over} == {"camera", "microphone"}
        await shut(*(viewer[0] for viewer in viewers))


async def test_a_publisher_who_comes_back_is_seen_by_the_same_viewers() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        first, before = await published(unit)
        await until(lambda: bool(unit.began))
        viewer, _, tracks = await watching(unit)
        await tracks["video"].recv()

        second, after = await published(unit)
        await until(lambda: len(unit.began) == 2)
        assert before.id not in unit.sfu.sessions
        assert unit.sfu.feeds["r", "t1"].session is after
        await shut(first)
        count = len(unit.tap.packets)
        await until(lambda: len(unit.tap.packets) > count + 100)
        for _ in range(40):
            await tracks["video"].recv()
        await shut(second, viewer)


async def test_what_takes_the_place_of_a_publication_is_told_before_that_one_is_over() -> None:
    # The other way round the class would take them for gone: all that is about them would be taken down, and put up again.
    async with forwarding() as unit, asyncio.timeout(60):
        first, before = await published(unit)
        await until(lambda: unit.began == [before])
        known: list[list[Session]] = []
        unit.sfu._ended = lambda _: known.append([*unit.began])
        second, after = await published(unit)
        await until(lambda: bool(known))
        assert known == [[before, after]]
        await shut(first, second)


async def test_a_viewer_is_sent_what_comes_now_rather_than_what_came_before() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        first, _ = await published(unit)
        await until(lambda: len(unit.began) == 1)
        second, _ = await published(unit, wanted=("screen", "microphone"))
        await until(lambda: len(unit.began) == 2)
        viewer, _, tracks = await watching(unit)
        assert re.findall(r"^a=msid:\S+ (\S+)", viewer.remoteDescription.sdp, re.M) == ["microphone", "screen"]
        await tracks["video"].recv()
        await shut(first, second, viewer)


async def test_what_the_staff_have_muted_reaches_nobody_and_who_may_not_publish_is_cut_off() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        teacher, session = await published(unit)
        await until(lambda: any(track.source == "microphone" for track, _ in unit.tap.packets))

        unit.sfu.set_stage("r", {"t1": ("microphone",)}, set())
        unit.tap.packets.clear()
        await until(lambda: len(unit.tap.packets) > 30)
        assert {track.source for track, _ in unit.tap.packets} == {"camera"}

        unit.sfu.set_stage("r", {}, {"t1"})
        assert unit.ended == [session]
        await shut(teacher)


async def test_who_stops_and_begins_again_at_once_is_not_cut_off_when_the_stage_is_told_that_they_had_stopped() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        first, before = await published(unit)
        await until(lambda: unit.began == [before])
        await until(lambda: first.connectionState == "connected")  # else it goes without a word
        await shut(first)
        await until(lambda: unit.ended == [before])
        second, after = await published(unit)
        assert not after.live
        unit.sfu.set_stage("r", {}, {"t1"})
        await until(lambda: unit.began == [before, after])
        await shut(second)


async def test_a_viewer_is_refused_where_nothing_is_live_and_where_there_are_too_many() -> None:
    async with forwarding(Bounds(viewers=1)) as unit, asyncio.timeout(60):
        with pytest.raises(NotLive):
            await watching(unit)
        teacher, _ = await published(unit)
        await until(lambda: bool(unit.began))
        viewer, _, tracks = await watching(unit)
        await tracks["video"].recv()
        with pytest.raises(Full):
            await watching(unit, member="s2")
        assert not unit.sfu.has_places
        # a viewer may take the publisher's new session before letting go of the old, but not a third
        anew, _, _ = await watching(unit)
        with pytest.raises(Full):
            await watching(unit)
        # who is on stage hears the others without LL-HLS's delay, however many watch
        helper, _ = await published(unit, member="a1")
        await until(lambda: len(unit.began) == 2)
        beside, _, tracks = await watching(unit, member="a1")
        await tracks["video"].recv()
        await shut(teacher, viewer, anew, helper, beside)


@pytest.mark.parametrize(
    "text", ["", "v=0", "hello", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF x\r\n", "v=0\r\nm=audio 9 RTP 0\r\na=mid:0\r\n"]
)
async def test_an_offer_that_is_none_is_refused(text: str) -> None:
    async with forwarding() as unit:
        with pytest.raises((BadOffer, Unacceptable)):
            unit.sfu.publish("r", "t1", text)
        assert unit.sfu.sessions == {}
        assert unit.port.peers == set()
