"""Whatever the board's rules let through can be exported; what they do not is never drawn."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from classroom.files.hachure import hachure
from classroom.files.items import Colour, Ink, Picture, Words, colour_of
from classroom.files.press import press, scene
from classroom.files.sheets import Sheet, draw
from classroom.files.svg import svg
from classroom.kernel import Rejected
from classroom.whiteboard import deltas
from classroom.whiteboard.model import TYPES, Background, BackgroundKind, Change, Page
from tests.files import samples
from tests.vectors.drawing import fields

NUMBERS = st.one_of(
    st.integers(-1_000_000, 1_000_000),
    st.floats(-1_000_000, 1_000_000),
    st.sampled_from((0, -0.0, 1e-300, 1e6, -1e6, 0.1)),
)
ODD = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.just([]), st.just({}), st.just([1, "x"]))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "x": NUMBERS,
    "y": NUMBERS,
    "width": NUMBERS,
    "height": NUMBERS,
    "angle": st.floats(-10, 10),
    "opacity": st.integers(0, 100),
    "strokeWidth": st.floats(0, 1_000),
    "roughness": st.floats(0, 100),
    "strokeColor": st.sampled_from(
        ("#1e1e1e", "transparent", "rgba(1,2,3,.5)", "nocolour", "hsl(1,2,3)", "#12345", "")
    ),
    "backgroundColor": st.sampled_from(("#ffc9c9", "transparent", "red", "#0000", "oklch(0.5 0.2 240)")),
    "fillStyle": st.one_of(st.sampled_from(("solid", "hachure", "cross-hatch", "zigzag", "zigzag-line")), ODD),
    "strokeStyle": st.one_of(st.sampled_from(("solid", "dashed", "dotted")), ODD),
    "roundness": st.one_of(st.sampled_from(({"type": 1}, {"type": 2}, {"type": 3, "value": 8})), ODD),
    "seed": ODD,
    "points": st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8),
    "pressures": st.one_of(st.lists(NUMBERS, max_size=8), ODD),
    "simulatePressure": ODD,
    "text": st.one_of(st.text(max_size=40), st.just("हिन्दी\ntext"), st.just("עברית"), st.just("漢字\x00\x0b")),
    "fontSize": st.floats(0, 10_000),
    "fontFamily": ODD,
    "lineHeight": st.floats(0, 100),
    "textAlign": st.one_of(st.sampled_from(("left", "center", "right")), ODD),
    "fileId": st.sampled_from(("picture", "none")),
    "scale": st.one_of(st.just([-1, 1]), ODD),
    "crop": st.one_of(
        st.just({"x": 1, "y": 2, "width": 20, "height": 20, "naturalWidth": 40, "naturalHeight": 30}),
        st.just({"x": -1, "y": 0, "width": 0, "height": 0, "naturalWidth": 1, "naturalHeight": 1}),
        ODD,
    ),
    "elbowed": ODD,
    "startArrowhead": st.one_of(
        st.sampled_from(("arrow", "dot", "bar", "triangle", "diamond_outline", "crowfoot_many")), ODD
    ),
    "endArrowhead": st.one_of(st.sampled_from(("arrow", "circle_outline", "crowfoot_one", "diamond", "other")), ODD),
    "index": st.sampled_from(("a0", "a1", None)),
}


@st.composite
def bodies(draw: st.DrawFn) -> bytes | None:
    """The body of an element that the rules let through; None: they did not."""
    kind = draw(st.sampled_from(TYPES))
    needed = ("x", "y", "width", "height", *(("points",) if kind in ("line", "arrow", "freedraw") else ()))
    fields: dict[str, Any] = {"type": kind} | {name: draw(FIELDS[name]) for name in needed}
    for name in draw(st.sets(st.sampled_from(sorted(set(FIELDS) - {*needed, "points"})))):
        fields[name] = draw(FIELDS[name])
    change = Change(id=f"e{draw(st.integers(0, 9_999))}", version=1, nonce=1, set=fields)
    page = Page(id=0)
    try:
        changed = deltas.judge(page, change)
    except Rejected:
        return None
    assert changed is not None
    return deltas.merged(None, changed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("press")
    (folder / "picture").write_bytes(samples.encoded("PNG"))
    return folder


def pressed(folder: Path, sheets: list[Sheet], format: str) -> bytes:
    (folder / "sheets").write_bytes(msgspec.msgpack.encode(sheets))
    return press(folder / "sheets", folder, format, "title", 2_000).read_bytes()


@given(found=st.lists(bodies(), max_size=4))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_rules_let_through_can_be_exported(found: list[bytes | None], folder: Path) -> None:
    elements = [body for body in found if body is not None]
    sheet = Sheet(background=Background(), elements=elements, images={"picture": str(folder / "picture")})
    drawing = draw(sheet, with_pdf=True)
    assert 0 < drawing.width <= 100_000
    assert 0 < drawing.height <= 100_000
    ElementTree.fromstring(pressed(folder, [sheet], "svg"))
    document = pypdfium2.PdfDocument(pressed(folder, [sheet], "pdf"))
    assert len(document) == 1
    document.close()
    assert len(json.loads(scene(sheet))["elements"]) == len(elements)


def test_a_page_of_five_thousand_elements_is_exported_in_seconds(folder: Path) -> None:
    kinds = [each for each in samples.scene()["elements"] if each["type"] not in ("image", "frame")]
    elements = [
        json.dumps(
            kinds[n % len(kinds)] | {"id": f"e{n}", "x": 150 * (n % 70), "y": 90 * (n // 70), "seed": n + 1}
        ).encode()
        for n in range(5_000)
    ]
    # SVG and PNG are drawn as the PDF is, and are only written in another way.
    for format, count in (("pdf", 5_000), ("excalidraw", 5_000), ("svg", 1_000), ("png", 1_000)):
        sheet = Sheet(background=Background(kind=BackgroundKind.GRID), elements=elements[:count])
        started = time.process_time()
        size = len(pressed(folder, [sheet], format))
        took = time.process_time() - started
        print(f"{format}: {took:.1f} s, {size // 1_000} kB")
        assert took < 30


def test_colours_are_numbers_whatever_is_written() -> None:
    assert colour_of("#ff000080") == Colour(255, 0, 0, 0.502)
    assert colour_of("red", 0.5) == Colour(255, 0, 0, 0.5)
    assert colour_of("transparent") is None
    assert colour_of("#ff000000") is None
    assert colour_of('red" onload="alert(1)') == Colour(30, 30, 30)


def test_lines_that_fill_a_shape_are_bounded_and_lie_within_it() -> None:
    square = [(0.0, 0.0), (1e6, 0.0), (1e6, 1e6), (0.0, 1e6)]
    folded = [(1e6 * (n % 2), 1e6 * n / 4_000) for n in range(4_000)]
    for polygon in (square, folded):
        for style in ("hachure", "cross-hatch", "zigzag"):
            assert 3_000 < len(hachure([polygon], 0.1, style, None)) < 4_100
    small = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)]
    for style in ("hachure", "cross-hatch"):
        lines = hachure([small], 8, style, None)
        assert len(lines) > 10
        assert all(-2 <= value <= 102 for line in lines for point in line for value in point)


def test_elements_lie_in_their_order_and_frames_pictures_and_words_are_there(folder: Path) -> None:
    elements = [json.dumps(each).encode() for each in reversed(samples.scene()["elements"])]
    sheet = Sheet(background=Background(), elements=elements, images={samples.FILE_ID: str(folder / "picture")})
    items = draw(sheet, with_pdf=True).items
    kinds = [type(item) for item in items]
    assert kinds.index(Words) < kinds.index(Picture)
    assert kinds[0] is kinds[-1] is Ink
    assert isinstance(items[-1], Ink)
    assert items[-1].width == 2


def test_an_arrow_leaves_room_for_its_label_and_a_frame_cuts_off_what_is_in_it(folder: Path) -> None:
    """As dots of the picture: nothing of the line within the label's room, and nothing beyond the frame's edge."""
    black = {"strokeColor": "#000000", "roughness": 0, "strokeWidth": 4, "endArrowhead": None}
    elements = [
        fields("arrow", 0, 50, width=200, height=0, points=[[0, 0], [200, 0]], **black)
        | {"id": "arrow", "index": "a0", "boundElements": [{"id": "label", "type": "text"}]},
        fields("text", 80, 40, width=40, height=20, text=" ", containerId="arrow") | {"id": "label", "index": "a1"},
        fields("line", -50, 130, width=300, height=0, points=[[0, 0], [300, 0]], **black)
        | {"id": "cut", "index": "a2", "frameId": "frame"},
        fields("frame", 0, 100, width=200, height=100) | {"id": "frame", "index": "a3"},
    ]
    source, picture = folder / "sheets", folder / "board.png"
    sheet = Sheet(background=Background(), elements=[json.dumps(each).encode() for each in elements])
    source.write_bytes(msgspec.msgpack.encode([sheet]))
    press(source, folder, "png", "", 8_000)
    found = Image.open(picture).convert("L")
    drawn = draw(sheet, with_pdf=True)

    def dark(x: float, y: float) -> bool:
        dot = found.getpixel((round((x - drawn.left) * 2), round((y - drawn.top) * 2)))
        return isinstance(dot, int) and dot < 100

    assert [dark(x, 50) for x in (40, 77, 100, 123, 160)] == [True, False, False, False, True]
    assert [dark(x, 130) for x in (10, 100, 190)] == [True] * 3
    assert drawn.left + drawn.width < 250  # what is cut off needs no room
    markup = ElementTree.fromstring(svg(drawn))
    assert len(markup.findall(".//{http://www.w3.org/2000/svg}clipPath")) == 2
