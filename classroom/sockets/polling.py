"""Members on HTTP long-polling, where it is switched on.

What always holds: a payload reaches engine.io only when it is one that a client of this parser sends, to a session that is
alive; anything else is answered 400 here. What waits for a member waits in engine.io's queue, whose size is looked at.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from engineio import packet as engineio_packet
from engineio.payload import Payload

from classroom import wire
from classroom.packets import Packet, Pair
from classroom.sockets.link import GOODBYE, Link, Skin
from classroom.wire import Codec

SEPARATOR = "\x1e"


class PollingLink(Link):
    """HTTP long-polling: everything goes through engine.io's queue, whose size is looked at."""

    def __init__(self, engine: Any, eio_sid: str, *, skin: Skin, codec: Codec, max_packets: int, bound: int) -> None:
        super().__init__(skin, codec, bound)
        self._engine = engine
        self._eio_sid = eio_sid
        self._max_packets = max_packets
        self._finishing: asyncio.Task[None] | None = None

    def write(self, packet: Packet | Pair) -> None:
        if isinstance(packet, Pair):
            for single in packet.both:
                self.write(single)
            return
        socket = self._engine.sockets.get(self._eio_sid)
        if socket is None or socket.closed:
            return
        # A packet object of its own for each member: engine.io keeps in it how it was encoded for one transport.
        data = packet.data[1:].decode() if packet.codec is Codec.JSON else packet.data
        socket.queue.put_nowait(engineio_packet.Packet(engineio_packet.MESSAGE, data))

    def release(self) -> None:
        """Answer a poll that waits: when the client has closed the session engine.io would let it wait on."""
        socket = self._engine.sockets.get(self._eio_sid)
        if socket is not None and socket.queue.empty():
            socket.queue.put_nowait(engineio_packet.Packet(engineio_packet.CLOSE))

    def _waiting(self) -> int:
        socket = self._engine.sockets.get(self._eio_sid)
        return socket.queue.qsize() if socket is not None else 0

    def buffered(self) -> int:
        """Nothing, something, or more than the bound: a queue counts packets, not bytes."""
        waiting = self._waiting()
        return self._bound + 1 if waiting > self._max_packets else waiting

    def _drowning(self) -> bool:
        return self._waiting() > 2 * self._max_packets

    def _finish(self, bye: wire.Bye) -> None:
        self._finishing = asyncio.create_task(self._close_soon())

    async def _close_soon(self) -> None:
        socket = self._engine.sockets.get(self._eio_sid)
        if socket is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(socket.queue.join(), GOODBYE)
        # Without waiting: whoever does not ask for what is left for them would keep this task for ever.
        await socket.close(wait=False, reason=self._engine.reason.SERVER_DISCONNECT)


class Body:
    """A request's body, read already, as engine.io reads it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self, size: int) -> bytes:
        return self._data


async def read_payload(request: web.Request, codec: Codec, limit: int) -> Body:
    """The body of a POST with what a member sends. Raises `web.HTTPBadRequest`, `web.HTTPRequestEntityTooLarge`."""
    data = bytearray()
    try:
        async for chunk in request.content.iter_chunked(16_384):
            data += chunk
            if len(data) > limit:
                raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(data))
    except (ConnectionError, web.RequestPayloadError, HttpProcessingError):
        raise web.HTTPBadRequest(text="not the whole of a payload") from None
    try:
        packets = data.decode().split(SEPARATOR)
    except UnicodeDecodeError:
        raise web.HTTPBadRequest(text="not a payload") from None
    if len(packets) > Payload.max_decode_packets or not all(_is_packet(packet, codec) for packet in packets):
        raise web.HTTPBadRequest(text="not a payload")
    return Body(bytes(data))


def _is_packet(text: str, codec: Codec) -> bool:
    """Whether this is an Engine.IO packet that a client of the parser sends: CLOSE, PONG, or a message."""
    if text in ("1", "3"):
        return True
    if codec is Codec.JSON and text[:1] == "4":
        # A digit first, or engine.io takes the message for JSON of its own.
        return text[1:2] in tuple("0123456")
    try:  # bytes, which the JSON parser has as attachments: their command is answered that there are none here
        return text[:1] == "b" and bool(base64.b64decode(text[1:], validate=True))
    except (binascii.Error, ValueError):
        return False
