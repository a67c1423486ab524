"""What the whiteboard's commands, events and state are made of, and how much of each there may be.

An element is one of Excalidraw's, as JSON; its fields `id`, `version`, `versionNonce` and `isDeleted` stand in the change,
all others in `set`. Points are either a list in `set` (as in a file, exact) or packed (`quantise`): then the element's JSON
has a text in base64 in place of the list of points, and the pressures are in it too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

PAGES_LIMIT = 500
PAGES_AT_ONCE = 200
ELEMENTS_LIMIT = 10_000  # on a page
CHANGES_LIMIT = 1_000  # in one command
POINTS_LIMIT = 5_000  # of one element
TEXT_LIMIT = 10_000  # characters of a text element
LINK_LIMIT = 2_000
COORDINATE_LIMIT = 1_000_000  # px from the origin, and px wide or high
ELEMENT_BYTES = 200_000  # of one element as JSON
PAGE_BYTES = 8_000_000
BOARD_BYTES = 32_000_000
CHOSEN_LIMIT = 50
GRAVES_LIMIT = 2_000  # deleted elements of a page that are remembered
UNDO_LIMIT = 100  # steps of one member that can be undone
UNDO_BYTES = 256_000  # of what one member's steps hold
UNDO_STEP_BYTES = 1_000_000  # of the newest of them, where that alone holds more
UNDO_MEMBERS = 60  # whose steps are kept
INK_BYTES = 4_096  # of points in one signal
LASER_LIMIT = 64  # points in one signal
TYPES = ("rectangle", "diamond", "ellipse", "line", "arrow", "freedraw", "text", "image", "frame")


class BackgroundKind(StrEnum):
    BLANK = "blank"
    GRID = "grid"
    IMAGE = "image"
    PDF = "pdf"


class OpenTo(StrEnum):
    """Which students may draw: none, those who are chosen, all. The staff always may."""

    NOBODY = "nobody"
    CHOSEN = "chosen"
    EVERYBODY = "everybody"


class Background(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What lies under a page's elements, with its upper left corner at the origin. `file`: content hash (SHA-256 in hex) of
    an image, or of the image of `page` (from 1) of a PDF. `width`, `height`: px on the page; 0: without bounds."""

    kind: BackgroundKind = BackgroundKind.BLANK
    file: str | None = None
    page: int | None = None
    width: float = 0.0
    height: float = 0.0


class Inked(msgspec.Struct, frozen=True, array_like=True):
    """Points that passed by as ink already: its first `size` bytes, and their CRC-32. On the wire: `[size, sum]`."""

    size: int
    sum: int


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a member wants of one element.

    `version`, `nonce`: its `version` and `versionNonce` from now on. `base`: the nonce of what it was made from; missing:
    the element is given whole. `set`: fields with their new values; `unset`: fields that are no more. `points`: all its
    points, packed; `append`: packed points to add to those it has. Both are text, in base64, with either parser.
    """

    id: str
    version: int
    nonce: int
    base: int | None = None
    set: dict[str, Any] = {}
    unset: tuple[str, ...] = ()
    points: str | None = None
    append: str | None = None


class Changed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one element: as in `Change`, but `points` and `append` are bytes (base64 in JSON). `gone`: it is
    deleted, and nothing else is said. `inked`, in place of `points`: the points begin with ink that passed by, and go on
    with `append`."""

    id: str
    version: int
    nonce: int
    base: int | None = None
    set: dict[str, Any] = {}
    unset: tuple[str, ...] = ()
    points: bytes | None = None
    append: bytes | None = None
    gone: bool = False
    inked: Inked | None = None


class Region(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a page, in px."""

    page: int
    x: float
    y: float
    width: float
    height: float


class Gone(msgspec.Struct, frozen=True, array_like=True):
    """An element to delete, with the version and nonce that it has then. On the wire: `[id, version, nonce]`."""

    id: str
    version: int
    nonce: int
