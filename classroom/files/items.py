"""What a page looks like, before it is written as SVG or PDF: areas, lines, words and pictures, from back to front.

What always holds: everything is in px of the page with y downwards; colours are red, green, blue (0 to 255) and how much of
them is seen (0 to 1), never words of whoever drew.
"""

from __future__ import annotations

from typing import NamedTuple

from classroom.files.ops import Ops, Pair


class Colour(NamedTuple):
    red: int
    green: int
    blue: int
    seen: float = 1.0


class Ink(NamedTuple):
    """A path that is filled, or stroked with a line of `width` px (and `dash`: px on and off)."""

    ops: Ops
    fill: Colour | None = None
    stroke: Colour | None = None
    width: float = 1.0
    dash: tuple[float, ...] = ()


class Words(NamedTuple):
    """Lines of text. `places`: where each line begins, is centred or ends (by `align`) on its baseline, before all of it is
    turned by `angle` around `centre`. `width`: px that the longest line may take."""

    lines: tuple[str, ...]
    places: tuple[Pair, ...]
    size: float
    family: int
    align: str
    width: float
    colour: Colour
    angle: float = 0.0
    centre: Pair = (0.0, 0.0)


class Picture(NamedTuple):
    """The image in the file `path`, laid into a rectangle, turned by `angle` around its middle, and mirrored. `part`: which
    part of it, as left, top, right, bottom from 0 to 1."""

    path: str
    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0
    mirrored: tuple[bool, bool] = (False, False)
    part: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    seen: float = 1.0


class Cut(NamedTuple):
    """Of an item, what lies within `box` (left, top, right, bottom); or, where that is a `hole`, what lies outside it."""

    item: Ink | Words | Picture | Cut
    box: tuple[float, float, float, float]
    hole: bool = False


Item = Ink | Words | Picture | Cut


FAR = 2_000_000.0  # px from a hole; what is on a page is closer to it


def cut_path(cut: Cut) -> Ops:
    """What is seen of a cut, by the even-odd rule."""
    left, top, right, bottom = cut.box
    box = _rectangle(left, top, right, bottom)
    return [*_rectangle(left - FAR, top - FAR, right + FAR, bottom + FAR), *box] if cut.hole else box


def _rectangle(left: float, top: float, right: float, bottom: float) -> Ops:
    return [("M", left, top), ("L", right, top), ("L", right, bottom), ("L", left, bottom), ("Z",)]


class Drawing(NamedTuple):
    """A page: what is seen of it (`left`, `top`, `width`, `height` in px) and what is on it."""

    left: float
    top: float
    width: float
    height: float
    items: list[Item]


def colour_of(text: object, opacity: float = 1.0) -> Colour | None:
    """A colour as CSS writes it; None: nothing is seen."""
    if not isinstance(text, str) or not text or text == "transparent":
        return None
    try:
        from PIL import ImageColor  # a worker that prints boards needs it, and the server does not

        rgba = ImageColor.getcolor(text, "RGBA")
    except ValueError:
        return Colour(30, 30, 30, opacity)
    assert isinstance(rgba, tuple)
    seen = rgba[3] / 255 * opacity
    return Colour(rgba[0], rgba[1], rgba[2], round(seen, 4)) if seen > 0 else None
