"""What was on the air is on the disk: whole, on the class's clock, also after a SIGKILL, and given to members in ranges."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from itertools import groupby, pairwise
from pathlib import Path

import aiohttp
import av
import pytest
from aiohttp import web

from classroom.config import load
from classroom.http import problems
from classroom.kernel import Rejected
from classroom.media.intake.feed import Frame
from classroom.media.intake.opus import SETUP
from classroom.media.recorder.library import Library
from classroom.media.recorder.routes import add_recording_routes
from classroom.media.recorder.take import finish, is_being_written, scan
from classroom.media.tap import Codec
from classroom.metrics import Metrics
from tests.media.browser import Sender, film, tone
from tests.media.studio import on_air
from tests.media.test_intake import Out, sent
from tests.running import ROOT, until

START = 1_700_000_000_000


def times(path: Path, kind: str) -> list[float]:
    """When each packet of a file is shown, in seconds; every one of them can be decoded."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0] if kind == "video" else file.streams.audio[0]
        found, decoded = [], 0
        for packet in file.demux(stream):
            decoded += len(packet.decode())
            if packet.pts is not None:
                found.append(float(packet.pts * stream.time_base))
    assert decoded >= len(found) - 1
    return found


def frames(codec: str = "h264") -> list[Frame]:
    out = Out(codec)
    for at, packet in sent(codec):
        out.take([packet], START / 1_000 + at)
    return out.frames


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    """Closed again where a test serves it: closing twice does no harm."""
    opened = Library(tmp_path / "recordings", load().recording, Metrics())
    yield opened
    await opened.close()


async def record(library: Library, codec: str = "h264", kind: str = "camera", begin: float = START) -> None:
    recorder = library.recorder("demo")
    assert recorder is not None
    sound = [Frame(begin + shot.at * 1_000, shot.data, True, SETUP) for shot in tone()]
    pictures = [frame._replace(at=frame.at - START + begin) for frame in frames(codec)]
    for kind_, frame in sorted(
        [(kind, frame) for frame in pictures] + [("sound", frame) for frame in sound], key=lambda one: one[1].at
    ):
        recorder.frame(kind_, frame)
    await recorder.close()


@pytest.mark.parametrize("codec", ["h264", "vp8", "vp9", "av1"])
async def test_every_picture_and_sound_is_recorded_at_its_class_time(codec: str, library: Library) -> None:
    await record(library, codec)
    (made,) = await library.recorded("demo")
    assert (made.kind, made.start, made.finished) == ("camera", START, True)
    path = await library.file("demo", made.name)
    assert path is not None
    assert times(path, "video") == pytest.approx([shot.at for shot in film(codec)], abs=2e-3)
    assert times(path, "audio") == pytest.approx([shot.at for shot in tone()], abs=2e-3)
    assert made.duration == pytest.approx(2_000, abs=50)


async def test_a_finished_file_has_an_index_and_finishing_again_changes_nothing(library: Library) -> None:
    await record(library)
    path = await library.file("demo", f"rec.{START}.camera.mp4")
    assert path is not None
    before = path.read_bytes()
    assert scan(path).indexed
    finish(path)
    assert path.read_bytes() == before
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        assert float((video.duration or 0) * video.time_base) == pytest.approx(2, abs=0.1)


async def test_a_torn_end_is_cut_off_and_what_is_whole_stays(library: Library, tmp_path: Path) -> None:
    await record(library)
    path = await library.file("demo", f"rec.{START}.camera.mp4")
    assert path is not None
    whole = scan(path)
    last = whole.fragments[-1]
    path.write_bytes(path.read_bytes()[: last.offset + last.size // 2])
    assert scan(path).fragments == whole.fragments[:-1]
    assert finish(path).end == last.offset
    assert path.stat().st_size == last.offset


async def test_the_screen_is_a_file_of_its_own_and_a_class_without_a_camera_is_heard(library: Library) -> None:
    await record(library, "vp9", "screen")
    assert [one.kind for one in await library.recorded("demo")] == ["screen", "sound"]


async def test_what_is_said_after_the_camera_was_turned_off_is_heard_where_it_was_said(library: Library) -> None:
    recorder = library.recorder("demo")
    assert recorder is not None
    shots = tone()
    sound = [
        Frame(START + round_ * 2_000 + shot.at * 1_000, shot.data, True, SETUP)
        for round_ in range(20)
        for shot in shots
    ]
    # Two seconds of the camera; twenty without; and once more, for two.
    pictures = [frame._replace(at=frame.at + shift) for shift in (0, 22_000) for frame in frames()]
    for kind, frame in sorted([("camera", one) for one in pictures] + [("sound", one) for one in sound], key=_at):
        recorder.frame(kind, frame)
    await recorder.close()

    made = await library.recorded("demo")
    assert [one.kind for one in made] == ["camera", "sound", "camera", "sound"]
    for one, following in pairwise(made):
        assert one.start + one.duration == pytest.approx(following.start, abs=50)
    assert made[-1].start + made[-1].duration == pytest.approx(sound[-1].at, abs=50)
    heard: list[float] = []
    for one in made:
        path = await library.file("demo", one.name)
        assert path is not None
        heard += [one.start + at * 1_000 for at in times(path, "audio")]
    assert heard == pytest.approx([frame.at for frame in sound], abs=2)


def _at(one: tuple[str, Frame]) -> float:
    return one[1].at


async def test_a_long_pause_begins_another_file_on_the_same_clock(library: Library) -> None:
    recorder = library.recorder("demo")
    assert recorder is not None
    for shift in (0, 60_000):
        for frame in frames():
            recorder.frame("screen", frame._replace(at=frame.at + shift))
    await recorder.close()
    assert [one.start for one in await library.recorded("demo")] == [START, START + 60_000]


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_pictures_of_another_size_and_back_stay_in_one_file_that_plays_from_any_key_frame(
    codec: Codec, library: Library
) -> None:
    recorder = library.recorder("demo")
    assert recorder is not None
    out, sizes = Out(codec), [(320, 180), (640, 360), (320, 180)]
    for index, size in enumerate(sizes):
        sender = Sender(codec, index * 1_000, index * 180_000, ssrc=index)
        for shot in film(codec, 60, size=size):
            out.take(sender.packets(shot), START / 1_000 + index * 2 + shot.at)
    for frame in out.frames:
        recorder.frame("screen", frame)
    await recorder.close()
    (made,) = await library.recorded("demo")
    path = await library.file("demo", made.name)
    shown = times(path, "video")
    assert len(shown) == 180
    assert max(after - before for before, after in pairwise(shown)) < 0.1
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        seen = [(picture.width, picture.height) for picture in file.decode(stream)]
        assert [size for size, _ in groupby(seen)] == sizes
        for second in (5, 1, 3, 0):  # one decoder, there and back
            file.seek(round(second / stream.time_base), stream=stream)
            picture = next(file.decode(stream))
            assert (picture.width, picture.height) == sizes[second // 2]


async def test_a_class_on_the_air_is_recorded_without_a_gap(library: Library) -> None:
    recorder = library.recorder("demo")
    async with on_air(recorder) as studio:
        studio.camera()
        studio.microphone()
        await until(lambda: studio.publishers[0].sent > 150, 20)
        live = studio.streams.find(studio.live.split("/")[-2])
        assert live is not None
        await studio.streams.end("demo")
    made = {one.kind: one for one in await library.recorded("demo")}
    path = await library.file("demo", made["camera"].name)
    assert path is not None
    for kind in ("video", "audio"):
        shown = times(path, kind)
        assert len(shown) > 100
        assert max(after - before for before, after in pairwise(shown)) < 0.1
    assert abs(made["camera"].start - (time.time() * 1_000 - made["camera"].duration)) < 3_000


RECORDING = """
import asyncio, sys, time
from pathlib import Path
from classroom.config import load
from classroom.http import problems
from classroom.kernel import Rejected
from classroom.media.recorder.library import Library
from classroom.metrics import Metrics
from tests.media.test_recorder import frames

async def main():
    recorder = Library(Path(sys.argv[1]), load().recording, Metrics()).recorder("demo")
    made, shift = frames(), 0
    while True:
        for frame in made:
            recorder.frame("camera", frame._replace(at=frame.at + shift))
            await asyncio.sleep(0.002)
        shift += 2000
        print(shift, flush=True)

asyncio.run(main())
"""


async def test_a_recording_whose_process_is_killed_plays_up_to_its_last_fragment(
    library: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RECORDING, str(folder), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(3):
        line = await process.stdout.readline()
    path = folder / "demo" / f"rec.{START}.camera.mp4"
    assert is_being_written(path)
    assert await library.recover() == []  # it is another process's
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    reached = int(line) / 1_000
    shown = times(path, "video")  # as it was left
    assert shown[-1] > reached - 1.5
    assert max(after - before for before, after in pairwise(shown)) < 0.1
    assert await library.recover() == [path]
    assert scan(path).indexed
    assert times(path, "video") == shown
    (made,) = await library.recorded("demo")
    assert made.finished


async def serve(library: Library, allowed: set[str]) -> tuple[web.AppRunner, str]:
    async def members_only(request: web.Request, room: str) -> None:
        if request.query.get("token") not in allowed or room != "demo":
            raise Rejected("token_invalid", "Members only.")

    app = web.Application()
    add_recording_routes(app, library, members_only, problems.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/recordings/demo/"


async def test_members_and_nobody_else_are_given_any_range_of_a_recording(library: Library) -> None:
    await record(library)
    runner, url = await serve(library, {"good"})
    async with aiohttp.ClientSession() as http:
        async with http.get(url + "?token=good") as answer:
            (listed,) = json.loads(await answer.text())["recordings"]
            assert listed["start"] == START
        whole = (await library.file("demo", listed["name"]) or Path()).read_bytes()
        async with http.get(url + listed["name"] + "?token=good", headers={"Range": "bytes=100-299"}) as answer:
            assert answer.status == 206
            assert await answer.read() == whole[100:300]
            assert answer.headers["Content-Range"] == f"bytes 100-299/{len(whole)}"
        async with http.get(url + listed["name"] + "?token=good", headers={"Range": "bytes=99999999-"}) as answer:
            assert answer.status == 416
        for name in ("", listed["name"], listed["name"].replace("mp4", "m3u8")):
            async with http.get(url + name + "?token=bad") as answer:
                assert answer.status == 401
        for name in ("rec.1.camera.mp4", "..%2Fdemo%2F" + listed["name"], "other.mp4"):
            async with http.get(f"{url}{name}?token=good") as answer:
                assert answer.status == 404
    await runner.cleanup()


async def test_a_recordings_playlist_is_played_by_ffmpeg_from_any_place(library: Library, tmp_path: Path) -> None:
    await record(library)
    runner, url = await serve(library, {"good"})
    listing = f"{url}rec.{START}.camera.m3u8?token=good"

    def play() -> tuple[int, float]:
        with av.open(listing, options={"allowed_extensions": "ALL", "extension_picky": "0"}) as file:
            count = sum(1 for _ in file.decode(video=0))
        with av.open(listing, options={"allowed_extensions": "ALL", "extension_picky": "0"}) as file:
            file.seek(1_400_000)
            return count, next(file.decode(video=0)).time or 0.0

    count, landed = await asyncio.to_thread(play)
    assert count == 60
    assert landed == pytest.approx(1.0, abs=0.1)
    await runner.cleanup()


async def test_what_is_older_than_its_time_is_deleted(tmp_path: Path) -> None:
    settings = load(environment={"CLASSROOM_RECORDING_RETENTION_DAYS": "30"}).recording
    library = Library(tmp_path, settings, Metrics())
    await record(library)
    await record(library, begin=START + 10 * 86_400_000)
    assert await library.forget_old(START / 1_000 + 35 * 86_400) == 1
    assert [one.start for one in await library.recorded("demo")] == [START + 10 * 86_400_000]
    await library.close()


async def test_nothing_is_recorded_where_that_is_turned_off(tmp_path: Path) -> None:
    settings = load(environment={"CLASSROOM_RECORDING_ENABLED": "false"}).recording
    library = Library(tmp_path, settings, Metrics())
    assert library.recorder("demo") is None
    await library.close()
