"""The whiteboard's rules.

What always holds: an element is what the last writer by `(version, nonce)` made it, whoever else wrote meanwhile: a higher
version wins, of equal ones the lower nonce; what loses leaves no trace, and a deleted element comes back only by a higher
version. What is in the log is valid: all numbers finite and within bounds, known types, links that lead to the web.

What a client does with each event (it holds `BoardView`, and the elements of the pages it looks at):

- `board.drawn`: set `at` of the page to the event's seq, add `added` to its `count`, and apply the changes to its elements.
- `board.page_added`: insert an empty page with `id` = `at` = the seq, after `after`.
- `board.page_moved`: take the page out of `pages` and insert it at the index `to`.
- `board.page_removed`: take it out; `current` from the event; drop a `spotlight` on it.
- `board.page_duplicated`: insert a copy of the page's view right after it, with `id` = `at` = the seq.
- `board.page_cleared`: `count` 0, `at` = the seq, no elements.
- `board.page_restored`: `count` from the event, `at` = the seq; fetch the elements anew.
- `board.went_to`: `current`, and no `spotlight`.
- `board.background_set`, `board.page_locked`: set `background`, or `locked` = `on`.
- `board.granted`: take the member out of `chosen`, if they are in it, and append them; an `open_to` of nobody
  becomes chosen. `board.withdrawn`: take them out.
- `board.opened_to`: `open_to` = `who`. `board.spotlit`: `spotlight` = `region`.
"""

from __future__ import annotations

from collections.abc import Iterable

from classroom.kernel import Context, Event, Meta, Phase, Rejected, Role, need_staff, unreachable
from classroom.whiteboard import deltas, undo
from classroom.whiteboard.model import (
    BOARD_BYTES,
    CHANGES_LIMIT,
    CHOSEN_LIMIT,
    COORDINATE_LIMIT,
    ELEMENTS_LIMIT,
    LASER_LIMIT,
    PAGE_BYTES,
    PAGES_AT_ONCE,
    PAGES_LIMIT,
    AddPage,
    Background,
    BackgroundKind,
    BackgroundSet,
    Board,
    BoardCommand,
    BoardEvent,
    BoardSignal,
    BoardSignalOut,
    BoardView,
    Change,
    Changed,
    ClearPage,
    Cursor,
    CursorBy,
    Delete,
    Drawn,
    DuplicatePage,
    Element,
    Gone,
    GoTo,
    Grant,
    Granted,
    Ink,
    InkBy,
    Laser,
    LaserBy,
    LockPage,
    MovePage,
    Open,
    Opened,
    OpenTo,
    Page,
    PageAdded,
    PageCleared,
    PageDuplicated,
    PageLocked,
    PageMoved,
    PageRemoved,
    PageRestored,
    PageView,
    Put,
    Redo,
    Region,
    RemovePage,
    SetBackground,
    Spotlight,
    Spotlit,
    Step,
    Undo,
    WentTo,
    Withdraw,
    Withdrawn,
)

__all__ = ["apply", "decide", "may_draw", "passed_on", "show"]

STEP_LIMIT = 1 << 53


def decide(state: Board, command: BoardCommand, context: Context) -> list[Event]:
    """What `command` makes happen; nothing where it changes nothing. Reads only; raises `Rejected`."""
    match command:
        case Put() | Delete():
            return _draw(state, command, context)
        case Undo(page=id) | Redo(page=id):
            return _turn_back(state, _page(state, id), isinstance(command, Undo), context)
        case Grant(member=member) | Withdraw(member=member):
            return _choose(state, member, isinstance(command, Grant), context)
        case Open(who=who):
            need_staff(context, "say who may draw")
            return [] if who is state.open_to else [Opened(who=who)]
        case Spotlight(region=region):
            need_staff(context, "point the class at a region")
            if region is not None:
                _check_region(state, region)
            return [] if region == state.spotlight else [Spotlit(region=region)]
        case _:
            need_staff(context, "change the pages of the board")
            return _turn_pages(state, command, context)


def may_draw(state: Board, member: str, role: Role) -> bool:
    """Whether the member may draw on pages that are not locked."""
    return (
        role.staff or state.open_to is OpenTo.EVERYBODY or (state.open_to is OpenTo.CHOSEN and member in state.chosen)
    )


def apply(state: Board, event: BoardEvent, meta: Meta) -> None:
    """Fold one event in. Does nothing where the page is unknown."""
    match event:
        case PageAdded(after=after, background=background):
            _insert(state, Page(id=meta.seq, background=background, at=meta.seq), after)
        case Granted(member=member):
            state.chosen = [id for id in state.chosen if id != member] + [member]
            if state.open_to is OpenTo.NOBODY:
                state.open_to = OpenTo.CHOSEN
        case Withdrawn(member=member):
            state.chosen = [id for id in state.chosen if id != member]
        case Opened(who=who):
            state.open_to = who
        case Spotlit(region=region):
            state.spotlight = region
        case _:
            page = state.pages.get(event.page)
            if page is not None:
                _apply_to(state, page, event, meta)


def show(state: Board) -> BoardView:
    """The board as everybody sees it."""
    pages = (state.pages[id] for id in state.order)
    return BoardView(
        pages=[
            PageView(id=page.id, at=page.at, count=len(page.elements), background=page.background, locked=page.locked)
            for page in pages
        ],
        current=state.current,
        open_to=state.open_to,
        chosen=list(state.chosen),
        spotlight=state.spotlight,
    )


# --- elements ---------------------------------------------------------------------------------------------------------


def _draw(state: Board, command: Put | Delete, context: Context) -> list[Event]:
    page = _page(state, command.page)
    _need_pen(state, page, context)
    wishes = command.changes if isinstance(command, Put) else command.elements
    if len(wishes) > CHANGES_LIMIT:
        raise Rejected("too_many", f"At most {CHANGES_LIMIT} elements can be changed at once.")
    if len({wish.id for wish in wishes}) != len(wishes):
        raise Rejected("bad_request", "An element can be changed only once in a command.")
    if not 0 <= command.step < STEP_LIMIT:
        raise Rejected("bad_request", "A step is a whole number from 0 on.")
    changes = [changed for wish in wishes if (changed := _judge(page, wish)) is not None]
    if not changes:
        return []
    added = _check_room(state, page, changes)
    return [Drawn(page=page.id, by=context.actor.id, changes=tuple(changes), added=added, step=command.step)]


def _judge(page: Page, wish: Change | Gone) -> Changed | None:
    if not isinstance(wish, Gone):
        return deltas.judge(page, wish)
    if not deltas.check_gone(wish.id, wish.version, wish.nonce, page):
        return None
    return Changed(id=wish.id, version=wish.version, nonce=wish.nonce, gone=True)


def _check_room(state: Board, page: Page, changes: list[Changed] | tuple[Changed, ...]) -> int:
    """By how many elements the page has more. Raises `Rejected("too_many")` where there is no room for what comes."""
    added = sum(not each.gone and each.id not in page.elements for each in changes)
    gone = sum(each.gone and each.id in page.elements for each in changes)
    if added > gone and len(page.elements) + added - gone > ELEMENTS_LIMIT:
        raise Rejected("too_many", f"This page is full: it has {ELEMENTS_LIMIT} elements. Take another page.")
    before = sum(len(page.elements[each.id].body) for each in changes if each.id in page.elements)
    after = sum(len(deltas.merged(page.elements.get(each.id), each)) for each in changes if not each.gone)
    if after > before:
        if page.size + after - before > PAGE_BYTES:
            raise Rejected("too_many", "This page is full: too much is drawn on it. Take another page.")
        if sum(each.size for each in state.pages.values()) + after - before > BOARD_BYTES:
            raise Rejected("too_many", "This board is full. Remove pages that are not needed any more.")
    return added - gone


def _turn_back(state: Board, page: Page, backwards: bool, context: Context) -> list[Event]:
    _need_pen(state, page, context)
    by = context.actor.id
    step = undo.pick(state, by, page, backwards)
    if step is None:
        return []
    if step.cleared and backwards:
        count = len(step.elements.keys() | page.elements.keys())
        size = sum(len(was.before or b"") for id, was in step.elements.items() if id not in page.elements)
        if count > ELEMENTS_LIMIT or page.size + size > PAGE_BYTES:
            raise Rejected("too_many", "There is no room on this page for what was cleared.")
        return [PageRestored(page=page.id, by=by, count=count)]
    if step.cleared:
        return [PageCleared(page=page.id, by=by, undo=-1)] if page.elements else []
    changes = undo.inverse(step, page, context.seq)
    added = _check_room(state, page, changes)
    return [Drawn(page=page.id, by=by, changes=changes, added=added, undo=1 if backwards else -1)]


def _need_pen(state: Board, page: Page, context: Context) -> None:
    """Refuse who may not draw on the page now."""
    actor = context.actor
    if not may_draw(state, actor.id, actor.role):
        raise Rejected("forbidden", "You may not draw on the board.")
    if not actor.role.staff:
        if context.muted_until > context.now:
            raise Rejected("muted", "You are muted by the staff.", temporary=True, until=context.muted_until)
        if context.phase is Phase.ENDED:
            raise Rejected("class_ended", "The class has ended.")
    if page.locked:
        raise Rejected("locked", "This page is locked.", temporary=True)


def passed_on(state: Board, signal: BoardSignal, context: Context) -> BoardSignalOut:
    """A signal of who may draw, as all are sent it. Raises `Rejected`."""
    page = _page(state, signal.page)
    _need_pen(state, page, context)
    by = context.actor.id
    match signal:
        case Ink(id=id, after=after, look=look):
            return InkBy(page=page.id, id=id, by=by, after=after, ink=deltas.check_ink(signal), look=look)
        case Cursor(x=x, y=y):
            _check_places((x, y))
            return CursorBy(page=page.id, by=by, x=x, y=y)
        case Laser(points=points):
            if not 0 < len(points) <= LASER_LIMIT:
                raise Rejected("bad_request", f"A laser pointer goes through 1 to {LASER_LIMIT} points.")
            _check_places([number for point in points for number in point])
            return LaserBy(page=page.id, by=by, points=points)
        case _:
            return unreachable(signal)


def _check_places(numbers: Iterable[float]) -> None:
    if not all(abs(number) <= COORDINATE_LIMIT for number in numbers):  # which no NaN is
        raise Rejected("bad_request", "That place is too far away.")


# --- pages and rights -------------------------------------------------------------------------------------------------

PageCommand = AddPage | MovePage | RemovePage | DuplicatePage | ClearPage | GoTo | SetBackground | LockPage


def _turn_pages(state: Board, command: PageCommand, context: Context) -> list[Event]:
    if isinstance(command, AddPage):
        return _add(state, command, context)
    page = _page(state, command.page)
    match command:
        case MovePage(to=to):
            if not 0 <= to < len(state.order):
                raise Rejected("bad_request", "There is no such place among the pages.")
            return [] if state.order.index(page.id) == to else [PageMoved(page=page.id, to=to)]
        case RemovePage():
            return _remove(state, page)
        case DuplicatePage():
            _need_pages(state, 1)
            if sum(each.size for each in state.pages.values()) + page.size > BOARD_BYTES:
                raise Rejected("too_many", "This board is full. Remove pages that are not needed any more.")
            return [PageDuplicated(page=page.id)]
        case ClearPage():
            if page.locked:
                raise Rejected("locked", "This page is locked.", temporary=True)
            return [PageCleared(page=page.id, by=context.actor.id)] if page.elements else []
        case GoTo():
            return [] if page.id == state.current else [WentTo(page=page.id)]
        case SetBackground(background=background):
            _check_background(background)
            return [] if background == page.background else [BackgroundSet(page=page.id, background=background)]
        case LockPage(on=on):
            return [] if on is page.locked else [PageLocked(page=page.id, on=on)]
        case _:
            return unreachable(command)


def _add(state: Board, command: AddPage, context: Context) -> list[Event]:
    if not 1 <= len(command.backgrounds) <= PAGES_AT_ONCE:
        raise Rejected("too_many", f"Add 1 to {PAGES_AT_ONCE} pages at once.")
    _need_pages(state, len(command.backgrounds))
    for background in command.backgrounds:
        _check_background(background)
    after = command.after
    if after is not None:
        _page(state, after)
    events: list[Event] = []
    for number, background in enumerate(command.backgrounds):
        events.append(PageAdded(after=after, background=background))
        after = context.seq + number if after is not None else None
    return events


def _remove(state: Board, page: Page) -> list[Event]:
    if len(state.order) == 1:
        raise Rejected("wrong_state", "The last page stays.")
    current = state.current
    if current == page.id:
        place = state.order.index(page.id)
        current = (state.order[place + 1 :] or state.order[:place])[0 if place + 1 < len(state.order) else -1]
    return [PageRemoved(page=page.id, current=current)]


def _need_pages(state: Board, more: int) -> None:
    if len(state.order) + more > PAGES_LIMIT:
        raise Rejected("too_many", f"A board has at most {PAGES_LIMIT} pages.")


def _choose(state: Board, member: str, on: bool, context: Context) -> list[Event]:
    need_staff(context, "say who may draw")
    if not 1 <= len(member) <= 64 or not member.isprintable():
        raise Rejected("bad_request", "That is not a member's id.")
    if not on:
        return [Withdrawn(member=member)] if member in state.chosen else []
    if member in state.chosen:
        return [] if state.open_to is not OpenTo.NOBODY else [Granted(member=member)]
    if len(state.chosen) >= CHOSEN_LIMIT:
        raise Rejected("too_many", f"At most {CHOSEN_LIMIT} members can be chosen to draw.")
    return [Granted(member=member)]


def _check_background(background: Background) -> None:
    needs_file = background.kind in (BackgroundKind.IMAGE, BackgroundKind.PDF)
    if needs_file != (background.file is not None) or (background.kind is BackgroundKind.PDF) != (
        background.page is not None
    ):
        raise Rejected("bad_request", "An image needs a file, a page of a PDF a file and a page, and others neither.")
    if background.file is not None and not _is_hash(background.file):
        raise Rejected("bad_request", "A file is named by its SHA-256, in 64 hexadecimal digits.")
    if background.page is not None and not 1 <= background.page <= 100_000:
        raise Rejected("bad_request", "Pages are counted from 1.")
    if not all(0 <= size <= COORDINATE_LIMIT for size in (background.width, background.height)):
        raise Rejected("bad_request", "A page cannot be that wide or high.")


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdef" for digit in text)


def _check_region(state: Board, region: Region) -> None:
    _page(state, region.page)
    numbers = (region.x, region.y, region.width, region.height)
    _check_places(numbers)
    if region.width <= 0 or region.height <= 0:
        raise Rejected("bad_request", "A region has a width and a height.")


# --- folding ----------------------------------------------------------------------------------------------------------

PageEvent = (
    Drawn | PageMoved | PageRemoved | PageDuplicated | PageCleared | PageRestored | WentTo | BackgroundSet | PageLocked
)


def _apply_to(state: Board, page: Page, event: PageEvent, meta: Meta) -> None:
    match event:
        case Drawn():
            undo.record(state, page, event)
            for changed in event.changes:
                deltas.put(page, changed)
            page.at = meta.seq
        case PageMoved(to=to):
            state.order.remove(page.id)
            state.order.insert(to, page.id)
        case PageRemoved(current=current):
            state.order.remove(page.id)
            del state.pages[page.id]
            undo.forget_page(state, page.id)
            state.current = current
            if state.spotlight is not None and state.spotlight.page == page.id:
                state.spotlight = None
        case PageDuplicated():
            copy = Page(id=meta.seq, background=page.background, at=meta.seq, size=page.size)
            # A body is never changed, only replaced: the copy may have the same ones.
            copy.elements = {id: Element(each.version, each.nonce, each.body) for id, each in page.elements.items()}
            _insert(state, copy, page.id)
        case PageCleared(by=by):
            undo.record_cleared(state, page, by, event.undo)
            for id, element in page.elements.items():
                deltas.bury(page, id, element.version, element.nonce)
            page.elements, page.size, page.at = {}, 0, meta.seq
        case PageRestored(by=by):
            _restore(page, undo.record_restored(state, page, by))
            page.at = meta.seq
        case WentTo():
            state.current, state.spotlight = page.id, None
        case BackgroundSet(background=background):
            page.background = background
        case PageLocked(on=on):
            page.locked = on
        case _:
            unreachable(event)


def _restore(page: Page, step: Step | None) -> None:
    """Put back what was cleared, as it was; what has been drawn since stays."""
    for id, was in step.elements.items() if step is not None else ():
        if was.before is not None and id not in page.elements:
            page.elements[id] = Element(was.now, was.was, was.before)
            page.size += len(was.before)
            page.graves.pop(id, None)


def _insert(state: Board, page: Page, after: int | None) -> None:
    state.pages[page.id] = page
    place = state.order.index(after) + 1 if after in state.order else len(state.order)
    state.order.insert(place, page.id)


def _page(state: Board, id: int) -> Page:
    page = state.pages.get(id)
    if page is None:
        raise Rejected("not_found", "There is no such page.")
    return page
