"""Malformed frames and packets without end, the same for the same seed.

What always holds: everything here may be sent on a connection that stays open, so what follows it must still be served;
what forces the protocol to close the connection is in `test_hostile.py`. No frame is what a well-behaved client sends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgpack

from classroom.wire import Codec
from tests.sockets.peer import BINARY, CONTINUATION, PING, PONG, TEXT, encoded, frame

PRINTABLE = "".join(map(chr, range(32, 127)))
STRANGE = PRINTABLE + "\x00\x1e\x7fé٣²न🎉\u2028\ufeff"
TYPES = (
    "chat.say",
    "chat.edit",
    "doubt.ask",
    "poll.vote",
    "poll.prepare",
    "roster.appoint",
    "class.start",
    "no.such",
    "",
)
FIELDS = ("cid", "type", "text", "id", "spec", "member", "role", "emoji", "on", "choice", "__proto__", "")
IDS = ("-1", "1e3", "0x1", "9" * 15, "9" * 16, "9" * 400, "٣", "²", " 1", "1 ", "+1", "1.5", "007", "1-", "/1,")
DEEP = 10_000


def anything(random: Random, depth: int = 0) -> Any:
    """Any value that both parsers can write."""
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: None,
        lambda: random.random() < 0.5,
        lambda: random.choice((0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), random.randrange(1_000))),
        lambda: random.choice((0.5, -1e308, 1e-300, 3.0)),
        lambda: "".join(random.choices(STRANGE, k=random.choice((0, 1, 5, 70)))),
        lambda: random.choice(TYPES + FIELDS),
        lambda: [anything(random, depth + 1) for _ in range(random.randrange(4))],
        lambda: {random.choice(FIELDS): anything(random, depth + 1) for _ in range(random.randrange(4))},
    )
    return random.choice(kinds if depth < 4 else kinds[:6])()


def command(random: Random) -> Any:
    """Something like a command."""
    made = {random.choice(FIELDS): anything(random) for _ in range(random.randrange(5))}
    return made | ({"cid": "x", "type": random.choice(TYPES)} if random.random() < 0.7 else {})


def mutated(random: Random, data: bytes, alphabet: bytes) -> bytes:
    """`data` with a few bytes changed, cut out, doubled or put in."""
    body = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(body) + 1)
        match random.randrange(4):
            case 0:
                body[at : at + 1] = bytes((random.choice(alphabet),))
            case 1:
                del body[at : at + random.randrange(1, 9)]
            case 2:
                body[at:at] = body[at : at + random.randrange(1, 9)]
            case _:
                body[at:at] = bytes(random.choices(alphabet, k=random.randrange(1, 5)))
    return bytes(body)


def text(random: Random) -> str:
    """A text frame's payload: Engine.IO and the default parser, all of it wrong."""
    event = json.dumps(["command", command(random)])
    deep = random.choice(("[", '{"a":')) * DEEP
    attachment = '{"_placeholder":true,"num":0}'
    kinds: tuple[Callable[[], str], ...] = (
        lambda: "",
        lambda: "".join(random.choices(STRANGE, k=random.randrange(1, 40))),
        lambda: random.choice("0256789b") + event,
        lambda: random.choice(
            ("2probe", "5", "6", "2", "4", "42", "42[", '42["command"', "43", "44", "45", "46", "4٢[]")
        ),
        lambda: "4" + random.choice("3456789") + event,
        lambda: f"45{random.choice(('1', '2', '99', '9' * 12, '-1', ''))}-" + event.replace("x", attachment),
        lambda: f"46{random.randrange(3)}-{random.randrange(100)}[]",
        lambda: f"43{random.randrange(10**6)}" + json.dumps([anything(random)]),
        lambda: "42" + random.choice(IDS) + event,
        lambda: f"42{random.randrange(10**9)}" + json.dumps([random.choice(("evil", "welcome", "", "connect")), {}]),
        lambda: f"42{random.randrange(10**9)}" + json.dumps(["command", command(random)][: random.randrange(2)]),
        lambda: f"42{random.randrange(10**9)}" + json.dumps(["command", command(random), anything(random)]),
        lambda: f"42{random.randrange(10**9)}" + json.dumps(["command", anything(random)]),
        lambda: f"42{random.randrange(10**9)}" + json.dumps(["signal", anything(random)]),
        lambda: "42" + json.dumps(anything(random)),
        lambda: f"42{random.choice(('/admin,', '/,', '/'))}" + event,
        lambda: random.choice(("41x", "41/admin,", "41[]", "41/a b,")),
        lambda: random.choice(
            ('40{"room":"demo","name":"x"}', "40", "40[]", "40" + "{" * 50, "40/é,{}", "40/" + "n" * 99)
        ),
        lambda: random.choice(('42["command",{"cid":"s","type":"chat.say","text":"\\ud800"}]', '427["\\udfff",{}]')),
        lambda: '42["command",{"cid":"n","type":"chat.say","text":NaN}]',
        lambda: '427["command",{"cid":"n","type":"chat.edit","id":' + "9" * 300 + ',"text":"x"}]',
        lambda: mutated(random, ("4217" + event).encode(), PRINTABLE.encode()).decode(errors="ignore"),
        lambda: mutated(
            random, b'420["command",{"cid":"1","type":"doubt.ask","text":"?"}]', PRINTABLE.encode()
        ).decode(),
    )
    # What is deep costs the most to read, so it comes seldom.
    if random.random() < 0.005:
        return random.choice((f'421["command",{deep}', f"4{deep}", f'421["signal",{deep}', f"42{deep}"))
    return random.choice(kinds)()


def binary(random: Random) -> bytes:
    """A binary frame's payload: the msgpack parser, all of it wrong."""
    pack = msgpack.packb
    event = {"type": 2, "nsp": "/", "data": ["command", command(random)], "id": random.randrange(10**9)}
    deep = random.choice((b"\x91", b"\x81\xa1a")) * DEEP

    def with_(**changes: Any) -> bytes:
        packed: bytes = pack(event | changes)
        return packed

    def raw(data: bytes) -> bytes:
        """An event with this in the place of the data."""
        return b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x07\xa4data" + data

    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: b"",
        lambda: random.randbytes(random.randrange(1, 60)),
        lambda: with_(type=random.choice((3, 4, 5, 6, 7, -1, 2**40, "2", None, 2.0, True))),
        lambda: with_(nsp=random.choice(("/admin", "", "x", "/,", "/é", None, 7, "/" + "n" * 99))),
        lambda: with_(id=random.choice((-1, 10**15, 2**63, 2**64 - 1, "1", 1.5, [], True, -(2**63)))),
        lambda: with_(data=anything(random)),
        lambda: with_(data=[random.choice(("evil", "welcome", "", "connect")), {}]),
        lambda: with_(data=["command"]),
        lambda: with_(data=["command", command(random), anything(random)]),
        lambda: with_(data=["command", anything(random)]),
        lambda: with_(data=["signal", anything(random)]),
        lambda: with_(data=[anything(random), anything(random)]),
        lambda: with_(data=["command", b"\x00\xff" * 20]),
        lambda: with_(data=["command", msgpack.ExtType(random.randrange(128), b"ext")]),
        lambda: with_(data=["command", {"cid": "t", "type": "chat.say", "text": msgpack.Timestamp(1, 2)}]),
        lambda: raw(b"\x92\xa7command\xd6\xff\x00\x00\x00\x01"),
        lambda: raw(b"\x92\xa7command\x83\xa3cid\xa1s\xa4type\xa8chat.say\xa4text\xa3\xed\xa0\x80"),
        lambda: raw(b"\x92\xa7command\x83\xa3cid\xa1s\xa4type\xa8chat.say\xa4text\xa2\xff\xfe"),
        lambda: raw(b"\x92\xa1\xff\x80"),
        lambda: raw(random.choice((b"\xdd", b"\xdf", b"\xdb", b"\xc6")) + b"\xff\xff\xff\xff"),
        lambda: raw(b"\xc1"),
        lambda: pack({"type": 0, "nsp": "/", "data": random.choice(({"room": "demo", "name": "x"}, [], None, 7))}),
        lambda: pack({"type": 1, "nsp": "/admin"}),
        lambda: pack(random.choice(({}, [], [2, "/"], {"type": 2}, {2: 2}, {"type": 2, "nsp": "/"}, "42[]", None))),
        lambda: mutated(random, pack(event), bytes(range(256))),
        lambda: mutated(
            random, with_(data=["command", {"cid": "1", "type": "doubt.ask", "text": "?"}]), bytes(range(256))
        ),
    )
    if random.random() < 0.005:
        return random.choice((raw(b"\x92\xa7command" + deep), deep, raw(deep), b"\x82\xa1x" + deep))
    return random.choice(kinds)()


def frames(random: Random, codec: Codec) -> Iterator[bytes]:
    """WebSocket frames, one or more for each packet, without end."""
    while True:
        textual = (codec is Codec.JSON) is (random.random() > 0.02)  # seldom the other parser's packets
        payload, opcode = (text(random).encode(), TEXT) if textual else (binary(random), BINARY)
        if leaves(codec, payload, opcode):
            continue
        match random.randrange(30):
            case 0:
                cut = random.randrange(len(payload) + 1)
                yield (
                    frame(payload[:cut], opcode, fin=False) + frame(b"ping", PING) + frame(payload[cut:], CONTINUATION)
                )
            case 1:
                yield frame(random.randbytes(random.randrange(126)), random.choice((PING, PONG)))
            case 2:
                yield frame(b"", opcode)
            case _:
                yield frame(payload, opcode)


def leaves(codec: Codec, payload: bytes, opcode: int) -> bool:
    """Whether this happens to be what a client says to leave or to close: nothing after it could be served."""
    if opcode == TEXT:
        return payload == b"1" or (codec is Codec.JSON and payload in (b"41", b"41/", b"41/,"))
    if codec is not Codec.MSGPACK:
        return False
    try:
        packet = msgpack.unpackb(payload, strict_map_key=False)
    except (ValueError, TypeError, RecursionError):
        return False
    return isinstance(packet, dict) and packet.get("type") == 1 and packet.get("nsp", "/") in ("/", "/,")


def valid(codec: Codec, kind: int, data: Any, id: int | None = None) -> bytes:
    """A well-made packet in a frame."""
    return frame(*encoded(codec, kind, data, id))
