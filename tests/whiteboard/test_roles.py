"""Who may do what on the board, when: every command for every role, however open the board is."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace

from classroom.kernel import SYSTEM, Rejected
from classroom.whiteboard import model as board
from tests.vectors.drawing import fields, whole
from tests.whiteboard.playing import ASHA, ENDED, HELPER, MUTED, RAVI, TEACHER, Playing

# Asha is chosen to draw, Ravi is not.
ACTORS = {"instructor": TEACHER, "assistant": HELPER, "chosen": ASHA, "student": RAVI, "system": SYSTEM}
OPEN = ("nobody", "chosen", "everybody")
COMMANDS: dict[str, board.BoardCommand] = {
    "put": board.Put(page=0, changes=(whole("new", 1, 5, fields("ellipse", 1, 1)),)),
    "delete": board.Delete(page=0, elements=(board.Gone("there", 2, 6),)),
    "undo": board.Undo(page=0),
    "redo": board.Redo(page=0),
    "add_page": board.AddPage(),
    "move_page": board.MovePage(page=0, to=1),
    "remove_page": board.RemovePage(page=0),
    "duplicate_page": board.DuplicatePage(page=0),
    "clear_page": board.ClearPage(page=0),
    "go_to": board.GoTo(page=1),
    "set_background": board.SetBackground(page=0, background=board.Background(kind=board.BackgroundKind.GRID)),
    "lock_page": board.LockPage(page=0),
    "grant": board.Grant(member="somebody"),
    "withdraw": board.Withdraw(member=ASHA.id),
    "open_to": board.Open(who=board.OpenTo.EVERYBODY),
    "spotlight": board.Spotlight(region=board.Region(page=0, x=0, y=0, width=10, height=10)),
}
DRAWING = ("put", "delete", "undo", "redo")


def outcome(actor: str, command: str, opened: str = "chosen", *, locked: bool = False, **context: object) -> str:
    """What comes of it on a board where everybody has one thing to undo, and one to do again."""
    playing = Playing()
    playing.do(TEACHER, board.AddPage())
    playing.do(TEACHER, board.Open(who=board.OpenTo.EVERYBODY))
    playing.put(TEACHER, "there")
    for member in ACTORS.values():
        playing.put(member, f"one-{member.id}")
        playing.put(member, f"two-{member.id}")
        assert playing.do(member, board.Undo(page=0))
    playing.do(TEACHER, board.Grant(member=ASHA.id))
    playing.do(TEACHER, board.Open(who=board.OpenTo(opened)))
    if locked:
        playing.do(TEACHER, board.LockPage(page=0))
    try:
        return "ok" if playing.do(ACTORS[actor], COMMANDS[command], **context) else "nothing"
    except Rejected as refusal:
        return refusal.code


def may_draw(actor: str, opened: str) -> bool:
    return actor not in ("chosen", "student") or opened == "everybody" or (actor, opened) == ("chosen", "chosen")


def test_the_table_is_whole() -> None:
    assert {type(command) for command in COMMANDS.values()} == set(get_args(board.BoardCommand))


@pytest.mark.parametrize("opened", OPEN)
@pytest.mark.parametrize("command", DRAWING)
@pytest.mark.parametrize("actor", ACTORS)
def test_staff_draw_always_and_students_as_the_board_is_open(actor: str, command: str, opened: str) -> None:
    assert outcome(actor, command, opened) == ("ok" if may_draw(actor, opened) else "forbidden")


@pytest.mark.parametrize("opened", OPEN)
@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in DRAWING])
@pytest.mark.parametrize("actor", ACTORS)
def test_pages_and_rights_are_the_staffs(actor: str, command: str, opened: str) -> None:
    changes = not (command == "open_to" and opened == "everybody")
    allowed = "ok" if changes else "nothing"
    assert outcome(actor, command, opened) == ("forbidden" if actor in ("chosen", "student") else allowed)


@pytest.mark.parametrize("command", [*DRAWING, "clear_page"])
@pytest.mark.parametrize("actor", ACTORS)
def test_a_locked_page_keeps_its_elements_from_everybody(actor: str, command: str) -> None:
    student = actor in ("chosen", "student")
    forbidden = student if command == "clear_page" else not may_draw(actor, "chosen")
    assert outcome(actor, command, locked=True) == ("forbidden" if forbidden else "locked")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ["instructor", "assistant", "system"])
@pytest.mark.parametrize("context", [MUTED, ENDED], ids=["muted", "ended"])
def test_neither_being_muted_nor_the_end_of_the_class_stops_the_staff(actor: str, command: str, context: dict) -> None:
    assert outcome(actor, command, **context) == outcome(actor, command)


@pytest.mark.parametrize("command", DRAWING)
@pytest.mark.parametrize(("context", "code"), [(MUTED, "muted"), (ENDED, "class_ended")], ids=["muted", "ended"])
def test_they_stop_students_who_draw(command: str, context: dict, code: str) -> None:
    assert outcome("chosen", command, **context) == code
    assert outcome("student", command, **context) == "forbidden"


@pytest.mark.parametrize("command", [name for name, command in COMMANDS.items() if hasattr(command, "page")])
def test_a_page_that_is_not_there_is_not_found(command: str) -> None:
    wish = replace(COMMANDS[command], page=99)  # type: ignore[type-var]
    assert Playing().refused(TEACHER, wish) == "not_found"
