"""Stock Socket.IO clients, Python's and node's, behind one face.

What always holds: all that comes is kept in order in `got`, as (name, argument).
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import socketio

from classroom.wire import Codec

SCRIPT = Path(__file__).with_name("stock_client.mjs")
NODE = shutil.which("node")


class PythonClient:
    """`socketio.AsyncClient`."""

    def __init__(self, url: str, codec: Codec, transport: str = "websocket") -> None:
        self.got: list[tuple[str, Any]] = []
        self._url = url
        self._transport = transport
        self._path = "socket.io" if codec is Codec.JSON else "socket.io/msgpack"
        self._auth: dict[str, Any] = {}
        self._news = asyncio.Condition()
        serializer = "default" if codec is Codec.JSON else "msgpack"
        self.client = socketio.AsyncClient(serializer=serializer, reconnection_delay=0.02, reconnection_delay_max=0.05)
        self.client.on("*", self._note)
        for name in ("connect", "disconnect", "connect_error"):
            self.client.on(name, self._noted(name))

    def _noted(self, name: str) -> Callable[..., Any]:
        async def handler(*arguments: Any) -> None:
            await self._note(name, *arguments)

        return handler

    async def _note(self, name: str, *arguments: Any) -> None:
        self.got.append((name, arguments[0] if arguments else None))
        async with self._news:
            self._news.notify_all()

    async def connect(self, **auth: Any) -> None:
        self._auth = auth
        # Called at each attempt, so that a reconnect says what `cut` was given.
        with suppress(socketio.exceptions.ConnectionError):
            await self.client.connect(
                self._url, auth=lambda: self._auth, transports=[self._transport], socketio_path=self._path
            )

    async def until(self, name: str, count: int = 1) -> list[tuple[str, Any]]:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.named(name)) >= count)
        return self.got

    def named(self, name: str) -> list[Any]:
        return [data for each, data in self.got if each == name]

    async def command(self, **command: Any) -> dict[str, Any]:
        ack: dict[str, Any] = await self.client.call("command", command, timeout=10)
        return ack

    async def signal(self, **signal: Any) -> None:
        await self.client.emit("signal", signal)

    async def cut(self, **auth: Any) -> None:
        """The transport breaks; the client comes back by itself, with `auth`."""
        self._auth = auth
        self.client.eio.ws._response.connection.transport.abort()

    async def close(self) -> None:
        await self.client.disconnect()
        await self.client.shutdown()
        if self.client.eio.http is not None:
            await self.client.eio.http.close()


class NodeClient:
    """socket.io-client, in a node process of its own."""

    def __init__(self, url: str, codec: Codec, transport: str = "websocket") -> None:
        self.got: list[tuple[str, Any]] = []
        self._options = {"url": url, "parser": codec.value, "transports": [transport]}
        self._process: asyncio.subprocess.Process | None = None

    async def _do(self, what: str, **order: Any) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what} | order).encode() + b"\n")
        async with asyncio.timeout(15):
            line = await self._process.stdout.readline()
        assert line, "node has ended"
        told = json.loads(line)
        assert "error" not in told, told
        return told["answer"]

    async def connect(self, **auth: Any) -> None:
        assert NODE is not None, "these tests need node"
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(NODE, SCRIPT, stdin=pipe, stdout=pipe, limit=1 << 24)
        await self._do("connect", auth=auth, **self._options)

    async def until(self, name: str, count: int = 1) -> list[tuple[str, Any]]:
        self.got = [(each, data) for each, data in await self._do("until", name=name, count=count)]
        return self.got

    def named(self, name: str) -> list[Any]:
        return [data for each, data in self.got if each == name]

    async def command(self, **command: Any) -> dict[str, Any]:
        ack: dict[str, Any] = await self._do("command", command=command)
        return ack

    async def signal(self, **signal: Any) -> None:
        await self._do("signal", signal=signal)

    async def cut(self, **auth: Any) -> None:
        """The transport breaks; the client comes back by itself, with `auth`."""
        await self._do("cut", auth=auth)

    async def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
