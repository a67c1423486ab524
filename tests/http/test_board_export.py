"""The board as a file: all of it is there, in its place, and nothing that could do harm."""

from __future__ import annotations

import asyncio
import io
import json
import re
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pypdfium2
import pytest
from aiohttp import ClientError
from PIL import Image

from classroom.config import Settings
from classroom.files.desk import Desk
from classroom.whiteboard import model as board
from tests.files import samples
from tests.http.conftest import RAVI, TEACHER, Talk, settings_in
from tests.http.test_api import refused
from tests.http.test_imports import brought


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


async def export(talk: Talk, format: str, page: int | None = None) -> bytes:
    which = "" if page is None else f"&page={page}"
    response = await talk.get(f"/api/rooms/math/board/export?format={format}{which}", TEACHER)
    assert response.status == 200, await response.text()
    assert response.headers["Content-Disposition"] == f'attachment; filename="math.{format}"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    return await response.read()


async def put(talk: Talk, page: int, *elements: dict[str, Any]) -> None:
    """Have these elements drawn."""
    changes = tuple(
        board.Change(
            id=each["id"],
            version=each["version"],
            nonce=each["versionNonce"],
            set={
                name: value
                for name, value in each.items()
                if name not in ("id", "version", "versionNonce", "isDeleted")
            },
        )
        for each in elements
    )
    await talk.do(TEACHER, lambda cid: board.Put(cid=cid, page=page, changes=changes))


def rendered(data: bytes, page: int = 0, scale: float = 1) -> Image.Image:
    """A page of a PDF as a picture."""
    document = pypdfium2.PdfDocument(data)
    image: Image.Image = document[page].render(scale=scale).to_pil().convert("RGB")
    document.close()
    return image


def is_like(pixel: Any, colour: tuple[int, int, int], by: int = 40) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


BOX = samples.element("rectangle", 0, x=800, y=120, width=200, height=100, roughness=0, strokeColor="#ff0000",
                      backgroundColor="#00ff00", roundness=None)  # fmt: skip


async def test_what_was_drawn_on_an_imported_pdf_lies_on_it_and_the_pdf_stays_text(talk: Talk) -> None:
    await talk.room()
    told = await brought(talk, samples.pdf(3))
    await put(talk, told["pages"][1], BOX, samples.element("text", 1, x=800, y=400, width=300, height=25, text="Look here",
              fontSize=20, fontFamily=2, lineHeight=1.25))  # fmt: skip
    data = await export(talk, "pdf")
    document = pypdfium2.PdfDocument(data)
    texts = [document[index].get_textpage().get_text_range() for index in range(len(document))]
    sizes = [document[index].get_size() for index in range(len(document))]
    document.close()
    assert len(texts) == 4
    assert [number for number in (1, 2, 3) if f"Page {number}" in texts[number]] == [1, 2, 3]
    assert "Look here" in texts[2]
    assert "Look here" not in texts[1] + texts[3]
    assert sizes[1:] == [(960, 540)] * 3
    image = rendered(data, 2)
    assert is_like(image.getpixel((675, 127)), (0, 255, 0))
    assert is_like(image.getpixel((800, 540 - 160)), (51, 128, 230))
    assert image.getpixel((500, 500)) == (255, 255, 255)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [b"", b"/CropBox [100 50 400 350]"])
async def test_a_turned_or_cropped_page_looks_in_the_export_as_it_does_on_the_board(
    talk: Talk, rotation: int, crop: bytes
) -> None:
    await talk.room()
    content = b"1 0 0 rg 110 60 80 40 re f 0 0 1 rg 300 300 50 30 re f"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 400] /Rotate %d %s /Contents 4 0 R >>" % (rotation, crop)
    data = samples.pdf_of([
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ])  # fmt: skip
    told = await brought(talk, data)
    expected = rendered(data)
    found = rendered(await export(talk, "pdf", told["pages"][0]))
    assert abs(found.width - expected.width) <= 1
    assert abs(found.height - expected.height) <= 1
    differing = sum(
        not is_like(found.getpixel((x, y)), expected.getpixel((x, y)), 90)
        for x in range(2, min(found.width, expected.width) - 2, 3)
        for y in range(2, min(found.height, expected.height) - 2, 3)
    )
    assert differing < 100  # edges, of some 10,000 places; a page that lies otherwise differs in 600


async def test_what_is_drawn_beyond_the_page_is_in_the_export(talk: Talk) -> None:
    await talk.room()
    told = await brought(talk, samples.pdf(1))
    await put(talk, told["pages"][0], BOX | {"x": -300, "y": -200})
    image = rendered(await export(talk, "pdf", told["pages"][0]), scale=4 / 3)
    assert is_like(image.getpixel((120, 70)), (0, 255, 0))
    left, top = image.width - 1280, image.height - 720
    assert (left, top) == (pytest.approx(320, abs=3), pytest.approx(220, abs=3))
    assert is_like(image.getpixel((left + round(800 * 4 / 3), top + 720 - round(160 * 4 / 3))), (51, 128, 230))


async def test_svg_png_and_pdf_show_the_same(talk: Talk) -> None:
    await talk.room()
    told = await brought(talk, samples.excalidraw())
    page = told["pages"][0]
    picture = Image.open(io.BytesIO(await export(talk, "png", page))).convert("RGB")
    from_pdf = rendered(await export(talk, "pdf", page), scale=8 / 3).resize(picture.size)
    differing = sum(
        not is_like(picture.getpixel((x, y)), from_pdf.getpixel((x, y)), 120)
        for x in range(0, picture.width, 5)
        for y in range(0, picture.height, 5)
    )
    assert differing < picture.width * picture.height / 25 / 50
    svg = ElementTree.fromstring(await export(talk, "svg", page))
    assert float(svg.attrib["width"]) * 2 == pytest.approx(picture.width, abs=2)
    assert float(svg.attrib["height"]) * 2 == pytest.approx(picture.height, abs=2)
    kinds = {each.tag.rpartition("}")[2] for each in svg.iter()}
    assert kinds == {"svg", "rect", "path", "g", "text", "clipPath", "image"}
    assert [each.text for each in svg.iter() if each.tag.endswith("text")] == ["Area = length × width", "हिन्दी"]


async def test_hindi_is_shaped_in_a_pdf(talk: Talk) -> None:
    await talk.room()
    words = samples.element(
        "text", 0, x=0, y=0, width=300, height=60, text="हिन्दी", fontSize=48, fontFamily=5, lineHeight=1.25
    )
    await put(talk, 0, words)
    image = rendered(await export(talk, "pdf", 0), scale=4).convert("L")
    box = image.point(lambda value: 255 if value < 128 else 0).getbbox()
    assert box is not None
    # Six letters one after another would be wider: two of them join, and vowel signs stand around.
    assert 1.2 < (box[2] - box[0]) / (box[3] - box[1]) < 2.6
    assert box[3] - box[1] > 80


async def test_script_in_text_and_links_comes_out_as_text_or_not_at_all(talk: Talk) -> None:
    await talk.room()
    evil = "</text><script>alert(1)</script>&\"'\x07\ud7ff"
    await put(
        talk,
        0,
        samples.element("text", 0, text=evil, fontSize=20, fontFamily=5, link="https://example.org/?<script>"),
        samples.element("rectangle", 1, strokeColor="red", link="https://example.org/"),
    )
    data = await export(talk, "svg", 0)
    assert b"<script" not in data
    svg = ElementTree.fromstring(data)
    assert next(each.text for each in svg.iter() if each.tag.endswith("text")) == evil.replace(
        "\x07", "\N{REPLACEMENT CHARACTER}"
    )
    assert not re.search(rb'\b(href|src)="(?!data:image/)', data)
    await export(talk, "pdf", 0)


async def test_an_excalidraw_file_goes_in_and_out_unchanged(talk: Talk) -> None:
    await talk.room()
    told = await brought(talk, samples.excalidraw())
    scene, expected = json.loads(await export(talk, "excalidraw", told["pages"][0])), samples.scene()
    assert scene["elements"] == expected["elements"]
    assert scene["files"].keys() == expected["files"].keys()
    for id, file in scene["files"].items():
        shown, given = (
            Image.open(io.BytesIO(b64decode(each["dataURL"].partition(",")[2]))).convert("RGB")
            for each in (file, expected["files"][id])
        )
        assert shown.tobytes() == given.tobytes()
    again = await brought(talk, json.dumps(scene).encode())
    assert json.loads(await export(talk, "excalidraw", again["pages"][0])) == scene


async def test_old_files_without_an_order_keep_the_order_of_their_elements(talk: Talk) -> None:
    await talk.room()
    elements = [samples.element("rectangle", number, index=None) for number in range(150)]
    told = await brought(talk, samples.excalidraw(elements=elements))
    scene = json.loads(await export(talk, "excalidraw", told["pages"][0]))
    assert [each["id"] for each in scene["elements"]] == [each["id"] for each in elements]


async def test_an_empty_board_and_every_background_can_be_exported(talk: Talk) -> None:
    await talk.room()
    headers = talk.as_member(TEACHER)
    kept = await (await talk.client.post("/api/rooms/math/files", data=samples.encoded("PNG"), headers=headers)).json()
    for background in (
        board.Background(kind=board.BackgroundKind.GRID, width=640, height=480),
        board.Background(kind=board.BackgroundKind.IMAGE, file=kept["file"], width=640, height=480),
        board.Background(kind=board.BackgroundKind.IMAGE, file="0" * 64, width=640, height=480),
        board.Background(kind=board.BackgroundKind.PDF, file="0" * 64, page=3, width=640, height=480),
    ):
        await talk.do(TEACHER, lambda cid, b=background: board.AddPage(cid=cid, backgrounds=(b,)))
    data = await export(talk, "pdf")
    document = pypdfium2.PdfDocument(data)
    assert [document[index].get_size() for index in range(len(document))] == [(960, 540)] + [(480, 360)] * 4
    document.close()
    assert is_like(rendered(data, 2).getpixel((100, 100)), (255, 0, 0))
    for format in ("svg", "png", "excalidraw"):
        assert await export(talk, format)


async def test_only_the_staff_may_export_and_only_pages_that_there_are(talk: Talk) -> None:
    await talk.room()
    await refused(await talk.get("/api/rooms/math/board/export", RAVI), 403, "forbidden")
    await refused(await talk.get("/api/rooms/math/board/export?page=77", TEACHER), 404, "not_found")
    await refused(await talk.get("/api/rooms/math/board/export?format=exe", TEACHER), 400, "bad_request")


async def test_a_file_that_cannot_be_read_to_its_end_is_broken_off(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else were sent would be taken for the rest of it."""

    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("the disk is gone")
            return super().read(1_000)

    class Made:
        def stat(self) -> Any:
            return SimpleNamespace(st_size=10_000)

        def open(self, mode: str) -> Torn:
            return Torn(bytes(10_000))

    async def made(*_: Any) -> Made:
        return Made()

    await talk.room()
    monkeypatch.setattr(Desk, "export", made)
    async with asyncio.timeout(10):
        with pytest.raises(ClientError):
            await export(talk, "pdf")
