"""A board's element as what is seen of it.

What always holds: any element that the board's rules let through can be drawn; one that makes no sense is left out, and the
others are drawn. Sizes and styles are Excalidraw's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import floor
from typing import Any

from classroom.files import arrows, sketch
from classroom.files.items import Colour, Ink, Item, Picture, Words, colour_of
from classroom.files.ops import Ops, Pair, moved, turned
from classroom.files.sketch import Part, Style
from classroom.files.stroke import freedraw

LOOP = 8.0  # px between the ends of a line that counts as closed
# Ascender and descender of Excalidraw's fonts, as parts of their size: what puts a line of text where it is.
METRICS = {
    1: (0.886, -0.374),
    2: (1577 / 2048, -471 / 2048),
    3: (1900 / 2048, -480 / 2048),
    5: (0.886, -0.374),
    6: (1.011, -0.353),
    7: (0.923, -0.22),
    8: (0.75, -0.25),
}
FRAME = Colour(187, 187, 187)


def items_of(element: Mapping[str, Any], images: Mapping[str, str]) -> list[Item]:
    """What is seen of an element; `images`: the file of each `fileId`."""
    x, y, right, bottom = box_of(element)
    width, height, angle = right - x, bottom - y, _number(element, "angle")
    kind = element.get("type")
    if kind == "text":
        return _text(element, x, y, width, height, angle)
    if kind == "image":
        return _image(element, images, x, y, width, height, angle)
    if kind == "frame":
        box: Ops = [("M", x, y), ("L", x + width, y), ("L", x + width, y + height), ("L", x, y + height), ("Z",)]
        return [Ink(box, stroke=FRAME, width=2)]
    shaped = SHAPES.get(str(kind))
    if shaped is None:
        return []
    if kind in ("line", "arrow", "freedraw"):
        x, y = _number(element, "x"), _number(element, "y")  # points are relative to it, also to the left of it
        points = _points(element)
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        centre = (x + (min(xs) + max(xs)) / 2, y + (min(ys) + max(ys)) / 2)
    else:
        centre = (x + width / 2, y + height / 2)
    inks = shaped(dict(element) | {"width": width, "height": height})
    return [ink._replace(ops=turned(moved(ink.ops, x, y), angle, centre)) for ink in inks]


def box_of(element: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, before it is turned."""
    x, y = _number(element, "x"), _number(element, "y")
    width, height = _number(element, "width"), _number(element, "height")
    return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)


def _rectangle(element: dict[str, Any]) -> list[Ink]:
    w, h = element["width"], element["height"]
    r = _radius(min(w, h), element)
    if not r:
        corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]
        return _inks(element, sketch.linear_path(corners, _style(element), close=True))
    ops: Ops = [("M", r, 0)]
    for to, corner, end in (
        ((w - r, 0), (w, 0), (w, r)),
        ((w, h - r), (w, h), (w - r, h)),
        ((r, h), (0, h), (0, h - r)),
        ((0, r), (0, 0), (r, 0)),
    ):
        ops += [("L", *to), _quadratic(to, corner, end)]
    return _inks(element, sketch.path(ops, _style(element, preserve=True)))


def _diamond(element: dict[str, Any]) -> list[Ink]:
    w, h = element["width"], element["height"]
    x, y = floor(w / 2) + 1, floor(h / 2) + 1
    top, right, bottom, left = (x, 0.0), (w, y), (x, h), (0.0, y)
    if not element.get("roundness"):
        return _inks(element, sketch.linear_path([top, right, bottom, left], _style(element), close=True))
    v, u = _radius(abs(x), element), _radius(abs(y), element)
    ops: Ops = [
        ("M", x + v, u),
        ("L", w - v, y - u), ("C", *right, *right, w - v, y + u),
        ("L", x + v, h - u), ("C", *bottom, *bottom, x - v, h - u),
        ("L", v, y + u), ("C", *left, *left, v, y - u),
        ("L", x - v, u), ("C", *top, *top, x + v, u),
    ]  # fmt: skip
    return _inks(element, sketch.path(ops, _style(element, preserve=True)))


def _ellipse(element: dict[str, Any]) -> list[Ink]:
    w, h = element["width"], element["height"]
    style = _style(element)
    style.curve_fitting = 1
    return _inks(element, sketch.ellipse(w / 2, h / 2, w, h, style))


def _linear(element: dict[str, Any]) -> list[Ink]:
    points = _points(element)
    if len(points) < 2:
        return []
    is_arrow = element.get("type") == "arrow"
    style = _style(element, fills=not is_arrow and _is_loop(points))
    if is_arrow and element.get("elbowed"):
        parts = sketch.path(_elbow(points), _style(element, preserve=True, fills=False))
    elif element.get("roundness"):
        parts = sketch.curve(points, style)
    else:
        parts = sketch.linear_path(points, style, close=style.fill is not None)
    inks = _inks(element, parts)
    if is_arrow:
        outline = next((part.ops for part in parts if part.kind == "outline"), [])
        for start, kind in ((True, element.get("startArrowhead")), (False, element.get("endArrowhead", "arrow"))):
            if isinstance(kind, str) and outline:
                heads = arrows.head(kind, points, outline, start, style)
                inks += _inks({**element, "strokeStyle": "solid", "backgroundColor": element.get("strokeColor")}, heads)
    return inks


def _freedraw(element: dict[str, Any]) -> list[Ink]:
    points = _points(element)
    inks: list[Ink] = []
    if _is_loop(points):
        style = _style(element)
        style.stroked = False
        inks = _inks(element, sketch.curve(points, style))
    fill = colour_of(element.get("strokeColor"), _opacity(element))
    return [*inks, Ink(freedraw(element), fill=fill)] if fill else inks


SHAPES: dict[str, Callable[[dict[str, Any]], list[Ink]]] = {
    "rectangle": _rectangle,
    "diamond": _diamond,
    "ellipse": _ellipse,
    "line": _linear,
    "arrow": _linear,
    "freedraw": _freedraw,
}


def _inks(element: Mapping[str, Any], parts: list[Part]) -> list[Ink]:
    stroke = colour_of(element.get("strokeColor"), _opacity(element))
    back = colour_of(element.get("backgroundColor"), _opacity(element))
    width = _number(element, "strokeWidth", 1)
    kind = element.get("strokeStyle")
    dash = (8.0, 8.0 + width) if kind == "dashed" else (1.5, 6.0 + width) if kind == "dotted" else ()
    found = []
    for part in parts:
        if part.kind == "outline" and stroke:
            found.append(Ink(part.ops, stroke=stroke, width=width + 0.5 if dash else width, dash=dash))
        elif part.kind == "fill" and back:
            found.append(Ink(part.ops, fill=back))
        elif part.kind == "lines" and back:
            found.append(Ink(part.ops, stroke=back, width=width / 2))
    return found


def _style(element: Mapping[str, Any], preserve: bool = False, fills: bool = True) -> Style:
    roughness, width = _number(element, "roughness", 1), _number(element, "strokeWidth", 1)
    fill = str(element.get("fillStyle") or "hachure") if fills and colour_of(element.get("backgroundColor")) else None
    return Style(
        seed=int(_number(element, "seed")) & 0x7FFFFFFF,
        roughness=_roughness(element, roughness),
        stroke_width=width,
        single=element.get("strokeStyle", "solid") != "solid",
        preserve=preserve or roughness < 2,
        fill=fill,
        hachure_gap=max(width * 4, 1),
    )


def _roughness(element: Mapping[str, Any], roughness: float) -> float:
    """Small shapes are drawn more carefully."""
    sides = (abs(_number(element, "width")), abs(_number(element, "height")))
    least, most = min(sides), max(sides)
    linear = element.get("type") in ("line", "arrow")
    if (
        (least >= 20 and most >= 50)
        or (least >= 15 and element.get("roundness") and not linear)
        or (linear and most >= 50)
    ):
        return roughness
    return min(roughness / (3 if most < 10 else 2), 2.5)


def _radius(side: float, element: Mapping[str, Any]) -> float:
    roundness = element.get("roundness")
    if not isinstance(roundness, dict):
        return 0
    if roundness.get("type") == 3:
        fixed = _number(roundness, "value", 32)
        return side * 0.25 if side <= fixed / 0.25 else fixed
    return side * 0.25


def _elbow(points: list[Pair]) -> Ops:
    """Straight lines with round corners."""
    ops: Ops = [("M", *points[0])]
    for before, point, after in zip(points, points[1:], points[2:], strict=False):
        near = min(16.0, _distance(point, before) / 2, _distance(point, after) / 2)
        start, end = _towards(point, before, near), _towards(point, after, near)
        ops += [("L", *start), _quadratic(start, point, end)]
    return [*ops, ("L", *points[-1])]


def _text(element: Mapping[str, Any], x: float, y: float, width: float, height: float, angle: float) -> list[Item]:
    colour = colour_of(element.get("strokeColor"), _opacity(element))
    text = element.get("text")
    if colour is None or not isinstance(text, str):
        return []
    size, family = _number(element, "fontSize", 20), int(_number(element, "fontFamily", 5))
    step = size * _number(element, "lineHeight", 1.25)
    ascender, descender = METRICS.get(family, METRICS[5])
    first = size * ascender + (step - size * ascender + size * descender) / 2
    align = str(element.get("textAlign") or "left")
    left = x + (width / 2 if align == "center" else width if align == "right" else 0)
    lines = tuple(text.replace("\t", "    ").split("\n"))
    places = tuple((left, y + first + index * step) for index in range(len(lines)))
    return [Words(lines, places, size, family, align, width, colour, angle, (x + width / 2, y + height / 2))]


def _image(
    element: Mapping[str, Any], images: Mapping[str, str], x: float, y: float, width: float, height: float, angle: float
) -> list[Item]:
    path = images.get(str(element.get("fileId")))
    if path is None or not width or not height:
        return []
    scale, crop = element.get("scale"), element.get("crop")
    mirrored = (False, False)
    if isinstance(scale, list | tuple) and len(scale) == 2:
        mirrored = (_number({"s": scale[0]}, "s", 1) < 0, _number({"s": scale[1]}, "s", 1) < 0)
    part = (0.0, 0.0, 1.0, 1.0)
    if isinstance(crop, dict):
        whole, high = _number(crop, "naturalWidth"), _number(crop, "naturalHeight")
        if whole > 0 and high > 0:
            left, top = _number(crop, "x") / whole, _number(crop, "y") / high
            given = (left, top, left + _number(crop, "width") / whole, top + _number(crop, "height") / high)
            part = given if 0 <= left < given[2] <= 1.001 and 0 <= top < given[3] <= 1.001 else part
    return [Picture(path, x, y, width, height, angle, mirrored, part, _opacity(element))]


def _quadratic(at: Pair, bend: Pair, end: Pair) -> tuple[Any, ...]:
    return (
        "C",
        at[0] + 2 / 3 * (bend[0] - at[0]), at[1] + 2 / 3 * (bend[1] - at[1]),
        end[0] + 2 / 3 * (bend[0] - end[0]), end[1] + 2 / 3 * (bend[1] - end[1]),
        *end,
    )  # fmt: skip


def _points(element: Mapping[str, Any]) -> list[Pair]:
    return [(float(point[0]), float(point[1])) for point in element.get("points") or ()] or [(0.0, 0.0)]


def _is_loop(points: list[Pair]) -> bool:
    return len(points) >= 3 and _distance(points[0], points[-1]) <= LOOP


def _distance(a: Pair, b: Pair) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _towards(a: Pair, b: Pair, far: float) -> Pair:
    length = _distance(a, b)
    return (a[0] + (b[0] - a[0]) * far / length, a[1] + (b[1] - a[1]) * far / length) if length else a


def _opacity(element: Mapping[str, Any]) -> float:
    return max(0.0, min(1.0, _number(element, "opacity", 100) / 100))


def _number(fields: Mapping[str, Any], name: str, otherwise: float = 0.0) -> float:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
