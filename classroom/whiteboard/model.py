"""The whiteboard's types: commands, events, signals, state, and what a member sees of it.

A page's id is the `seq` of its `board.page_added` (or `board.page_duplicated`); every board begins with one blank page, 0.
An element is one of Excalidraw's, as JSON; its fields `id`, `version`, `versionNonce` and `isDeleted` stand in the change,
all others in `set`. Points are either a list in `set` (as in a file, exact) or packed (`quantise`): then the element's JSON
has a text in base64 in place of the list of points, and the pressures are in it too.

Elements are not in a welcome: who looks at a page fetches it at the place of its last change (`PageView.at`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from classroom.kernel import Command, Event, Signal

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


# --- commands ---------------------------------------------------------------------------------------------------------


class Put(Command, frozen=True, tag="board.put"):
    """Who may draw: change elements of a page, all of them or none. What loses against a newer version changes nothing.
    `step`: changes of one member with the same number (not 0) are undone together."""

    page: int
    changes: tuple[Change, ...]
    step: int = 0


class Gone(msgspec.Struct, frozen=True, array_like=True):
    """An element to delete, with the version and nonce that it has then. On the wire: `[id, version, nonce]`."""

    id: str
    version: int
    nonce: int


class Delete(Command, frozen=True, tag="board.delete"):
    """Who may draw: delete elements of a page."""

    page: int
    elements: tuple[Gone, ...]
    step: int = 0


class AddPage(Command, frozen=True, tag="board.add_page"):
    """Staff: add pages, one for each of `backgrounds`, after the page `after` (missing: at the end)."""

    after: int | None = None
    backgrounds: tuple[Background, ...] = (Background(),)


class MovePage(Command, frozen=True, tag="board.move_page"):
    """Staff: put a page at the index `to` (from 0, counted without the page itself)."""

    page: int
    to: int


class RemovePage(Command, frozen=True, tag="board.remove_page"):
    """Staff: take a page away for good. The last one stays."""

    page: int


class DuplicatePage(Command, frozen=True, tag="board.duplicate_page"):
    """Staff: a copy of a page, right after it."""

    page: int


class ClearPage(Command, frozen=True, tag="board.clear_page"):
    """Staff: delete all elements of a page. It can be undone."""

    page: int


class GoTo(Command, frozen=True, tag="board.go_to"):
    """Staff: the class looks at this page."""

    page: int


class SetBackground(Command, frozen=True, tag="board.set_background"):
    """Staff: what lies under the page's elements."""

    page: int
    background: Background


class LockPage(Command, frozen=True, tag="board.lock_page"):
    """Staff: nobody draws on this page, or they may again."""

    page: int
    on: bool = True


class Grant(Command, frozen=True, tag="board.grant"):
    """Staff: choose a member to draw. Where the board was open to nobody it is open to the chosen from now on."""

    member: str


class Withdraw(Command, frozen=True, tag="board.withdraw"):
    """Staff: the member is not chosen any more."""

    member: str


class Open(Command, frozen=True, tag="board.open_to"):
    """Staff: which students may draw."""

    who: OpenTo


class Undo(Command, frozen=True, tag="board.undo"):
    """Take back one's own newest step on a page, but for elements that others have changed since."""

    page: int


class Redo(Command, frozen=True, tag="board.redo"):
    """Do again what one undid last on a page."""

    page: int


class Spotlight(Command, frozen=True, tag="board.spotlight"):
    """Staff: have the class look at a region; missing: at nothing in particular."""

    region: Region | None = None


BoardCommand = (
    Put
    | Delete
    | AddPage
    | MovePage
    | RemovePage
    | DuplicatePage
    | ClearPage
    | GoTo
    | SetBackground
    | LockPage
    | Grant
    | Withdraw
    | Open
    | Undo
    | Redo
    | Spotlight
)


# --- events -----------------------------------------------------------------------------------------------------------


class Drawn(Event, frozen=True, tag="board.drawn"):
    """Elements of a page have changed. `by`: a member's id. `added`: by how many elements the page has more. `undo`: 1: it
    takes back an own step, -1: it does one again."""

    page: int
    by: str
    changes: tuple[Changed, ...]
    added: int = 0
    step: int = 0
    undo: int = 0


class PageAdded(Event, frozen=True, tag="board.page_added"):
    """The page's id is this event's seq. `after`: the page that it follows; missing: it is the last."""

    after: int | None = None
    background: Background = Background()


class PageMoved(Event, frozen=True, tag="board.page_moved"):
    page: int
    to: int


class PageRemoved(Event, frozen=True, tag="board.page_removed"):
    """`current`: the page that the class looks at from now on."""

    page: int
    current: int


class PageDuplicated(Event, frozen=True, tag="board.page_duplicated"):
    """The copy's id is this event's seq; it stands right after `page`."""

    page: int


class PageCleared(Event, frozen=True, tag="board.page_cleared"):
    """`undo`: as in `board.drawn`."""

    page: int
    by: str
    undo: int = 0


class PageRestored(Event, frozen=True, tag="board.page_restored"):
    """`by` has undone the clearing of a page: what was cleared is there again, `count` elements in all. Fetch it anew."""

    page: int
    by: str
    count: int


class WentTo(Event, frozen=True, tag="board.went_to"):
    page: int


class BackgroundSet(Event, frozen=True, tag="board.background_set"):
    page: int
    background: Background


class PageLocked(Event, frozen=True, tag="board.page_locked"):
    page: int
    on: bool = True


class Granted(Event, frozen=True, tag="board.granted"):
    member: str


class Withdrawn(Event, frozen=True, tag="board.withdrawn"):
    member: str


class Opened(Event, frozen=True, tag="board.opened_to"):
    who: OpenTo


class Spotlit(Event, frozen=True, tag="board.spotlit"):
    """`region` missing: the spotlight is off."""

    region: Region | None = None


BoardEvent = (
    Drawn
    | PageAdded
    | PageMoved
    | PageRemoved
    | PageDuplicated
    | PageCleared
    | PageRestored
    | WentTo
    | BackgroundSet
    | PageLocked
    | Granted
    | Withdrawn
    | Opened
    | Spotlit
)


# --- signals ----------------------------------------------------------------------------------------------------------


class Ink(Signal, frozen=True, tag="board.ink", forbid_unknown_fields=True):
    """Client → server, while the pen is down: points of a stroke since the last, packed, in base64. `after`: how many bytes
    of it went before. With the first (`after` 0) comes `look`: the element's fields, as `set` of the `board.put` to come."""

    page: int
    id: str
    after: int
    ink: str
    look: dict[str, Any] | None = None


class Cursor(Signal, frozen=True, tag="board.cursor", forbid_unknown_fields=True):
    """Client → server: where the pointer of who may draw is, in px."""

    page: int
    x: float
    y: float


class Laser(Signal, frozen=True, tag="board.laser", forbid_unknown_fields=True):
    """Client → server: where the laser pointer went since the last, oldest first, in px."""

    page: int
    points: tuple[tuple[float, float], ...]


class InkBy(Signal, frozen=True, tag="board.ink_by", omit_defaults=True):
    """Server → client: a stroke goes on. Pieces come in order; who misses one waits for the event."""

    page: int
    id: str
    by: str
    after: int
    ink: bytes
    look: dict[str, Any] | None = None


class CursorBy(Signal, frozen=True, tag="board.cursor_by"):
    """Server → client: a member's pointer. It fades after 5 s without another."""

    page: int
    by: str
    x: float
    y: float


class LaserBy(Signal, frozen=True, tag="board.laser_by"):
    """Server → client: a member's laser pointer. Its trail fades within a second."""

    page: int
    by: str
    points: tuple[tuple[float, float], ...]


BoardSignal = Ink | Cursor | Laser
BoardSignalOut = InkBy | CursorBy | LaserBy


# --- state ------------------------------------------------------------------------------------------------------------


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
