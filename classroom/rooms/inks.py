"""Strokes that are being drawn, as this edge has passed them on.

What always holds: what is kept of a stroke is what every session here was sent of it, without a gap, newcomers included; so
an event that ends a stroke need not bring its points again. Strokes that nobody ends are forgotten, and there are never many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zlib import crc32

from msgspec.structs import replace

from classroom.whiteboard.model import Changed, InkBy, Inked

STROKES = 64  # drawn at once; the one that began first gives way
STROKE_BYTES = 16_384  # of one stroke
PATIENCE = 20.0  # seconds until a stroke that does not go on is forgotten

Key = tuple[int, str]


class Stroke:
    """What has passed of one."""

    __slots__ = ("by", "data", "heard", "look")

    def __init__(self, by: str, look: dict[str, Any] | None, now: float) -> None:
        self.by, self.look, self.heard = by, look, now
        self.data = bytearray()


class Inks:
    """The running strokes of one room. `now` gives seconds of a clock that never goes back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._strokes: dict[Key, Stroke] = {}

    def __len__(self) -> int:
        return len(self._strokes)

    def hear(self, ink: InkBy) -> bool:
        """Take in a piece; whether it is to be passed on: not where something is missing before it."""
        key, now = (ink.page, ink.id), self._now()
        stroke = self._strokes.get(key)
        if ink.after == 0:
            self._forget(now)
            if len(self._strokes) >= STROKES and key not in self._strokes:
                del self._strokes[next(iter(self._strokes))]
            stroke = self._strokes[key] = Stroke(ink.by, ink.look, now)
        if stroke is None or stroke.by != ink.by or len(stroke.data) != ink.after:
            return False
        if len(stroke.data) + len(ink.ink) > STROKE_BYTES:
            del self._strokes[key]
            return False
        stroke.data += ink.ink
        stroke.heard = now
        return True

    def so_far(self) -> list[InkBy]:
        """What a newcomer must be sent to go on from here like all others."""
        self._forget(self._now())
        return [
            InkBy(page=page, id=id, by=stroke.by, after=0, ink=bytes(stroke.data), look=stroke.look)
            for (page, id), stroke in self._strokes.items()
        ]

    def ended(self, page: int, changed: Changed, unsent: int | None) -> Changed:
        """The change with a reference in place of the ink that has passed here, and the rest in `append`. `unsent`: from
        where on the ink has been heard, but not sent yet; None: all of it was sent."""
        stroke = self._strokes.pop((page, changed.id), None)
        if stroke is None or changed.points is None:
            return changed
        sent = bytes(stroke.data[:unsent])
        if not sent or not changed.points.startswith(sent):
            return changed
        return replace(
            changed, points=None, append=changed.points[len(sent) :] or None, inked=Inked(len(sent), crc32(sent))
        )

    def _forget(self, now: float) -> None:
        for key, stroke in list(self._strokes.items()):
            if now - stroke.heard > PATIENCE:
                del self._strokes[key]
