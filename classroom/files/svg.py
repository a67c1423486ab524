"""A drawing as SVG.

What always holds: whatever was drawn, there are only shapes, text and embedded images in it, and no script, no link and
nothing that is fetched from elsewhere; text is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from io import StringIO
from math import degrees
from pathlib import Path
from xml.sax.saxutils import escape

from classroom.files.items import Colour, Cut, Drawing, Ink, Item, Picture, Words, cut_path
from classroom.files.kinds import HEAD, kind_of

FAMILIES = {
    1: "Virgil, Segoe UI Emoji, cursive",
    2: "Liberation Sans, Helvetica, Arial, sans-serif",
    3: "Cascadia, Menlo, Consolas, monospace",
    5: "Excalifont, Segoe UI Emoji, cursive",
    6: "Nunito, sans-serif",
    7: "Lilita One, sans-serif",
    8: "Comic Shanns, monospace",
}
ANCHORS = {"center": "middle", "right": "end"}
BAD = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)], "\N{REPLACEMENT CHARACTER}"
)


def svg(drawing: Drawing) -> bytes:
    """The file."""
    out = StringIO()
    box = " ".join(map(_number, drawing[:4]))
    size = f'width="{_number(drawing.width)}" height="{_number(drawing.height)}"'
    out.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {size}>\n')
    corner = f'x="{_number(drawing.left)}" y="{_number(drawing.top)}"'
    out.write(f'<rect {corner} {size} fill="#ffffff"/>\n')
    for number, item in enumerate(drawing.items):
        out.write(_item(item, f"c{number}") + "\n")
    out.write("</svg>\n")
    return out.getvalue().encode()


def _item(item: Item, name: str) -> str:
    """`name`: of what it cuts off, as no other item's."""
    match item:
        case Cut():
            return _cut(item, name)
        case Ink():
            return _ink(item)
        case Words():
            return _words(item)
        case Picture():
            return _picture(item, name)


def _cut(cut: Cut, name: str) -> str:
    path = " ".join(op[0] + " ".join(map(_number, op[1:])) for op in cut_path(cut))
    clip = f'<clipPath id="{name}"><path d="{path}" clip-rule="evenodd"/></clipPath>'
    return f'{clip}<g clip-path="url(#{name})">{_item(cut.item, name + "i")}</g>'


def _ink(ink: Ink) -> str:
    path = " ".join(op[0] + " ".join(map(_number, op[1:])) for op in ink.ops)
    look = _painted("fill", ink.fill) + _painted("stroke", ink.stroke)
    if ink.stroke:
        look += f' stroke-width="{_number(ink.width)}" stroke-linecap="round" stroke-linejoin="round"'
    if ink.dash:
        look += f' stroke-dasharray="{" ".join(map(_number, ink.dash))}"'
    return f'<path d="{path}"{look}/>'


def _words(words: Words) -> str:
    turn = f' transform="rotate({_number(degrees(words.angle))} {_pair(words.centre)})"' if words.angle else ""
    family, anchor = FAMILIES.get(words.family, FAMILIES[5]), ANCHORS.get(words.align, "start")
    look = f'font-family="{family}" font-size="{_number(words.size)}px" text-anchor="{anchor}"'
    lines = "".join(
        f'<text x="{_number(x)}" y="{_number(y)}" xml:space="preserve">{escape(line.translate(BAD))}</text>'
        for line, (x, y) in zip(words.lines, words.places, strict=True)
    )
    return f"<g{turn} {look}{_painted('fill', words.colour)}>{lines}</g>"


def _picture(picture: Picture, name: str) -> str:
    data = Path(picture.path).read_bytes()
    kind = kind_of(data[:HEAD])
    if kind is None:
        return ""
    left, top, right, bottom = picture.part
    width, height = picture.width / (right - left), picture.height / (bottom - top)
    x, y = picture.x + picture.width / 2, picture.y + picture.height / 2
    mirror = " ".join("-1" if each else "1" for each in picture.mirrored)
    place = f"translate({_pair((x, y))}) rotate({_number(degrees(picture.angle))}) scale({mirror})"
    box = f'x="{_number(-picture.width / 2)}" y="{_number(-picture.height / 2)}" '
    box += f'width="{_number(picture.width)}" height="{_number(picture.height)}"'
    corner = f'x="{_number(-picture.width / 2 - left * width)}" y="{_number(-picture.height / 2 - top * height)}"'
    image = (
        f'<image {corner} width="{_number(width)}" height="{_number(height)}" preserveAspectRatio="none" '
        f'opacity="{_number(picture.seen)}" href="data:{kind.value};base64,{b64encode(data).decode()}"/>'
    )
    clip = f'<clipPath id="{name}"><rect {box}/></clipPath>'
    return f'<g transform="{place}">{clip}<g clip-path="url(#{name})">{image}</g></g>'


def _painted(what: str, colour: Colour | None) -> str:
    if colour is None:
        return f' {what}="none"'
    seen = f' {what}-opacity="{_number(colour.seen)}"' if colour.seen < 1 else ""
    return f' {what}="#{colour.red:02x}{colour.green:02x}{colour.blue:02x}"{seen}'


def _pair(pair: tuple[float, float]) -> str:
    return f"{_number(pair[0])} {_number(pair[1])}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"
