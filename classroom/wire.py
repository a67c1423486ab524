"""What travels between a member and an edge: envelopes, codecs, and packets that are built once.

Two codecs, one meaning. `JSON` is Socket.IO's default parser, which every stock client speaks; `MSGPACK` is its msgpack
parser, for our own client. An event is encoded once per (audience, codec) into an *item*; the items of a tick are joined
into one *packet* without looking into them again; a packet goes to any number of members as the same bytes.

Sources: Socket.IO protocol 5, Engine.IO protocol 4, RFC 6455 (frames), the MessagePack specification.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from itertools import count
from typing import Any

import msgspec

from classroom.kernel import Event, Meta, Rejected, Role
from classroom.rooms.room import AnyCommand, AnyEvent, RoomOwn, RoomView
from classroom.rooms.signals import SignalIn

VERSION = 1
CID_LIMIT = 64
DEFLATE_FROM = 200  # bytes; below, deflating costs more than it saves
DEFLATE_LEVEL = 6
OPEN_EVERY = 2.0  # seconds from one packet of a stream that looks back at nothing to the next, at least
_DEFLATE_TAIL = b"\x00\x00\xff\xff"  # taken off every message (RFC 7692, 7.2.1)


class Codec(StrEnum):
    JSON = "json"
    MSGPACK = "msgpack"


class Hello(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Client → server, Socket.IO's CONNECT auth. `token`, or in an open room `name`. `client`: an id that the device
    keeps (≤ 64 characters). `since` and `epoch`: the last seq seen and in which log, when it comes back. `shorthand`: it can
    read strokes in shorthand (`rooms/shorthand.py`), with the MessagePack parser."""

    room: str
    v: int = VERSION
    token: str | None = None
    name: str | None = None
    client: str | None = None
    since: int | None = None
    epoch: str | None = None
    shorthand: bool = False


class Me(msgspec.Struct, frozen=True):
    """Whom the server takes this member for."""

    id: str
    name: str
    role: Role


class RoomLabel(msgspec.Struct, frozen=True):
    id: str
    title: str


class Welcome(msgspec.Struct, frozen=True):
    """Server → client: the whole room as this member may see it, after the event at `seq`. It may come again at any time
    and replaces everything. `now` is the server's clock (ms since 1970), `pass` a bearer token for the HTTP API, `key` what
    opens the room's unchanging contents there."""

    room: RoomLabel
    me: Me
    epoch: str
    pass_: str = msgspec.field(name="pass")
    seq: int
    now: int
    key: str
    own: RoomOwn
    state: RoomView


class WelcomeRaw(Welcome, frozen=True):
    """The same with parts that are encoded already: they are the same for many members."""

    own: Any
    state: Any


class Resumed(msgspec.Struct, frozen=True):
    """Server → client: instead of `welcome`, when only what was missed is needed. `events` as in an `events` packet."""

    seq: int
    now: int
    events: Any


class Waiting(msgspec.Struct, frozen=True):
    """Server → client, as `lobby`, before the `welcome` when too many come at once: one's `place` in the line (1 is the
    next) and how long it may take, in milliseconds. It comes again every few seconds."""

    place: int
    estimate: int


class Ack(msgspec.Struct, frozen=True, omit_defaults=True):
    """The acknowledgement of a command. Kept: `{ok: true, seq}`. Refused: `{ok: false, code, message, temporary}` and, where
    known, `until` (ms since 1970) from when on it may be tried again."""

    ok: bool
    seq: int | msgspec.UnsetType = msgspec.UNSET
    code: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET
    temporary: bool | msgspec.UnsetType = msgspec.UNSET
    until: int | None = None


class Bye(msgspec.Struct, frozen=True, omit_defaults=True):
    """Server → client, just before the server disconnects, and the `data` of a refused CONNECT. `temporary`: come back,
    after `retry_in` milliseconds where given; otherwise do not come back by yourself."""

    code: str
    message: str
    temporary: bool = msgspec.field(default=False)
    retry_in: int | None = None


_json_event = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()
_command_json = msgspec.json.Decoder(AnyCommand)
_command_msgpack = msgspec.msgpack.Decoder(AnyCommand)
_signal_json = msgspec.json.Decoder(SignalIn)
_signal_msgpack = msgspec.msgpack.Decoder(SignalIn)
_event_json: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)


def encode(codec: Codec, value: Any) -> bytes:
    """`value` (a struct, or what is built from structs) in `codec`. Maps have string keys in both codecs, because
    stock msgpack decoders refuse others."""
    if codec is Codec.JSON:
        return _json_event.encode(value)
    return _msgpack.encode(msgspec.to_builtins(value, str_keys=True, builtin_types=(msgspec.Raw, bytes)))


def event_to_text(event: Event) -> str:
    """The event as the journal keeps it: JSON with its `type`."""
    return _json_event.encode(event).decode()


def event_from_text(text: str | bytes) -> AnyEvent:
    """The event back. Raises `msgspec.ValidationError`."""
    event: AnyEvent = _event_json.decode(text)
    return event


def item(codec: Codec, meta: Meta, event: Event) -> bytes:
    """One event as it stands in a packet: `{seq, at, type, …}`."""
    if codec is Codec.JSON:
        return b'{"seq":%d,"at":%d,' % (meta.seq, meta.at) + _json_event.encode(event)[1:]
    return _msgpack.encode(
        {"seq": meta.seq, "at": meta.at, **msgspec.to_builtins(event, str_keys=True, builtin_types=(bytes,))}
    )


def join(codec: Codec, items: Sequence[bytes]) -> bytes:
    """An array of things that are encoded already."""
    if codec is Codec.JSON:
        return b"[" + b",".join(items) + b"]"
    count = len(items)
    if count < 16:
        head = bytes((0x90 | count,))
    elif count < 65_536:
        head = b"\xdc" + count.to_bytes(2, "big")
    else:
        head = b"\xdd" + count.to_bytes(4, "big")
    return head + b"".join(items)


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

    __slots__ = ("__dict__", "codec", "data", "parts")
    frames = 1
    stream: Stream | None = None
    place = 0
    streamed = b""
    opens = False

    def __init__(self, codec: Codec, data: bytes, parts: Sequence[bytes | Shared] = ()) -> None:
        self.codec = codec
        self.data = data
        self.parts = parts

    @cached_property
    def frame(self) -> bytes:
        return _frame(0x81 if self.codec is Codec.JSON else 0x82, self.data)

    @cached_property
    def deflated(self) -> bytes:
        if len(self.data) < DEFLATE_FROM:
            return self.frame
        parts = self.parts or (self.data,)
        body = b"".join(part.deflated if isinstance(part, Shared) else _deflate(part) for part in parts)
        body = body.removesuffix(_DEFLATE_TAIL)
        return self.frame if len(body) >= len(self.data) else _deflated_frame(self.codec, body)

    def after(self, place: int) -> tuple[bytes, int]:
        """The frame for a connection that keeps context and whose last streamed packet was at `place`, and where it is then
        (0: it has seen something else, and is with no stream)."""
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
        return Packet(codec, b"43%d[" % id + _json_event.encode(ack) + b"]")
    return Packet(
        codec, b"\x84\xa4type\x03\xa4data\x91" + _msgpack.encode(ack) + b"\xa3nsp\xa1/\xa2id" + _msgpack.encode(id)
    )


def refusal(error: Rejected) -> Ack:
    """A refusal as an acknowledgement."""
    return Ack(ok=False, code=error.code, message=error.message, temporary=error.temporary, until=error.until)


class _Incoming(msgspec.Struct):
    """A Socket.IO packet of the msgpack parser."""

    type: int
    nsp: str = "/"
    data: msgspec.Raw = msgspec.Raw(b"\xc0")
    id: int | None = None


_incoming_msgpack = msgspec.msgpack.Decoder(_Incoming)
_pair_json = msgspec.json.Decoder(tuple[str, msgspec.Raw])
_pair_msgpack = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])

CONNECT, DISCONNECT, EVENT = 0, 1, 2
_ID_DIGITS = 15  # ids that every JSON reader holds exactly
_NAMESPACE = re.compile(r"/[!-+\--~]{0,64}")  # what can be printed, without the comma


class Malformed(Exception):
    """A packet that no client of ours sends. `id` is the acknowledgement it asked for, where that much could be read."""

    def __init__(self, message: str, id: int | None = None) -> None:
        super().__init__(message)
        self.id = id


class Incoming(msgspec.Struct, frozen=True):
    """A packet from a member: its Socket.IO `type`, and for an EVENT its `name`, one encoded argument and, where an
    acknowledgement is asked for, its `id`. `nsp`: the namespace, which is always the default one for an EVENT."""

    type: int
    name: str = ""
    argument: bytes | msgspec.Raw = b""
    id: int | None = None
    nsp: str = "/"


_auth_json = msgspec.json.Decoder(Hello)
_auth_msgpack = msgspec.msgpack.Decoder(Hello)


def connect_error(codec: Codec, body: Any, namespace: str = "/") -> Packet:
    """Socket.IO's refusal of a CONNECT."""
    if codec is Codec.JSON:
        where = b"" if namespace == "/" else namespace.encode() + b","
        return Packet(codec, b"44" + where + encode(codec, body))
    return Packet(codec, b"\x83\xa4type\x04\xa4data" + encode(codec, body) + b"\xa3nsp" + _msgpack.encode(namespace))


def disconnect(codec: Codec) -> Packet:
    """Socket.IO's DISCONNECT, after which its clients do not come back by themselves."""
    return Packet(codec, b"41" if codec is Codec.JSON else b"\x82\xa4type\x01\xa3nsp\xa1/")


def type_of(command: AnyCommand) -> str:
    """The command's `type` on the wire."""
    return str(command.__struct_config__.tag)


def read_text(text: str) -> Incoming:
    """Read a packet of the default parser (without Engine.IO's leading `4`). Raises `Malformed`."""
    kind = text[:1]
    if kind in ("0", "1"):
        return _read_text_control(int(kind), text[1:])
    if kind != "2":
        raise Malformed("not a packet that a client sends")
    start = text.find("[", 1, 3 + _ID_DIGITS)
    digits = text[1:start] if start >= 1 else ""
    if start < 1 or (digits and not (digits.isascii() and digits.isdigit())) or len(digits) > _ID_DIGITS:
        raise Malformed("not an event of the default namespace")
    id = int(digits) if digits else None
    try:
        name, argument = _pair_json.decode(text[start:])
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Malformed("an event is an array of a name and one argument", id) from error
    return Incoming(EVENT, name, argument, id)


def _read_text_control(type: int, rest: str) -> Incoming:
    """A CONNECT or DISCONNECT: `/namespace,` unless it is the default one, and for a CONNECT the auth."""
    nsp, auth = "/", rest
    if rest.startswith("/"):
        nsp, _, auth = rest.partition(",")
        _check_namespace(nsp)
    if type == DISCONNECT and auth:
        raise Malformed("not a packet that a client sends")
    return Incoming(type, argument=auth.encode() or b"{}", nsp=nsp)


def _check_namespace(nsp: str) -> None:
    # It goes back to the client as it came: nothing that would mean something else there.
    if not _NAMESPACE.fullmatch(nsp):
        raise Malformed("not a namespace")


def read_binary(data: bytes) -> Incoming:
    """Read a packet of the msgpack parser. Raises `Malformed`."""
    try:
        packet = _incoming_msgpack.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Malformed("not a packet") from error
    if packet.type in (CONNECT, DISCONNECT):
        _check_namespace(packet.nsp)
        return Incoming(packet.type, argument=packet.data, nsp=packet.nsp)
    if packet.type != EVENT or packet.nsp != "/":
        raise Malformed("not an event of the default namespace")
    if packet.id is not None and not 0 <= packet.id < 10**_ID_DIGITS:
        raise Malformed("the acknowledgement's id is out of range")
    try:
        name, argument = _pair_msgpack.decode(packet.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Malformed("an event is an array of a name and one argument", packet.id) from error
    return Incoming(EVENT, name, argument, packet.id)


def read_command(codec: Codec, data: bytes | msgspec.Raw) -> AnyCommand:
    """The command in an EVENT's argument. Raises `Rejected("bad_request")` with what is wrong and where."""
    try:
        command: AnyCommand = (_command_json if codec is Codec.JSON else _command_msgpack).decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Rejected("bad_request", f"That command cannot be read: {error}.") from error
    if not 0 < len(command.cid) <= CID_LIMIT or not command.cid.isprintable():
        raise Rejected("bad_request", f"A command needs a cid of 1 to {CID_LIMIT} printable characters.")
    return command


def read_signal(codec: Codec, data: bytes | msgspec.Raw) -> SignalIn:
    """The signal in an EVENT's argument. Raises `Rejected("bad_request")`."""
    try:
        signal: SignalIn = (_signal_json if codec is Codec.JSON else _signal_msgpack).decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Rejected("bad_request", f"That signal cannot be read: {error}.") from error
    return signal


def read_greeting(codec: Codec, data: bytes | msgspec.Raw) -> Hello:
    """The hello in a CONNECT. Raises `Rejected`: "bad_request", "version"."""
    try:
        hello: Hello = (_auth_json if codec is Codec.JSON else _auth_msgpack).decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Rejected("bad_request", f"The connection's auth cannot be read: {error}.") from error
    if hello.v != VERSION:
        raise Rejected("version", f"This server speaks version {VERSION} of the protocol, not {hello.v}.")
    return hello
