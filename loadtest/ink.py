"""Ink that a member has been shown, and the points that events speak of with it.

What always holds: what is at hand of a stroke has no gap, whatever pieces came twice; a stroke is forgotten when an event
ends it.
"""

from __future__ import annotations

import zlib
from typing import Any

STROKES = 256  # at hand at once: of those that nobody ends the oldest give way


class Ink:
    """The strokes under way."""

    __slots__ = ("_strokes",)

    def __init__(self) -> None:
        self._strokes: dict[tuple[int, str], bytearray] = {}

    def hear(self, signal: dict[str, Any]) -> None:
        """Take in a `board.ink_by`. Where something is missing before it the stroke is let be."""
        key, after, piece = (signal["page"], signal["id"]), signal["after"], signal["ink"]
        stroke = self._strokes.setdefault(key, bytearray())
        if after <= len(stroke):
            stroke[after : after + len(piece)] = piece
        if len(self._strokes) > STROKES:
            del self._strokes[next(iter(self._strokes))]

    def end(self, page: int, change: dict[str, Any]) -> bool:
        """Put the points into a change that speaks of ink, in place of that; whether they are at hand, as they should be."""
        stroke = self._strokes.pop((page, change["id"]), b"")
        if "inked" not in change:
            return True
        size, total = change["inked"]
        sent = bytes(stroke[:size])
        if len(sent) < size or zlib.crc32(sent) != total:
            return False
        del change["inked"]
        change["points"] = sent + change.pop("append", b"")
        return True
