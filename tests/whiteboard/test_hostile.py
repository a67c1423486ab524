"""Bad input to the board: refused or neutralised, nothing crashes, nothing grows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom import wire
from classroom.kernel import Context, Rejected
from classroom.whiteboard import model as board
from classroom.whiteboard import rules
from classroom.whiteboard.model import Change, Put
from classroom.whiteboard.quantise import Unreadable, pack, unpack
from classroom.wire import Codec
from tests.vectors.drawing import fields, whole
from tests.whiteboard.playing import ASHA, ENDED, HELPER, MUTED, START, TEACHER, Playing, text

HOLDS = settings(max_examples=80)


def refused(**more: Any) -> str:
    """The code for a rectangle with these fields."""
    return Playing().refused(TEACHER, Put(page=0, changes=(whole("a", 1, 1, fields("rectangle", 0, 0) | more),)))


def taken(**more: Any) -> dict[str, Any]:
    playing = Playing()
    playing.do(TEACHER, Put(page=0, changes=(whole("a", 1, 1, fields("rectangle", 0, 0) | more),)))
    found = playing.element("a")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), 1e300, -1_000_001, 10**400, "1", None, True]
)
@pytest.mark.parametrize("name", ["x", "y", "width", "height"])
def test_a_coordinate_is_a_finite_number_that_is_not_huge(name: str, number: Any) -> None:
    assert refused(**{name: number}) == "bad_request"


@pytest.mark.parametrize("name", ["text", "originalText", "points"])
@pytest.mark.parametrize("value", [5, None, {}])
def test_what_is_of_the_wrong_kind_is_told_so(name: str, value: Any) -> None:
    assert refused(**{name: value}) == "bad_request"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, 10**400])
@pytest.mark.parametrize(
    "where",
    [
        lambda n: {"seed": n},
        lambda n: {"roundness": {"type": 3, "value": n}},
        lambda n: {"customData": {"a": [1, [2, n]]}},
        lambda n: {"whatever": n},
        lambda n: {"opacity": n},
        lambda n: {"crop": {"x": n}},
    ],
)
def test_no_number_anywhere_is_infinite_or_none(where: Any, number: Any) -> None:
    assert refused(**where(number)) == "bad_request"


@pytest.mark.parametrize(
    "points", [[[float("nan"), 0]], [[0]], [[0, 0, 0, 0]], ["ab"], [[0, 1e9]], "AA==", {}, 5, [None]]
)
def test_points_are_pairs_of_numbers(points: Any) -> None:
    change = whole("a", 1, 1, fields("line", 0, 0, points=points))
    assert Playing().refused(TEACHER, Put(page=0, changes=(change,))) == "bad_request"


@pytest.mark.parametrize("kind", ["embeddable", "iframe", "magicframe", "selection", "script", "", None, 5, ["text"]])
def test_there_are_no_elements_of_other_types(kind: Any) -> None:
    assert refused(type=kind) == "bad_request"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "/r/demo",
        "https:evil.example",
        "https://user@evil.example/",
        "https://a.example/\njavascript:1",
        "http://",
        "https://" + "a" * 2_000,
        5,
        {"href": "javascript:1"},
    ],
)
def test_a_link_leads_to_the_web_or_to_a_mailbox(link: Any) -> None:
    assert refused(link=link) == "bad_request"
    assert refused(customData={"link": link}) == "bad_request"


@pytest.mark.parametrize("link", ["https://a.example/x?y=z#w", "http://a.example", "mailto:asha@school.example", None])
def test_other_links_are_let_in(link: Any) -> None:
    assert taken(link=link)["link"] == link


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strokeColor", "url(https://evil.example/x)"),
        ("strokeColor", 'red" onload="alert(1)'),
        ("backgroundColor", "expression(alert(1))"),
        ("backgroundColor", "x" * 100),
        ("customData", "javascript:alert(1)"),
        ("customData", {"a": ["JAVASCRIPT:alert(1)"]}),
        ("index", "../../"),
        ("index", "a" * 200),
        ("fileId", "../../etc/passwd"),
        ("fileId", "<svg onload=alert(1)>"),
        ("__proto__ ", 1),
        ("a-b", 1),
        ("id", "other"),
        ("version", 99),
        ("versionNonce", 1),
        ("isDeleted", True),
        ("opacity", -1),
        ("strokeWidth", 1e9),
        ("fontSize", float("nan")),
        ("lineHeight", "1"),
        ("nested", [[[[[[[[1]]]]]]]]),
        ("long", "x" * 2_001),
        ("wide", {f"k{n}": 1 for n in range(101)}),
        ("many", [0] * 5_001),
        ("bytes", b"123"),
        ("ext", msgspec.msgpack.Ext(5, b"1")),
        ("keys", {1: 2}),
    ],
)
def test_no_field_smuggles_anything_in(name: str, value: Any) -> None:
    assert refused(**{name: value}) == "bad_request"


def test_text_is_bounded_and_kept_as_it_is() -> None:
    script = "<script>alert(1)</script> javascript:alert(1) नमस्ते"
    assert taken(text=script)["text"] == script
    assert refused(text="x" * 10_001) == "too_long"
    assert refused(originalText=5) == "bad_request"


@pytest.mark.parametrize("id", ["", "x" * 65, "a b", "<svg>", "ключ", "a/b", "a\x00", "__proto__\n"])
def test_an_id_is_an_id(id: str) -> None:
    playing = Playing()
    assert playing.refused(TEACHER, Put(page=0, changes=(whole(id, 1, 1, fields("ellipse", 0, 0)),))) == "bad_request"
    assert playing.refused(TEACHER, board.Delete(page=0, elements=(board.Gone(id, 1, 1),))) == "bad_request"


@pytest.mark.parametrize("missing", ["type", "x", "y", "width", "height"])
def test_an_element_has_what_every_element_has(missing: str) -> None:
    set = {name: value for name, value in fields("ellipse", 0, 0).items() if name != missing}
    playing = Playing()
    assert (
        playing.refused(TEACHER, Put(page=0, changes=(Change(id="a", version=1, nonce=1, set=set),))) == "bad_request"
    )
    playing.put(TEACHER, "b")
    change = Change(id="b", version=2, nonce=2, base=1_001, unset=(missing,))
    assert playing.refused(TEACHER, Put(page=0, changes=(change,))) == "bad_request"


def test_replays_of_old_versions_leave_nothing_behind() -> None:
    playing = Playing()
    for version in range(1, 40):
        playing.put(TEACHER, "a", x=version)
    playing.delete(TEACHER, "a")
    before = playing.states[-1]

    for version in range(1, 40):
        assert playing.do(HELPER, Put(page=0, changes=(whole("a", version, 1, fields("ellipse", 0, 0)),))) == []

    assert playing.states[-1] == before


def test_steps_are_whole_numbers() -> None:
    for step in (-1, 1 << 53):
        assert Playing().refused(TEACHER, Put(page=0, changes=(), step=step)) == "bad_request"


@HOLDS
@given(st.binary(max_size=300))
def test_whatever_the_bytes_unpacking_ends(data: bytes) -> None:
    for header in (b"", b"\x02", b"\x12", b"\x02\x05"):
        try:
            found = unpack(header + data, 50)
        except Unreadable:
            continue
        assert len(found.points) <= 50


def test_ones_for_ever_are_given_up_soon() -> None:
    with pytest.raises(Unreadable):
        unpack(b"\x02\x88\x27" + b"\xff" * 60_000, 5_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*fields("text", 0, 0), "points", "text", "fileId", "x1", "customData", "pressures"]) | st.text(
    max_size=9
)


@HOLDS
@given(st.dictionaries(NAMES, JSON, max_size=6), st.sampled_from(["freedraw", "rectangle", "text", "image"]))
def test_whatever_the_fields_they_are_refused_or_stand_in_valid_json(more: dict[str, Any], kind: str) -> None:
    playing = Playing()
    change = Change(id="a", version=1, nonce=1, set=fields(kind, 0, 0) | more)
    try:
        playing.do(TEACHER, Put(page=0, changes=(change,)))
    except Rejected as refusal:
        assert refusal.code in ("bad_request", "too_long", "too_large")  # noqa: PT017
        return
    body = playing.state.pages[0].elements["a"].body

    def never(word: str) -> None:
        raise AssertionError(word)

    found = json.loads(body, parse_constant=never)
    assert {name: found[name] for name in more} == json.loads(msgspec.json.encode(more))


@pytest.mark.parametrize("codec", Codec)
def test_what_is_no_command_is_refused_as_it_is_read(codec: Codec) -> None:
    change = {"id": "a", "version": 1, "nonce": 1, "set": {"x": 1}}
    encode = msgspec.json.encode if codec is Codec.JSON else msgspec.msgpack.encode
    for wrong in (
        {"page": 0},
        {"page": "0", "changes": []},
        {"page": 0.5, "changes": []},
        {"page": 0, "changes": [change | {"inked": [1, 2]}]},
        {"page": 0, "changes": [change | {"gone": True}]},
        {"page": 0, "changes": [change | {"version": 1.5}]},
        {"page": 0, "changes": [change | {"set": []}]},
        {"page": 0, "changes": [change | {"points": [1, 2]}]},
        {"page": 0, "changes": change},
        {"page": 0, "changes": [], "by": "somebody"},
    ):
        with pytest.raises(Rejected) as caught:
            wire.read_command(codec, encode({"cid": "c", "type": "board.put", **wrong}))
        assert caught.value.code == "bad_request"


# --- signals ----------------------------------------------------------------------------------------------------------


def passed_on(signal: Any, member: Any = TEACHER, playing: Playing | None = None, **context: Any) -> Any:
    playing = playing or Playing()
    return rules.passed_on(playing.state, signal, Context(actor=member, now=START, seq=1, **context))


def ink(after: int = 0, ink: str = text(pack([(0, 0)])), **more: Any) -> board.Ink:
    look = fields("freedraw", 0, 0) if after == 0 else None
    return board.Ink(**{"page": 0, "id": "s", "after": after, "ink": ink, "look": look, **more})


SIGNALS = (ink(), board.Cursor(page=0, x=1, y=2), board.Laser(page=0, points=((1, 2), (3, 4))))


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: type(signal).__name__)
def test_who_may_not_draw_shows_nothing(signal: Any) -> None:
    locked = Playing()
    locked.do(TEACHER, board.LockPage(page=0))
    chosen = Playing()
    chosen.do(TEACHER, board.Grant(member=ASHA.id))
    for member, playing, context, code in (
        (ASHA, None, {}, "forbidden"),
        (ASHA, chosen, MUTED, "muted"),
        (ASHA, chosen, ENDED, "class_ended"),
        (TEACHER, locked, {}, "locked"),
    ):
        with pytest.raises(Rejected) as caught:
            passed_on(signal, member, playing, **context)
        assert caught.value.code == code
    assert passed_on(signal, ASHA, chosen).by == ASHA.id


@pytest.mark.parametrize(
    "signal",
    [
        ink(id="a b"),
        ink(ink=""),
        ink(ink="!"),
        ink(ink=text(bytes(5_000))),
        ink(after=-1),
        ink(after=10**9),
        ink(look=None),
        ink(after=5, look=fields("freedraw", 0, 0)),
        ink(look=fields("text", 0, 0)),
        ink(look=fields("freedraw", 0, 0, link="javascript:1")),
        ink(look={"x": 1}),
        board.Cursor(page=0, x=float("nan"), y=0),
        board.Cursor(page=0, x=0, y=float("inf")),
        board.Cursor(page=0, x=1e9, y=0),
        board.Laser(page=0, points=()),
        board.Laser(page=0, points=((0.0, float("nan")),)),
        board.Laser(page=0, points=((0.0, 0.0),) * 65),
    ],
)
def test_what_is_no_signal_is_let_go(signal: Any) -> None:
    with pytest.raises(Rejected) as caught:
        passed_on(signal)
    assert caught.value.code == "bad_request"


def test_a_signal_about_a_page_that_is_not_there_is_let_go() -> None:
    with pytest.raises(Rejected) as caught:
        passed_on(board.Cursor(page=5, x=0, y=0))
    assert caught.value.code == "not_found"
