"""What an element's fields may be: Excalidraw's open format, held to what can do no harm.

What always holds of fields that pass: all numbers are finite and none is huge, nothing is nested deep, types are known,
links lead to the web or to a mailbox, colours are colours, points are pairs. Fields that are not known pass as they are, as
long as they are JSON, so that a file goes in and out unchanged.
"""

from __future__ import annotations

import re
from typing import Any

from classroom.kernel import Rejected
from classroom.whiteboard.model import COORDINATE_LIMIT, LINK_LIMIT, POINTS_LIMIT, TEXT_LIMIT, TYPES

RESERVED = frozenset(("id", "version", "versionNonce", "isDeleted"))  # they stand in the change itself
NEEDED = ("type", "x", "y", "width", "height")
PATHS = ("freedraw", "line", "arrow")  # elements with points
DEPTH = 6
FIELDS = 100
STRING = 2_000
NUMBER = 1e15
_ID = re.compile(r"[A-Za-z0-9_:.-]{1,64}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LINK = re.compile(r"https?://[^\s/?#\\@\x00-\x1f]+([/?#][^\s\x00-\x1f]*)?|mailto:[^\s/\\\x00-\x1f]+", re.IGNORECASE)
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{1,32}|(?:rgb|hsl|oklch|oklab|lab|lch)a?\([0-9a-zA-Z.,%/ -]{1,64}\)|")
_INDEX = re.compile(r"[A-Za-z0-9]{1,128}")
_FILE = re.compile(r"[A-Za-z0-9_-]{1,128}")
RANGES: dict[str, tuple[float, float]] = {
    "x": (-COORDINATE_LIMIT, COORDINATE_LIMIT),
    "y": (-COORDINATE_LIMIT, COORDINATE_LIMIT),
    "width": (-COORDINATE_LIMIT, COORDINATE_LIMIT),
    "height": (-COORDINATE_LIMIT, COORDINATE_LIMIT),
    "angle": (-1_000, 1_000),
    "opacity": (0, 100),
    "strokeWidth": (0, 1_000),
    "roughness": (0, 100),
    "fontSize": (0, 10_000),
    "lineHeight": (0, 100),
}
PATTERNS: dict[str, tuple[re.Pattern[str], str]] = {
    "link": (_LINK, "A link leads to http://, https:// or mailto:."),
    "strokeColor": (_COLOUR, "That is not a colour."),
    "backgroundColor": (_COLOUR, "That is not a colour."),
    "index": (_INDEX, "An index is written in letters and digits."),
    "fileId": (_FILE, "That is not the id of a file."),
}


def check_id(id: str) -> None:
    """Refuse an id that is none."""
    if not _ID.fullmatch(id):
        raise _refused("An element's id has 1 to 64 letters, digits and _ : . -")


def check_whole(fields: dict[str, Any]) -> None:
    """Refuse a new element that lacks what every element has."""
    missing = [name for name in NEEDED if name not in fields]
    if missing:
        raise _refused(f"An element needs {', '.join(missing)}.")


def check_fields(fields: dict[str, Any]) -> None:
    """Refuse values that an element may not have."""
    if len(fields) > FIELDS:
        raise _refused(f"An element has at most {FIELDS} fields.")
    for name, value in fields.items():
        if not isinstance(name, str) or not _FIELD.fullmatch(name) or name in RESERVED:
            raise _refused("That is not a field that can be set.")
        _check(name, value)


def _check(name: str, value: Any) -> None:
    if name in RANGES:
        least, most = RANGES[name]
        if not _is_number(value) or not least <= value <= most:
            raise _refused(f"{name} is a number from {least:g} to {most:g}.")
    elif name == "type":
        if value not in TYPES:
            raise _refused("There are no elements of that type here.")
    elif name == "points":
        _check_points(value)
    elif name in ("text", "originalText"):
        if not isinstance(value, str):
            raise _refused(f"{name} is a text.")
        if len(value) > TEXT_LIMIT:
            raise Rejected("too_long", f"A text has at most {TEXT_LIMIT} characters.")
    elif name in PATTERNS:
        pattern, sentence = PATTERNS[name]
        if value is not None and not (isinstance(value, str) and len(value) <= LINK_LIMIT and pattern.fullmatch(value)):
            raise _refused(sentence)
    else:
        _check_json(value, DEPTH)


def _check_points(value: Any) -> None:
    if not isinstance(value, list | tuple):
        raise _refused("points is a list of points.")
    if len(value) > POINTS_LIMIT:
        raise _refused(f"An element has at most {POINTS_LIMIT} points.")
    for point in value:
        if not isinstance(point, list | tuple) or not 2 <= len(point) <= 3:
            raise _refused("A point is two numbers.")
        if not all(_is_number(each) and -COORDINATE_LIMIT <= each <= COORDINATE_LIMIT for each in point):
            raise _refused("A point is too far away.")


def _check_json(value: Any, depth: int) -> None:
    """JSON, bounded; what MessagePack knows besides is refused."""
    match value:
        case None | bool():
            return
        case int() | float():
            if not _is_number(value):
                raise _refused("Numbers are finite, and none is huge.")
        case str():
            if len(value) > STRING:
                raise _refused(f"A text in an element has at most {STRING} characters.")
            if value.lstrip().lower().startswith(("javascript:", "vbscript:", "data:text/html")):
                raise _refused("No scripts.")
        case list() | tuple():
            if depth == 0 or len(value) > POINTS_LIMIT:
                raise _refused("That is nested too deep, or too long.")
            for each in value:
                _check_json(each, depth - 1)
        case dict():
            if depth == 0 or len(value) > FIELDS:
                raise _refused("That is nested too deep, or has too many fields.")
            for name, each in value.items():
                if not isinstance(name, str) or len(name) > 64:
                    raise _refused("Fields have names.")
                if name == "link":
                    _check(name, each)
                else:
                    _check_json(each, depth - 1)
        case _:
            raise _refused("An element is JSON.")


def _is_number(value: Any) -> bool:
    # No comparison holds for what is not a number, and a whole number may be too big to be a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= NUMBER


def _refused(sentence: str) -> Rejected:
    return Rejected("bad_request", sentence if sentence.endswith(".") else f"{sentence}.")
