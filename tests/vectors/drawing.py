"""Lessons on the whiteboard: one that does everything once, and random drawing by several at once."""

from __future__ import annotations

from base64 import b64encode
from random import Random
from typing import Any

from classroom.kernel import Member, Rejected
from classroom.whiteboard import model as board
from classroom.whiteboard.deltas import standing
from classroom.whiteboard.quantise import Packer, pack
from tests.vectors.lesson import ASHA, HELPER, RAVI, TEACHER, ZOYA, Lesson

HASH = "0f" * 32


def fields(type: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    """An element's fields, as Excalidraw has them."""
    return {
        "type": type,
        "x": x,
        "y": y,
        "width": 120,
        "height": 80.5,
        "angle": 0,
        "strokeColor": "#1e1e1e",
        "backgroundColor": "transparent",
        "fillStyle": "solid",
        "strokeWidth": 2,
        "strokeStyle": "solid",
        "roughness": 1,
        "opacity": 100,
        "groupIds": [],
        "frameId": None,
        "index": "a0",
        "roundness": None,
        "seed": 1_968_410_350,
        "boundElements": [],
        "link": None,
        "locked": False,
        **more,
    }


def text(points: bytes) -> str:
    return b64encode(points).decode()


def whole(id: str, version: int, nonce: int, set: dict[str, Any], points: bytes | None = None) -> board.Change:
    return board.Change(id=id, version=version, nonce=nonce, set=set, points=None if points is None else text(points))


def draw(lesson: Lesson) -> None:
    """Everything that can happen on a board, once."""

    def put(actor: Member, page: int, *changes: board.Change, step: int = 0) -> int:
        return lesson.tick((actor, board.Put(page=page, changes=changes, step=step)))

    stroke = pack([(0, 0), (5, 3), (11, 7), (18, 9), (25, 8)], [16, 16, 17, 18, 18])
    put(TEACHER, 0, whole("box", 3, 11, fields("rectangle", 10, 20, link="https://example.org/a?b=c")))
    put(TEACHER, 0, whole("ink", 1, 12, fields("freedraw", 0.25, -3.75, simulatePressure=False), stroke), step=1)
    put(TEACHER, 0, board.Change(id="box", version=4, nonce=13, base=11, set={"x": 64.5, "width": 200}), step=2)
    put(TEACHER, 0, board.Change(id="box", version=6, nonce=14, base=13, set={"x": 80.25}), step=2)
    lesson.tick((TEACHER, board.Grant(member="s1")))
    words = "Force = mass × acceleration. नमस्ते"
    put(ASHA, 0, whole("words", 2, 15, fields("text", 0, 0, text=words, originalText=words, fontSize=20, customX=[1])))
    lesson.tick((TEACHER, board.Undo(page=0)))
    lesson.tick((TEACHER, board.Redo(page=0)))
    more = Packer(pressures=True)
    more.block([(0, 0), (5, 3), (11, 7), (18, 9), (25, 8)], [16, 16, 17, 18, 18])
    tail = more.block([(31, 6), (36, 2)], [17, 15])
    put(TEACHER, 0, board.Change(id="ink", version=2, nonce=16, base=12, append=text(tail), set={"width": 130}))
    put(ASHA, 0, board.Change(id="words", version=3, nonce=17, base=15, unset=("customX",), set={"link": None}))
    page = lesson.tick((TEACHER, board.AddPage(backgrounds=(board.Background(kind=board.BackgroundKind.GRID),))))
    pdf = [
        board.Background(kind=board.BackgroundKind.PDF, file=HASH, page=number, width=960, height=720)
        for number in (1, 2, 3)
    ]
    imported = lesson.tick((TEACHER, board.AddPage(after=0, backgrounds=tuple(pdf))))
    lesson.tick((TEACHER, board.GoTo(page=imported)))
    spot = board.Region(page=imported, x=10, y=20.5, width=300, height=200)
    lesson.tick((HELPER, board.Spotlight(region=spot)))
    put(HELPER, imported, whole("arrow", 1, 18, fields("arrow", 5, 5, points=[[0, 0], [100.125, 7]])))
    copy = lesson.tick((TEACHER, board.DuplicatePage(page=imported)))
    lesson.tick((HELPER, board.Delete(page=imported, elements=(board.Gone("arrow", 2, 19),))))
    lesson.tick((HELPER, board.Undo(page=imported)))
    lesson.tick((TEACHER, board.MovePage(page=copy, to=0)))
    lesson.tick((TEACHER, board.LockPage(page=copy)))
    lesson.tick((TEACHER, board.SetBackground(page=page, background=pdf[0])))
    lesson.tick((TEACHER, board.ClearPage(page=0)))
    put(HELPER, 0, whole("after", 1, 20, fields("ellipse", 1, 1)))
    lesson.tick((TEACHER, board.Undo(page=0)))
    lesson.tick((TEACHER, board.Redo(page=0)))
    lesson.tick((TEACHER, board.Undo(page=0)))
    lesson.tick((TEACHER, board.RemovePage(page=imported)))
    lesson.tick((TEACHER, board.Spotlight(region=board.Region(page=0, x=0, y=0, width=1, height=1))))
    lesson.tick((TEACHER, board.Spotlight()))
    lesson.tick((TEACHER, board.Withdraw(member="s1")))
    lesson.tick((TEACHER, board.Open(who=board.OpenTo.NOBODY)))
    lesson.tick((TEACHER, board.Grant(member="s2")))
    put(RAVI, 0, whole("late", 1, 21, fields("line", 3, 3), pack([(0, 0), (400, -400)])))
    lesson.tick((TEACHER, board.Open(who=board.OpenTo.EVERYBODY)))
    put(ZOYA, 0, whole("all", 1, 22, fields("diamond", 3, 3)))


def scribble(lesson: Lesson, dice: Random, times: int) -> None:
    """Random doings of five at once, each made from what the board was at some earlier time, as it is with a network."""
    lesson.tick((TEACHER, board.Open(who=board.OpenTo.EVERYBODY)))
    lesson.tick((TEACHER, board.AddPage(backgrounds=(board.Background(), board.Background()))))
    for _ in range(times):
        actor = dice.choice((TEACHER, HELPER, ASHA, RAVI, ZOYA))
        try:
            lesson.tick((actor, anything(lesson.room.board, dice)))
        except Rejected:
            continue


def anything(state: board.Board, dice: Random) -> board.BoardCommand:
    """Some wish; many of them come too late, or lose."""
    page = state.pages[dice.choice(state.order)]
    id = f"e{dice.randrange(12)}"
    kind = dice.randrange(24)
    version, nonce = standing(page, id) or (0, 0)
    version = max(1, version + dice.choice((0, 1, 1, 1, 1, 2, -1)))
    own = dice.randrange(1 << 31)
    if kind < 7:
        return board.Put(page=page.id, changes=(_stroke(id, version, own, dice),), step=dice.choice((0, 0, 7)))
    if kind < 14:
        change = board.Change(
            id=id, version=version, nonce=own, base=nonce, set={"x": dice.randrange(800) / 4, "angle": dice.random()}
        )
        return board.Put(page=page.id, changes=(change,), step=dice.choice((0, 3, 3, 4)))
    if kind < 16:
        return board.Delete(page=page.id, elements=(board.Gone(id, version, own),))
    if kind < 20:
        return board.Undo(page=page.id)
    if kind < 22:
        return board.Redo(page=page.id)
    if kind == 22:
        return dice.choice(
            (board.ClearPage(page=page.id), board.DuplicatePage(page=page.id), board.RemovePage(page=page.id))
        )
    return dice.choice((board.GoTo(page=page.id), board.AddPage(after=page.id), board.MovePage(page=page.id, to=0)))


def _stroke(id: str, version: int, nonce: int, dice: Random) -> board.Change:
    x, y, points = 0, 0, []
    for _ in range(dice.randrange(1, 30)):
        points.append((x, y))
        x, y = x + dice.randrange(-9, 10), y + dice.randrange(-9, 10)
    pressures = [dice.randrange(33) for _ in points] if dice.random() < 0.5 else []
    look = fields("freedraw", dice.randrange(400), dice.randrange(400), simulatePressure=not pressures)
    return whole(id, version, nonce, look, pack(points, pressures))
