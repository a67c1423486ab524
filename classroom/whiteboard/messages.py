"""What is said on the whiteboard: commands, events and signals."""

from __future__ import annotations

from typing import Any

from classroom.kernel import Command, Event, Signal
from classroom.whiteboard.shapes import Background, Change, Changed, Gone, OpenTo, Region

# --- commands ---------------------------------------------------------------------------------------------------------


class Put(Command, frozen=True, tag="board.put"):
    """Who may draw: change elements of a page, all of them or none. What loses against a newer version changes nothing.
    `step`: changes of one member with the same number (not 0) are undone together."""

    page: int
    changes: tuple[Change, ...]
    step: int = 0


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
    """Server → client: a stroke goes on. Pieces come in order; who misses one waits for the event. `slot`: where it stands in
    the shorthand (`rooms/shorthand.py`), for who has asked for that."""

    page: int
    id: str
    by: str
    after: int
    ink: bytes
    look: dict[str, Any] | None = None
    slot: int | None = None


class InkSlot(Signal, frozen=True, tag="board.ink_slot", omit_defaults=True):
    """Server → client: what those who read the shorthand (`rooms/shorthand.py`) know of a slot, for who has just come. `look`:
    and `id` of the slot's last stroke; missing: a `board.ink_by` of the stroke under way follows. `last`: seq, at and step of
    the slot's last event."""

    slot: int
    page: int
    by: str
    look: dict[str, Any] | None = None
    last: tuple[int, int, int] | None = None
    id: str | None = None


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
BoardSignalOut = InkBy | InkSlot | CursorBy | LaserBy
