"""permessage-deflate (RFC 7692) without a compressor or decompressor of its own for any connection.

What always holds: members' messages are deflated without context, so that nothing is kept here for one who sends them: zlib
would keep more than all else that a member costs. Ours are deflated once for all: without context (`packets.Packet.deflated`),
or, for members who keep it, with a context that many share (`packets.Stream`); what reaches a member is in its hands alone,
since aiohttp itself never compresses.

What is private to aiohttp is used here and in `reading.py`, and nowhere else; `tests/sockets/test_deflate.py` fails when it
moves.
"""

from __future__ import annotations

import zlib
from typing import Any

from aiohttp import WSCloseCode, hdrs
from aiohttp._websocket.models import WS_DEFLATE_TRAILING, WebSocketError
from aiohttp._websocket.reader import WebSocketReader
from aiohttp.compression_utils import TooManyMembersError, ZLibDecompressor

from classroom.sockets.reading import Inbox, Socket

ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
KEEPING = "permessage-deflate; client_no_context_takeover"
CONTINUATION, CLOSE = 0, 8  # opcodes (RFC 6455, section 5.2)
_KNOWN = {"server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits"}


class DeflatingSocket(Socket):
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

    def _make_parser(self, inbox: Inbox) -> WebSocketReader:
        return Inflating(inbox, self._max_msg_size) if self.deflates else super()._make_parser(inbox)


class Inflating(WebSocketReader):
    """aiohttp's reader, which is handed each message inflated already. `most`: bytes of a message."""

    def __init__(self, inbox: Inbox, most: int) -> None:
        super().__init__(inbox, most + 1, compress=True, decode_text=True)
        self._most = most
        self._begun: int | None = None  # opcode of a deflated message of which more is to come
        self._pieces = bytearray()

    def _handle_frame(self, fin: bool, opcode: int, payload: Any, compressed: int) -> None:
        if opcode >= CLOSE or compressed != 1:  # a control frame is never deflated, and may stand between pieces
            WebSocketReader._handle_frame(self, fin, opcode, payload, 0)
            return
        if (opcode == CONTINUATION) is (self._begun is None):
            raise WebSocketError(WSCloseCode.PROTOCOL_ERROR, f"Unexpected opcode={opcode!r}")
        if self._begun is None:
            self._begun = opcode
        self._pieces += payload
        if len(self._pieces) > self._most:
            raise WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, f"Message exceeds {self._most} bytes")
        if fin:
            opcode, self._begun = self._begun, None
            message, self._pieces = self._pieces, bytearray()
            WebSocketReader._handle_frame(self, True, opcode, _inflated(message, self._most), 0)


def _inflated(data: bytearray, most: int) -> bytes:
    """A deflated message. Raises `WebSocketError` where it is none, or longer than `most` bytes."""
    try:
        message = ZLibDecompressor(suppress_deflate_header=True).decompress_sync(data + WS_DEFLATE_TRAILING, most + 1)
    except TooManyMembersError as error:
        raise WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, "Message has too many deflated members") from error
    except zlib.error as error:
        raise WebSocketError(WSCloseCode.INVALID_TEXT, "That is not deflated") from error
    if len(message) > most:
        raise WebSocketError(WSCloseCode.MESSAGE_TOO_BIG, f"Inflated message exceeds {most} bytes")
    return message


def accepted(offers: str) -> set[str] | None:
    """The names of the parameters of the first of the offers in a `Sec-WebSocket-Extensions` header that can be taken as it is:
    permessage-deflate with the parameters that we know and a full window (a smaller one would take a frame of its own). None:
    there is none."""
    for offer in offers.split(","):
        name, *parameters = (piece.strip() for piece in offer.split(";"))
        if name != "permessage-deflate":
            continue
        named = [parameter.partition("=") for parameter in parameters]
        keys = {key.strip() for key, _, _ in named}
        if keys <= _KNOWN and len(keys) == len(named):
            return keys
    return None
