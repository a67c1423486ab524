"""What travels between a member and an edge: envelopes, codecs, and how what comes is read. What goes is put into packets
(`packets.py`).

Two codecs, one meaning. `JSON` is Socket.IO's default parser, which every stock client speaks; `MSGPACK` is its msgpack
parser, for our own client. An event is encoded once per (audience, codec) into an *item*; the items of a tick are joined
without looking into them again. What no client of ours sends is `Malformed`, and nothing else is raised for it.

Sources: Socket.IO protocol 5, the MessagePack specification.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from classroom.kernel import Event, Meta, Rejected, Role
from classroom.rooms.room import AnyCommand, AnyEvent, RoomOwn, RoomView
from classroom.rooms.signals import SignalIn

VERSION = 1
CID_LIMIT = 64


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


def event_from_text(text: str | bytes) -> AnyEvent:
    """An event, from the JSON that the journal keeps and an export tells. Raises `msgspec.ValidationError`."""
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


def type_of(command: AnyCommand) -> str:
    """The command's `type` on the wire."""
    return str(command.__struct_config__.tag)


def read_text(text: str) -> Incoming:
    """Read a packet of the default parser (without Engine.IO's leading `4`). Raises `Malformed`."""
    kind = text[:1]
    if kind in ("0", "1"):
        return _read_text_control(int(kind), text[1:])
    if kind == "5":
        raise Malformed("this parser has no binary packets", _id_of_binary(text))
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


def _id_of_binary(text: str) -> int | None:
    """By which an EVENT with attachments is to be acknowledged."""
    digits = text[: text.find("[")].partition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _ID_DIGITS else None


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
