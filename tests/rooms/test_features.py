"""Each command and event is some feature's: none is left out of what the room asks its features."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, get_args

import pytest

from classroom.media import stage
from classroom.rooms import room as rooms


@pytest.mark.parametrize(
    ("table", "union"),
    [
        (rooms._DECIDE, rooms.AnyCommand),
        (rooms._APPLY, rooms.AnyEvent),
        (rooms._VIEW, rooms.AnyEvent),
        (rooms._ADDRESSEES, rooms.AnyEvent),
    ],
)
def test_every_type_is_some_features(table: dict[type, Any], union: Any) -> None:
    assert table.keys() == set(get_args(union))
    with pytest.raises(AssertionError):
        table[int]


@pytest.mark.parametrize("table", [rooms._DECIDE, rooms._APPLY])
def test_types_of_one_feature_and_no_others_go_to_the_same_place(table: dict[type, Any]) -> None:
    places: dict[str, set[Any]] = defaultdict(set)
    for kind, function in table.items():
        if kind is not stage.Call:  # which lowers a hand as well
            places[kind.__struct_config__.tag.partition(".")[0]].add(function)  # type: ignore[attr-defined]
    assert {len(functions) for functions in places.values()} == {1}
    assert len(set.union(*places.values())) == 7
