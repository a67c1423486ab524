"""permessage-deflate (RFC 7692) without a compressor or decompressor of its own for any connection.

What always holds: members' messages are deflated without context, so that nothing is kept here for one who sends them: zlib
would keep more than all else that a member costs. Ours are deflated once for all: without context (`packets.Packet.deflated`),
or, for members who keep it, with a context that many share (`packets.Stream`); what reaches a member is in its hands alone,
since aiohttp itself never compresses.

What is private to aiohttp is used here and nowhere else; `tests/sockets/test_deflate.py` fails when they move.
"""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web
from aiohttp._websocket.reader_py import WebSocketDataQueue, WebSocketReader

ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
KEEPING = "permessage-deflate; client_no_context_takeover"
READ_AHEAD = 65_536  # bytes of a member's messages that may wait to be read
_KNOWN = {"server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits"}


class DeflatingResponse(web.WebSocketResponse):
    """`deflates`: whether this peer takes deflated frames. `keeps`: whether it keeps what it inflated from one message to the
    next, so that a frame may look back."""

    deflates = False
    keeps = False

    def _handshake(self, request: Any) -> tuple[Any, str | None, int, bool]:
        headers, protocol, _, _ = super()._handshake(request)
        taken = accepted(request.headers.get(hdrs.SEC_WEBSOCKET_EXTENSIONS, ""))
        if taken is not None:
            self.deflates, self.keeps = True, "server_no_context_takeover" not in taken
            headers[hdrs.SEC_WEBSOCKET_EXTENSIONS] = KEEPING if self.keeps else ANSWER
        return headers, protocol, 0, False

    def _post_start(self, request: Any, protocol: str | None, writer: Any) -> None:
        super()._post_start(request, protocol, writer)
        if self.deflates:
            assert self._loop is not None
            self._reader = WebSocketDataQueue(request._protocol, READ_AHEAD, loop=self._loop)
            self._parser = _Forgetful(self._reader, self._max_msg_size, compress=True, decode_text=self._decode_text)
            # `set_parser` is for a connection that has none yet. Nothing has been read: clients wait for our answer.
            request.protocol._payload_parser = self._parser


class _Forgetful(WebSocketReader):
    """aiohttp's reader in Python, which lets go of its decompressor after each message."""

    def _handle_frame(self, fin: bool, opcode: int, payload: Any, compressed: int) -> None:
        super()._handle_frame(fin, opcode, payload, compressed)
        self._decompressobj = None


def accepts(offers: str) -> bool:
    """Whether one of the offers in a `Sec-WebSocket-Extensions` header can be taken as it is."""
    return accepted(offers) is not None


def accepted(offers: str) -> set[str] | None:
    """The names of the parameters of the first offer that can be taken as it is: permessage-deflate with the parameters that
    we know and a full window (a smaller one would take a frame of its own). None: there is none."""
    for offer in offers.split(","):
        name, *parameters = (piece.strip() for piece in offer.split(";"))
        if name != "permessage-deflate":
            continue
        named = [parameter.partition("=") for parameter in parameters]
        keys = {key.strip() for key, _, _ in named}
        if keys <= _KNOWN and len(keys) == len(named):
            return keys
    return None
