"""Who may write captions, and that they fold alike however they are come by."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.kernel import ALL, STAFF, Rejected
from classroom.media import captions
from classroom.media.captions import KEPT, TEXT_LIMIT, CaptionsView, Say
from classroom.rooms import room as rooms
from classroom.rooms.roster import model as roster
from tests.media.client_fold import fold_caption
from tests.media.test_stage import ACTORS, ASHA, HELPER, TEACHER, Class


@pytest.mark.parametrize(
    ("actor", "outcome"),
    {"instructor": "ok", "assistant": "ok", "student": "forbidden", "system": "ok"}.items(),
)
def test_the_staff_write_captions_and_students_do_not(actor: str, outcome: str) -> None:
    lesson = Class()
    if outcome == "ok":
        (said,) = lesson.do(ACTORS[actor], Say(text="Hello"))
        assert (said.by, said.text) == (ACTORS[actor].id, "Hello")
    else:
        assert lesson.refused(ACTORS[actor], Say(text="Hello")) == outcome


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty"), (" \n\t ", "empty"), ("\x00", "empty"), ("x" * (TEXT_LIMIT + 1), "too_long")],
    ids=len,
)
def test_a_caption_is_one_line_with_words(text: str, code: str) -> None:
    assert Class().refused(TEACHER, Say(text=text)) == code


def test_line_breaks_and_runs_of_spaces_are_one_space() -> None:
    lesson = Class()
    lesson.do(HELPER, Say(text=" one\r\ntwo \t three\x1b\x9b "))
    assert lesson.room.captions.lines[-1].text == "one two three"


def test_the_newest_are_at_hand_and_nothing_is_said_after_the_end() -> None:
    lesson = Class()
    for number in range(KEPT + 3):
        lesson.do(TEACHER, Say(text=str(number)))
    assert [line.text for line in lesson.room.captions.lines] == [str(number) for number in range(3, KEPT + 3)]
    lesson.do(TEACHER, roster.EndClass())
    assert lesson.refused(TEACHER, Say(text="Too late")) == "class_ended"


TEXTS = st.text(max_size=TEXT_LIMIT + 5)
WISHES = st.tuples(st.sampled_from((TEACHER, HELPER, ASHA)), st.builds(Say, text=TEXTS))


@settings(max_examples=60, deadline=None)
@given(st.lists(WISHES, max_size=KEPT + 10), st.data())
def test_replay_snapshot_and_a_client_that_folds_agree(wishes: list[Any], data: Any) -> None:
    lesson = Class()
    for actor, command in wishes:
        with suppress(Rejected):
            lesson.do(actor, command)
    start = data.draw(st.integers(0, len(lesson.log)), label="joins after")
    joined = rooms.Room()
    for stored in lesson.log[:start]:
        rooms.apply(joined, stored)
    told = msgspec.json.decode(msgspec.json.encode(rooms.show(joined, ALL).captions), type=CaptionsView)
    replayed = rooms.decode(rooms.encode(joined))
    for stored in lesson.log[start:]:
        rooms.apply(replayed, stored)
        if isinstance(stored.event, captions.CaptionEvent):
            fold_caption(told, stored.event, stored.meta)
    assert told == rooms.show(lesson.room, STAFF).captions
    assert rooms.encode(replayed) == rooms.encode(lesson.room)
