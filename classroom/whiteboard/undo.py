"""Undo and redo of one's own doings, from what the server keeps of them.

What always holds: a step is taken back only for elements that nobody else has changed since, as their nonces tell; whoever
folds the log has the same steps, so `decide` and `apply` pick the same one; what is kept is bounded per member, and what is
over the bound cannot be undone any more.

How: each element of a step is kept as it was before, with the nonce that it had (`was`) and the one that the step gave it
(`now`). Taking a step back is a change like any other and gives a new nonce; the step before that one, which knows the
element by its older nonce, is told the new one.
"""

from __future__ import annotations

from zlib import crc32

from classroom.whiteboard.deltas import difference, standing
from classroom.whiteboard.model import (
    UNDO_BYTES,
    UNDO_LIMIT,
    UNDO_MEMBERS,
    UNDO_STEP_BYTES,
    Board,
    Changed,
    Doings,
    Drawn,
    Page,
    Step,
    Was,
)

PER_ELEMENT = 100  # bytes that an element of a step takes besides its body


def pick(state: Board, member: str, page: Page, undo: bool) -> Step | None:
    """The newest step on the page that still has something to take back (or do again)."""
    doings = state.doings.get(member)
    steps = [] if doings is None else doings.done if undo else doings.undone
    return next((step for step in reversed(steps) if step.page == page.id and _alive(step, page)), None)


def inverse(step: Step, page: Page, seq: int) -> tuple[Changed, ...]:
    """The changes that take a step back. `seq`: the place of their event, from which their nonces are made."""
    changes = []
    for id, was in step.elements.items():
        current = standing(page, id)
        if current is None or current[1] != was.now:
            continue
        element = page.elements.get(id)
        version, nonce = current[0] + 1, crc32(f"{seq}/{id}".encode())
        if was.before is not None:
            changes.append(difference(element, id, was.before, version, nonce))
        elif element is not None:
            changes.append(Changed(id=id, version=version, nonce=nonce, gone=True))
    return tuple(changes)


def record(state: Board, page: Page, event: Drawn) -> None:
    """Take what is about to happen to the page's elements into the member's steps. Before it is applied."""
    step = Step(page=page.id, number=event.step, size=0)
    for changed in event.changes:
        before = page.elements.get(changed.id)
        current = standing(page, changed.id)
        body = before.body if before is not None else None
        step.elements[changed.id] = Was(body, current[1] if current else -1, changed.nonce)
        step.size += PER_ELEMENT + (len(body) if body is not None else 0)
    doings = _doings(state, event.by)
    if event.undo:
        _turn(state, doings, page, step, event.by, event.undo)
    else:
        doings.undone = [each for each in doings.undone if each.page != page.id]
        if not _joined(doings.done, step):
            doings.done.append(step)
    _trim(doings.done)
    _trim(doings.undone)


def record_cleared(state: Board, page: Page, by: str, undo: int) -> None:
    """Take the clearing of a page into the member's steps. Before it is applied."""
    step = Step(page=page.id, number=0, size=PER_ELEMENT, cleared=True)
    for id, element in page.elements.items():
        step.elements[id] = Was(element.body, element.nonce, element.version)
        step.size += PER_ELEMENT + len(element.body)
    doings = _doings(state, by)
    if undo:
        _drop_from(doings.undone, pick(state, by, page, False))
    else:
        doings.undone = [each for each in doings.undone if each.page != page.id]
    doings.done.append(step)
    _trim(doings.done)


def restorable(state: Board, member: str, page: Page) -> Step | None:
    """The clearing that the member would undo next."""
    step = pick(state, member, page, True)
    return step if step is not None and step.cleared else None


def record_restored(state: Board, page: Page, by: str) -> Step | None:
    """Move the clearing from what can be undone to what can be done again; what was cleared comes back."""
    step = restorable(state, by, page)
    if step is not None:
        doings = _doings(state, by)
        _drop_from(doings.done, step)
        doings.undone.append(Step(page=page.id, number=0, size=PER_ELEMENT, cleared=True))
    return step


def forget_page(state: Board, page: int) -> None:
    """Nothing on that page can be undone any more."""
    for doings in state.doings.values():
        doings.done = [step for step in doings.done if step.page != page]
        doings.undone = [step for step in doings.undone if step.page != page]


def _alive(step: Step, page: Page) -> bool:
    if step.cleared:
        return not step.elements or any(id not in page.elements for id in step.elements)
    for id, was in step.elements.items():
        current = standing(page, id)
        if current is not None and current[1] == was.now and (was.before is not None or id in page.elements):
            return True
    return False


def _turn(state: Board, doings: Doings, page: Page, step: Step, member: str, undo: int) -> None:
    """Take the picked step from one pile, put its inverse on the other, and tell those under it the new nonces."""
    source, target = (doings.done, doings.undone) if undo > 0 else (doings.undone, doings.done)
    picked = pick(state, member, page, undo > 0)
    _drop_from(source, picked)
    for id, was in step.elements.items():
        taken = picked.elements.get(id) if picked is not None else None
        under = next((each.elements[id] for each in reversed(source) if id in each.elements), None)
        # The element holds again what the step under the picked one gave it, unless others changed it in between.
        if taken is not None and under is not None and under.now == taken.was:
            under.now = was.now
    step.number = 0
    target.append(step)


def _drop_from(steps: list[Step], picked: Step | None) -> None:
    """Take the picked step away, and on its page all above it, which had nothing left to take back."""
    if picked is None:
        return
    at = next(index for index, step in enumerate(steps) if step is picked)
    steps[at:] = [step for step in steps[at + 1 :] if step.page != picked.page]


def _joined(steps: list[Step], step: Step) -> bool:
    """Whether the step goes on with the newest one: then that one has it."""
    newest = steps[-1] if steps else None
    if newest is None or not step.number or newest.number != step.number or newest.page != step.page or newest.cleared:
        return False
    for id, was in step.elements.items():
        before = newest.elements.get(id)
        if before is None:
            newest.elements[id] = was
            newest.size += PER_ELEMENT + (len(was.before) if was.before is not None else 0)
        elif before.now == was.was:
            before.now = was.now
        else:
            newest.elements[id] = was  # somebody else changed it in between, which is not taken back with it
    return True


def _doings(state: Board, member: str) -> Doings:
    """The member's steps, as those of who drew last."""
    doings = state.doings.pop(member, None) or Doings()
    state.doings[member] = doings
    while len(state.doings) > UNDO_MEMBERS:
        del state.doings[next(iter(state.doings))]
    return doings


def _trim(steps: list[Step]) -> None:
    """Keep as many of the newest as fit; a step that is too big by itself cannot be undone, but for a clearing."""
    if steps and steps[-1].size > UNDO_STEP_BYTES and not steps[-1].cleared:
        # It stays, empty and as big as it was: of what comes under its number nothing is undone, either, rather than a part.
        steps[:] = [steps[-1]]
        steps[-1].elements.clear()
    total = sum([step.size for step in steps])
    while len(steps) > UNDO_LIMIT or (total > UNDO_BYTES and len(steps) > 1):
        total -= steps.pop(0).size
