"""The whiteboard through real sockets: ink while the pen is down, the event when it is lifted, the page for who comes late."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any
from zlib import crc32

import aiohttp
import pytest

from classroom.kernel import ALL
from classroom.rooms import room as rooms
from classroom.whiteboard.quantise import Packer
from classroom.wire import Codec
from tests.following import Following, audience, truth
from tests.running import Running
from tests.sockets.peer import Peer
from tests.vectors.drawing import fields


def signals(peer: Peer, type: str) -> list[dict[str, Any]]:
    return [signal for packet in peer.named("signals") for signal in packet if signal["type"] == type]


def drawn(peer: Peer) -> list[dict[str, Any]]:
    return [event for event in peer.events if event["type"] == "board.drawn"]


def signal(peer: Peer, type: str, **more: Any) -> None:
    peer.packet(2, ["signal", {"type": type, **more}])


def text(data: bytes) -> str:
    return b64encode(data).decode()


def raw(data: bytes | str) -> bytes:
    return b64decode(data) if isinstance(data, str) else data


@pytest.mark.parametrize("codec", Codec)
async def test_a_stroke_is_seen_while_it_is_drawn_and_kept_when_it_is_done(server: Running, codec: Codec) -> None:
    teacher = await Peer.join(server.port, codec, token=server.token())
    asha = await Peer.join(server.port, codec, room="demo", name="Asha")
    packer, look = Packer(pressures=True), fields("freedraw", 10, 20)
    first = packer.header + packer.block([(0, 0), (3, 4)], [16, 17])
    second = packer.block([(6, 9), (9, 15)], [18, 18])

    signal(teacher, "board.ink", page=0, id="stroke", after=0, ink=text(first), look=look)
    (ink,) = await asha.until(lambda: signals(asha, "board.ink_by"))
    assert (ink["by"], raw(ink["ink"]), ink["look"]) == (teacher.id, first, look)
    late = await Peer.join(server.port, codec, room="demo", name="Ravi")
    await late.until(lambda: signals(late, "board.ink_by"))
    change = {"id": "stroke", "version": 1, "nonce": 5, "set": look, "points": text(first + second)}
    kept = await teacher.command("board.put", page=0, changes=[change])

    assert kept["ok"], kept
    for peer in (teacher, asha, late):
        (event,) = await peer.until(lambda peer=peer: drawn(peer))
        (told,) = event["changes"]
        if codec is Codec.JSON:
            assert raw(told["points"]) == first + second
        else:
            assert told["inked"] == [len(first), crc32(first)]
            assert told["append"] == second


async def test_a_student_who_may_not_draw_shows_nothing(server: Running) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    asha = await Peer.join(server.port, room="demo", name="Asha")
    ink = text(Packer().header + Packer().block([(0, 0)]))

    signal(asha, "board.ink", page=0, id="s", after=0, ink=ink, look=fields("freedraw", 0, 0))
    signal(asha, "board.cursor", page=0, x=1, y=1)
    refused = await asha.command("board.put", page=0, changes=[])
    await teacher.command("board.grant", member=asha.id)
    signal(asha, "board.cursor", page=0, x=2, y=3)

    assert refused["code"] == "forbidden"
    (cursor,) = await teacher.until(lambda: signals(teacher, "board.cursor_by"))
    assert (cursor["by"], cursor["x"], cursor["y"]) == (asha.id, 2, 3)
    assert signals(teacher, "board.ink_by") == []


async def test_who_comes_late_fetches_the_page_by_what_the_welcome_tells(server: Running) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    for number in range(3):
        change = {"id": f"e{number}", "version": 1, "nonce": 1, "set": fields("ellipse", number, 0)}
        assert (await teacher.command("board.put", page=0, changes=[change]))["ok"]

    late = await Peer.join(server.port, room="demo", name="Asha")

    (page,) = late.welcome["state"]["board"]["pages"]
    assert page["count"] == 3
    assert "e0" not in json.dumps(late.welcome["state"]), "a welcome holds no elements"
    address = f"{server.url}/api/rooms/demo/board/{page['id']}@{page['at']}?key={late.welcome['key']}"
    async with aiohttp.ClientSession() as http, http.get(address) as response:
        assert response.status == 200
        sheet = await response.json()
    assert [element["id"] for element in sheet["elements"]] == ["e0", "e1", "e2"]


async def test_a_client_that_follows_has_what_the_server_has(server: Running) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    asha = await Peer.join(server.port, Codec.MSGPACK, room="demo", name="Asha")
    following = Following()
    following.welcome(asha.welcome)
    await teacher.command("board.add_page", backgrounds=[{"kind": "grid"}])
    added = (await teacher.command("board.add_page"))["seq"]
    change = {"id": "e", "version": 1, "nonce": 1, "set": fields("ellipse", 1.5, 0)}
    await teacher.command("board.put", page=added, changes=[change])
    last = (await teacher.command("board.go_to", page=added))["seq"]

    await asha.until(lambda: asha.seq >= last)
    following.events(asha.events)

    hall = await server.classroom.house.hall("demo")
    assert following.view is not None
    assert following.me is not None
    assert following.view.board == rooms.show(hall.replica.state, ALL).board
    assert following.picture() == truth(hall.replica.state, audience(following.me))
