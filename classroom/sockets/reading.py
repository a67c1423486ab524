"""What a member sends, on its way through aiohttp: pongs, commands and signals are taken where they are read, all else waits to
be asked for.

What always holds: everything is taken in the order in which it came; what is taken at once wakes neither a task nor a turn of
the loop; of one member no more than `TURN` packets are taken at once, however many come together. What waits is bounded by
aiohttp, which stops reading while that is too much.

What is private to aiohttp is used here and in `deflate.py`, and nowhere else; `tests/sockets/test_upgrades.py` fails when it
moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.base_protocol import BaseProtocol

from classroom.rooms.places import PLACES

READ_AHEAD = 65_536  # bytes of a member's messages that may wait to be read
TURN = 32  # packets of one connection that are served in one go
PONG = "3"  # Engine.IO's


class Inbox(WebSocketDataQueue):
    """`session`: engine.io's, whose `last_ping` is set while a pong is awaited. `slot`: the connection's in `PLACES`.
    `take`: takes a message at once, if it can."""

    def __init__(self, protocol: Any, loop: Any, session: Any, slot: int) -> None:
        super().__init__(protocol, READ_AHEAD, loop=loop)
        self._session = session
        self._slot = slot
        self._taken = 0  # at once, one after the other
        self._waiting = 0  # messages
        self._asked = False  # for the next one
        self.take: Callable[[str | bytes], bool] = never
        self.unread: Callable[[], bytes] = nothing

    def feed_data(self, data: Any, size: int) -> None:
        if data[1] == PONG and self._session.last_ping:
            self._session.last_ping = None
        # It would be the next to be served.
        elif self._asked and not self._waiting and self._taken < TURN and data[0] in _MESSAGES and self.take(data[1]):
            self._taken += 1
        else:
            self._taken = 0
            self._waiting += 1
            WebSocketDataQueue.feed_data(self, data, size)

    def feed_eof(self) -> None:
        """The connection is lost. What had come of it by then comes first, where that was left unread for a while."""
        PLACES.doubt(self._slot)  # its descriptor is still its own
        protocol: Any = self._protocol
        try:
            unread, parser = self.unread(), protocol._payload_parser
            if unread and parser is not None:
                parser.feed_data(unread)
        finally:
            WebSocketDataQueue.feed_eof(self)

    async def read(self) -> Any:
        self._asked = True
        try:
            message = await WebSocketDataQueue.read(self)
        finally:
            self._asked = False
        self._waiting -= 1
        return message


_MESSAGES = (WSMsgType.TEXT, WSMsgType.BINARY)


def never(message: str | bytes) -> bool:
    """Take no message."""
    return False


def nothing() -> bytes:
    """Nothing has been left unread."""
    return b""


def paused(protocol: BaseProtocol) -> bool:
    """Whether aiohttp's side of a connection wants to be given nothing more until it says so to the transport."""
    return protocol._reading_paused


class Socket(web.WebSocketResponse):
    """A WebSocket on which nothing is compressed. `session`, `slot`: as of `Inbox`."""

    def __init__(self, session: Any, slot: int, **options: Any) -> None:
        super().__init__(compress=False, **options)
        self._session = session
        self._slot = slot

    def _post_start(self, request: Any, protocol: str | None, writer: Any) -> None:
        super()._post_start(request, protocol, writer)
        self._reader = Inbox(request._protocol, self._loop, self._session, self._slot)
        self._parser = self._make_parser(self._reader)
        # `set_parser` is for a connection that has none yet. Nothing has been read: clients wait for our answer.
        request.protocol._payload_parser = self._parser

    def offer_to(self, take: Callable[[str | bytes], bool], unread: Callable[[], bytes] = nothing) -> None:
        """Once the handshake is answered: have what comes be taken at once, where `take` can. `unread`: gives what has
        come and has not been read when the connection is lost."""
        assert isinstance(self._reader, Inbox)
        self._reader.take, self._reader.unread = take, unread

    # What aiohttp writes here, it writes by the transport, in which it may have to wait.

    async def send_str(self, data: Any, compress: int | None = None) -> None:
        PLACES.doubt(self._slot)
        await super().send_str(data, compress)

    async def send_bytes(self, data: Any, compress: int | None = None) -> None:
        PLACES.doubt(self._slot)
        await super().send_bytes(data, compress)

    async def pong(self, message: Any = b"") -> None:
        PLACES.doubt(self._slot)
        await super().pong(message)

    async def close(self, **options: Any) -> bool:
        PLACES.doubt(self._slot)
        return await super().close(**options)

    def _make_parser(self, inbox: Inbox) -> WebSocketReader:
        # aiohttp refuses what is as long as that.
        return WebSocketReader(inbox, self._max_msg_size + 1, compress=False, decode_text=self._decode_text)
