"""What goes past a transport overtakes nothing that waits in it, and never reaches another connection: whoever writes by the
transport, or learns of its end, says so, and those alone are asked of."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from aiohttp.web_protocol import RequestHandler

from classroom import packets, wire
from classroom.rooms.places import PLACES
from classroom.sockets import crowd
from classroom.sockets.link import WebSocketLink
from classroom.wire import Codec
from tests.running import Running, until
from tests.sockets.peer import Peer
from tests.sockets.test_slow_members import session_of
from tests.sockets.test_stock_clients import shown

CODECS = pytest.mark.parametrize("codec", list(Codec))
PING, CLOSE = b"\x89\x80\0\0\0\0", b"\x88\x80\0\0\0\0"  # WebSocket's own, which aiohttp answers
FAST = {"limits_command_rate": 100_000, "limits_command_burst": 100_000, "rooms_tick_ms": 5}
A_PACKET = packets.message(Codec.JSON, "events", wire.encode(Codec.JSON, []))


async def link_of(server: Running, peer: Peer) -> WebSocketLink:
    (session,) = (await server.hall()).hub.by_member[peer.id]
    assert isinstance(session.link, WebSocketLink)
    return session.link


def written(link: WebSocketLink) -> None:
    link.write(A_PACKET)


def offered(link: WebSocketLink) -> None:
    assert link.offer(A_PACKET, 1 << 20)


def rest(link: WebSocketLink) -> None:
    link.rest(A_PACKET.frame)


def watched(link: WebSocketLink) -> list[int]:
    """Whether there is doubt each time that the link's transport is written to from now on."""
    before: list[int] = []
    transport = link._transport

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(transport, name)

        def write(self, data: bytes) -> None:
            before.append(PLACES.unsure[link.slot])
            transport.write(data)

    link._transport = Watched()
    assert link._socket._writer is not None
    link._socket._writer.transport = link._transport
    return before


async def said(link: WebSocketLink) -> None:
    await link.send("6")


async def sent(link: WebSocketLink) -> None:
    await link.send(b"\x80")


async def ponged(link: WebSocketLink) -> None:
    await link._socket.pong()


async def closed(link: WebSocketLink) -> None:
    await link._socket.close(drain=False, code=1012)


@pytest.mark.parametrize("way", [written, offered, rest, said, sent, ponged, closed])
async def test_who_is_written_to_by_their_transport_is_asked_of_next_time(
    server: Running, way: Callable[[WebSocketLink], Awaitable[None] | None]
) -> None:
    link = await link_of(server, await Peer.join(server.port, name="Asha"))
    before = watched(link)
    assert link.clear()
    assert PLACES.unsure[link.slot] == 0
    done = way(link)
    if done is not None:
        await done

    assert before
    assert set(before) == {1}


@pytest.mark.parametrize("what", [PING, CLOSE, b"\x8f\x80\0\0\0\0"], ids=["ping", "close", "what is not known"])
async def test_what_aiohttp_answers_by_itself_is_known_of(server: Running, what: bytes) -> None:
    peer = await Peer.join(server.port, name="Asha")
    link = await link_of(server, peer)
    before = watched(link)
    assert link.clear()
    peer.raw(what)
    await until(lambda: before)
    assert set(before) == {1}


@pytest.mark.parametrize("end", ["here", "there"])
async def test_there_is_doubt_while_the_descriptor_of_who_is_lost_is_still_their_own(
    server: Running, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = await Peer.join(server.port, name="Asha")
    link = await link_of(server, peer)
    number = os.stat(f"/proc/self/fd/{link.descriptor}").st_ino
    found: list[tuple[int, int]] = []
    lost = RequestHandler.connection_lost

    def noted(self: RequestHandler, error: BaseException | None) -> None:
        lost(self, error)
        if self is link._socket._req.protocol:  # type: ignore[union-attr]
            found.append((PLACES.unsure[link.slot], os.stat(f"/proc/self/fd/{link.descriptor}").st_ino))

    monkeypatch.setattr(RequestHandler, "connection_lost", noted)
    assert link.clear()
    assert PLACES.unsure[link.slot] == 0
    if end == "here":
        link._transport.abort()
    else:
        await peer.drop()
    await until(lambda: found)

    assert found == [(1, number)]
    assert not link.clear()


async def test_a_slot_that_is_anothers_is_asked_of() -> None:
    slot = PLACES.take(0)
    PLACES.unsure[slot] = 0
    PLACES.give_back(slot)
    assert PLACES.take(0) == slot
    assert PLACES.unsure[slot] == 1


@CODECS
async def test_who_is_stuck_and_is_answered_meanwhile_reads_all_of_it_whole_and_in_order(
    start: Callable[..., Any], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "FEW", 1)
    dice = Random(11)
    server: Running = await start(slow_max_buffer_bytes=1 << 20, **FAST)
    teacher = await Peer.join(server.port, token=server.token())
    peers = [await Peer.join(server.port, codec, receive_buffer=4_096, name=f"Student {n}") for n in range(12)]
    sessions = [await session_of(server, peer.id) for peer in peers]
    seq, most = 0, 0
    asked: list[tuple[Peer, int]] = []
    for _ in range(150):
        for peer in peers:
            if dice.random() < 0.05:
                peer.stop_reading()
            elif dice.random() < 0.1:
                peer.resume()
            if dice.random() < 0.1:
                peer.raw(PING)
            if dice.random() < 0.1:
                asked.append((peer, peer.ask("roster.raise_hand" if dice.random() < 0.5 else "roster.lower_hand")))
        seq = (await teacher.command("chat.say", text="x" * dice.choice((10, 300, 2_000))))["seq"]
        most = max(most, *(session.link.buffered() for session in sessions))
    for peer in peers:
        peer.resume()

    assert most > 4_096, "nobody was stuck"
    for peer, id in asked:
        assert await peer.answer(id)
    for peer, session in zip(peers, sessions, strict=True):
        await peer.until(lambda peer=peer: peer.seq >= seq, timeout=20)
        assert not peer.named("resumed")
        assert peer.events == await shown(server, session.audience, peer.welcome["seq"], peer.events[-1]["seq"])
