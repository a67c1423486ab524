"""The whiteboard's golden vectors are what the server says today, and a client's fold arrives where they say."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import msgspec
import pytest

from classroom.rooms.room import AnyEvent
from classroom.whiteboard.model import POINTS_LIMIT
from classroom.whiteboard.quantise import Points, Unreadable, unpack
from tests.vectors import boards
from tests.vectors.make import HERE
from tests.whiteboard.client_fold import Sheet

POINTS = json.loads((HERE / "board" / "points.json").read_text(encoding="utf-8"))
SHEETS = json.loads((HERE / "board" / "sheets.json").read_text(encoding="utf-8"))["sheets"]


def test_the_vectors_are_current() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "board").glob("*.json")}
    made = boards.files()
    assert set(kept) == set(made)
    stale = [name for name in made if kept[name] != made[name]]
    assert stale == [], "stale: python -m tests.vectors.make"


@pytest.mark.parametrize("vector", POINTS["good"])
def test_packed_points_are_unpacked_as_they_were(vector: Any) -> None:
    points = [(x, y) for x, y in vector["points"]]

    unpacked = unpack(b64decode(vector["packed"]), POINTS_LIMIT)

    assert unpacked == Points(vector["precision"], points, vector["pressures"])
    assert sum(vector["blocks"]) == len(points)


@pytest.mark.parametrize("packed", POINTS["bad"])
def test_what_is_no_packed_points_is_refused(packed: str) -> None:
    with pytest.raises(Unreadable):
        unpack(b64decode(packed), POINTS_LIMIT)


@pytest.mark.parametrize("vector", SHEETS)
def test_a_fetched_sheet_and_the_events_since_are_the_page(vector: Any) -> None:
    sheet = Sheet(vector["page"], vector["at"], vector["elements"])

    for event in vector["events"]:
        sheet.fold(msgspec.convert(event, AnyEvent, strict=False), event["seq"])

    assert sheet.stale == (vector["final"] is None)
    if vector["final"] is not None:
        assert list(sheet.elements.values()) == vector["final"]


def test_the_sheets_have_deltas_deletions_and_appended_points_in_them() -> None:
    told = [change for vector in SHEETS for event in vector["events"] for change in event.get("changes", ())]
    assert len(SHEETS) > 8
    assert all(any(field in change for change in told) for field in ("base", "gone", "append", "unset", "points"))
    assert any(vector["final"] is None for vector in SHEETS)
    assert sum(vector["final"] is not None for vector in SHEETS) > 4
