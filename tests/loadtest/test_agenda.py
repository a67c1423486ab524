"""What is due later is done in its order, and not before."""

from __future__ import annotations

import time
from collections.abc import Callable

from loadtest.agenda import AT_ONCE, Agenda


def nothing(call: Callable[..., None], error: Exception) -> None:
    raise AssertionError from error


def test_what_is_due_first_is_done_first_and_nothing_before_its_time() -> None:
    agenda, done = Agenda(nothing), list[str]()
    now = time.monotonic()
    agenda.at(now - 1, done.append, "second")
    agenda.at(now - 2, done.append, "first")
    agenda.after(60, done.append, "later")
    assert not agenda.serve()
    assert done == ["first", "second"]


def test_what_goes_wrong_is_told_and_stops_no_other() -> None:
    told, done = list[str](), list[int]()
    agenda = Agenda(lambda _call, error: told.append(type(error).__name__))
    agenda.at(0, done.remove, 1)
    agenda.at(1, done.append, 2)
    agenda.serve()
    assert done == [2]
    assert told == ["ValueError"]


def test_a_crowd_of_calls_lets_what_has_come_be_read_in_between() -> None:
    agenda, done = Agenda(nothing), list[int]()
    for number in range(AT_ONCE + 1):
        agenda.at(0, done.append, number)
    assert agenda.serve()
    assert done == list(range(AT_ONCE))
    assert not agenda.serve()
    assert done[-1] == AT_ONCE
