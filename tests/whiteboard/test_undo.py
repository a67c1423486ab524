"""Undo and redo: one's own doings, the newest first, and nobody else's."""

from __future__ import annotations

import pytest

from classroom.kernel import Member
from classroom.whiteboard import model as board
from classroom.whiteboard import undo
from tests.vectors.drawing import fields, whole
from tests.whiteboard.playing import HELPER, TEACHER, Playing


def back(playing: Playing, member: Member = TEACHER, page: int = 0) -> bool:
    return bool(playing.do(member, board.Undo(page=page)))


def again(playing: Playing, member: Member = TEACHER, page: int = 0) -> bool:
    return bool(playing.do(member, board.Redo(page=page)))


def test_steps_go_back_one_by_one_and_forth_again() -> None:
    playing = Playing()
    seen = [playing.at("a")]
    playing.put(TEACHER, "a", x=1)
    seen.append(playing.at("a"))
    playing.put(TEACHER, "a", x=2)
    seen.append(playing.at("a"))
    playing.delete(TEACHER, "a")
    seen.append(playing.at("a"))
    assert seen == [None, 1, 2, None]

    for _ in range(3):
        for place in (2, 1, 0):
            assert back(playing)
            assert playing.at("a") == seen[place]
        assert not back(playing)
        for place in (1, 2, 3):
            assert again(playing)
            assert playing.at("a") == seen[place]
        assert not again(playing)


def test_the_element_is_as_it_was_in_every_field() -> None:
    playing = Playing()
    playing.do(TEACHER, board.Put(page=0, changes=(whole("a", 1, 1, fields("ellipse", 1, 2, customX=[1, {}])),)))
    before = playing.element("a")
    change = board.Change(id="a", version=2, nonce=2, base=1, set={"y": 9, "new": 1}, unset=("customX",))
    playing.do(TEACHER, board.Put(page=0, changes=(change,)))

    (event,) = playing.do(TEACHER, board.Undo(page=0))

    after = playing.element("a")
    assert before is not None
    assert after is not None
    assert after["version"] == 3
    assert after | {"version": 1, "versionNonce": 1} == before
    assert event.changes[0].set == {"y": 2, "customX": [1, {}]}, "only what differs is told"


def test_each_takes_back_their_own() -> None:
    playing = Playing()
    playing.put(TEACHER, "mine", x=1)
    playing.put(HELPER, "theirs", x=2)

    assert back(playing)

    assert (playing.at("mine"), playing.at("theirs")) == (None, 2)


def test_what_others_have_changed_since_stays() -> None:
    playing = Playing()
    playing.put(TEACHER, "a", x=1)
    playing.put(TEACHER, "b", x=1)
    playing.put(HELPER, "b", x=7)

    assert back(playing)

    assert (playing.at("a"), playing.at("b")) == (None, 7)
    assert not back(playing)


def test_what_others_have_deleted_stays_deleted() -> None:
    playing = Playing()
    playing.put(TEACHER, "a", x=1)
    playing.put(TEACHER, "a", x=2)
    playing.delete(HELPER, "a")

    assert not back(playing)
    assert playing.at("a") is None


def test_a_change_by_others_in_between_bars_only_what_came_before_it() -> None:
    playing = Playing()
    playing.put(TEACHER, "a", x=1)
    playing.put(HELPER, "a", x=2)
    playing.put(TEACHER, "a", x=3)

    assert back(playing)
    assert playing.at("a") == 2
    assert not back(playing)
    assert playing.at("a") == 2


def test_changes_of_one_number_are_one_step() -> None:
    playing = Playing()
    playing.put(TEACHER, "a", x=1)
    for x in (2, 3, 4):
        playing.put(TEACHER, "a", x=x, step=8)
    playing.put(TEACHER, "b", step=8)
    playing.put(TEACHER, "a", x=5, step=9)

    assert back(playing)
    assert playing.at("a") == 4
    assert back(playing)
    assert (playing.at("a"), playing.at("b")) == (1, None)
    assert again(playing)
    assert playing.at("a") == 4
    assert playing.at("b") is not None


def test_in_one_step_what_others_did_in_between_is_not_taken_back() -> None:
    playing = Playing()
    playing.put(TEACHER, "a", x=1)
    playing.put(TEACHER, "a", x=2, step=8)
    playing.put(HELPER, "a", x=3)
    playing.put(TEACHER, "a", x=4, step=8)

    assert back(playing)

    assert playing.at("a") == 3


def test_something_new_leaves_nothing_to_do_again_on_that_page() -> None:
    playing = Playing()
    playing.do(TEACHER, board.AddPage())
    for page in (0, 1):
        playing.put(TEACHER, "a", page)
        assert back(playing, page=page)
    playing.put(TEACHER, "b", 0)

    assert not again(playing)
    assert again(playing, page=1)


def test_pages_are_undone_by_themselves() -> None:
    playing = Playing()
    playing.do(TEACHER, board.AddPage())
    playing.put(TEACHER, "a", 0)
    playing.put(TEACHER, "b", 1)

    assert back(playing, page=0)
    assert playing.at("a") is None
    assert playing.at("b", 1) is not None


def test_a_cleared_page_comes_back_with_what_was_drawn_since() -> None:
    playing = Playing()
    playing.put(TEACHER, "a", x=1)
    playing.put(HELPER, "b", x=2)
    playing.do(TEACHER, board.ClearPage(page=0))
    playing.put(HELPER, "c", x=3)

    (event,) = playing.do(TEACHER, board.Undo(page=0))

    assert event == board.PageRestored(page=0, by=TEACHER.id, count=3)
    assert [playing.at(id) for id in "abc"] == [1, 2, 3]
    assert playing.state.pages[0].size == sum(len(e.body) for e in playing.state.pages[0].elements.values())
    assert again(playing)
    assert playing.state.pages[0].elements == {}
    assert back(playing)
    assert [playing.at(id) for id in "abc"] == [1, 2, 3]
    assert back(playing)
    assert [playing.at(id) for id in "abc"] == [None, 2, 3], "the step before the clearing can still be taken back"


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "UNDO_LIMIT", 5)
    monkeypatch.setattr(undo, "UNDO_MEMBERS", 2)
    playing = Playing()
    for number in range(9):
        playing.put(TEACHER, f"e{number}")

    assert [back(playing) for _ in range(6)] == [True] * 5 + [False]
    others = [Member(f"helper-{number}", "Dev", HELPER.role) for number in range(3)]
    for other in others:
        playing.put(other, other.id)
    assert list(playing.state.doings) == ["helper-1", "helper-2"]


def test_a_step_that_is_too_big_cannot_be_undone_nor_what_was_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "UNDO_STEP_BYTES", 1_000)
    playing = Playing()
    playing.put(TEACHER, "small")
    playing.put(TEACHER, "big", customText="x" * 1_500)
    playing.delete(TEACHER, "big")

    assert not back(playing)


@pytest.mark.parametrize(("bytes", "undone"), [(10_000, True), (1_000, False)])
def test_a_big_step_that_comes_in_parts_is_undone_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, bytes: int, undone: bool
) -> None:
    monkeypatch.setattr(undo, "UNDO_BYTES", 800)
    monkeypatch.setattr(undo, "UNDO_STEP_BYTES", bytes)
    playing = Playing()
    names = [f"e{number}" for number in range(12)]
    for name in names:
        playing.put(TEACHER, name, customText="x" * 100)
    for name in names:
        playing.delete(TEACHER, name, step=7)

    assert back(playing) is undone
    assert [name for name in names if playing.element(name)] == (names if undone else [])


def test_undoing_needs_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    playing = Playing()
    playing.put(TEACHER, "a")
    playing.put(TEACHER, "b")
    playing.delete(TEACHER, "a")
    monkeypatch.setattr("classroom.whiteboard.rules.ELEMENTS_LIMIT", 1)

    assert playing.refused(TEACHER, board.Undo(page=0)) == "too_many"


def test_on_a_page_that_was_removed_nothing_can_be_undone() -> None:
    playing = Playing()
    playing.do(TEACHER, board.AddPage())
    playing.put(TEACHER, "a", 1)
    playing.do(TEACHER, board.RemovePage(page=1))

    assert playing.refused(TEACHER, board.Undo(page=1)) == "not_found"
    assert playing.state.doings[TEACHER.id].done == []
