"""Images, read by real worker processes: what comes out is a picture and nothing else, or a refusal."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from classroom.config import FileSettings, load
from classroom.files.tasks import ReadImage, Wrote
from classroom.files.workers import Workers
from classroom.kernel import Rejected
from tests.files import samples

MEMORY = 1 << 30


@pytest.fixture
def settings() -> FileSettings:
    return load().files


async def read(folder: Path, settings: FileSettings, data: bytes, memory: int = MEMORY) -> tuple[Wrote, bytes]:
    """What a worker makes of an image: its report, and the file."""
    source = folder / "source"
    source.write_bytes(data)
    task = ReadImage(
        source=str(source),
        folder=str(folder),
        memory=memory,
        cpu=20,
        parent=os.getpid(),
        pixels=settings.image_pixels,
        side=settings.image_side,
    )
    report = await Workers(settings).one(task)
    assert isinstance(report, Wrote)
    return report, (folder / report.file).read_bytes()


async def refusal(folder: Path, settings: FileSettings, data: bytes, **more: int) -> str:
    with pytest.raises(Rejected) as caught:
        await read(folder, settings, data, **more)
    assert caught.value.message.endswith(".")
    return caught.value.code


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_comes_out_as_it_went_in(kind: str, tmp_path: Path, settings: FileSettings) -> None:
    report, data = await read(tmp_path, settings, samples.encoded(kind))
    assert (report.width, report.height) == (40, 30)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == kind
        red, white = image.convert("RGB").getpixel((5, 5)), image.convert("RGB").getpixel((35, 5))
        assert red[0] > 240 > 30 > red[1]
        assert min(white) > 240


@pytest.mark.parametrize("data", [samples.png_with_secrets(), samples.jpeg_with_secrets()])
async def test_whatever_else_was_in_the_file_is_gone(data: bytes, tmp_path: Path, settings: FileSettings) -> None:
    assert samples.SECRET in data
    assert b"<script>" in data
    _, clean = await read(tmp_path, settings, data)
    assert samples.SECRET not in clean
    assert b"<script>" not in clean
    assert b"PK\x03\x04" not in clean
    with Image.open(io.BytesIO(clean)) as image:
        assert not image.getexif()
        assert not set(image.info) & {"Comment", "comment", "exif", "icc_profile", "xmp"}


async def test_the_same_file_always_becomes_the_same_file(tmp_path: Path, settings: FileSettings) -> None:
    data = samples.png_with_secrets()
    assert (await read(tmp_path, settings, data))[1] == (await read(tmp_path, settings, data))[1]


async def test_a_picture_taken_sideways_stands_upright(tmp_path: Path, settings: FileSettings) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    report, _ = await read(tmp_path, settings, samples.encoded("JPEG", exif=exif))
    assert (report.width, report.height) == (30, 40)


async def test_colours_of_another_profile_become_those_of_the_web(tmp_path: Path, settings: FileSettings) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    _, data = await read(tmp_path, settings, samples.encoded("PNG", icc_profile=lab))
    with Image.open(io.BytesIO(data)) as image:
        assert image.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize(("mode", "colour"), [("L", 0), ("P", 0), ("1", 0), ("LA", 0), ("RGBA", 0), ("I;16", 0)])
async def test_every_kind_of_pixel_is_read(mode: str, colour: int, tmp_path: Path, settings: FileSettings) -> None:
    _, data = await read(tmp_path, settings, samples.encoded("PNG", Image.new(mode, (20, 10), colour)))
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
        assert image.getpixel((5, 5))[:3] == (0, 0, 0)


async def test_what_can_be_seen_through_stays_so(tmp_path: Path, settings: FileSettings) -> None:
    _, data = await read(tmp_path, settings, samples.encoded("PNG", Image.new("RGBA", (20, 10), (255, 0, 0, 64))))
    with Image.open(io.BytesIO(data)) as image:
        assert image.getpixel((5, 5)) == (255, 0, 0, 64)


async def test_of_several_pictures_the_first_is_kept(tmp_path: Path, settings: FileSettings) -> None:
    frames = [samples.picture(colour=colour) for colour in ("red", "blue")]
    _, data = await read(
        tmp_path, settings, samples.encoded("WEBP", frames[0], save_all=True, append_images=frames[1:])
    )
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.convert("RGB").getpixel((5, 5))[0] > 240


async def test_a_picture_with_long_sides_is_made_smaller(tmp_path: Path, settings: FileSettings) -> None:
    report, _ = await read(tmp_path, settings, samples.encoded("PNG", samples.picture(6_000, 300)))
    assert (report.width, report.height) == (4_096, 205)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (partial(samples.png_that_claims, 60_000, 60_000), "too_large"),
        (partial(samples.png_that_claims, 2_000_000_000, 1), "too_large"),
        (samples.encoded("PNG")[:60], "bad_file"),
        (samples.encoded("JPEG", samples.picture(400, 400))[:-300], "bad_file"),
        (samples.encoded("WEBP")[:40], "bad_file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "bad_file"),
        (b"\xff\xd8\xff" + bytes(range(256)) * 8, "bad_file"),
        (samples.encoded("GIF"), "unsupported_media_type"),
        (samples.encoded("BMP"), "unsupported_media_type"),
        (samples.encoded("TIFF"), "unsupported_media_type"),
        (b"GIF89a" + samples.encoded("PNG"), "unsupported_media_type"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "unsupported_media_type"),
        (b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "unsupported_media_type"),
        (samples.HTML, "unsupported_media_type"),
        (b"%PDF-1.7 and so on", "unsupported_media_type"),
        (b"", "unsupported_media_type"),
    ],
)
async def test_what_is_no_good_picture_is_refused_in_words(
    data: bytes | Callable[[], bytes], code: str, tmp_path: Path, settings: FileSettings
) -> None:
    assert await refusal(tmp_path, settings, data() if callable(data) else data) == code


async def test_a_picture_that_takes_too_much_memory_is_refused(tmp_path: Path, settings: FileSettings) -> None:
    big = samples.encoded("PNG", Image.new("RGB", (7_000, 7_000)))
    assert len(big) < 1_000_000
    assert await refusal(tmp_path, settings, big, memory=160 << 20) in ("too_large", "bad_file")


async def test_bombs_are_refused_at_once(tmp_path: Path, settings: FileSettings) -> None:
    started = time.monotonic()
    await refusal(tmp_path, settings, samples.png_that_claims(60_000, 60_000))
    assert time.monotonic() - started < 10


async def test_no_process_is_left(tmp_path: Path, settings: FileSettings) -> None:
    workers = Workers(settings)
    source = tmp_path / "source"
    source.write_bytes(samples.encoded("PNG"))
    bounds = {"folder": str(tmp_path), "memory": MEMORY, "cpu": 10, "parent": os.getpid()}
    await workers.one(ReadImage(source=str(source), pixels=10_000, side=100, **bounds))
    assert not workers.running
    with pytest.raises(Rejected):
        await workers.one(ReadImage(source=str(tmp_path / "none"), pixels=10_000, side=100, **bounds))
    assert not workers.running


async def test_a_worker_that_is_not_asked_by_its_parent_does_nothing(tmp_path: Path, settings: FileSettings) -> None:
    source = tmp_path / "source"
    source.write_bytes(samples.encoded("PNG"))
    task = ReadImage(
        source=str(source), pixels=10_000, side=100, folder=str(tmp_path), memory=MEMORY, cpu=10, parent=os.getpid() + 1
    )
    with pytest.raises(Rejected):
        await Workers(settings).one(task)
    assert not (tmp_path / "image").exists()
