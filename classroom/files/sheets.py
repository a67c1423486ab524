"""A page of the board with all that it takes to draw it, and the drawing that is made of it.

What always holds: elements lie as on the board, by their `index`; what is seen is the background and everything drawn, with a
margin where something is drawn beyond it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from classroom.files.items import Colour, Cut, Drawing, Ink, Item, Picture, Words
from classroom.files.ops import Ops, bounds
from classroom.files.shapes import box_of, items_of
from classroom.whiteboard.deltas import plain
from classroom.whiteboard.model import Background, BackgroundKind

MARGIN = 20.0
EMPTY = (1280.0, 720.0)  # px of a page with nothing on it
GRID, GRID_COLOUR, GRID_LINES = 20.0, Colour(224, 224, 224), 2_000
LABEL_ROOM = 5.0  # px around the label of an arrow
WIDEST = 100_000.0  # px that are seen of a page at most


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """`elements`: their bodies. `images`: the file of each `fileId`. `under`: the file of the background's image; `pdf`: that
    of the PDF whose page it is."""

    background: Background
    elements: list[bytes]
    images: dict[str, str] = {}
    under: str | None = None
    pdf: str | None = None


def elements_of(sheet: Sheet) -> list[dict[str, Any]]:
    """The elements as in an `.excalidraw` file, in their order."""
    found = [plain(body) for body in sheet.elements]
    return sorted(found, key=lambda each: (str(each.get("index") or ""), str(each.get("id"))))


def draw(sheet: Sheet, with_pdf: bool) -> Drawing:
    """The page as it is seen. `with_pdf`: also the PDF's page that lies under it, as a picture."""
    elements = elements_of(sheet)
    by_id = {str(element.get("id")): element for element in elements}
    items = [_cut(item, element, by_id) for element in elements for item in items_of(element, sheet.images)]
    back = sheet.background
    box = (0.0, 0.0, back.width, back.height) if back.width and back.height else None
    for item in items:
        box = _around(box, _bounds(item))
    left, top, right, bottom = box or (0.0, 0.0, *EMPTY)
    if items:
        left -= MARGIN if not back.width or left < 0 else 0
        top -= MARGIN if not back.height or top < 0 else 0
        right += MARGIN if not back.width or right > back.width else 0
        bottom += MARGIN if not back.height or bottom > back.height else 0
    width, height = min(WIDEST, max(1.0, right - left)), min(WIDEST, max(1.0, bottom - top))
    return Drawing(left, top, width, height, [*_background(sheet, left, top, width, height, with_pdf), *items])


def _cut(item: Item, element: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> Item:
    """What is in a frame is cut off by it, and an arrow leaves room for its label."""
    label = _label(element, by_id)
    if label is not None:
        left, top, right, bottom = box_of(label)
        item = Cut(item, (left - LABEL_ROOM, top - LABEL_ROOM, right + LABEL_ROOM, bottom + LABEL_ROOM), hole=True)
    frame = by_id.get(str(element.get("frameId")))
    if frame is not None and frame is not element and frame.get("type") == "frame":
        item = Cut(item, box_of(frame))
    return item


def _label(element: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    bound = element.get("boundElements")
    if element.get("type") != "arrow" or not isinstance(bound, list):
        return None
    ids = (str(each.get("id")) for each in bound if isinstance(each, dict) and each.get("type") == "text")
    label = next((by_id[id] for id in ids if id in by_id), None)
    return label if label is not None and label.get("type") == "text" and label.get("text") else None


def _background(sheet: Sheet, left: float, top: float, width: float, height: float, with_pdf: bool) -> list[Item]:
    back = sheet.background
    if back.kind is BackgroundKind.GRID:
        return [Ink(_grid(left, top, width, height), stroke=GRID_COLOUR, width=1)]
    if sheet.under is not None and (back.kind is BackgroundKind.IMAGE or with_pdf) and back.width and back.height:
        return [Picture(sheet.under, 0, 0, back.width, back.height)]
    return []


def _grid(left: float, top: float, width: float, height: float) -> Ops:
    step = max(GRID, (width + height) / GRID_LINES)
    ops: Ops = []
    x = left - left % step
    while x <= left + width:
        ops += [("M", x, top), ("L", x, top + height)]
        x += step
    y = top - top % step
    while y <= top + height:
        ops += [("M", left, y), ("L", left + width, y)]
        y += step
    return ops


def _bounds(item: Item) -> tuple[float, float, float, float] | None:
    if isinstance(item, Cut):
        inner = _bounds(item.item)
        if inner is None or item.hole:
            return inner
        left, top, right, bottom = item.box
        seen = max(inner[0], left), max(inner[1], top), min(inner[2], right), min(inner[3], bottom)
        return seen if seen[0] <= seen[2] and seen[1] <= seen[3] else None
    if isinstance(item, Ink):
        return bounds(item.ops)
    if isinstance(item, Words):
        x, y = item.centre
        away = max(item.width / 2, item.size * len(item.lines))
        high = away if item.angle else item.size * 1.25 * len(item.lines) / 2
        return x - away, y - high, x + away, y + high
    half = (item.width**2 + item.height**2) ** 0.5 / 2 if item.angle else None
    x, y = item.x + item.width / 2, item.y + item.height / 2
    across, up = (half, half) if half else (item.width / 2, item.height / 2)
    return x - across, y - up, x + across, y + up


Box = tuple[float, float, float, float]


def _around(one: Box | None, other: Box | None) -> Box | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
