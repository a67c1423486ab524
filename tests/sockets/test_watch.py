"""Sessions that have fallen silent are ended, the others are let be."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import engineio
import msgspec
import pytest
from engineio.async_socket import AsyncSocket

from classroom.sockets.link import WebSocketLink
from classroom.sockets.watch import steady
from classroom.wire import Codec
from tests.running import Running, until
from tests.sockets.peer import Peer, frame


def engine_of(server: Running, codec: Codec = Codec.JSON) -> Any:
    (engine,) = [each.eio for each in server.classroom.sockets._servers if each.codec is codec]
    return engine


async def joined(server: Running, codec: Codec = Codec.JSON) -> tuple[Peer, Any]:
    """A member, and their session at the server."""
    peer = await Peer.join(server.port, codec, name="Asha")
    (session,) = engine_of(server, codec).sockets.values()
    return peer, session


async def test_who_does_not_answer_a_ping_is_ended_and_the_others_are_let_be(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(server)
    monkeypatch.setattr("classroom.sockets.watch.STEP", 0.02)
    engine.ping_interval, engine.ping_timeout = 0.1, 0.5
    silent = await Peer.join(server.port, name="Asha", client="one")
    lively = await Peer.join(server.port, name="Ravi", client="two")
    first, second = engine.sockets.values()

    silent.answers_pings = False
    await asyncio.wait_for(silent.ended.wait(), 10)

    assert first.closed
    assert second.sid in engine.sockets
    assert [link.session.member.name for link in server.classroom.sockets.links if link.session] == ["Ravi"]
    assert (await lively.command("chat.say", text="I am here."))["ok"]


@pytest.mark.parametrize("answers", [True, False])
async def test_after_a_stall_what_has_come_meanwhile_is_read_before_anybody_is_ended(
    server: Running, answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (engine,) = [s.eio for s in server.classroom.sockets._servers if s.codec is Codec.JSON]
    monkeypatch.setattr("classroom.sockets.watch.STEP", 0.02)
    engine.ping_interval, engine.ping_timeout = 0.3, 0.25
    peer = await Peer.join(server.port, name="Asha")
    peer.answers_pings = False
    (session,) = engine.sockets.values()
    await until(lambda: session.last_ping)
    near, far = socket.socketpair()
    loop, stood = asyncio.get_running_loop(), asyncio.Event()

    def stand_still() -> None:
        """With the pong in the worker's socket, until timers are due, which come before the socket is looked at again."""
        loop.remove_reader(near)
        if answers:
            os.write(peer.writer.get_extra_info("socket").fileno(), frame(b"3"))
        time.sleep(1)
        peer.answers_pings = answers
        stood.set()

    loop.add_reader(near, stand_still)
    far.send(b"x")
    await stood.wait()
    near.close()
    far.close()

    if answers:
        await until(lambda: not session.last_ping)
        assert (await peer.command("chat.say", text="I am here."))["ok"]
        assert not session.closed
    else:
        await asyncio.wait_for(peer.ended.wait(), 10)


async def test_after_a_stall_nobody_is_ended_while_others_are_still_read(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading all that has come takes many turns of the loop, and pings are sent between them."""
    monkeypatch.setattr("classroom.sockets.watch.STEP", 0.0)
    monkeypatch.setattr("classroom.sockets.coalescing.MOST", 1)
    engine = engine_of(server)
    pacer = engine.start_background_task.__self__
    engine.ping_interval, engine.ping_timeout = 60.0, 0.5
    peers = [await Peer.join(server.port, name=f"Student {n}", client=f"c{n}") for n in range(20)]
    sessions = list(engine.sockets.values())
    loop, now = asyncio.get_running_loop(), steady()
    for peer, session in zip(peers, sessions, strict=True):
        peer.answers_pings = False
        session.last_ping = now
    pacer._due.clear()
    # Their turns come while it is read, and first comes who is read last.
    pacer._due.extend((loop.time() + 1 + n / 1_000, [session]) for n, session in enumerate(reversed(sessions)))
    much = 10 * frame(b'42["signal",{"type":"react","emoji":"x"}]') + frame(b"3")
    for peer in peers:
        os.write(peer.writer.get_extra_info("socket").fileno(), much)
    time.sleep(1)  # noqa: ASYNC251
    await until(lambda: len(pacer._due) == len(sessions) and pacer._due[0][0] > loop.time() + 30)

    assert not any(session.closed for session in sessions)


@pytest.mark.parametrize("lively", [True, False])
async def test_who_polls_is_pinged_too_and_forgotten_when_silent(
    start: Callable[..., Any], lively: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(server_polling=True)
    engine = engine_of(server)
    monkeypatch.setattr("classroom.sockets.watch.STEP", 0.02)
    engine.ping_interval, engine.ping_timeout = 0.1, 0.5
    async with aiohttp.ClientSession() as http:
        url = f"{server.url}/socket.io/?EIO=4&transport=polling"
        opened = await (await http.get(url)).text()
        sid = msgspec.json.decode(opened[1:])["sid"]
        (session,) = engine.sockets.values()
        for _ in range(3):
            answer = await http.get(f"{url}&sid={sid}")
            if not lively:
                break
            assert await answer.text() == "2"
            assert session.last_ping
            assert (await http.post(f"{url}&sid={sid}", data="3")).status == 200
            assert not session.last_ping

        if not lively:
            async with asyncio.timeout(10):
                while engine.sockets:
                    await asyncio.sleep(0.01)
        assert session.closed is not lively


@pytest.mark.parametrize("codec", list(Codec))
async def test_who_answers_pings_is_pinged_again_and_again_without_a_task(server: Running, codec: Codec) -> None:
    engine = engine_of(server, codec)
    engine.ping_interval = 0.2
    peer, session = await joined(server, codec)
    for number in range(1, 4):
        await until(lambda count=number: peer.pings >= count)
        await until(lambda: not session.last_ping)
        assert not any("_send_ping" in repr(task) for task in asyncio.all_tasks())
    assert (await peer.command("chat.say", text="I am here."))["ok"]
    assert session.sid in engine.sockets


async def test_a_pong_that_is_awaited_is_noted_where_it_is_read_and_wakes_nobody(server: Running) -> None:
    peer, session = await joined(server)
    served = session.link._served
    session.last_ping = time.time()

    peer.text("3")
    async with asyncio.timeout(10):
        while session.last_ping:
            await asyncio.sleep(0)

    assert session.link._served == served
    assert (await peer.command("chat.say", text="I am here."))["ok"]


async def test_of_a_flood_of_pongs_one_counts_and_the_rest_wait_like_any_message(server: Running) -> None:
    peer, session = await joined(server)
    served = session.link._served
    session.last_ping = time.time()

    peer.raw(frame(b"3") * 10_000)
    assert (await peer.command("chat.say", text="Was that you?"))["ok"]

    assert session.last_ping is None
    assert session.link._served == served + 10_000  # all but the one, and the command


async def test_a_session_that_engineio_ends_takes_the_connection_along_though_the_peer_says_nothing(
    server: Running,
) -> None:
    peer, session = await joined(server)
    peer.answers_pings = False
    await session.close(wait=False)

    await asyncio.wait_for(peer.ended.wait(), 10)


async def test_of_a_connection_that_has_ended_nothing_is_kept_until_its_turn_comes(server: Running) -> None:
    engine = engine_of(server)
    peer = await Peer.join(server.port, name="Asha")
    await peer.drop()
    await until(lambda: server.classroom.sockets.connections == 0)

    gc.collect()

    links = [each for each in gc.get_objects() if isinstance(each, WebSocketLink)]
    assert not [link for link in links if link._engine.server is engine]


def test_engineio_starts_and_ends_its_own_watch_as_ours_expects() -> None:
    """`_Server` puts `Pacer.run` in place of `_service_task`."""
    connect = inspect.getsource(engineio.AsyncServer._handle_connect)
    assert "self.start_background_task(\n                self._service_task)" in connect
    shutdown = inspect.getsource(engineio.AsyncServer.shutdown)
    assert "self.service_task_event.set()" in shutdown
    assert "await self.service_task_handle" in shutdown
    # A session is new to the pacer while it is not connected.
    assert connect.index("s.schedule_ping()") < connect.index("s.connected = True")
    assert connect.index("s.schedule_ping()") < connect.index("s.handle_get_request(environ)")
    ping = inspect.getsource(AsyncSocket.schedule_ping)
    assert "if self.last_ping:\n            self.last_ping = None" in ping
    assert "self.server.start_background_task(self._send_ping)" in ping
    check = inspect.getsource(AsyncSocket.check_ping_timeout)
    assert "reason=self.server.reason.PING_TIMEOUT" in check
    assert "time.time() - last_ping > self.server.ping_timeout" in check


async def test_the_clock_may_be_set_while_pongs_are_awaited(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(server)
    monkeypatch.setattr("classroom.sockets.watch.STEP", 0.02)
    engine.ping_interval = 0.1
    peer, session = await joined(server)
    peer.answers_pings = False
    async with asyncio.timeout(10):
        while not session.last_ping:
            await asyncio.sleep(0.01)

    with monkeypatch.context() as jump:
        jump.setattr(time, "time", lambda real=time.time: real() + 3_600)
        jump.setattr("classroom.sockets.watch.time", time.time)
        await asyncio.sleep(0.5)  # a few looks

    assert session.sid in engine.sockets
    assert (await peer.command("chat.say", text="I am here."))["ok"]
