"""The golden vectors are what the server says today, and say enough."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from classroom.rooms import room
from tests.vectors.make import HERE, vectors

MADE = vectors()


def test_no_vector_is_left_over() -> None:
    assert {path.name for path in HERE.glob("*.json")} == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_the_vector_is_current(name: str) -> None:
    assert (HERE / name).read_text(encoding="utf-8") == MADE[name], "stale: python -m tests.vectors.make"


def test_every_event_is_in_some_vector() -> None:
    seen = {
        event["type"]
        for text in MADE.values()
        for watcher in json.loads(text)["audiences"]
        for packet in watcher["packets"]
        for event in packet
    }
    assert seen == {event.__struct_config__.tag for event in get_args(room.AnyEvent)}


@pytest.mark.parametrize("name", MADE)
def test_what_is_the_asker_s_alone_reaches_no_other_student(name: str) -> None:
    for watcher in json.loads(MADE[name])["audiences"]:
        if watcher["audience"] == "staff":
            continue
        told = [event for packet in watcher["packets"] for event in packet if event["type"] == "doubt.asked"]
        me = watcher["me"]["id"]
        assert all(event.get("by") in (None, me) for event in told if event.get("anonymous"))


def test_what_the_room_was_not_shown_reaches_its_author_and_the_staff_alone() -> None:
    watchers = json.loads(MADE["crowd.json"])["audiences"]
    unshown = {watcher["me"]["id"]: _unshown(watcher) for watcher in watchers if watcher["welcome"]["seq"] == 0}
    assert unshown["t1"] > unshown["s1"] > 3
    assert unshown["s2"] > 0
    for watcher in watchers:
        if watcher["audience"] != "staff":
            told = [event for packet in watcher["packets"] for event in packet if event.get("crowd") is True]
            told += watcher["welcome"]["own"]["chat"]["messages"] + watcher["final"]["own"]["chat"]["messages"]
            assert told
            assert {event["by"] for event in told} == {watcher["me"]["id"]}
            for moment in (watcher["welcome"], watcher["final"]):
                assert not any(message.get("crowd") for message in moment["state"]["chat"]["messages"])


def _unshown(watcher: Any) -> int:
    return sum(event.get("crowd") is True for packet in watcher["packets"] for event in packet)
