"""What people write, cleaned: what is taken out, what is refused, what stays as it is."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.kernel import Rejected
from classroom.texts import NAME_LIMIT, VISIBLE, clean_name, clean_text, shortened_name, shows


def refusal(name: str) -> str:
    with pytest.raises(Rejected) as refused:
        clean_name(name)
    return refused.value.code


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("a\x00b\x1bc\x7fd", "abcd"),
        ("a\x9bb\x80c", "abc"),
        (" one\ntwo\tthree\r\n", "one\ntwo\tthree"),
        ("می‌خواهم", "می‌خواهم"),
    ],
)
def test_control_characters_are_taken_out_of_texts_but_for_line_breaks_and_tabs(written: str, kept: str) -> None:
    assert clean_text(written, 100, "message") == kept


@pytest.mark.parametrize("repeated", ["\u200c", "\ufe0f", "\u200c\ufe0f", "\u200b", " ", "\ud800", "é\u200d", "\u0301"])
@pytest.mark.parametrize("around", ["", "a", "é"])
def test_a_name_as_long_as_a_frame_is_looked_through_in_no_time(repeated: str, around: str) -> None:
    name = around + repeated * (20_000 // len(repeated)) + around
    begun = time.process_time()
    for clean in (clean_name, shortened_name):
        with suppress(Rejected):
            clean(name)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("written", ["", " \n", "\x00", "\u200b", "\u3164\u2800", "\u200d", "\ufeff \u2066"])
def test_a_text_that_shows_nothing_is_empty(written: str) -> None:
    with pytest.raises(Rejected) as refused:
        clean_text(written, 100, "message")
    assert refused.value.code == "empty"
    assert refusal(written) == "empty"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("I\u200b", "I"),
        ("I\u200d\u200d", "I"),
        ("I\ufe0f", "I"),
        ("Ann\u200da", "Anna"),
        ("a\u202eb\u2066", "ab"),
        ("a\xadb\x9b", "ab"),
        ("é\u200d\u200b", "é"),
        ("Ravi \u200d Kumar", "Ravi Kumar"),
        ("é\u200d\u3000b", "é b"),
        ("\U0001f3f4\U000e0067\U000e007f", "\U0001f3f4"),
        (" Asha\n\t of  4b\x00 ", "Asha of 4b"),
    ],
)
def test_a_name_is_without_what_nobody_sees(written: str, kept: str) -> None:
    assert clean_name(written) == kept


@pytest.mark.parametrize("name", ["क्‍षमा", "می‌خواهم", "👩‍🏫 Mira", "❤️", "José", "李雷", "Ωmega"])
def test_names_of_all_scripts_stay_as_they_are(name: str) -> None:
    assert clean_name(name) == name


def test_a_name_that_is_too_long_is_refused_or_shortened() -> None:
    assert refusal("n" * (NAME_LIMIT + 1)) == "too_long"
    assert shortened_name("\u200b" + "n" * (NAME_LIMIT + 1)) == "n" * NAME_LIMIT


@given(
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("aé \u200b\u200c\u200d\ufe0f\u3164\x9b\ud800")), max_size=12
    )
)
def test_a_name_that_is_kept_is_one_that_is_kept_as_it_is(written: str) -> None:
    try:
        name = clean_name(written)
    except Rejected:
        return
    assert clean_name(name) == name
    assert shows(name)
    assert re.search(VISIBLE, written)
    name.encode()
