"""What a member sends, on its way through aiohttp: a pong is taken note of where it is read, all else waits to be asked for.

What always holds: a pong that is awaited wakes nobody, neither a task nor a turn of the loop; whatever else comes, pongs that
nobody awaits among them, is handed on in order, and is bounded by aiohttp, which stops reading while too much waits.

What is private to aiohttp is used here and in `deflate.py`, and nowhere else; `tests/sockets/test_upgrades.py` fails when it
moves.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

READ_AHEAD = 65_536  # bytes of a member's messages that may wait to be read
PONG = "3"  # Engine.IO's


class Inbox(WebSocketDataQueue):
    """`session`: engine.io's, whose `last_ping` is set while a pong is awaited."""

    def __init__(self, protocol: Any, loop: Any, session: Any) -> None:
        super().__init__(protocol, READ_AHEAD, loop=loop)
        self._session = session

    def feed_data(self, data: Any, size: int) -> None:
        if data[1] == PONG and self._session.last_ping:
            self._session.last_ping = None
        else:
            WebSocketDataQueue.feed_data(self, data, size)


class Socket(web.WebSocketResponse):
    """A WebSocket on which nothing is compressed. `session`: as of `Inbox`."""

    def __init__(self, session: Any, **options: Any) -> None:
        super().__init__(compress=False, **options)
        self._session = session

    def _post_start(self, request: Any, protocol: str | None, writer: Any) -> None:
        super()._post_start(request, protocol, writer)
        self._reader = Inbox(request._protocol, self._loop, self._session)
        self._parser = self._make_parser(self._reader)
        # `set_parser` is for a connection that has none yet. Nothing has been read: clients wait for our answer.
        request.protocol._payload_parser = self._parser

    def _make_parser(self, inbox: Inbox) -> WebSocketReader:
        return WebSocketReader(inbox, self._max_msg_size, compress=False, decode_text=self._decode_text)
