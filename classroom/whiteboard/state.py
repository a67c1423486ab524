"""The whiteboard's state, and what a member sees of it.

A page's id is the `seq` of its `board.page_added` (or `board.page_duplicated`); every board begins with one blank page, 0.
Elements are not in a welcome: who looks at a page fetches it at the place of its last change (`PageView.at`).
"""

from __future__ import annotations

import msgspec

from classroom.whiteboard.shapes import Background, OpenTo, Region


class Element(msgspec.Struct, array_like=True):
    """An element as the server keeps it: `body` is its whole JSON, so that a page is put together without looking into it."""

    version: int
    nonce: int
    body: bytes


class Page(msgspec.Struct, array_like=True):
    """`at`: the seq of the last change of its elements. `graves`: version and nonce of deleted elements, newest last.
    `size`: bytes of all bodies."""

    id: int
    background: Background = Background()
    locked: bool = False
    at: int = 0
    size: int = 0
    elements: dict[str, Element] = {}
    graves: dict[str, tuple[int, int]] = {}


class Was(msgspec.Struct, array_like=True):
    """What one step did to an element: its body before (None: it was not there) with the nonce that it had, and the nonce
    that the step gave it."""

    before: bytes | None
    was: int
    now: int


class Step(msgspec.Struct, array_like=True):
    """What can be taken back at once. `cleared`: it was the clearing of the page."""

    page: int
    number: int
    size: int
    elements: dict[str, Was] = {}
    cleared: bool = False


class Doings(msgspec.Struct, array_like=True):
    """One member's steps that can be undone and redone, newest last."""

    done: list[Step] = []
    undone: list[Step] = []


class Board(msgspec.Struct):
    """The state. `order`: the pages' ids as they stand; `chosen`: ids of members; `doings` by member, latest last."""

    pages: dict[int, Page] = msgspec.field(default_factory=lambda: {0: Page(id=0)})
    order: list[int] = msgspec.field(default_factory=lambda: [0])
    current: int = 0
    open_to: OpenTo = OpenTo.CHOSEN
    chosen: list[str] = []
    spotlight: Region | None = None
    doings: dict[str, Doings] = {}


class PageView(msgspec.Struct):
    """A page without its elements, which are at `/api/rooms/{room}/board/{id}@{at}`. `count`: how many they are."""

    id: int
    at: int
    count: int
    background: Background
    locked: bool


class BoardView(msgspec.Struct):
    """What everybody sees. `pages` in order; `current`: the one that the class looks at."""

    pages: list[PageView]
    current: int
    open_to: OpenTo
    chosen: list[str]
    spotlight: Region | None
