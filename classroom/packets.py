"""Packets: what goes to members, built once for any number of them.

What always holds: a packet is the same bytes for all who are sent it in one way (plain, deflated, deflated with context), and
each of these is made once, when first asked for; what it is made of is encoded already (`wire.py`) and not looked into.

Sources: Socket.IO protocol 5, Engine.IO protocol 4, RFC 6455 (frames), RFC 7692 (permessage-deflate).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cached_property
from itertools import count
from typing import Any

import msgspec

from classroom.wire import Ack, Codec, WelcomeRaw, encode

PLAIN, ALONE = -1, -2  # places (`Packet.after`) of who takes nothing deflated, and of who keeps nothing of what was
DEFLATE_FROM = 200  # bytes; below, deflating costs more than it saves
DEFLATE_LEVEL = 6
OPEN_EVERY = 2.0  # seconds from one packet of a stream that looks back at nothing to the next, at least
_DEFLATE_TAIL = b"\x00\x00\xff\xff"  # taken off every message (RFC 7692, 7.2.1)

_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()


class Shared:
    """Bytes that stand in the packets of many members. They are deflated once, by themselves: deflated pieces that end at a
    byte's boundary and look back at nothing before them can be put one behind the other (RFC 1951, 3.2; RFC 7692, 7.2.3)."""

    __slots__ = ("__dict__", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data

    @cached_property
    def deflated(self) -> bytes:
        return _deflate(self.data)


class Packet:
    """One Socket.IO packet, ready for any number of members.

    `data` is the Engine.IO message: for JSON the text with Engine.IO's leading `4`, for msgpack the bare bytes. `frame` is
    the unmasked WebSocket frame around it, `deflated` the same for those who negotiated permessage-deflate (RFC 7692), made
    without context, so it is the same bytes for all of them. Both are made when first asked for. `parts`: the data in
    pieces, where some of them are shared with other packets. `stream`, `place`, `streamed`, `opens`: see `Stream`.
    """

    __slots__ = ("__dict__", "_frame", "codec", "data", "parts")
    frames = 1
    stream: Stream | None = None
    place = 0
    streamed = b""
    opens = False

    def __init__(self, codec: Codec, data: bytes, parts: Sequence[bytes | Shared] = ()) -> None:
        self.codec = codec
        self.data = data
        self.parts = parts
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        # `cached_property`, with its lock and a dictionary for each packet, takes a third of all that one costs.
        if self._frame is None:
            self._frame = _frame(0x81 if self.codec is Codec.JSON else 0x82, self.data)
        return self._frame

    @cached_property
    def deflated(self) -> bytes:
        if len(self.data) < DEFLATE_FROM:
            return self.frame
        parts = self.parts or (self.data,)
        body = b"".join(part.deflated if isinstance(part, Shared) else _deflate(part) for part in parts)
        body = body.removesuffix(_DEFLATE_TAIL)
        return self.frame if len(body) >= len(self.data) else _deflated_frame(self.codec, body)

    def after(self, place: int) -> tuple[bytes, int]:
        """The frame for a connection that is at `place`, and where it is then: at that of the last streamed packet it was sent
        (0: it has seen something else, and is with no stream), or always `PLAIN` or `ALONE`."""
        if place < 0:
            return self.frame if place == PLAIN else self.deflated, place
        if self.opens or (place and place == self.place - 1):
            return self.streamed, self.place
        if self.stream is not None:
            self.stream.behind = True
        data = self.deflated
        return data, (place if data is self.frame else 0)


class Stream:
    """What many connections are sent, deflated with context: once for all of them, though each keeps a window of its own.

    What always holds: a packet that looks back (`streamed`) looks at packets of this stream alone, and goes only to
    connections that have been sent all of them since the last that `opens`, which looks back at nothing, and nothing else
    that was deflated in between. So the part of their windows that is looked at is the same. Packets are numbered (`place`,
    unlike those of any other stream), and a connection is known to be with the stream by the place of the last it was sent.

    Whoever has come since, or has missed a packet, or was sent something of their own, is sent frames without context until
    the next packet that opens, which comes soon after somebody has been found behind.
    """

    __slots__ = ("_deflater", "_opened", "_place", "behind")
    _numbers = count(1)

    def __init__(self) -> None:
        self._place = next(Stream._numbers) << 40
        self._opened = -OPEN_EVERY
        self._deflater: zlib._Compress | None = None
        self.behind = False

    def take(self, packet: Packet, now: float) -> None:
        """Put a packet behind those before it. `now`: seconds of a clock that never goes back."""
        if self._deflater is None or (self.behind and now - self._opened >= OPEN_EVERY):
            # Windows and tables of half the usual size: 128 KiB for a stream instead of 256.
            self._deflater = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -14, 7)
            self._opened, self.behind, packet.opens = now, False, True
        body = self._deflater.compress(packet.data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        self._place += 1
        packet.stream, packet.place = self, self._place
        packet.streamed = _deflated_frame(packet.codec, body.removesuffix(_DEFLATE_TAIL))


class Brief(Packet):
    """A few bytes in shorthand, as an Engine.IO message of their own. They are never deflated, and so stand outside of every
    stream."""

    __slots__ = ()

    def __init__(self, data: bytes) -> None:
        super().__init__(Codec.MSGPACK, data)

    @property
    def deflated(self) -> bytes:
        return self.frame


class Pair:
    """Two packets or more that go out in one write. A transport that writes no frames takes them one by one."""

    __slots__ = ("__dict__", "_after", "both", "frames")

    def __init__(self, *packets: Packet) -> None:
        self.both = packets
        self.frames = len(packets)
        self._after: dict[int, tuple[bytes, int]] = {}

    @cached_property
    def frame(self) -> bytes:
        return b"".join(packet.frame for packet in self.both)

    @cached_property
    def deflated(self) -> bytes:
        return b"".join(packet.deflated for packet in self.both)

    def after(self, place: int) -> tuple[bytes, int]:
        """As a packet's: each where the one before has left it. Nearly all members are at the same place."""
        found = self._after.get(place)
        if found is None:
            frames, now = [], place
            for packet in self.both:
                frame, now = packet.after(now)
                frames.append(frame)
            found = self._after[place] = (b"".join(frames), now)
        return found


def _deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)


def _deflated_frame(codec: Codec, body: bytes) -> bytes:
    # The reserved bit tells that this message is deflated.
    return _frame(0xC1 if codec is Codec.JSON else 0xC2, body)


def _frame(first: int, data: bytes) -> bytes:
    length = len(data)
    if length < 126:
        head = bytes((first, length))
    elif length < 65_536:
        head = bytes((first, 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 127)) + length.to_bytes(8, "big")
    return head + data


PING = Packet(Codec.JSON, b"2")  # Engine.IO's, which is text with every parser


def message(codec: Codec, name: str, payload: bytes) -> Packet:
    """A Socket.IO event `name` with one argument that is encoded already. `name` has fewer than 32 characters."""
    if codec is Codec.JSON:
        return Packet(codec, b'42["' + name.encode() + b'",' + payload + b"]")
    # The data last: what all packets begin with is found in one piece when they are deflated with context.
    return Packet(codec, b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92" + _msgpack.encode(name) + payload)


def welcome(codec: Codec, welcome: WelcomeRaw, state: Shared) -> Packet:
    """A `welcome` packet whose last field, the state, is encoded already and the same for many."""
    whole = message(codec, "welcome", encode(codec, msgspec.structs.replace(welcome, state=None))).data
    nothing, rest = (b"null", b"}]") if codec is Codec.JSON else (b"\xc0", b"")
    head, tail = whole[: -len(nothing) - len(rest)], rest
    assert whole.endswith(nothing + rest)
    return Packet(codec, head + state.data + tail, (head, state, tail))


def acknowledgement(codec: Codec, id: int, ack: Ack) -> Packet:
    """The answer to the Socket.IO event that asked under `id`."""
    if codec is Codec.JSON:
        return Packet(codec, b"43%d[" % id + _json.encode(ack) + b"]")
    return Packet(
        codec, b"\x84\xa4type\x03\xa4data\x91" + _msgpack.encode(ack) + b"\xa3nsp\xa1/\xa2id" + _msgpack.encode(id)
    )


def connect_error(codec: Codec, body: Any, namespace: str = "/") -> Packet:
    """Socket.IO's refusal of a CONNECT."""
    if codec is Codec.JSON:
        where = b"" if namespace == "/" else namespace.encode() + b","
        return Packet(codec, b"44" + where + encode(codec, body))
    return Packet(codec, b"\x83\xa4type\x04\xa4data" + encode(codec, body) + b"\xa3nsp" + _msgpack.encode(namespace))


def disconnect(codec: Codec) -> Packet:
    """Socket.IO's DISCONNECT, after which its clients do not come back by themselves."""
    return Packet(codec, b"41" if codec is Codec.JSON else b"\x82\xa4type\x01\xa3nsp\xa1/")
