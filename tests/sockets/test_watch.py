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


def test_engineio_starts_and_ends_its_own_watch_as_ours_expects() -> None:
    """`_Server` puts `watch` in place of `_service_task`."""
    connect = inspect.getsource(engineio.AsyncServer._handle_connect)
    assert "self.start_background_task(\n                self._service_task)" in connect
    shutdown = inspect.getsource(engineio.AsyncServer.shutdown)
    assert "self.service_task_event.set()" in shutdown
    assert "await self.service_task_handle" in shutdown
    check = inspect.getsource(AsyncSocket.check_ping_timeout)
    assert "if self.closed:" in check
    assert "time.time() - last_ping > self.server.ping_timeout" in check
