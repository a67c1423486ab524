"""What a client does with the board's events, using nothing but what a client has: the reference for other clients.

`fold` keeps the `BoardView`; `Sheet` is one page's elements, fetched at some place and brought further by events.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from msgspec.structs import replace

from classroom.whiteboard.model import (
    BackgroundSet,
    BoardEvent,
    BoardView,
    Changed,
    Drawn,
    Granted,
    Opened,
    OpenTo,
    PageAdded,
    PageCleared,
    PageDuplicated,
    PageLocked,
    PageMoved,
    PageRemoved,
    PageRestored,
    PageView,
    Spotlit,
    WentTo,
    Withdrawn,
)


def fold(board: BoardView, event: BoardEvent, seq: int) -> None:
    """Bring `board` to what a newcomer after the event at `seq` would be told."""
    match event:
        case PageAdded(after=after, background=background):
            _insert(board, PageView(id=seq, at=seq, count=0, background=background, locked=False), after)
        case Granted(member=member):
            board.chosen = [id for id in board.chosen if id != member] + [member]
            board.open_to = OpenTo.CHOSEN if board.open_to is OpenTo.NOBODY else board.open_to
        case Withdrawn(member=member):
            board.chosen = [id for id in board.chosen if id != member]
        case Opened(who=who):
            board.open_to = who
        case Spotlit(region=region):
            board.spotlight = region
        case _:
            page = next((page for page in board.pages if page.id == event.page), None)
            if page is not None:
                _fold_page(board, page, event, seq)


def _fold_page(board: BoardView, page: PageView, event: BoardEvent, seq: int) -> None:
    match event:
        case Drawn(added=added):
            page.at, page.count = seq, page.count + added
        case PageMoved(to=to):
            board.pages.remove(page)
            board.pages.insert(to, page)
        case PageRemoved(current=current):
            board.pages.remove(page)
            board.current = current
            if board.spotlight is not None and board.spotlight.page == page.id:
                board.spotlight = None
        case PageDuplicated():
            _insert(board, replace(page, id=seq, at=seq, locked=False), page.id)
        case PageCleared():
            page.at, page.count = seq, 0
        case PageRestored(count=count):
            page.at, page.count = seq, count
        case WentTo():
            board.current, board.spotlight = page.id, None
        case BackgroundSet(background=background):
            page.background = background
        case PageLocked(on=on):
            page.locked = on


def _insert(board: BoardView, page: PageView, after: int | None) -> None:
    ids = [each.id for each in board.pages]
    board.pages.insert(ids.index(after) + 1 if after in ids else len(ids), page)


class Sheet:
    """A page's elements by id, as of the event at `at`. `stale`: they have to be fetched anew."""

    def __init__(self, page: int, at: int, elements: list[dict[str, Any]]) -> None:
        self.page, self.at = page, at
        self.elements = {element["id"]: element for element in elements}
        self.stale = False

    def fold(self, event: BoardEvent, seq: int) -> None:
        """Take an event in. What is not after `at` is in the elements already."""
        if self.stale or seq <= self.at or getattr(event, "page", None) != self.page:
            return
        match event:
            case Drawn(changes=changes):
                self.at = seq
                for changed in changes:
                    self._change(changed)
            case PageCleared():
                self.at, self.elements = seq, {}
            case PageRestored():
                self.stale = True

    def _change(self, changed: Changed) -> None:
        if changed.gone:
            self.elements.pop(changed.id, None)
            return
        element: dict[str, Any] = {"id": changed.id, "isDeleted": False}
        if changed.base is not None:
            element = dict(self.elements[changed.id])
            assert element["versionNonce"] == changed.base, "a delta came for another version"
        element |= {"version": changed.version, "versionNonce": changed.nonce}
        for name in changed.unset:
            element.pop(name, None)
        element |= changed.set
        if changed.points is not None:
            element["points"] = b64encode(changed.points).decode()
            element.pop("pressures", None)
        if changed.append is not None:
            element["points"] = b64encode(b64decode(element["points"]) + changed.append).decode()
        self.elements[changed.id] = element
