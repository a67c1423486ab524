"""Drawings as the pages of a PDF, in vectors, without anything under them.

What always holds: a px is 3/4 of a point, so that an imported page has the size that it came with; text can be searched and
copied (but for scripts that have to be shaped).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import degrees
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import FILL_EVEN_ODD, FILL_NON_ZERO, Canvas

from classroom.files.fonts import font_for, is_shaped
from classroom.files.items import Colour, Cut, Drawing, Ink, Item, Picture, Words, cut_path
from classroom.files.ops import Ops

POINTS_PER_PX = 0.75
SHARPNESS = 4  # px of a picture of text for a px of the page
PICTURE_LIMIT = 8_000  # px of its longer side


def write(drawings: Sequence[Drawing], target: Path, title: str = "") -> None:
    """The PDF, with a page for each drawing."""
    canvas = Canvas(str(target), pageCompression=1, invariant=1)
    canvas.setTitle(title or "Whiteboard")
    canvas.setProducer("Classroom")
    for drawing in drawings:
        canvas.setPageSize((drawing.width * POINTS_PER_PX, drawing.height * POINTS_PER_PX))
        canvas.scale(POINTS_PER_PX, -POINTS_PER_PX)
        canvas.translate(-drawing.left, -drawing.top - drawing.height)
        canvas.setLineCap(1)
        canvas.setLineJoin(1)
        for item in drawing.items:
            _item(canvas, item)
        canvas.showPage()
    canvas.save()


def _item(canvas: Any, item: Item) -> None:
    match item:
        case Ink():
            _ink(canvas, item)
        case Words():
            _words(canvas, item)
        case Picture():
            _picture(canvas, item)
        case Cut():
            canvas.saveState()
            canvas.clipPath(_path(canvas, cut_path(item)), stroke=0, fill=0, fillMode=FILL_EVEN_ODD)
            _item(canvas, item.item)
            canvas.restoreState()


def _path(canvas: Any, ops: Ops) -> Any:
    path = canvas.beginPath()
    for op in ops:
        match op[0]:
            case "M":
                path.moveTo(*op[1:])
            case "L":
                path.lineTo(*op[1:])
            case "C":
                path.curveTo(*op[1:])
            case _:
                path.close()
    return path


def _ink(canvas: Any, ink: Ink) -> None:
    path = _path(canvas, ink.ops)
    if ink.fill:
        _fill(canvas, ink.fill)
    if ink.stroke:
        canvas.setStrokeColorRGB(*(each / 255 for each in ink.stroke[:3]), alpha=ink.stroke.seen)
        canvas.setLineWidth(ink.width)
        canvas.setDash(list(ink.dash) or [])
    # As a canvas and SVG do it. Even-odd would leave holes where a stroke crosses itself.
    canvas.drawPath(path, stroke=int(ink.stroke is not None), fill=int(ink.fill is not None), fillMode=FILL_NON_ZERO)


def _words(canvas: Any, words: Words) -> None:
    canvas.saveState()
    canvas.translate(*words.centre)
    canvas.rotate(degrees(words.angle))
    canvas.translate(-words.centre[0], -words.centre[1])
    for line, (x, y) in zip(words.lines, words.places, strict=True):
        if line.strip():
            (_shaped_line if is_shaped(line) else _line)(canvas, words, line, x, y)
    canvas.restoreState()


def _line(canvas: Any, words: Words, line: str, x: float, y: float) -> None:
    font = font_for(line, words.family).name
    natural = canvas.stringWidth(line, font, words.size)
    # Where the hand-drawn font is not at hand another one, which may be wider, is made to fit.
    squeeze = min(1.0, words.width / natural) if words.width > 0 and natural else 1.0
    canvas.saveState()
    canvas.translate(x - natural * squeeze * _before(words), y)
    canvas.scale(1, -1)
    _fill(canvas, words.colour)
    text = canvas.beginText(0, 0)
    text.setFont(font, words.size)
    text.setHorizScale(squeeze * 100)
    text.textOut(line)
    canvas.drawText(text)
    canvas.restoreState()


def _shaped_line(canvas: Any, words: Words, line: str, x: float, y: float) -> None:
    sharp = max(1.0, min(SHARPNESS, PICTURE_LIMIT / max(1.0, words.size * len(line)))) * words.size
    font = ImageFont.truetype(font_for(line, words.family).path, max(1, round(sharp)))
    left, top, right, bottom = map(round, font.getbbox(line, anchor="ls"))
    width, height = max(1, right - left), max(1, bottom - top)
    picture = Image.new("RGBA", (min(width, PICTURE_LIMIT), min(height, PICTURE_LIMIT)))
    colour = (*words.colour[:3], round(words.colour.seen * 255))
    ImageDraw.Draw(picture).text((-left, -top), line, fill=colour, font=font, anchor="ls")
    per_px = sharp / words.size
    wide, high = picture.width / per_px, picture.height / per_px
    canvas.saveState()
    canvas.translate(x + left / per_px - wide * _before(words), y + bottom / per_px)
    canvas.scale(1, -1)
    canvas.drawImage(ImageReader(picture), 0, 0, wide, high, mask="auto")
    canvas.restoreState()


def _before(words: Words) -> float:
    """How much of a line stands before its place."""
    return {"center": 0.5, "right": 1.0}.get(words.align, 0.0)


def _picture(canvas: Any, picture: Picture) -> None:
    left, top, right, bottom = picture.part
    width, height = picture.width / (right - left), picture.height / (bottom - top)
    canvas.saveState()
    canvas.translate(picture.x + picture.width / 2, picture.y + picture.height / 2)
    canvas.rotate(degrees(picture.angle))
    canvas.scale(-1 if picture.mirrored[0] else 1, -1 if picture.mirrored[1] else 1)
    clip = canvas.beginPath()
    clip.rect(-picture.width / 2, -picture.height / 2, picture.width, picture.height)
    canvas.clipPath(clip, stroke=0, fill=0)
    canvas.setFillAlpha(picture.seen)
    # From here y goes up again, as images have it in PDF.
    canvas.scale(1, -1)
    low = -picture.height / 2 - (1 - bottom) * height
    canvas.drawImage(ImageReader(picture.path), -picture.width / 2 - left * width, low, width, height, mask="auto")
    canvas.restoreState()


def _fill(canvas: Any, colour: Colour) -> None:
    canvas.setFillColorRGB(*(each / 255 for each in colour[:3]), alpha=colour.seen)
