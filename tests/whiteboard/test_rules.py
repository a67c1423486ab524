"""The board's rules by example: who wins, what a page holds, where it ends."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from classroom.kernel import Rejected
from classroom.whiteboard import model, rules
from classroom.whiteboard import model as board
from classroom.whiteboard.deltas import plain
from classroom.whiteboard.model import Background, BackgroundKind, Change, Gone, OpenTo, Put
from classroom.whiteboard.quantise import Packer, pack, unpack
from tests.vectors.drawing import HASH, fields, whole
from tests.whiteboard.playing import ASHA, HELPER, RAVI, TEACHER, Playing, text


def put(*changes: Change, page: int = 0) -> Put:
    return Put(page=page, changes=changes)


def box(id: str, version: int, nonce: int, **more: object) -> Change:
    return whole(id, version, nonce, fields("rectangle", 0, 0) | more)


# --- who wins ---------------------------------------------------------------------------------------------------------


def test_the_higher_version_wins_whenever_it_comes() -> None:
    playing = Playing()
    playing.do(TEACHER, put(box("a", 5, 50, x=5)))

    assert playing.do(HELPER, put(box("a", 4, 1, x=4))) == []
    assert playing.do(HELPER, put(box("a", 6, 99, x=6)))

    assert playing.at("a") == 6


def test_of_equal_versions_the_lower_nonce_wins_whichever_comes_first() -> None:
    for first, second in ((10, 20), (20, 10)):
        playing = Playing()
        playing.do(TEACHER, put(box("a", 3, first, x=first)))
        playing.do(HELPER, put(box("a", 3, second, x=second)))
        assert playing.at("a") == 10


def test_the_same_again_changes_nothing() -> None:
    playing = Playing()
    command = put(box("a", 3, 10))
    playing.do(TEACHER, command)

    assert playing.do(TEACHER, command) == []


def test_a_delta_changes_what_it_says_and_leaves_the_rest() -> None:
    playing = Playing()
    playing.do(TEACHER, put(box("a", 1, 10, x=1, customA="kept", customB="gone")))
    before = playing.element("a")

    (event,) = playing.do(HELPER, put(Change(id="a", version=2, nonce=20, base=10, set={"x": 7}, unset=("customB",))))

    assert event.changes[0].set == {"x": 7}
    assert before is not None
    expected = before | {"x": 7, "version": 2, "versionNonce": 20}
    del expected["customB"]
    assert playing.element("a") == expected


def test_a_delta_from_a_version_that_is_not_here_is_stale_and_the_whole_element_decides() -> None:
    playing = Playing()
    playing.do(TEACHER, put(box("a", 1, 10)))
    playing.do(TEACHER, put(Change(id="a", version=2, nonce=30, base=10, set={"x": 1})))

    for base in (10, 99):
        late = Change(id="a", version=2, nonce=20, base=base, set={"y": 5})
        with pytest.raises(Rejected) as caught:
            playing.do(HELPER, put(late))
        assert (caught.value.code, caught.value.temporary) == ("stale", True)
    assert playing.refused(HELPER, put(Change(id="new", version=1, nonce=1, base=5, set={"x": 1}))) == "stale"

    playing.do(HELPER, put(box("a", 2, 20, y=5)))
    element = playing.element("a")
    assert element is not None
    assert (element["x"], element["y"]) == (0, 5)


def test_a_delta_that_loses_anyway_is_passed_over() -> None:
    playing = Playing()
    playing.do(TEACHER, put(box("a", 5, 10)))

    assert playing.do(HELPER, put(Change(id="a", version=3, nonce=1, base=77, set={"x": 9}))) == []


def test_a_batch_is_kept_whole_or_not_at_all_but_for_what_loses() -> None:
    playing = Playing()
    playing.do(TEACHER, put(box("a", 5, 10)))

    assert playing.refused(HELPER, put(box("b", 1, 1), Change(id="a", version=6, nonce=2, base=9, set={}))) == "stale"
    assert playing.element("b") is None
    (event,) = playing.do(HELPER, put(box("a", 2, 1), box("b", 1, 1)))

    assert [change.id for change in event.changes] == ["b"]
    assert event.added == 1


def test_what_was_deleted_comes_back_only_by_a_higher_version() -> None:
    playing = Playing()
    playing.do(TEACHER, put(box("a", 5, 10)))
    (event,) = playing.do(HELPER, board.Delete(page=0, elements=(Gone("a", 6, 11), Gone("nothing", 1, 1))))
    assert (event.added, len(event.changes)) == (-1, 1)

    assert playing.do(TEACHER, put(box("a", 5, 1))) == []
    assert playing.do(TEACHER, put(box("a", 6, 12))) == []
    assert playing.do(TEACHER, put(box("a", 7, 1)))


def test_an_old_deletion_loses() -> None:
    playing = Playing()
    playing.do(TEACHER, put(box("a", 5, 10)))

    assert playing.do(HELPER, board.Delete(page=0, elements=(Gone("a", 4, 1),))) == []
    assert playing.element("a") is not None


def test_as_many_deleted_elements_are_remembered_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classroom.whiteboard.deltas.GRAVES_LIMIT", 3)
    playing = Playing()
    for number in range(5):
        playing.do(TEACHER, put(box(f"e{number}", 1, 10)))
        playing.do(TEACHER, board.Delete(page=0, elements=(Gone(f"e{number}", 2, 11),)))

    assert list(playing.state.pages[0].graves) == ["e2", "e3", "e4"]


def test_pages_have_elements_of_their_own() -> None:
    playing = Playing()
    playing.do(TEACHER, board.AddPage())
    playing.do(TEACHER, put(box("a", 1, 10, x=1)))

    assert playing.refused(TEACHER, put(Change(id="a", version=2, nonce=2, base=10, set={"x": 9}), page=1)) == "stale"
    playing.do(TEACHER, put(box("a", 1, 10, x=2), page=1))

    assert (playing.at("a"), playing.at("a", 1)) == (1, 2)


# --- points -----------------------------------------------------------------------------------------------------------


def test_packed_points_are_kept_and_added_to() -> None:
    playing = Playing()
    packer = Packer(pressures=True)
    first = packer.header + packer.block([(0, 0), (4, 4)], [16, 20])
    playing.do(TEACHER, put(whole("s", 1, 10, fields("freedraw", 0, 0), first)))
    more = packer.block([(8, 9), (12, 15)], [21, 22])

    playing.do(TEACHER, put(Change(id="s", version=2, nonce=11, base=10, append=text(more))))

    body = playing.state.pages[0].elements["s"].body
    element = plain(body)
    assert element["points"] == [[0, 0], [1, 1], [2, 2.25], [3, 3.75]]
    assert element["pressures"] == [0.5, 0.625, 0.65625, 0.6875]
    assert unpack(first + more, 9).points == [(0, 0), (4, 4), (8, 9), (12, 15)]


def test_a_files_elements_come_out_as_they_went_in() -> None:
    playing = Playing()
    element = fields(
        "freedraw", 1.23456789, -9.87654321, points=[[0, 0], [0.123456789, 7.000001]], pressures=[0.1, 0.7]
    )
    element |= {"customData": {"deep": [1, {"a": None}]}, "unknownField": "kept", "updated": 1_700_000_000_123}

    playing.do(TEACHER, put(whole("s", 7, 10, element)))

    found = plain(playing.state.pages[0].elements["s"].body)
    assert found == {"id": "s", "version": 7, "versionNonce": 10, "isDeleted": False, **element}
    assert json.dumps(found["points"]) == json.dumps(element["points"])


@pytest.mark.parametrize(
    "change",
    [
        whole("s", 1, 1, fields("freedraw", 0, 0)),
        whole("s", 1, 1, fields("rectangle", 0, 0), pack([(0, 0)])),
        whole("s", 1, 1, fields("rectangle", 0, 0, points=[[0, 0]])),
        whole("s", 1, 1, fields("line", 0, 0, points=[[0, 0]]), pack([(0, 0)])),
        whole("s", 1, 1, fields("line", 0, 0), b"\xff\xff"),
        Change(id="s", version=1, nonce=1, set=fields("line", 0, 0), points="not base64!"),
        Change(id="s", version=1, nonce=1, set=fields("line", 0, 0), append=text(pack([(0, 0)]))),
        Change(id="listed", version=2, nonce=1, base=1, append=text(pack([(0, 0)])[1:])),
        Change(id="packed", version=2, nonce=2, base=2, append=text(b"\x01")),
        Change(id="packed", version=2, nonce=2, base=2, append=text(pack([(1, 1)])[1:]), points=text(pack([(0, 0)]))),
        Change(id="packed", version=2, nonce=2, base=2, set={"type": "rectangle"}),
        Change(id="packed", version=2, nonce=2, base=2, unset=("points",)),
    ],
)
def test_points_are_where_they_belong_and_can_be_read(change: Change) -> None:
    playing = Playing()
    playing.do(TEACHER, put(whole("listed", 1, 1, fields("line", 0, 0, points=[[0, 0]]))))
    playing.do(TEACHER, put(whole("packed", 1, 2, fields("line", 0, 0), pack([(0, 0)]))))

    assert playing.refused(TEACHER, put(change)) == "bad_request"


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_page_holds_so_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "ELEMENTS_LIMIT", 3)
    playing = Playing()
    for id in "abc":
        playing.put(TEACHER, id)

    assert playing.refused(TEACHER, put(box("d", 1, 1))) == "too_many"
    playing.put(TEACHER, "a", x=3)
    playing.delete(TEACHER, "b")
    playing.put(TEACHER, "d")


@pytest.mark.parametrize("limit", ["PAGE_BYTES", "BOARD_BYTES"])
def test_a_page_and_a_board_hold_so_many_bytes(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    playing = Playing()
    playing.put(TEACHER, "a")
    monkeypatch.setattr(rules, limit, playing.state.pages[0].size + 100)

    assert playing.refused(TEACHER, put(box("b", 1, 1))) == "too_many"
    assert playing.refused(
        TEACHER, put(Change(id="a", version=2, nonce=2, base=1_001, set={"customX": "x" * 200}))
    ) == ("too_many")
    playing.put(TEACHER, "a", x=1)
    playing.delete(TEACHER, "a")
    playing.put(TEACHER, "b")


def test_an_element_has_so_many_bytes() -> None:
    long = {f"custom{number}": "x" * 2_000 for number in range(99)}
    playing = Playing()

    assert playing.refused(TEACHER, put(Change(id="a", version=1, nonce=1, set=fields("text", 0, 0) | long))) == (
        "bad_request"
    )
    deep = {"customData": {f"f{number}": "x" * 1_990 for number in range(100)}}
    assert playing.refused(TEACHER, put(box("a", 1, 1, **deep, other=deep["customData"]))) == "too_large"


def test_a_command_has_so_many_changes() -> None:
    many = tuple(box(f"e{number}", 1, 1) for number in range(model.CHANGES_LIMIT + 1))

    assert Playing().refused(TEACHER, put(*many)) == "too_many"
    assert Playing().refused(TEACHER, put(box("a", 1, 1), box("a", 2, 1))) == "bad_request"


def test_a_version_cannot_be_the_last_word() -> None:
    playing = Playing()
    for version, nonce in ((0, 1), (-1, 1), (1, -1), (1, 1 << 32), (2_000_000, 1), (1 << 60, 1)):
        assert playing.refused(TEACHER, put(box("a", version, nonce))) == "bad_request"


def test_a_board_has_so_many_pages() -> None:
    playing = Playing()
    blank = (Background(),) * model.PAGES_AT_ONCE
    playing.do(TEACHER, board.AddPage(backgrounds=blank))
    playing.do(TEACHER, board.AddPage(backgrounds=blank))

    assert playing.refused(TEACHER, board.AddPage(backgrounds=blank)) == "too_many"
    assert playing.refused(TEACHER, board.AddPage(backgrounds=(*blank, Background()))) == "too_many"
    assert playing.refused(TEACHER, board.AddPage(backgrounds=())) == "too_many"
    playing.do(TEACHER, board.AddPage(backgrounds=blank[: model.PAGES_LIMIT - 401]))
    assert len(playing.state.order) == model.PAGES_LIMIT
    assert playing.refused(TEACHER, board.DuplicatePage(page=0)) == "too_many"


def test_so_many_members_can_be_chosen() -> None:
    playing = Playing()
    for number in range(model.CHOSEN_LIMIT):
        playing.do(TEACHER, board.Grant(member=f"m{number}"))

    assert playing.refused(TEACHER, board.Grant(member="one-more")) == "too_many"
    assert playing.do(TEACHER, board.Grant(member="m3")) == []
    for wrong in ("", "x" * 65, "a\nb"):
        assert playing.refused(TEACHER, board.Grant(member=wrong)) == "bad_request"


# --- pages ------------------------------------------------------------------------------------------------------------


def pages(playing: Playing) -> list[int]:
    assert sorted(playing.state.order) == sorted(playing.state.pages)
    return playing.state.order


def test_pages_are_added_moved_and_removed() -> None:
    playing = Playing()
    playing.do(TEACHER, board.AddPage())
    playing.do(TEACHER, board.AddPage(after=0, backgrounds=(Background(), Background())))
    assert pages(playing) == [0, 2, 3, 1]

    playing.do(TEACHER, board.MovePage(page=1, to=0))
    assert pages(playing) == [1, 0, 2, 3]
    assert playing.do(TEACHER, board.MovePage(page=1, to=0)) == []
    for to in (-1, 4):
        assert playing.refused(TEACHER, board.MovePage(page=1, to=to)) == "bad_request"

    playing.do(TEACHER, board.GoTo(page=0))
    playing.do(TEACHER, board.RemovePage(page=0))
    assert (pages(playing), playing.state.current) == ([1, 2, 3], 2)
    playing.do(TEACHER, board.GoTo(page=3))
    playing.do(TEACHER, board.RemovePage(page=3))
    assert (pages(playing), playing.state.current) == ([1, 2], 2)


def test_the_last_page_stays() -> None:
    assert Playing().refused(TEACHER, board.RemovePage(page=0)) == "wrong_state"


def test_a_copy_goes_its_own_way() -> None:
    playing = Playing()
    playing.put(TEACHER, "a", x=1)
    playing.do(TEACHER, board.LockPage(page=0))
    playing.do(TEACHER, board.DuplicatePage(page=0))

    playing.put(TEACHER, "a", page=3, x=5)

    assert (playing.at("a"), playing.at("a", 3)) == (1, 5)
    assert pages(playing) == [0, 3]
    assert not playing.state.pages[3].locked


@pytest.mark.parametrize(
    "background",
    [
        Background(kind=BackgroundKind.IMAGE),
        Background(kind=BackgroundKind.IMAGE, file=HASH, page=1),
        Background(kind=BackgroundKind.PDF, file=HASH),
        Background(kind=BackgroundKind.PDF, file=HASH, page=0),
        Background(kind=BackgroundKind.IMAGE, file="../../etc/passwd"),
        Background(kind=BackgroundKind.IMAGE, file=HASH.upper()),
        Background(kind=BackgroundKind.BLANK, file=HASH),
        Background(width=-1),
        Background(height=float("nan")),
        Background(width=float("inf")),
    ],
)
def test_a_background_is_one_of_those_there_are(background: Background) -> None:
    assert Playing().refused(TEACHER, board.SetBackground(page=0, background=background)) == "bad_request"
    assert Playing().refused(TEACHER, board.AddPage(backgrounds=(background,))) == "bad_request"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e300, 1_000_001])
@pytest.mark.parametrize("name", ["x", "y", "width", "height"])
def test_a_region_is_on_the_page(name: str, number: float) -> None:
    region = board.Region(page=0, x=0, y=0, width=1, height=1)
    playing = Playing()

    assert playing.refused(TEACHER, board.Spotlight(region=replace(region, **{name: number}))) == "bad_request"
    assert playing.refused(TEACHER, board.Spotlight(region=replace(region, width=0))) == "bad_request"
    assert playing.refused(TEACHER, board.Spotlight(region=replace(region, page=9))) == "not_found"


def test_the_spotlight_goes_out_when_the_class_goes_on() -> None:
    playing = Playing()
    playing.do(TEACHER, board.AddPage(backgrounds=(Background(), Background())))
    region = board.Region(page=1, x=0, y=0, width=1, height=1)
    for command in (board.GoTo(page=2), board.RemovePage(page=1)):
        playing.do(TEACHER, board.Spotlight(region=region))
        playing.do(TEACHER, command)
        assert playing.state.spotlight is None


def test_to_choose_somebody_opens_a_closed_board_to_the_chosen() -> None:
    playing = Playing()
    playing.do(TEACHER, board.Open(who=OpenTo.NOBODY))
    playing.do(TEACHER, board.Grant(member=ASHA.id))
    playing.put(ASHA, "a")
    assert playing.refused(RAVI, put(box("b", 1, 1))) == "forbidden"

    playing.do(TEACHER, board.Withdraw(member=ASHA.id))

    assert playing.refused(ASHA, put(box("b", 1, 1))) == "forbidden"
