"""Tests are dealt among processes so that each has as many, and about as much to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.order import LONG, TESTS, dealt

SHORT = 30  # files, of as many tests each


def collected(each: int = 3) -> list[Any]:
    names = [*sorted(LONG), *(f"short{number}.py" for number in range(SHORT))]
    counts = [each] * len(LONG) + [SHORT] * SHORT
    return [
        SimpleNamespace(path=TESTS / name, name=f"{name} {number}")
        for name, count in zip(names, counts, strict=True)
        for number in range(count)
    ]


@pytest.mark.parametrize("hands", [1, 2, 3, 4])
def test_every_test_is_dealt_once(hands: int) -> None:
    items = collected()
    order = dealt(items, hands)
    assert Counter(item.name for item in order) == Counter(item.name for item in items)


def test_one_process_alone_takes_them_as_they_were_collected() -> None:
    items = collected()
    assert dealt(items, 1) == items


@pytest.mark.parametrize("hands", [2, 3, 4])
def test_each_share_begins_with_whole_files_that_take_about_as_long_together(hands: int) -> None:
    order = dealt(collected(), hands)
    seconds = []
    for left in range(hands, 0, -1):  # as pytest-xdist shares out what there is
        tests, order = order[: len(order) // left], order[len(order) // left :]
        names = [item.path.relative_to(TESTS).as_posix() for item in tests]
        begun = [name for name in dict.fromkeys(names) if name in LONG]
        assert names[: 3 * len(begun)] == [name for name in begun for _ in range(3)]
        seconds.append(sum(LONG[name] for name in begun))
    assert max(seconds) - min(seconds) <= max(LONG.values())
    assert sum(seconds) == sum(LONG.values())


def test_files_that_take_long_are_there() -> None:
    assert all((Path(TESTS) / name).is_file() for name in LONG)
