"""What holds for the board whatever happens: random doings, several editors at once, folded in every way there is."""

from __future__ import annotations

import json
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.kernel import Member, Rejected
from classroom.whiteboard import model, rules
from classroom.whiteboard import model as board
from classroom.whiteboard.model import Board, BoardView, Drawn, OpenTo
from classroom.whiteboard.quantise import Packer, Points, pack, unpack
from tests.vectors.drawing import anything
from tests.whiteboard.client_fold import Sheet, fold
from tests.whiteboard.editor import Editor
from tests.whiteboard.playing import ASHA, HELPER, LENA, RAVI, TEACHER, Playing, encoded

HOLDS = settings(max_examples=30)
EDITORS = (TEACHER, HELPER, ASHA, RAVI, LENA)


def played(seed: int, times: int) -> Playing:
    """A board on which five do anything at all, some of it from what it was before."""
    dice, playing = Random(seed), Playing()
    playing.do(TEACHER, board.Open(who=OpenTo.EVERYBODY))
    playing.do(TEACHER, board.AddPage(backgrounds=(board.Background(),)))
    for _ in range(times):
        with suppress(Rejected):
            playing.do(dice.choice(EDITORS), anything(playing.state, dice))
    return playing


LOGS = st.builds(played, st.integers(0, 1 << 30), st.integers(20, 120))


def state_at(playing: Playing, seq: int) -> Board:
    return msgspec.msgpack.decode(playing.states[seq], type=Board)


def contents(state: Board) -> dict[int, list[Any]]:
    return {id: [json.loads(element.body) for element in page.elements.values()] for id, page in state.pages.items()}


@HOLDS
@given(LOGS, st.data())
def test_replaying_from_the_start_or_from_any_snapshot_gives_the_same_bytes(playing: Playing, data: Any) -> None:
    for start in (0, data.draw(st.integers(0, len(playing.log)))):
        state = state_at(playing, start)
        for meta, event in playing.log[start:]:
            rules.apply(state, event, meta)
        assert encoded(state) == playing.states[-1]


@HOLDS
@given(LOGS, st.data())
def test_a_client_that_folds_has_what_a_newcomer_gets(playing: Playing, data: Any) -> None:
    start = data.draw(st.integers(0, len(playing.log)), label="joins after")
    view = msgspec.msgpack.decode(encoded(rules.show(state_at(playing, start))), type=BoardView)

    for meta, event in playing.log[start:]:
        fold(view, event, meta.seq)

    assert view == rules.show(playing.state)


@HOLDS
@given(LOGS, st.data())
def test_a_sheet_and_the_events_since_are_the_page(playing: Playing, data: Any) -> None:
    start = data.draw(st.integers(0, len(playing.log)), label="fetched after")
    before = state_at(playing, start)
    for id, elements in contents(before).items():
        if id not in playing.state.pages:
            continue
        sheet = Sheet(id, before.pages[id].at, elements)
        for meta, event in playing.log[start:]:
            sheet.fold(event, meta.seq)
        if not sheet.stale:
            assert list(sheet.elements.values()) == contents(playing.state)[id]
            assert sheet.at == playing.state.pages[id].at


@HOLDS
@given(LOGS)
def test_what_the_state_counts_is_so(playing: Playing) -> None:
    state = playing.state
    assert sorted(state.order) == sorted(state.pages)
    assert state.current in state.pages
    for page in state.pages.values():
        assert page.size == sum(len(element.body) for element in page.elements.values())
        assert not page.elements.keys() & page.graves.keys()
        for id, element in page.elements.items():
            body = json.loads(element.body)
            assert (body["id"], body["version"], body["versionNonce"]) == (id, element.version, element.nonce)
            assert body["isDeleted"] is False
    for doings in state.doings.values():
        for steps in (doings.done, doings.undone):
            assert len(steps) <= model.UNDO_LIMIT
            assert all(step.page in state.pages for step in steps)


@HOLDS
@given(LOGS, st.data())
def test_nobody_ever_sees_an_older_version_after_a_newer_one(playing: Playing, data: Any) -> None:
    state = Board()
    for meta, event in playing.log:
        before = {
            (id, key): (each.version, each.nonce)
            for id, page in state.pages.items()
            for key, each in page.elements.items()
        }
        rules.apply(state, event, meta)
        if not isinstance(event, Drawn):
            continue
        for change in event.changes:
            was = before.get((event.page, change.id))
            assert was is None or change.version > was[0] or (change.version == was[0] and change.nonce < was[1])


@HOLDS
@given(LOGS)
def test_all_that_one_did_alone_can_be_undone_and_done_again(playing: Playing) -> None:
    """Somebody new draws on what is there, then takes everything back, then does it all again."""
    guest = Member("guest-editor", "Guest", TEACHER.role)
    page = playing.state.current
    start = _bare(playing, page)
    for number in range(6):
        existing = list(playing.state.pages[page].elements)
        id = existing[number % len(existing)] if existing and number % 2 else f"new{number}"
        if number == 5 and existing:
            playing.delete(guest, existing[0], page)
        else:
            playing.put(guest, id, page, x=float(number), step=1 if number < 2 else 0)
    end = _bare(playing, page)

    while playing.do(guest, board.Undo(page=page)):
        pass
    assert _bare(playing, page) == start
    while playing.do(guest, board.Redo(page=page)):
        pass
    assert _bare(playing, page) == end


def _bare(playing: Playing, page: int) -> dict[str, Any]:
    """The elements without what tells their versions apart."""
    return {
        each["id"]: {name: value for name, value in each.items() if name not in ("version", "versionNonce")}
        for each in contents(playing.state)[page]
    }


# --- several editors at once ------------------------------------------------------------------------------------------

IDS = st.sampled_from(["a", "b", "c", "d"])
DOING = st.one_of(
    st.tuples(st.just("draw"), st.integers(0, 4), IDS, st.integers(-400, 400)),
    st.tuples(st.just("draw"), st.integers(0, 4), IDS, st.integers(-400, 400)),
    st.tuples(st.just("delete"), st.integers(0, 4), IDS),
    st.tuples(st.just("deliver"), st.integers(0, 4)),
    st.tuples(st.just("deliver"), st.integers(0, 4)),
    st.tuples(st.just("hear"), st.integers(0, 4), st.integers(1, 5)),
    st.tuples(st.just("undo"), st.integers(0, 4)),
    st.tuples(st.just("fetch"), st.integers(0, 4)),
    st.tuples(st.just("clear"), st.integers(0, 0)),
)


@pytest.mark.parametrize("count", [2, 5])
@settings(max_examples=60)
@given(doings=st.lists(DOING, min_size=10, max_size=80), dice=st.randoms(use_true_random=False))
def test_however_many_draw_at_once_all_arrive_at_one_board(count: int, doings: list[Any], dice: Random) -> None:
    server = Playing()
    server.do(TEACHER, board.Open(who=OpenTo.EVERYBODY))
    editors = [Editor(member, server) for member in EDITORS[:count]]
    for kind, which, *more in doings:
        editor = editors[which % count]
        match kind:
            case "draw":
                editor.draw(more[0], dice.randrange(1 << 31), {"x": more[1] / 4, f"by{which}": more[1]})
            case "delete":
                editor.delete(more[0], dice.randrange(1 << 31))
            case "deliver":
                editor.deliver()
            case "hear":
                editor.hear(more[0])
            case "undo":
                server.do(editor.member, board.Undo(page=0))
            case "fetch":
                editor.fetch()
            case "clear":
                server.do(TEACHER, board.ClearPage(page=0))
    while any(editor.sending for editor in editors):
        for editor in dice.sample(editors, len(editors)):
            editor.deliver()
    for editor in editors:
        editor.hear(len(server.log))

    truth = {each["id"]: each for each in contents(server.state)[0]}
    for editor in editors:
        assert editor.mine == {}
        assert editor.view() == truth
        assert editor.sheet.elements == truth
    journal = Board()
    for meta, event in server.log:
        rules.apply(journal, event, meta)
    assert encoded(journal) == server.states[-1]


# --- points -----------------------------------------------------------------------------------------------------------

COORDINATE = st.integers(-4_000_000, 4_000_000) | st.integers(-20, 20)


@HOLDS
@given(
    st.lists(st.tuples(COORDINATE, COORDINATE, st.integers(0, 32)), max_size=60),
    st.booleans(),
    st.integers(0, 8),
    st.randoms(use_true_random=False),
)
def test_points_come_out_as_they_went_in_in_however_many_blocks(
    path: list[tuple[int, int, int]], pressed: bool, precision: int, dice: Random
) -> None:
    points = [(x, y) for x, y, _ in path]
    pressures = [p for *_, p in path] if pressed else []
    packer = Packer(precision, pressed)
    data, at = packer.header, 0
    while at < len(points):
        size = dice.randrange(1, 12)
        data += packer.block(points[at : at + size], pressures[at : at + size])
        at += size

    assert unpack(data, 60) == Points(precision, points, pressures)
    if points:
        assert unpack(pack(points, pressures, precision), 60) == unpack(data, 60)


@HOLDS
@given(
    st.lists(st.tuples(st.integers(-4_000, 4_000), st.integers(-4_000, 4_000)), min_size=1, max_size=20),
    st.integers(0, 8),
)
def test_in_an_element_they_are_exact(points: list[tuple[int, int]], precision: int) -> None:
    plain, _ = unpack(pack(points, (), precision), 20).plain()
    assert [[x * 2**precision, y * 2**precision] for x, y in plain] == [list(point) for point in points]
