"""A member's connection as bare as it gets: WebSocket frames written and read by hand, over a plain TCP stream.

What always holds: nothing is added, checked or mended on the way, so a test can send what no library would, stop reading
when it likes, and see every packet in the order of arrival.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, ClassVar, NamedTuple

import msgpack

from classroom.wire import Codec

PATHS = {Codec.JSON: "/socket.io/", Codec.MSGPACK: "/socket.io/msgpack/"}
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


class Packet(NamedTuple):
    """A Socket.IO packet that came. For an EVENT `name` and `data` (its argument); otherwise `data` alone."""

    type: int
    name: str
    data: Any
    id: int | None


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, mask: bool = True, reserved: int = 0) -> bytes:
    """A WebSocket frame from a client (RFC 6455, 5.2); masked with zeros, which leaves the payload as it is."""
    first = (0x80 if fin else 0) | reserved | opcode
    bit = 0x80 if mask else 0
    length = len(payload)
    if length < 126:
        head = bytes((first, bit | length))
    elif length < 65_536:
        head = bytes((first, bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + length.to_bytes(8, "big")
    return head + (b"\0\0\0\0" if mask else b"") + payload


def handshake(path: str, *, headers: str = "") -> bytes:
    """An HTTP request that asks for a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    ).encode()


class Peer:
    """One connection. `packets`: all Socket.IO packets that came, in order; `close_code`: the server's, once it closed."""

    opened: ClassVar[list[Peer]] = []  # in this test; a fixture closes them all

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, codec: Codec) -> None:
        self.codec = codec
        self.packets: list[Packet] = []
        self.refused: list[tuple[str, Any]] = []  # CONNECTs to other namespaces: which, and the answer
        self.bytes_in = 0
        self.close_code: int | None = None
        self.ended = asyncio.Event()
        self.answers_pings = True
        self.pings = 0  # that have come
        self.pongs = 0
        self.seq = 0  # the last place in the log that it was told of
        self._reading = asyncio.Event()
        self._reader = reader
        self.writer = writer
        self._news = asyncio.Condition()
        self._ids = count(1)
        self._task: asyncio.Task[None] | None = None
        self._acks: dict[int, Any] = {}

    @classmethod
    async def open(
        cls, port: int, codec: Codec = Codec.JSON, *, headers: str = "", receive_buffer: int | None = None
    ) -> Peer:
        """A WebSocket connection with Engine.IO's handshake done, not yet in any room."""
        plain = socket.socket()
        plain.setblocking(False)
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=plain, limit=receive_buffer or 1 << 16)
        peer = cls(reader, writer, codec)
        cls.opened.append(peer)
        writer.write(handshake(f"{PATHS[codec]}?EIO=4&transport=websocket", headers=headers))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        opcode, payload = await peer._frame()
        assert opcode == TEXT, opcode
        assert payload.startswith(b"0{"), payload
        peer.resume()
        peer._task = asyncio.create_task(peer._read())
        return peer

    @classmethod
    async def join(
        cls, port: int, codec: Codec = Codec.JSON, *, receive_buffer: int | None = None, **hello: Any
    ) -> Peer:
        """A connection that is in its room: welcomed or resumed."""
        peer = await cls.open(port, codec, receive_buffer=receive_buffer)
        reply = await peer.connect(**hello)
        assert reply.type == 0, reply
        await peer.until(lambda: peer.named("welcome") or peer.named("resumed"))
        return peer

    # --- reading --------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Read on."""
        self._reading.set()

    def stop_reading(self) -> None:
        """Read at most one more frame until `resume`: what the server writes piles up."""
        self._reading.clear()

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await self._reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self._reader.readexactly(8), "big")
        payload = await self._reader.readexactly(length)
        self.bytes_in += length
        return first & 0x0F, payload

    async def _read(self) -> None:
        try:
            while True:
                await self._reading.wait()
                opcode, payload = await self._frame()
                if opcode == CLOSE:
                    self.close_code = int.from_bytes(payload[:2], "big")
                    with suppress(RuntimeError):  # of uvloop's: the server has closed for good meanwhile
                        self.writer.write(frame(payload, CLOSE))
                elif opcode == PONG:
                    self.pongs += 1
                elif opcode in (TEXT, BINARY):
                    await self._take(payload)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            self.ended.set()
            async with self._news:
                self._news.notify_all()

    async def _take(self, payload: bytes) -> None:
        if payload == b"2":
            self.pings += 1
            if self.answers_pings:
                self.text("3")
            return
        if payload == b"1":  # the session has ended, and the connection will
            return
        packet = self._decode(payload)
        async with self._news:
            if packet is not None:
                self.packets.append(packet)
                self._look(packet)
            if packet is not None and packet.type == 3 and packet.id is not None:
                self._acks[packet.id] = packet.data[0]
            self._news.notify_all()

    def _look(self, packet: Packet) -> None:
        if packet.name == "events":
            self.seq = packet.data[-1]["seq"]
        elif packet.name in ("welcome", "resumed"):
            self.seq = packet.data["seq"]

    def _decode(self, payload: bytes) -> Packet | None:
        if self.codec is Codec.MSGPACK:
            raw = msgpack.unpackb(payload, strict_map_key=True)
            kind, data, id = raw["type"], raw.get("data"), raw.get("id")
            if raw["nsp"] != "/":
                assert kind == 4, raw
                self.refused.append((raw["nsp"], data))
                return None
        else:
            text = payload.decode()
            assert text[0] == "4", text
            kind = int(text[1])
            body = text[2:]
            if body.startswith("/"):
                assert kind == 4, text
                namespace, _, body = body.partition(",")
                self.refused.append((namespace, json.loads(body)))
                return None
            digits = body[: len(body) - len(body.lstrip("0123456789"))]
            id = int(digits) if digits else None
            body = body[len(digits) :]
            data = json.loads(body) if body.startswith(("[", "{")) else body
        if kind == 2:
            name, argument = data
            return Packet(kind, name, argument, id)
        return Packet(kind, "", data, id)

    async def until(self, condition: Callable[[], Any], timeout: float = 10.0) -> Any:
        """Wait until `condition()` holds, looked at with each packet; what it gave. Fails when the connection ends."""

        def met() -> bool:
            return bool(condition()) or self.ended.is_set()

        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(met)
        result = condition()
        assert result, f"the connection ended ({self.close_code}) after {self.packets[-3:]}"
        return result

    def named(self, name: str) -> list[Any]:
        """The arguments of all events `name` that came."""
        return [packet.data for packet in self.packets if packet.type == 2 and packet.name == name]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All room events that came, in order, by `events` and by `resumed`."""
        found: list[dict[str, Any]] = []
        for packet in self.packets:
            if packet.name == "events":
                found.extend(packet.data)
            elif packet.name == "resumed":
                found.extend(packet.data["events"])
        return found

    @property
    def welcome(self) -> dict[str, Any]:
        """The newest welcome."""
        newest: dict[str, Any] = self.named("welcome")[-1]
        return newest

    @property
    def id(self) -> str:
        """Whom the server takes this member for."""
        id: str = self.welcome["me"]["id"]
        return id

    # --- writing --------------------------------------------------------------------------------------------------

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)

    def text(self, text: str) -> None:
        """A text frame with this Engine.IO packet."""
        self.writer.write(frame(text.encode()))

    def packet(self, kind: int, data: Any = None, id: int | None = None) -> None:
        """A Socket.IO packet of the default namespace."""
        self.writer.write(frame(*encoded(self.codec, kind, data, id)))

    async def connect(self, **hello: Any) -> Packet:
        """Say hello: the server's answer (CONNECT or CONNECT_ERROR)."""
        seen = len(self.packets)
        self.packet(0, {"room": "demo"} | hello)
        answered = await self.until(lambda: [p for p in self.packets[seen:] if p.type in (0, 4)])
        packet: Packet = answered[0]
        return packet

    def ask(self, type: str, **fields: Any) -> int:
        """Send a command and do not wait: the id that its acknowledgement will have."""
        id = next(self._ids)
        self.packet(2, ["command", {"cid": f"c{id}", "type": type} | fields], id)
        return id

    async def answer(self, id: int, timeout: float = 10.0) -> dict[str, Any]:
        """The acknowledgement of what was asked under `id`."""
        await self.until(lambda: id in self._acks, timeout)
        ack: dict[str, Any] = self._acks[id]
        return ack

    async def command(self, type: str, **fields: Any) -> dict[str, Any]:
        """A command, and its acknowledgement."""
        return await self.answer(self.ask(type, **fields))

    async def drop(self) -> None:
        """Cut the connection without a word."""
        self.writer.transport.abort()
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.writer.close()
        with suppress(ConnectionError, OSError):
            await self.writer.wait_closed()


def encoded(codec: Codec, kind: int, data: Any, id: int | None = None) -> tuple[bytes, int]:
    """A Socket.IO packet of the default namespace as (payload, opcode) of a WebSocket frame."""
    if codec is Codec.MSGPACK:
        packet = {"type": kind, "nsp": "/", "data": data} | ({} if id is None else {"id": id})
        return msgpack.packb(packet), BINARY
    body = "" if data is None else json.dumps(data)
    return f"4{kind}{'' if id is None else id}{body}".encode(), TEXT
