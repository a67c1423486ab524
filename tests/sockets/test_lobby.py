"""The lobby: who comes in a crowd waits in order, knows their place, is let in, and is never refused for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from classroom.kernel import SYSTEM, Role
from classroom.rooms.roster.model import Attend, Attended, Person
from classroom.wire import Codec
from tests.running import serving, until
from tests.sockets.peer import Peer


async def arriving(port: int, number: int) -> Peer:
    peer = await Peer.open(port, Codec.JSON if number % 2 else Codec.MSGPACK)
    reply = await peer.connect(room="demo", name=f"Student {number}")
    assert reply.type == 0
    return peer


async def test_a_crowd_is_let_in_in_order_of_coming_at_the_workers_rate(tmp_path: Path) -> None:
    crowd, rate = 40, 10
    async with serving(tmp_path, rooms_joins_per_second=rate) as server:
        begun = asyncio.get_running_loop().time()
        peers = [await arriving(server.port, number) for number in range(crowd)]
        await until(lambda: all(peer.named("welcome") for peer in peers), timeout=30)
        took = asyncio.get_running_loop().time() - begun
        waited = [peer for peer in peers if peer.named("lobby")]
        places = [peer.named("lobby")[0]["place"] for peer in waited]
        assert took >= (crowd - rate - 2) / rate
        assert len(waited) >= 5
        assert places[0] == 1
        assert all(peer.packets[-1].name != "lobby" for peer in peers)
        assert all(peer.named("lobby")[0]["estimate"] == peer.named("lobby")[0]["place"] * 100 for peer in waited)
        came: list[str] = []
        while len(came) < crowd:
            came = [p.name for s in await server.log() if isinstance(s.event, Attended) for p in s.event.came]
        assert came == [f"Student {number}" for number in range(crowd)]
        for peer in peers:
            await peer.close()


async def test_who_waits_says_nothing_yet_and_who_leaves_gives_up_their_place(tmp_path: Path) -> None:
    async with serving(tmp_path, rooms_joins_per_second=1) as server:
        first = await arriving(server.port, 0)
        gone = await arriving(server.port, 1)
        waiting = await arriving(server.port, 2)
        await until(lambda: waiting.named("lobby"))
        ack = await waiting.command(type="chat.say", text="too early")
        assert (ack["ok"], ack["code"], ack["temporary"]) == (False, "waiting", True)
        waiting.packet(2, ["command"], 900)
        assert (await waiting.answer(900))["code"] == "bad_request"
        assert len(server.classroom.sockets._lobby) == 2
        await gone.close()
        await until(lambda: len(server.classroom.sockets._lobby) == 1)
        await until(lambda: waiting.named("welcome"))
        assert (await waiting.command(type="chat.say", text="now"))["ok"]
        await first.close()
        await waiting.close()


async def test_who_waits_when_the_server_stops_is_told_to_come_back(tmp_path: Path) -> None:
    async with serving(tmp_path, rooms_joins_per_second=1) as server:
        peers = [await arriving(server.port, number) for number in range(4)]
        await until(lambda: peers[-1].named("lobby"))
        await server.classroom.sockets.drain()
        for peer in peers:
            await until(lambda peer=peer: peer.named("bye"))
            bye = peer.named("bye")[0]
            assert (bye["code"], bye["temporary"]) == ("restarting", True)
        slots = [peer.named("bye")[0]["retry_in"] for peer in peers]
        assert max(slots) >= 1_500


async def test_who_is_banned_while_waiting_is_not_let_in(tmp_path: Path) -> None:
    async with serving(tmp_path, rooms_joins_per_second=1) as server:
        teacher = await Peer.join(server.port, token=server.token())
        waiting = [await arriving(server.port, number) for number in range(3)]
        student = server.classroom.sockets._lobby
        await until(lambda: len(student) == 3)
        last = list(student._line)[-1].session
        assert last is not None
        assert (await teacher.command(type="chat.say", text="quiet, please"))["ok"]
        system = await server.classroom.house.submit(
            "demo", SYSTEM, Attend(came=(Person(last.member.id, "S", Role.STUDENT),))
        )
        assert system.ok
        assert (await teacher.command(type="roster.ban", member=last.member.id))["ok"]
        await until(lambda: waiting[-1].named("bye"))
        assert waiting[-1].named("bye")[0]["code"] == "banned"
        assert not waiting[-1].named("welcome")
