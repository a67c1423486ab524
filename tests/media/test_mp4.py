"""What is written is read back by FFmpeg's demuxer and decoders, frame for frame and at the right times."""

from __future__ import annotations

import io
from contextlib import suppress

import av
import pytest

from classroom.media import mp4
from classroom.media.intake.opus import SETUP, samples
from tests.media.browser import ENCODERS, tone
from tests.media.test_intake import Out, sent


def frames_of(codec: str) -> Out:
    out = Out(codec)
    for at, packet in sent(codec):
        out.take([packet], 1_000 + at)
    return out


def written(codec: str, first: int = 0) -> bytes:
    """A file of two tracks, in fragments of ten pictures and the sound beside them."""
    frames = frames_of(codec).frames
    tracks = [mp4.Track(1, frames[0].setup), mp4.Track(2, SETUP)]
    data = mp4.header(tracks)
    for number in range(6):
        pictures = [mp4.Sample(frame.data, 3_000, frame.key) for frame in frames[number * 10 : number * 10 + 10]]
        sound = [mp4.Sample(shot.data, samples(shot.data)) for shot in tone()[number * 16 : number * 16 + 16]]
        runs = [
            mp4.Run(1, first * 90 + number * 30_000, pictures),
            mp4.Run(2, first * 48 + number * 16 * 960, sound),
        ]
        data += mp4.fragment(number + 1, runs)
    return data


@pytest.mark.parametrize("codec", sorted(ENCODERS))
def test_pictures_and_sound_are_read_back_at_their_times(codec: str) -> None:
    with av.open(io.BytesIO(written(codec, 5_000))) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.width, video.codec_context.height) == (320, 180)
        assert audio.codec_context.name in ("opus", "libopus")
        pictures, sounds = [], []
        for packet in file.demux(video, audio):
            if packet.dts is not None:
                (pictures if packet.stream is video else sounds).append(float(packet.pts * packet.time_base))
                decoded = packet.decode()
                assert decoded or packet.stream.codec_context.name == "libdav1d"
    assert pictures == pytest.approx([5 + index / 30 for index in range(60)], abs=1e-4)
    assert sounds == pytest.approx([5 + index / 50 for index in range(96)], abs=0.01)


def fragments_of(data: bytes) -> list[tuple[int, int, int]]:
    """Where each fragment begins, its data begins, and it ends."""
    found, at = [], data.index(b"moof") - 4
    while at < len(data):
        body = at + int.from_bytes(data[at : at + 4], "big")
        end = body + int.from_bytes(data[body : body + 4], "big")
        found.append((at, body, end))
        at = end
    return found


def test_a_file_cut_off_plays_up_to_the_last_whole_fragment() -> None:
    data = written("h264")
    for number, (_, body, end) in enumerate(fragments_of(data)):
        for cut in (end, (body + end) // 2):
            pictures = 0
            with av.open(io.BytesIO(data[:cut])) as file, suppress(av.error.InvalidDataError):
                for _ in file.decode(video=0):  # the very last one may be torn
                    pictures += 1
            assert pictures >= number * 10 + (10 if cut == end else 0)


def test_an_index_lets_a_reader_know_the_end_before_it_gets_there() -> None:
    data = written("h264")
    start = data.index(b"moof") - 4
    references = [
        mp4.Reference(end - begin, 30_000, number % 3 == 0) for number, (begin, _, end) in enumerate(fragments_of(data))
    ]
    index = mp4.index(mp4.Track(1, SETUP._replace(width=320)), 0, references)
    with av.open(io.BytesIO(data[:start] + index + data[start:])) as file:
        video = file.streams.video[0]
        assert float((video.duration or 0) * video.time_base) == pytest.approx(2, abs=0.01)
        assert sum(1 for _ in file.decode(video=0)) == 60


def test_a_fragment_without_samples_is_a_fragment() -> None:
    data = written("h264") + mp4.fragment(7, [mp4.Run(1, 180_000, [])])
    with av.open(io.BytesIO(data)) as file:
        assert sum(1 for _ in file.decode(video=0)) == 60
