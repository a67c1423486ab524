"""Layers of one picture: told of in SDP, told apart as they come, and put in each other's place without a seam."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import groupby, pairwise
from pathlib import Path

import av
import pytest

from classroom.config import load
from classroom.media.hls.streams import Streams
from classroom.media.recorder.library import Library
from classroom.media.sfu import packets, pictures, sdp
from classroom.media.sfu.layers import TOGETHER, Layers
from classroom.media.sfu.publisher import Publisher
from classroom.media.sfu.viewer import CREDIT, GENEROUS, REPEATED, SECOND_CREDIT
from classroom.metrics import Metrics
from tests.media.bare import Bare
from tests.media.browser import film, payloads
from tests.media.peers import Unit, forwarding
from tests.media.studio import hls_settings
from tests.running import until

RIDS = ("q", "h", "f")
SIZES = {"q": (160, 90), "h": (320, 180), "f": (640, 360)}
MID_ID, RID_ID, REPAIRED_ID = 3, 4, 5
VP8 = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n"
H264 = "a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n"
FORMATS = {"vp8": VP8, "h264": H264}
RTX = "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
LAYERED = (
    f"a=extmap:{MID_ID} {sdp.MID}\r\na=extmap:{RID_ID} {sdp.RID}\r\na=extmap:{REPAIRED_ID} {sdp.REPAIRED_RID}\r\n"
    "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"
)


class Layered(Bare):
    """Sends three layers, or watches; its picture is of `codec`."""

    def __init__(self, codec: str, *, sends: bool = False) -> None:
        super().__init__(sends=sends)
        self.codec = codec
        self.sequence = {rid: 1_000 * (place + 1) for place, rid in enumerate(RIDS)}
        self.controls: list[packets.Control] = []

    def offer(self) -> str:
        head = super().offer().partition("m=")[0].replace("BUNDLE 0 1", "BUNDLE 0")
        direction = "sendonly" if self.sends else "recvonly"
        picture = f"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na={direction}\r\na=rtcp-mux\r\n"
        return head + picture + FORMATS[self.codec] + RTX + (LAYERED if self.sends else "")

    def send(self, rid: str, payload: bytes, timestamp: int, marker: bool = True, *, lost: bool = False) -> int:
        """Its sequence number."""
        number = self.sequence[rid]
        self.sequence[rid] = number + 1
        if not lost:
            self.rtp(packet(rid, number, timestamp, payload, marker))
        return number

    def frame(self, rid: str, at: int, key: bool, extra: bytes = b"") -> list[int]:
        """Send a frame, the `at`-th of that layer; the numbers of its packets."""
        timestamp = at * 3_000 + RIDS.index(rid) * 1_000_000
        shots = film(self.codec, 4, size=SIZES[rid])
        parts = payloads(self.codec, shots[0 if key else 1])
        parts[-1] += extra
        if self.codec == "vp8":
            counters = struct.pack("!HB", 0x8000 | (at + 100 * RIDS.index(rid)) & 0x7FFF, at & 0xFF)
            parts = [bytes((part[0] | 0x80, 0xC0)) + counters + part[4:] for part in parts]
        return [self.send(rid, part, timestamp, part is parts[-1]) for part in parts]

    def tell(self, control: bytes) -> None:
        assert self.outbound is not None
        self.sock.sendto(self.outbound.rtcp(control), self.address)


def packet(rid: str, number: int, timestamp: int, payload: bytes, marker: bool) -> bytes:
    second = 96 | (0x80 if marker else 0)
    named = bytes((MID_ID << 4, 0x30, RID_ID << 4)) + rid.encode()
    head = struct.pack("!BBHII", 0x90, second, number & 0xFFFF, timestamp & 0xFFFFFFFF, 50 + RIDS.index(rid))
    return head + struct.pack("!HH", 0xBEDE, len(named) // 4) + named + payload


class Stage:
    """A publisher of three layers and a viewer, whose packets are kept."""

    def __init__(self, unit: Unit, publisher: Layered, viewer: Layered, track: Layers) -> None:
        self.unit, self.publisher, self.viewer, self.track = unit, publisher, viewer, track
        self.seen: list[bytes] = []
        self.at = 10
        self.slowest = 0.0  # seconds between two frames, at most: on a busy machine

    async def play(
        self, done: Callable[[], bool], *rids: str, seconds: float = 10.0, every: float = 0.005, first: str = ""
    ) -> None:
        """Send a frame `every` so many seconds until something is so, of each layer a key frame when it is asked for; of those
        in `first` the first one too."""
        wanted = set(first)
        for incoming in self.sender().tracks:
            incoming.forward.ask = lambda rid=incoming.rid: wanted.add(rid)  # type: ignore[misc]
        async with asyncio.timeout(seconds):
            begun = sent = time.monotonic()
            while not done():
                self.at += 1
                begun += every
                for rid in rids or RIDS:
                    self.publisher.frame(rid, self.at, rid in wanted)
                    wanted.discard(rid)
                await asyncio.sleep(max(0, begun - time.monotonic()))
                self.slowest, sent = max(self.slowest, time.monotonic() - sent), time.monotonic()

    def sender(self) -> Publisher:
        """Who sends, as the unit knows it."""
        session = self.unit.sfu.feeds["r", "t1"].session
        assert session is not None
        assert session.publisher is not None
        return session.publisher

    def heads(self) -> list[packets.Rtp]:
        found = [packets.read(one) for one in self.seen]
        return [one for one in found if one is not None and one.payload_type == 96]

    def payload(self, number: int) -> bytes:
        return next(one[12:] for one in self.seen if packets.read(one).sequence == number)  # type: ignore[union-attr]


@asynccontextmanager
async def staged(codec: str, rids: tuple[str, ...] = RIDS) -> AsyncIterator[Stage]:
    """`rids`: the layers that have begun."""
    async with forwarding() as unit, asyncio.timeout(40):
        publisher = Layered(codec, sends=True)
        _, answer = unit.sfu.publish("r", "t1", publisher.offer())
        await publisher.connect(answer)
        await until(lambda: bool(unit.began))
        for rid in rids:
            publisher.frame(rid, 1, True)
        track = unit.sfu.feeds["r", "t1"].forwards["camera"]
        await until(lambda: len(track.live) == len(rids))
        viewer = Layered(codec)
        _, answer = unit.sfu.watch("r", "t1", viewer.offer(), "s1")
        stage = Stage(unit, publisher, viewer, track)
        viewer.on_rtp = stage.seen.append
        await viewer.connect(answer)
        await until(lambda: track.viewers == 1)
        yield stage
        publisher.close()
        viewer.close()


def leg_of(stage: Stage):  # type: ignore[no-untyped-def]
    return next(iter(stage.track._legs))


def test_an_offer_s_layers_are_read_and_answered() -> None:
    publisher_offer = "".join(
        (
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 22 + "\r\n",
            "a=fingerprint:sha-256 " + ":".join(["AA"] * 32) + "\r\na=setup:actpass\r\n",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na=sendonly\r\n" + VP8 + RTX + LAYERED,
        )
    )
    section = sdp.read_offer(publisher_offer).sections[0]
    assert section.rids == RIDS
    reply = sdp.Reply(sdp.pick(section), "recvonly", section.extensions, None, 0, section.rids)
    text = sdp.answer(sdp.read_offer(publisher_offer), (reply,), ("u", "p"), "AA", (("127.0.0.1", 9),))
    for line in ("a=rid:q recv", "a=rid:h recv", "a=rid:f recv", "a=simulcast:recv q;h;f"):
        assert line + "\r\n" in text
    for changed, rids in (
        ("a=simulcast:send q;h,f", ("q", "h")),  # of alternatives the first
        ("a=simulcast:send q;~h", ("q", "h")),
        ("a=simulcast:recv q;h send f;q", ("f", "q")),
        ("a=simulcast:send q", ()),
        ("a=simulcast:send q;x y", ()),  # x is no rid that is there
        ("a=simulcast:", ()),
        ("a=simulcast:send q;h;f;" + ";".join(f"x{n}" for n in range(50)), RIDS),
    ):
        assert sdp.read_offer(publisher_offer.replace("a=simulcast:send q;h;f", changed)).sections[0].rids == rids


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_layers_are_told_apart_by_their_rid_and_put_in_order_by_their_size(codec: str) -> None:
    async with staged(codec) as stage:
        assert [one.size for one in stage.track.live] == [(160, 90), (320, 180), (640, 360)]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_a_viewer_goes_down_and_up_at_key_frames_in_one_numbering_without_a_gap(codec: str) -> None:
    async with staged(codec) as stage:
        low, middle, high = stage.track.live
        leg = leg_of(stage)
        assert leg.forward is high
        await stage.play(lambda: len(stage.seen) > 20)
        for goal, rid in ((low, "q"), (middle, "h"), (low, "q"), (high, "f")):
            stage.track.send(leg, goal, stage.unit.port.clock())
            before = len(stage.seen)

            def shown(rid: str = rid, before: int = before) -> bool:
                """It has come as far as the viewer, which on a busy machine is later than the leg has changed."""
                return any(pictures.key_size(codec, one[12:]) == SIZES[rid] for one in stage.seen[before:])

            await stage.play(shown)
            assert leg.forward is goal
            more = len(stage.seen) + 15
            await stage.play(lambda more=more: len(stage.seen) > more)
        heads = stage.heads()
        steps = {head.sequence - heads[0].sequence - place & 0xFFFF for place, head in enumerate(heads)}
        assert steps == {0}
        assert {head.ssrc for head in heads} == {stage.track.ssrc}
        times = [head.timestamp for head in heads]
        moves = [(b - a + (1 << 31) & 0xFFFFFFFF) - (1 << 31) for a, b in pairwise(times)]
        assert min(moves) >= 0
        assert max(moves) < 90_000  # no jump, though the layers' own times are eleven seconds apart
        sizes = [pictures.key_size(codec, one[12:]) for one in stage.seen]
        order = [size for size in sizes if size is not None]
        assert [size for at, size in enumerate(order) if at == 0 or order[at - 1] != size][-4:] == [
            *((160, 90), (320, 180), (160, 90), (640, 360))
        ]
        if codec == "vp8":
            counted = [found for one in stage.seen if (found := pictures.counters(one[12:])) is not None]
            numbers = [one.picture for one in counted]
            assert all((b - a & 0x7FFF) in (0, 1) for a, b in pairwise(numbers))
            tl0 = [one.tl0 for one in counted]
            assert all((b - a & 0xFF) in (0, 1) for a, b in pairwise(tl0))


async def test_what_was_lost_of_the_layer_before_is_sent_again_with_the_numbers_it_had() -> None:
    async with staged("vp8") as stage:
        low, _, high = stage.track.live
        leg = leg_of(stage)
        await stage.play(lambda: len(stage.seen) > 10)
        stage.track.send(leg, low, stage.unit.port.clock())
        await stage.play(lambda: leg.forward is low)
        await stage.play(lambda: len(stage.heads()) > 30)
        stage.track.send(leg, high, stage.unit.port.clock())
        await stage.play(lambda: leg.forward is high)
        before = len(stage.seen)
        await stage.play(lambda: len(stage.seen) > before + 10)
        floor = leg.floor
        assert floor is not None
        for number in (floor - 1 & 0xFFFF, floor, floor + 1 & 0xFFFF):
            at = len(stage.seen)
            stage.viewer.tell(packets.nack(7, stage.track.ssrc, [number]))
            await until(lambda at=at: any(one[1] & 127 == 97 for one in stage.seen[at:]))
            again = next(one for one in stage.seen[at:] if one[1] & 127 == 97)
            assert again[12:14] == number.to_bytes(2, "big")
            assert again[14:] == stage.payload(number)


async def test_a_packet_of_a_layer_that_is_late_goes_to_nobody_who_came_after_it() -> None:
    async with staged("h264") as stage:
        low = stage.track.live[0]
        leg = leg_of(stage)
        await stage.play(lambda: len(stage.seen) > 10)
        late = stage.publisher.send("q", b"\x61late", 0, lost=True)
        stage.track.send(leg, low, stage.unit.port.clock())
        await stage.play(lambda: leg.forward is low)
        stage.publisher.rtp(packet("q", late, 5, b"\x61late", True))
        before = len(stage.seen)
        await stage.play(lambda: len(stage.seen) > before + 10)
        assert not any(one.endswith(b"late") for one in stage.seen)
        numbers = [head.sequence for head in stage.heads()]
        assert len(numbers) == len(set(numbers))


async def test_a_layer_that_falls_silent_leaves_its_viewers_to_one_that_does_not() -> None:
    async with staged("h264") as stage:
        leg = leg_of(stage)
        assert leg.forward is stage.track.live[2]
        await stage.play(lambda: leg.forward is not None and leg.forward.size == (160, 90), "q", "h")
        assert len(stage.track.live) == 2


async def test_the_packager_is_given_one_layer_at_a_time_the_largest_there_is_from_the_beginning() -> None:
    async with staged("h264") as stage:
        await stage.play(lambda: any(track and data[8:12] == b"\0\0\0\x34" for track, data in stage.unit.tap.packets))
        await stage.play(lambda: stage.unit.tap.packets[-1][1][8:12] == b"\0\0\0\x33", "q", "h")
        layers = [data[11] - 50 for _, data in stage.unit.tap.packets]
        assert [one for at, one in enumerate(layers) if at == 0 or layers[at - 1] != one] == [2, 1]


async def test_the_packager_goes_over_to_a_larger_layer_with_its_first_key_frame_and_is_told_its_clock() -> None:
    async with staged("h264", ("q", "h")) as stage:
        tap = stage.unit.tap
        await stage.play(lambda: any(data[11] == 51 for _, data in tap.packets), "q", "h")
        stage.publisher.frame("f", stage.at, False)
        ntp, timestamp = int((time.time() + packets.NTP_EPOCH) * (1 << 32)), 0xFFFFFF00
        stage.publisher.rtcp(packets.sender_report(52, ntp, timestamp, 1, 1))
        await until(lambda: any(one.reported for one in stage.sender().tracks))
        begins = stage.publisher.frame("f", stage.at + 1, True)[0]
        await until(lambda: any(data[11] == 52 for _, data in tap.packets))
        first = next(data for _, data in tap.packets if data[11] == 52)
        assert int.from_bytes(first[2:4], "big") == begins
        _, told, stood = tap.reports[-1]
        passed = told + packets.NTP_EPOCH - ntp / (1 << 32)
        assert 0 < passed < 5
        assert (stood - timestamp & 0xFFFFFFFF) / 90_000 == pytest.approx(passed, abs=1e-3)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_what_begins_in_a_small_layer_is_recorded_and_packaged_in_the_large_one_as_soon_as_it_comes(
    codec: str, tmp_path: Path
) -> None:
    library = Library(tmp_path, load().recording, Metrics())
    async with staged(codec, ("q", "h")) as stage:
        streams = Streams(hls_settings(), Metrics(), stage.unit.taps.need_key, library.recorder)
        stage.unit.taps.add(streams)

        async def play(*rids: str, seconds: float, first: str = "") -> None:
            until = time.monotonic() + seconds
            await stage.play(lambda: time.monotonic() > until, *rids, every=1 / 30, first=first)

        await play("q", "h", seconds=TOGETHER + 1)
        before = stage.at
        await play(seconds=1, first="f")
        large = stage.at - before
        if codec == "h264":
            address = streams.address("r")
            assert address is not None
            live = streams.find(address.split("/")[-2])
            assert live is not None
            setup = live.current["camera"].setup
            assert setup is not None
            assert (setup.width, setup.height) == SIZES["f"]
        stage.unit.taps.remove(streams)
        await streams.close()
    (made,) = [one for one in await library.recorded("r") if one.kind == "camera"]
    await library.close()
    with av.open(str(await library.file("r", made.name))) as file:
        shown = [((one.width, one.height), one.time) for one in file.decode(video=0)]
    sizes = [size for size, _ in shown]
    assert [size for size, _ in groupby(sizes)] == [SIZES["h"], SIZES["f"]]
    assert sizes.count(SIZES["f"]) >= large - 1
    assert max(after - before for before, after in pairwise(at for _, at in shown)) < 0.1 + stage.slowest


async def test_reports_of_a_narrow_way_bring_the_viewer_down_and_then_to_a_pause() -> None:
    async with staged("h264") as stage:
        leg = leg_of(stage)
        low = stage.track.live[0]

        highest = 0

        def report(share: int) -> None:
            nonlocal highest
            highest += 100
            block = packets.report_block(stage.track.ssrc, share, 0, highest, 20, 0, 0)
            stage.viewer.tell(packets.receiver_report(1, [block]))

        async def told(share: int, done: Callable[[], bool]) -> None:
            while not done():
                report(share)
                await stage.play(lambda until=stage.at + 3: done() or stage.at > until)

        await stage.play(lambda: all(stage.track.rate(one) > 0 for one in stage.track.live))
        high = leg.forward
        await told(100, lambda: leg.forward is not high)
        await told(250, lambda: leg.forward is None)
        before = len(stage.seen)
        frames = stage.at
        await stage.play(lambda: stage.at > frames + 30)
        assert len(stage.seen) - before < 10  # what was on its way
        # What it has not been sent, it cannot have again.
        ahead = leg.last.sequence + 5 & 0xFFFF
        stage.viewer.tell(packets.nack(7, stage.track.ssrc, [ahead]))
        stage.track.send(leg, low, stage.unit.port.clock())
        await stage.play(lambda: len(stage.seen) > before + 30)
        numbers = [head.sequence for head in stage.heads()]
        assert [b - a & 0xFFFF for a, b in pairwise(numbers)] == [1] * (len(numbers) - 1)


async def test_reports_of_few_packets_are_taken_together_and_a_third_of_three_is_no_trouble() -> None:
    async with staged("vp8") as stage:
        leg, highest = leg_of(stage), 0
        await stage.play(lambda: all(stage.track.rate(one) > 0 for one in stage.track.live))
        high = leg.forward
        while highest < 900:  # over more than a second
            highest += 3
            block = packets.report_block(stage.track.ssrc, 0 if highest % 60 else 85, 0, highest, 20, 0, 0)
            stage.viewer.tell(packets.receiver_report(1, [block]))
            await stage.play(lambda until=stage.at: stage.at > until)
        assert leg.forward is high
        assert leg.waits_for is None


async def test_repetitions_are_a_part_of_what_is_sent_however_often_they_are_asked_for() -> None:
    async with staged("vp8") as stage:
        leg = leg_of(stage)
        await stage.play(lambda: len(stage.seen) > 60)
        begun, sent = stage.unit.port.clock(), leg.sent
        lost = [head.sequence for head in stage.heads()[-50:]]
        for _ in range(100):
            stage.viewer.tell(packets.nack(7, stage.track.ssrc, lost))
            await stage.play(lambda until=stage.at: stage.at > until)
        passed = stage.unit.port.clock() - begun
        most = GENEROUS * (CREDIT + REPEATED * (leg.sent - sent) + SECOND_CREDIT * passed)
        assert 1_000 < leg.extra < most + 2_000


@pytest.mark.parametrize(("loss", "times"), [(0.2, GENEROUS), (0.4, 1)])
async def test_less_is_repeated_where_so_much_is_lost_that_the_way_may_be_too_narrow(loss: float, times: int) -> None:
    async with staged("vp8") as stage:
        (viewer,) = [one.viewer for one in stage.unit.sfu.sessions.values() if one.viewer is not None]
        assert viewer.pace is not None
        viewer.pace.loss = loss
        viewer._lend(10.0)
        viewer._credit = 0.0
        viewer._lend(11.0)
        assert viewer._credit == times * SECOND_CREDIT


async def test_padding_is_sent_as_empty_retransmissions_and_as_much_as_was_asked_for() -> None:
    async with staged("vp8") as stage:
        leg = leg_of(stage)
        before = len(stage.seen)
        stage.track.pad(leg, 2_000, stage.unit.port.clock())
        await until(lambda: len(stage.seen) >= before + 8)
        for one in stage.seen[before:]:
            head = packets.read(one)
            assert head is not None
            assert (head.payload_type, head.ssrc) == (97, stage.track.rtx_ssrc)
            assert head.padding == len(one) - head.body == 255


async def test_a_publisher_who_comes_back_without_layers_is_seen_by_the_same_viewer() -> None:
    async with staged("h264") as stage:
        await stage.play(lambda: len(stage.seen) > 10)
        again = Bare(sends=True)
        _, answer = stage.unit.sfu.publish("r", "t1", again.offer())
        await again.connect(answer)
        await until(lambda: len(stage.unit.began) == 2)
        shots = film("h264", 4, size=(320, 180))
        number, before = 7, len(stage.seen)
        async with asyncio.timeout(10):
            while len(stage.seen) < before + 10:
                for part in payloads("h264", shots[0]):
                    again.rtp(packets.header(96, True, number, number * 3_000, 1) + part)
                    number += 1
                await asyncio.sleep(0.01)
        numbers = [head.sequence for head in stage.heads()]
        assert [b - a & 0xFFFF for a, b in pairwise(numbers)] == [1] * (len(numbers) - 1)
        again.close()
