"""Sessions that have fallen silent are ended, the others are let be."""

from __future__ import annotations

import asyncio
import inspect
import time

import engineio
import pytest
from engineio.async_socket import AsyncSocket

from classroom.wire import Codec
from tests.running import Running
from tests.sockets.peer import Peer


async def test_a_session_whose_pong_does_not_come_is_ended(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    (engine,) = [s.eio for s in server.classroom.sockets._servers if s.codec is Codec.JSON]
    monkeypatch.setattr("classroom.sockets.watch.EVERY", 0.05)
    await Peer.join(server.port, name="Asha", client="one")
    lively = await Peer.join(server.port, name="Ravi", client="two")
    first, second = engine.sockets.values()

    first.last_ping = time.time() - engine.ping_timeout - 1
    second.last_ping = time.time() - engine.ping_timeout + 60

    async with asyncio.timeout(10):
        while first.sid in engine.sockets:
            await asyncio.sleep(0.01)
    assert first.closed
    assert second.sid in engine.sockets
    assert [link.session.member.name for link in server.classroom.sockets.links if link.session] == ["Ravi"]
    assert (await lively.command("chat.say", text="I am here."))["ok"]


@pytest.mark.parametrize("codec", list(Codec))
async def test_who_answers_pings_is_pinged_again_and_again_without_a_task(server: Running, codec: Codec) -> None:
    (engine,) = [s.eio for s in server.classroom.sockets._servers if s.codec is codec]
    engine.ping_interval = 0.2
    peer = await Peer.join(server.port, codec, name="Asha")
    (session,) = engine.sockets.values()
    for _ in range(3):
        async with asyncio.timeout(10):
            while session.last_ping:
                await asyncio.sleep(0.01)
            while not session.last_ping:
                await asyncio.sleep(0.01)
        assert not any("_send_ping" in repr(task) for task in asyncio.all_tasks())
    assert (await peer.command("chat.say", text="I am here."))["ok"]
    assert session.sid in engine.sockets


async def test_who_does_not_answer_a_ping_is_ended(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    (engine,) = [s.eio for s in server.classroom.sockets._servers if s.codec is Codec.JSON]
    monkeypatch.setattr("classroom.sockets.watch.EVERY", 0.05)
    engine.ping_interval, engine.ping_timeout = 0.1, 0.5
    peer = await Peer.join(server.port, name="Asha")
    peer.answers_pings = False
    await asyncio.wait_for(peer.ended.wait(), 10)


def test_engineio_starts_and_ends_its_own_watch_as_ours_expects() -> None:
    """`_Server` puts `watch` in place of `_service_task`."""
    connect = inspect.getsource(engineio.AsyncServer._handle_connect)
    assert "self.start_background_task(\n                self._service_task)" in connect
    shutdown = inspect.getsource(engineio.AsyncServer.shutdown)
    assert "self.service_task_event.set()" in shutdown
    assert "await self.service_task_handle" in shutdown
    ping = inspect.getsource(AsyncSocket.schedule_ping)
    assert "if self.last_ping:\n            self.last_ping = None" in ping
    assert "self.server.start_background_task(self._send_ping)" in ping
    check = inspect.getsource(AsyncSocket.check_ping_timeout)
    assert "reason=self.server.reason.PING_TIMEOUT" in check
    assert "time.time() - last_ping > self.server.ping_timeout" in check


async def test_the_clock_may_be_set_while_pongs_are_awaited(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    (engine,) = [s.eio for s in server.classroom.sockets._servers if s.codec is Codec.JSON]
    monkeypatch.setattr("classroom.sockets.watch.EVERY", 0.02)
    engine.ping_interval = 0.1
    peer = await Peer.join(server.port, name="Asha")
    peer.answers_pings = False
    (session,) = engine.sockets.values()
    async with asyncio.timeout(10):
        while not session.last_ping:
            await asyncio.sleep(0.01)

    with monkeypatch.context() as jump:
        jump.setattr(time, "time", lambda real=time.time: real() + 3_600)
        jump.setattr("classroom.sockets.watch.time", time.time)
        await asyncio.sleep(0.2)  # ten looks

    assert session.sid in engine.sockets
    assert (await peer.command("chat.say", text="I am here."))["ok"]
