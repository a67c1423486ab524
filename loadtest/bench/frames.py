"""The client's side of a WebSocket, as little of it as a load generator needs (RFC 6455).

Frames go out masked with a key of zeros: valid, and the payload stays as it is.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import msgspec

PATHS = {"json": "/socket.io/", "msgpack": "/socket.io/msgpack/"}
TEXT, BINARY = 0x81, 0x82

# What a browser sends along: the server keeps some of it, which costs memory for each member.
BROWSER = (
    "User-Agent: Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-IN,en;q=0.9,hi;q=0.8\r\n"
    "Cache-Control: no-cache\r\nPragma: no-cache\r\n"
)


def handshake(port: int, codec: str = "json", deflate: str = "", room: str = "") -> bytes:
    """The request that opens a Socket.IO connection over WebSocket, for a member of `room`. `deflate`: what is offered of it
    (RFC 7692), if anything."""
    to = f"&room={quote(room, safe='')}" if room else ""
    offer = f"Sec-WebSocket-Extensions: {deflate}\r\n" if deflate else ""
    return (
        f"GET {PATHS[codec]}?EIO=4&transport=websocket{to} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://127.0.0.1:{port}\r\n{BROWSER}{offer}"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def frame(payload: bytes, opcode: int) -> bytes:
    """A client's frame."""
    size = len(payload)
    if size < 126:
        return bytes((opcode, 0x80 | size, 0, 0, 0, 0)) + payload
    if size < 65_536:
        return bytes((opcode, 0xFE)) + size.to_bytes(2, "big") + b"\0\0\0\0" + payload
    return bytes((opcode, 0xFF)) + size.to_bytes(8, "big") + b"\0\0\0\0" + payload


def connect(codec: str, auth: dict[str, Any]) -> bytes:
    """Socket.IO's CONNECT."""
    if codec == "json":
        return frame(b"40" + json.dumps(auth, separators=(",", ":")).encode(), TEXT)
    return frame(msgspec.msgpack.encode({"type": 0, "nsp": "/", "data": auth}), BINARY)


def signal(codec: str, body: dict[str, Any]) -> bytes:
    """A signal, which nobody answers."""
    if codec == "json":
        return frame(b"42" + json.dumps(["signal", body], separators=(",", ":")).encode(), TEXT)
    return frame(msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": ["signal", body]}), BINARY)


def command(codec: str, id: int, body: dict[str, Any]) -> bytes:
    """A command that asks for its acknowledgement under `id`."""
    if codec == "json":
        return frame(b"42%d" % id + json.dumps(["command", body], separators=(",", ":")).encode(), TEXT)
    return frame(msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": ["command", body], "id": id}), BINARY)


def event_marker(codec: str, name: str) -> bytes:
    """How a server's packet of the event `name` begins."""
    if codec == "json":
        return b'42["' + name.encode() + b'"'
    return b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92" + msgspec.msgpack.encode(name)


PONG = frame(b"3", TEXT)


def bounds(data: bytes, at: int) -> tuple[int, int]:
    """Where the payload of the server's frame that begins at `at` begins and ends; (0, 0): more bytes are needed."""
    size = len(data)
    if size - at < 2:
        return 0, 0
    short = data[at + 1]
    if short < 126:
        start, length = at + 2, short
    elif short == 126:
        start, length = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
    else:
        start, length = at + 10, int.from_bytes(data[at + 2 : at + 10], "big")
    return (start, start + length) if start <= size and start + length <= size else (0, 0)
