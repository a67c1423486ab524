"""What a browser sends comes out as whole frames, whatever the network does to it."""

from __future__ import annotations

import random
from collections.abc import Iterable

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.media.intake import h264, opus, rtp
from classroom.media.intake.clock import PublisherClock, TrackClock
from classroom.media.intake.feed import DEPACKETIZERS, Feed, Frame
from tests.media.browser import ENCODERS, PAYLOAD_TYPES, Sender, film, tone

VIDEO = sorted(ENCODERS)


class Out:
    """A feed and what came out of it."""

    def __init__(self, codec: str, publisher: PublisherClock | None = None) -> None:
        self.frames: list[Frame] = []
        self.asked = 0
        rate = 48_000 if codec == "opus" else 90_000
        clock = publisher or PublisherClock()
        self.feed = Feed(codec, rate, PAYLOAD_TYPES[codec], clock, self.frames.append, self._ask)

    def _ask(self) -> None:
        self.asked += 1

    def take(self, packets: Iterable[bytes], now: float) -> None:
        for packet in packets:
            self.feed.rtp(packet, now)


def sent(codec: str, count: int = 60) -> list[tuple[float, bytes]]:
    """Packets and when they are sent, in seconds."""
    sender = Sender(codec)
    return [(shot.at, packet) for shot in film(codec, count) for packet in sender.packets(shot)]


def decoded(frames: list[Frame]) -> int:
    """How many pictures a decoder makes of frames; it complains about none."""
    setup = frames[0].setup
    decoder = av.CodecContext.create({"av1": "libdav1d"}.get(setup.codec, setup.codec), "r")
    if setup.codec == "h264":
        decoder.extradata = setup.private
    if setup.codec == "av1":
        decoder.extradata = setup.private
    pictures = sum(len(decoder.decode(av.Packet(frame.data))) for frame in frames)
    return pictures + len(decoder.decode(None))


@pytest.mark.parametrize("codec", VIDEO)
def test_every_frame_of_a_browser_comes_out_whole_and_can_be_decoded(codec: str) -> None:
    out = Out(codec)
    for at, packet in sent(codec):
        out.take([packet], 1_000 + at)
    assert len(out.frames) == 60
    assert [frame.key for frame in out.frames] == [shot.key for shot in film(codec)]
    assert decoded(out.frames) == 60
    setup = out.frames[0].setup
    assert (setup.codec, setup.width, setup.height) == (codec, 320, 180)
    assert out.asked == 0 or out.feed.lost == 0


@pytest.mark.parametrize("codec", VIDEO)
def test_times_are_those_of_the_camera_though_its_counters_wrap(codec: str) -> None:
    out = Out(codec)
    for at, packet in sent(codec):
        out.take([packet], 1_000 + at)
    for frame, shot in zip(out.frames, film(codec), strict=True):
        assert frame.at == pytest.approx(1_000_000 + shot.at * 1_000, abs=1)


@pytest.mark.parametrize("codec", VIDEO)
def test_order_and_repetition_of_packets_do_not_matter(codec: str) -> None:
    out, straight, dice = Out(codec), Out(codec), random.Random(7)
    packets = sent(codec)
    for at, packet in packets:
        straight.take([packet], 1_000 + at)
    mixed = packets[:1]
    for start in range(1, len(packets), 8):
        few = packets[start : start + 8]
        mixed += dice.sample(few + dice.sample(few, len(few) // 2), len(few) + len(few) // 2)
    for at, packet in mixed:
        out.take([packet], 1_000 + at / 100)  # much faster than patience ends
    assert [frame.data for frame in out.frames] == [frame.data for frame in straight.frames]


@pytest.mark.parametrize("codec", VIDEO)
def test_after_a_loss_nothing_comes_before_a_key_frame_and_one_is_asked_for(codec: str) -> None:
    out, sender = Out(codec), Sender(codec)
    for index, shot in enumerate(film(codec)):
        packets = sender.packets(shot)
        if index == 10:
            del packets[len(packets) // 2]
        out.take(packets, 1_000 + shot.at)
    keys = [index for index, shot in enumerate(film(codec)) if shot.key]
    assert keys == [0, 30]
    assert len(out.frames) == 10 + 30
    assert out.frames[10].key
    assert out.asked >= 1
    assert decoded(out.frames) == 40


@pytest.mark.parametrize("codec", VIDEO)
def test_random_losses_never_let_a_frame_through_that_cannot_be_decoded(codec: str) -> None:
    shots = film(codec)
    for seed in range(10):
        out, sender, dice = Out(codec), Sender(codec), random.Random(seed)
        for shot in shots:
            out.take([packet for packet in sender.packets(shot) if dice.random() > 0.02], 1_000 + shot.at)
        whole = Out(codec)
        for at, packet in sent(codec):
            whole.take([packet], 1_000 + at)
        # An encoder may leave a picture out: frames are told apart by their times.
        times = [frame.at for frame in whole.frames]
        places = [min(range(len(times)), key=lambda place: abs(times[place] - frame.at)) for frame in out.frames]
        assert all(frame.data == whole.frames[place].data for frame, place in zip(out.frames, places, strict=True))
        for before, after, frame in zip(places, places[1:], out.frames[1:], strict=False):
            assert after == before + 1 or frame.key


def test_padding_has_a_place_in_the_order_and_is_no_frame() -> None:
    out, sender = Out("h264"), Sender("h264")
    for shot in film("h264"):
        out.take([*sender.packets(shot), sender.padding(shot.at)], 1_000 + shot.at)
    assert len(out.frames) == 60
    assert out.feed.lost == 0


def test_another_ssrc_begins_a_stream_anew_on_the_same_clock() -> None:
    out, first, second = Out("h264"), Sender("h264"), Sender("h264", 100, 5, ssrc=77)
    for shot in film("h264"):
        out.take(first.packets(shot), 1_000 + shot.at)
    for shot in film("h264"):
        out.take(second.packets(shot), 1_010 + shot.at)
    assert len(out.frames) == 120
    assert out.frames[60].at == pytest.approx(1_010_000, abs=1)


def test_opus_comes_out_packet_by_packet_and_a_loss_costs_nothing_else() -> None:
    out, sender = Out("opus"), Sender("opus")
    for index, shot in enumerate(tone()):
        packets = sender.packets(shot)
        out.take([] if index == 30 else packets, 1_000 + shot.at)
    assert len(out.frames) == len(tone()) - 1
    assert {opus.samples(frame.data) for frame in out.frames} == {960}


@pytest.mark.parametrize("codec", sorted(DEPACKETIZERS))
@given(rubbish=st.lists(st.binary(max_size=60), max_size=30))
def test_rubbish_never_raises(codec: str, rubbish: list[bytes]) -> None:
    out, sender = Out(codec), Sender(codec)
    for index, payload in enumerate(rubbish):
        out.take([payload, sender.packet(payload, index / 30, index % 3 == 0)], 1_000 + index / 30)


@pytest.mark.parametrize("codec", VIDEO)
def test_frames_cut_short_or_changed_never_raise(codec: str) -> None:
    dice = random.Random(3)
    packets = [packet for _, packet in sent(codec, 30)]
    for _ in range(30):
        out = Out(codec)
        for index, packet in enumerate(packets):
            broken = bytearray(packet[: dice.randrange(12, len(packet) + 1)] if dice.random() < 0.1 else packet)
            if dice.random() < 0.2:
                broken[dice.randrange(len(broken))] = dice.randrange(256)
            out.take([bytes(broken)], 1_000 + index / 100)


def test_sound_and_picture_agree_as_the_sender_reports_say_however_late_one_arrives() -> None:
    publisher = PublisherClock()
    sound, image = TrackClock(publisher, 48_000), TrackClock(publisher, 90_000)
    last = (0.0, 0.0)
    for tick in range(1_000):
        t = tick / 50
        if tick % 50 == 0:  # the publisher's clock is an hour ahead; a report takes 5 to 45 ms
            way = 0.005 + tick % 200 / 5_000
            sound.report(4_600 + t, round(t * 48_000) + 111, 1_000 + t + way)
            image.report(4_600 + t, round(t * 90_000) + 999, 1_000 + t + way)
        # The picture is 80 ms later on its way than the sound.
        last = (sound.at(round(t * 48_000) + 111, 1_000.02 + t), image.at(round(t * 90_000) + 999, 1_000.1 + t))
    assert last[0] == pytest.approx(last[1], abs=1)
    assert last[0] == pytest.approx((1_000 + 999 / 50) * 1_000, abs=10)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.booleans()), min_size=2, max_size=200))
def test_class_time_never_runs_backwards(waits: list[tuple[float, bool]]) -> None:
    publisher = PublisherClock()
    clock = TrackClock(publisher, 90_000)
    times = []
    for index, (wait, reported) in enumerate(waits):
        if reported:
            clock.report(50 + index / 30, index * 3_000, 1_000 + index / 30 + wait)
        times.append(clock.at(index * 3_000, 1_000 + index / 30 + wait))
    assert times == sorted(times)


def test_a_hole_is_waited_for_only_so_long() -> None:
    order, sender = rtp.Reorder(0.15), Sender("opus", 10)
    packets = [rtp.parse(sender.packet(b"x", index / 50)) for index in range(4)]
    assert None not in packets
    first, missing, third, fourth = (packet for packet in packets if packet)
    assert [p.sequence for p in order.push(first, 0)] == [10]
    assert list(order.push(third, 0.02)) == []
    assert [(p.sequence, p.gap) for p in order.push(fourth, 0.2)] == [(12, True), (13, False)]
    assert list(order.push(missing, 0.21)) == []
    assert (order.lost, order.repeated) == (1, 1)


def test_headers_with_extensions_sources_and_padding_are_read() -> None:
    sender = Sender("h264")
    packet = bytearray(sender.packet(b"payload" + bytes(3) + bytes([4]), 0, extension=b"\x10\xff\0\0"))
    packet[0] |= 0x20
    parsed = rtp.parse(bytes(packet))
    assert parsed is not None
    assert parsed.payload == b"payload"
    assert rtp.parse(b"\x00" * 20) is None
    assert rtp.parse(bytes(packet[:11])) is None


@pytest.mark.parametrize("size", [(320, 180), (640, 360), (1_280, 720), (854, 480), (1_920, 1_080)])
def test_the_size_is_what_the_parameter_set_says(size: tuple[int, int]) -> None:
    shot = film("h264", 2, size=size)[0]
    sps = next(nal for nal in nal_units(shot.data) if nal[0] & 31 == 7)
    assert h264.size(sps) == size


def nal_units(data: bytes) -> list[bytes]:
    from aiortc.codecs.h264 import H264Encoder

    return list(H264Encoder._split_bitstream(data))
