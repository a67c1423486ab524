"""The client's side of the wire, as little of it as a lean member needs: frames (RFC 6455), Engine.IO, Socket.IO.

What always holds: nothing here looks at more of a packet than it is asked for; what a frame is about can be told from its
first bytes. Frames go out masked with a key of zeros: valid, and the payload stays as it is.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgpack
import msgspec

JSON, MSGPACK = "json", "msgpack"
PATHS = {JSON: "/socket.io/", MSGPACK: "/socket.io/msgpack/"}
TEXT, BINARY = 0x81, 0x82

# What a browser sends along: the server keeps some of it, which costs memory for each member.
BROWSER = (
    "User-Agent: Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-IN,en;q=0.9,hi;q=0.8\r\n"
    "Cache-Control: no-cache\r\nPragma: no-cache\r\n"
)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"

EVENT_MARK = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92"  # how a server's event begins in msgpack; its name comes next
NAME_AT = {JSON: 4, MSGPACK: len(EVENT_MARK) + 1}  # where an event's name begins in a payload


class Target:
    """Where to connect: from a URL such as `https://class.example.org`. `tls`: whether the connection is encrypted."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname or port == -1:
            raise ValueError(f"{url!r} is no address such as https://class.example.org")
        self.tls = parts.scheme in ("https", "wss")
        self.host = parts.hostname
        self.port = port or (443 if self.tls else 80)
        self.url = f"{'https' if self.tls else 'http'}://{parts.netloc}"
        self.netloc = parts.netloc

    def handshake(self, codec: str, deflate: bool, room: str) -> bytes:
        """The request that opens a Socket.IO connection over WebSocket, for a member of `room`."""
        return (
            f"GET {PATHS[codec]}?EIO=4&transport=websocket&room={quote(room, safe='')} HTTP/1.1\r\nHost: {self.netloc}\r\n"
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: {self.url}\r\n{BROWSER}"
            f"{DEFLATE if deflate else ''}"
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


PONG = frame(b"3", TEXT)


def connect(codec: str, auth: Mapping[str, Any]) -> bytes:
    """Socket.IO's CONNECT."""
    if codec == JSON:
        return frame(b"40" + msgspec.json.encode(auth), TEXT)
    return frame(msgspec.msgpack.encode({"type": 0, "nsp": "/", "data": auth}), BINARY)


def event(codec: str, name: str, body: Mapping[str, Any], id: int | None = None) -> bytes:
    """An event of the client's, `command` or `signal`; with `id` it asks for an acknowledgement."""
    if codec == JSON:
        number = b"" if id is None else b"%d" % id
        return frame(b"42" + number + msgspec.json.encode((name, body)), TEXT)
    packet: dict[str, Any] = {"type": 2, "nsp": "/", "data": [name, body]}
    if id is not None:
        packet["id"] = id
    return frame(msgspec.msgpack.encode(packet), BINARY)


def inflate(payload: bytes, limit: int = 0) -> bytes:
    """A deflated message, or as much of it as `payload` and `limit` (bytes; 0: no limit) let one see."""
    return zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff", limit)


class Packet(msgspec.Struct, frozen=True):
    """A whole packet of the server's. `kind`: an event's name, or `ack`, `opened`, `connected`, `refused`, `ended`, `other`;
    `body`: its argument, encoded, or what was refused; `id`: which question an `ack` answers."""

    kind: str
    body: bytes = b""
    id: int = 0


class _Binary(msgspec.Struct):
    type: int
    data: msgspec.Raw = msgspec.Raw(b"\xc0")
    id: int = 0


_binary = msgspec.msgpack.Decoder(_Binary)
_pair = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])
_single = msgspec.msgpack.Decoder(tuple[msgspec.Raw])
_TEXT_KINDS = {b"0": "opened", b"40": "connected", b"44": "refused", b"41": "ended"}
_BINARY_KINDS = {0: "connected", 1: "ended", 4: "refused"}


def read(codec: str, payload: bytes) -> Packet:
    """Read a packet. Engine.IO's own stand as text in both codecs."""
    if codec == JSON or payload[:1] in (b"0", b"1", b"2", b"3"):
        return _read_text(payload)
    packet = _binary.decode(payload)
    if packet.type == 2:
        name, argument = _pair.decode(packet.data)
        return Packet(name, bytes(argument))
    if packet.type == 3:
        return Packet("ack", bytes(_single.decode(packet.data)[0]), packet.id)
    return Packet(_BINARY_KINDS.get(packet.type, "other"), bytes(packet.data))


def _read_text(payload: bytes) -> Packet:
    head = payload[:2]
    if head == b"42":
        stop = payload.find(b'"', 4)
        return Packet(payload[4:stop].decode(), payload[stop + 2 : -1])
    if head == b"43":
        start = payload.find(b"[")
        return Packet("ack", payload[start + 1 : -1], int(payload[2:start]))
    if head in _TEXT_KINDS:
        return Packet(_TEXT_KINDS[head], payload[2:])
    return Packet(_TEXT_KINDS.get(payload[:1], "other"), payload[1:])


def decode(codec: str, body: bytes, type: Any = Any) -> Any:
    """`body` as values of `type`."""
    return msgspec.json.decode(body, type=type) if codec == JSON else msgspec.msgpack.decode(body, type=type)


class Greeting(msgspec.Struct, frozen=True):
    """What the beginning of a `welcome` says."""

    me: str
    epoch: str
    seq: int
    now: int


def greeting(codec: str, beginning: bytes) -> Greeting:
    """Read a `welcome` of which only the first bytes are there: what comes before `own` and `state`. Raises `ValueError`."""
    if codec == JSON:
        stop = beginning.find(b',"own":')
        if stop < 0:
            raise ValueError("the beginning of a welcome is longer than expected")
        fields = msgspec.json.decode(beginning[beginning.find(b"{") : stop] + b"}")
    else:
        unpacker = msgpack.Unpacker(io.BytesIO(beginning[len(EVENT_MARK) + 8 :]), raw=False)
        unpacker.read_map_header()
        fields = {}
        while (name := unpacker.unpack()) != "own":
            fields[name] = unpacker.unpack()
    return Greeting(fields["me"]["id"], fields["epoch"], fields["seq"], fields["now"])


def first_seq(codec: str, head: bytes, deflated: bool) -> int:
    """The first event's place in an `events` packet of which the first bytes are there. Raises `ValueError`."""
    if deflated:
        try:
            head = inflate(head, 64)
        except zlib.error as error:
            raise ValueError("not the beginning of a deflated packet") from error
    if codec == JSON:
        if not head.startswith(b'42["events",[{"seq":'):
            raise ValueError("not a packet of events")
        return int(head[20 : head.index(b",", 20)])
    at = head.index(b"\xa3seq") + 4
    unpacker = msgpack.Unpacker()
    unpacker.feed(head[at : at + 9])
    return int(unpacker.unpack())
