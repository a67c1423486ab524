"""The board's pages over HTTP: immutable, made once, opened by the room's content key."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse

from classroom.chat import model as chat
from classroom.rooms import sheets
from classroom.whiteboard import model as board
from classroom.whiteboard.quantise import pack
from tests.http.conftest import MINA, RAVI, TEACHER, Talk
from tests.vectors.drawing import fields, whole
from tests.whiteboard.client_fold import Sheet

FOR_EVER = "public, max-age=31536000, immutable"


async def key_of(talk: Talk) -> str:
    return (await talk.classroom.house.hall("math")).key


async def put(talk: Talk, id: str, *, page: int = 0, nonce: int = 1) -> int:
    change = whole(id, 1, nonce, fields("freedraw", 1, 2), pack([(0, 0), (5, 6), (9, 9)]))
    return await talk.do(TEACHER, lambda cid: board.Put(cid=cid, page=page, changes=(change,)))


async def fetch(talk: Talk, page: int, seq: int, **options: Any) -> ClientResponse:
    return await talk.get(f"/api/rooms/math/board/{page}@{seq}?key={await key_of(talk)}", **options)


async def elements_of(response: ClientResponse) -> list[str]:
    """The ids of the elements, once the events are applied as a client does."""
    assert response.status == 200
    body = await response.json()
    sheet = Sheet(body["page"], body["seq"] if not body["events"] else -1, body["elements"])
    for event in body["events"]:
        sheet.fold(msgspec.convert(event, board.BoardEvent, strict=False), event["seq"])
    return list(sheet.elements)


async def test_an_empty_board_has_a_page_at_the_beginning_of_the_log(talk: Talk) -> None:
    await talk.room()

    response = await fetch(talk, 0, 0)

    assert response.status == 200
    assert await response.json() == {"page": 0, "elements": [], "events": [], "seq": 0}


async def test_a_page_at_its_place_may_be_kept_for_ever_by_anybody(talk: Talk) -> None:
    await talk.room()
    seq = await put(talk, "one")

    response = await fetch(talk, 0, seq)

    assert response.headers["Cache-Control"] == FOR_EVER
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert await elements_of(response) == ["one"]


async def test_it_is_compressed_for_who_takes_that_and_the_same_for_who_does_not(talk: Talk) -> None:
    await talk.room()
    await elements_of(await fetch(talk, 0, await put(talk, "one")))
    second = await put(talk, "two")

    packed = await fetch(talk, 0, second)
    hall = await talk.classroom.house.hall("math")
    body = await hall.sheets.get(0, second)
    plain = await talk.client.get(
        f"/api/rooms/math/board/0@{second}?key={hall.key}", headers={"Accept-Encoding": "identity"}
    )

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert await plain.read() == gzip.decompress(body)
    assert json.loads(gzip.decompress(body))["seq"] == second


async def test_a_page_that_is_drawn_on_is_compressed_once_and_goes_on_with_events(talk: Talk) -> None:
    await talk.room()
    places = [await put(talk, "e0")]
    await elements_of(await fetch(talk, 0, places[0]))
    places += [await put(talk, f"e{number}") for number in range(1, 8)]

    found = [await elements_of(await fetch(talk, 0, place)) for place in places]

    assert found == [[f"e{number}" for number in range(count + 1)] for count in range(8)]
    assert (await talk.classroom.house.hall("math")).sheets.built == 1


async def test_however_many_ask_at_once_it_is_made_once(talk: Talk) -> None:
    await talk.room()
    seq = await put(talk, "one")
    hall = await talk.classroom.house.hall("math")

    bodies = await asyncio.gather(*(hall.sheets.get(0, seq) for _ in range(500)))

    assert hall.sheets.built == 1
    assert len({id(body) for body in bodies}) == 1


async def test_a_long_tail_gets_a_base_of_its_own_while_it_is_served(talk: Talk) -> None:
    await talk.room()
    first = await put(talk, "start")
    await fetch(talk, 0, first)
    last = first
    for number in range(sheets.TAIL + 1):
        last = await put(talk, f"e{number}")

    response = await fetch(talk, 0, last)
    hall = await talk.classroom.house.hall("math")
    building = hall.sheets._pages[0].building
    if building is not None:
        await building
    after = await put(talk, "after")

    assert len(await elements_of(response)) == sheets.TAIL + 2
    assert hall.sheets.built == 2
    again = await (await fetch(talk, 0, after)).json()
    assert (len(again["elements"]), len(again["events"])) == (sheets.TAIL + 2, 1)


async def test_a_place_that_is_not_at_hand_leads_to_the_newest(talk: Talk) -> None:
    await talk.room()
    await put(talk, "one")
    last = await put(talk, "two")
    said = await talk.do(TEACHER, lambda cid: chat.Say(cid=cid, text="Look"))

    for place in (1, last - 1, said):
        response = await fetch(talk, 0, place, allow_redirects=False)
        assert response.status == 307
        assert response.headers["Location"] == f"0@{last}?key={await key_of(talk)}"
        assert response.headers["Cache-Control"] == "no-store"
        assert await elements_of(await fetch(talk, 0, place)) == ["one", "two"]


async def test_a_place_ahead_is_waited_for(talk: Talk) -> None:
    await talk.room()
    seq = await put(talk, "one")
    hall = await talk.classroom.house.hall("math")

    ahead = asyncio.create_task(fetch(talk, 0, seq + 1))
    while not hall.sheets._waiting:
        await asyncio.sleep(0)
    await put(talk, "two")

    assert await elements_of(await ahead) == ["one", "two"]


async def test_a_place_that_does_not_come_is_refused_for_now(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    await talk.room()
    monkeypatch.setattr(sheets, "PATIENCE", 0.05)

    for place in (100, 1_000_000_000):
        response = await fetch(talk, 0, place)

        assert response.status == 404
        assert (await response.json())["temporary"] is True
        assert response.headers["Cache-Control"] == "no-store"


async def test_clearing_and_restoring_make_the_page_anew(talk: Talk) -> None:
    await talk.room()
    await put(talk, "one")
    await fetch(talk, 0, await put(talk, "two"))
    cleared = await talk.do(TEACHER, lambda cid: board.ClearPage(cid=cid, page=0))
    assert await elements_of(await fetch(talk, 0, cleared)) == []

    restored = await talk.do(TEACHER, lambda cid: board.Undo(cid=cid, page=0))

    assert await elements_of(await fetch(talk, 0, restored)) == ["one", "two"]


async def test_a_copy_has_a_page_of_its_own(talk: Talk) -> None:
    await talk.room()
    await put(talk, "one")
    copy = await talk.do(TEACHER, lambda cid: board.DuplicatePage(cid=cid, page=0))
    assert await elements_of(await fetch(talk, copy, copy)) == ["one"]

    last = await put(talk, "two", page=copy)

    assert await elements_of(await fetch(talk, copy, last)) == ["one", "two"]


async def test_a_page_that_is_not_there_is_not_found(talk: Talk) -> None:
    await talk.room()
    assert (await fetch(talk, 7, 0)).status == 404


async def test_members_get_in_with_their_own_credentials_too(talk: Talk) -> None:
    await talk.room()
    seq = await put(talk, "one")
    await talk.attend(RAVI)

    for member in (TEACHER, RAVI, MINA):
        assert await elements_of(await talk.get(f"/api/rooms/math/board/0@{seq}", member)) == ["one"]
    assert (await talk.get_with_key(f"/api/rooms/math/board/0@{seq}")).status == 200


async def test_nobody_else_gets_in(talk: Talk) -> None:
    await talk.room()
    await talk.room("other")
    seq = await put(talk, "one")
    other = (await talk.classroom.house.hall("other")).key

    assert other != await key_of(talk)
    assert (await talk.get(f"/api/rooms/math/board/0@{seq}")).status == 401
    for wrong in (other, "", "0", "é" * 10, (await key_of(talk)).upper()):
        response = await talk.client.get(f"/api/rooms/math/board/0@{seq}", params={"key": wrong})
        assert response.status == 401, wrong
        assert response.headers["Cache-Control"] == "no-store"


async def test_the_key_opens_nothing_but_contents(talk: Talk) -> None:
    await talk.room()
    key = await key_of(talk)
    for path in ("state", "history", "people", "export"):
        assert (await talk.get(f"/api/rooms/math/{path}?key={key}")).status == 401, path


async def test_an_event_is_there_with_all_its_points(talk: Talk) -> None:
    await talk.room()
    seq = await put(talk, "one")
    said = await talk.do(TEACHER, lambda cid: chat.Say(cid=cid, text="Look"))
    key = await key_of(talk)

    response = await talk.get(f"/api/rooms/math/board/events/{seq}?key={key}")

    told = await response.json()
    assert (told["seq"], told["type"], told["changes"][0]["id"]) == (seq, "board.drawn", "one")
    assert told["changes"][0]["points"]
    assert response.headers["Cache-Control"] == FOR_EVER
    for other in (0, said):
        refused = await talk.get(f"/api/rooms/math/board/events/{other}?key={key}")
        assert refused.status == 404
