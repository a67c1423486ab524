"""Stock Socket.IO clients connect and work: Python's and node's, with the default parser and with msgpack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from classroom import wire
from classroom.kernel import ALL, STAFF, Audience
from classroom.rooms import room as rooms
from classroom.wire import Codec
from tests.running import Running, until
from tests.sockets.peer import Peer
from tests.sockets.stock import NodeClient, PythonClient

Stock = Any
CLIENTS = pytest.mark.parametrize("client", [PythonClient, NodeClient])
CODECS = pytest.mark.parametrize("codec", list(Codec))


@pytest.fixture
async def clients() -> AsyncIterator[Callable[..., Stock]]:
    """Makes stock clients; they are closed at the end."""
    async with AsyncExitStack() as stack:

        def make(client: Callable[..., Stock], *args: Any) -> Stock:
            made = client(*args)
            stack.push_async_callback(made.close)
            return made

        yield make


async def shown(server: Running, audience: Audience, after: int, upto: int) -> list[dict[str, Any]]:
    """What the journal's events in places `after` < seq ≤ `upto` are to `audience`, as they stand on the wire."""
    found = ((s.meta, rooms.view(s.event, audience)) for s in await server.log() if after < s.meta.seq <= upto)
    return [json.loads(wire.item(Codec.JSON, meta, event)) for meta, event in found if event is not None]


def events_of(client: Stock) -> list[dict[str, Any]]:
    return [event for packet in client.named("events") for event in packet]


@CLIENTS
@CODECS
async def test_a_stock_client_is_welcomed_commands_and_hears(
    server: Running, clients: Callable[..., Stock], client: Callable[..., Stock], codec: Codec
) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    student = clients(client, server.url, codec)

    await student.connect(v=1, room="demo", name="Asha", client="tablet")
    await student.until("welcome")

    assert [name for name, _ in student.got[:2]] == ["connect", "welcome"]
    (welcome,) = student.named("welcome")
    assert welcome["me"]["role"] == "student"
    assert set(welcome["state"]) == set(rooms.RoomView.__struct_fields__)

    assert (await student.command(cid="a", type="chat.say", text="नमस्ते 👋"))["ok"]
    kept = await student.command(cid="b", type="doubt.ask", text="Why?", anonymous=True)
    again = await student.command(cid="b", type="doubt.ask", text="Why?", anonymous=True)
    assert kept == again == {"ok": True, "seq": kept["seq"]}
    refused = await student.command(cid="c", type="class.start")
    assert refused | {"message": ""} == {"ok": False, "code": "forbidden", "message": "", "temporary": False}
    unknown = await student.command(cid="d", type="no.such")
    assert unknown["code"] == "bad_request"
    await student.signal(type="react", emoji="👏")
    told = await teacher.command("chat.say", text="welcome")

    await teacher.until(lambda: any(s["type"] == "reactions" for packet in teacher.named("signals") for s in packet))
    await until_heard(student, told["seq"])
    own = Audience("member", welcome["me"]["id"])
    assert events_of(student) == await shown(server, own, welcome["seq"], events_of(student)[-1]["seq"])
    assert any(event["type"] == "doubt.asked" for event in events_of(student))


async def until_heard(client: Stock, seq: int) -> None:
    """Until an `events` packet with this place has come."""
    packets = 0
    while not any(event["seq"] >= seq for event in events_of(client)):
        packets += 1
        await client.until("events", packets)


@CLIENTS
@CODECS
async def test_a_stock_client_that_comes_back_gets_only_what_it_missed(
    server: Running, clients: Callable[..., Stock], client: Callable[..., Stock], codec: Codec
) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    student = clients(client, server.url, codec)
    auth = {"room": "demo", "name": "Asha", "client": "tablet"}
    await student.connect(**auth)
    await student.until("welcome")
    (welcome,) = student.named("welcome")
    seen = (await teacher.command("chat.say", text="seen"))["seq"]
    await until_heard(student, seen)
    await server.classroom.house.submit("demo", *say("missed while nobody reads"))

    # It says where it was, and that it had not seen the last: both come.
    await student.cut(**auth, since=seen, epoch=welcome["epoch"])
    await student.until("resumed")

    (resumed,) = student.named("resumed")
    own = Audience("member", welcome["me"]["id"])
    assert resumed["events"] == await shown(server, own, seen, resumed["seq"])
    assert [event["text"] for event in resumed["events"] if event["type"] == "chat.said"] == [
        "missed while nobody reads"
    ]
    assert (await student.command(cid="z", type="chat.say", text="back"))["ok"]
    assert len(student.named("welcome")) == 1


def say(text: str) -> tuple[Any, Any]:
    from classroom.chat.model import Say
    from classroom.kernel import Member, Role

    return Member("t9", "Somebody", Role.INSTRUCTOR), Say(cid=text[:60], text=text)


@CODECS
async def test_another_logs_epoch_gets_a_whole_welcome(server: Running, codec: Codec) -> None:
    first = await Peer.join(server.port, codec, name="Asha", client="c1")

    again = await Peer.join(server.port, codec, name="Asha", client="c1", since=first.welcome["seq"], epoch="0" * 16)

    assert again.named("welcome")
    assert not again.named("resumed")


async def test_two_devices_of_one_member_see_the_same_and_one_may_leave(
    server: Running, clients: Callable[..., Stock]
) -> None:
    python, node = clients(PythonClient, server.url, Codec.JSON), clients(NodeClient, server.url, Codec.MSGPACK)
    for device in (python, node):
        await device.connect(room="demo", name="Asha", client="the same")
        await device.until("welcome")
    assert python.named("welcome")[0]["me"] == node.named("welcome")[0]["me"]

    asked = await python.command(cid="q", type="doubt.ask", text="Whose is it?")  # pending: this member's alone
    await until_heard(python, asked["seq"])
    await until_heard(node, asked["seq"])
    retried = await node.command(cid="q", type="doubt.ask", text="Whose is it?")

    assert retried == asked
    hall = await server.hall()
    assert hall.presence.count() == 1
    await python.close()
    await until(lambda: len(hall.hub.sessions) == 1)
    assert hall.presence.count() == 1
    assert (await node.command(cid="r", type="chat.say", text="still here"))["ok"]


# --- long-polling -------------------------------------------------------------------------------------------------------


@CODECS
async def test_long_polling_is_off_unless_switched_on_and_says_so(server: Running, codec: Codec) -> None:
    path = "/socket.io/" if codec is Codec.JSON else "/socket.io/msgpack/"
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}{path}?EIO=4&transport=polling") as answer:
        assert answer.status == 400
        assert await answer.text() == '"Invalid transport"'


@CLIENTS
@CODECS
async def test_a_stock_client_on_long_polling_joins_commands_hears_and_is_told_goodbye(
    start: Callable[..., Any], clients: Callable[..., Stock], client: Callable[..., Stock], codec: Codec
) -> None:
    server = await start(server_polling=True)
    teacher = await Peer.join(server.port, token=server.token())
    student = clients(client, server.url, codec, "polling")

    await student.connect(room="demo", name="Asha", client="tablet")
    await student.until("welcome")

    assert [name for name, _ in student.got[:2]] == ["connect", "welcome"]
    (welcome,) = student.named("welcome")
    for number in range(20):
        assert (await student.command(cid=f"c{number}", type="chat.say", text=f"{number} ✓"))["ok"]
    told = await teacher.command("chat.say", text="to all")
    await until_heard(student, told["seq"])
    own = Audience("member", welcome["me"]["id"])
    assert events_of(student) == await shown(server, own, welcome["seq"], events_of(student)[-1]["seq"])

    id = welcome["me"]["id"]
    await teacher.until(lambda: any(person[0] == id for e in teacher.events for person in e.get("came", ())))
    assert (await teacher.command("roster.remove", member=welcome["me"]["id"], reason="enough"))["ok"]
    await student.until("bye")
    (bye,) = student.named("bye")
    assert (bye["code"], bye.get("temporary", False)) == ("removed", False)
    assert "enough" in bye["message"]
    await until(lambda: len(server.classroom.sockets.links) == 1)


async def test_a_refusal_reaches_a_client_on_long_polling(
    start: Callable[..., Any], clients: Callable[..., Stock]
) -> None:
    server = await start(server_polling=True)
    student = clients(NodeClient, server.url, Codec.JSON, "polling")

    await student.connect(room="nowhere", name="Asha")
    await student.until("connect_error")

    assert student.named("connect_error")[0]["data"]["code"] == "room_not_found"


# --- order --------------------------------------------------------------------------------------------------------------


async def test_the_answer_the_welcome_and_the_events_come_in_this_order_in_300_joins_under_a_storm(
    start: Callable[..., Any],
) -> None:
    server = await start(limits_command_rate=100_000, limits_command_burst=100_000, rooms_tick_ms=5)
    teacher = await Peer.join(server.port, token=server.token())
    going = True

    async def storm() -> None:
        asked = 0
        while going:
            waiting = [teacher.ask("chat.say", text=f"{asked + n}") for n in range(8)]
            # Prepared polls are hidden from students: their places are taken all the same.
            waiting.append(teacher.ask("poll.prepare", spec={"question": "?", "kind": "rating"}))
            asked += 8
            for id in waiting:
                await teacher.answer(id)

    storming = asyncio.create_task(storm())
    joined: list[tuple[Peer, Audience]] = []
    for batch in range(60):
        codec = Codec.MSGPACK if batch % 2 else Codec.JSON

        async def come(number: int, codec: Codec = codec) -> tuple[Peer, Audience]:
            if number % 5 == 0:
                token = server.token("demo", "assistant", f"Helper {number}")
                return await Peer.join(server.port, codec, token=token), STAFF
            return await Peer.join(server.port, codec, name=f"Student {number}"), ALL

        joined += await asyncio.gather(*(come(batch * 5 + number) for number in range(5)))
    going = False
    await storming
    last = (await teacher.command("chat.say", text="the last"))["seq"]
    log = await server.log()

    wanted = {audience: await shown(server, audience, 0, len(log)) for audience in (ALL, STAFF)}
    assert sum(event["type"] == "chat.said" for event in wanted[ALL]) > 100, "not much of a storm"
    for peer, audience in joined:
        await peer.until(lambda peer=peer: peer.events and peer.events[-1]["seq"] >= last)
        assert [p.type for p in peer.packets[:2]] == [0, 2]
        assert [p.name for p in peer.packets[:2]] == ["", "welcome"]
        assert len(peer.named("welcome")) == 1
        after = peer.welcome["seq"]
        seen = [e for e in peer.events if e["seq"] <= last]  # who came is told a little later
        assert seen == [e for e in wanted[audience] if after < e["seq"] <= last]
