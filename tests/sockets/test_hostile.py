"""Hostile input: whatever is sent, nothing crashes, nothing grows, and what is right after it is still served.

That nothing is logged as an error holds for every test here: a fixture looks.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import sqlite3
import statistics
import time
from collections.abc import Callable
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import aiohttp
import psutil
import pytest

from classroom.chat.model import Said
from classroom.wire import Codec
from tests.running import Running, until
from tests.sockets import fuzz
from tests.sockets.peer import BINARY, CLOSE, CONTINUATION, PATHS, PING, Peer, frame, handshake

CODECS = pytest.mark.parametrize("codec", list(Codec))
UNLIMITED = {
    "limits_command_rate": 1_000_000,
    "limits_command_burst": 1_000_000,
    "limits_signal_rate": 1_000_000,
    "limits_signal_burst": 1_000_000,
}
CONNECTIONS, ROUNDS, BATCH = 8, 25, 500  # 100,000 frames


class Footprint(NamedTuple):
    """What a server holds for its connections."""

    tasks: int
    links: int
    sessions: int
    engine: int
    environs: int
    namespaces: int
    answering: int
    entering: int


async def footprint(server: Running) -> Footprint:
    hall, sockets = await server.hall(), server.classroom.sockets
    stock = sockets._servers
    return Footprint(
        tasks=len(asyncio.all_tasks()),
        links=len(sockets.links),
        sessions=len(hall.hub.sessions),
        engine=sum(len(s.eio.sockets) for s in stock),
        environs=sum(len(s.environ) for s in stock),
        namespaces=sum(len(members) for s in stock for rooms in s.manager.rooms.values() for members in rooms.values()),
        answering=len(sockets._answering),
        entering=hall.entering,
    )


@pytest.fixture(autouse=True)
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classroom.sockets.watch.STEP", 0.1)


def hasten(server: Running, interval: float = 1.0, timeout: float = 20.0) -> None:
    """A session is kept until its next ping would be due, also when it is gone."""
    for stock in server.classroom.sockets._servers:
        stock.eio.ping_interval, stock.eio.ping_timeout = interval, timeout


async def settled(server: Running, before: Footprint) -> None:
    """All is as it was: at most the task that watches the other codec's connections, and three of those that come and go by the
    clock (one that waits with a deadline is two)."""
    after = before
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        after = await footprint(server)
        if after[1:] == before[1:] and after.tasks <= before.tasks + 4:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"left behind: {after}, before: {before}")


async def test_100_000_malformed_frames_change_nothing_for_what_is_right(start: Callable[..., Any]) -> None:
    server = await start(**UNLIMITED)
    hasten(server)
    witness = await Peer.join(server.port, name="Witness")
    before = await footprint(server)
    process = psutil.Process()
    sent = 0
    grown = []

    async def attack(number: int) -> None:
        nonlocal sent
        codec = [*Codec][number % 2]
        source = fuzz.frames(Random(f"hostile {number}"), codec)
        peer = await Peer.join(server.port, codec, name=f"Fuzz {number}")
        for turn in range(ROUNDS):
            for malformed in islice(source, BATCH):
                peer.raw(malformed)
                sent += 1
            # Fuzz makes acknowledgements of all numbers come: this one's has a number of its own.
            id = 500_000_000_000 + turn
            peer.packet(2, ["command", {"cid": f"right {turn}", "type": "chat.say", "text": f"{number}.{turn}"}], id)
            ack = await peer.answer(id, timeout=30)
            assert ack["ok"], ack
            peer.packets.clear()
        await peer.close()

    for half in range(2):
        await asyncio.gather(*(attack(number) for number in range(half, CONNECTIONS, 2)))
        gc.collect()
        grown.append(process.memory_info().rss)

    assert sent >= 100_000
    assert (await witness.command("chat.say", text="still here"))["ok"]
    await settled(server, before)
    # The second half adds nothing that the first had not; both hold as many members and doubts as they made.
    assert grown[1] - grown[0] < 32 << 20
    log = await server.log()
    right = {s.event.text for s in log if isinstance(s.event, Said)}
    assert right >= {f"{number}.{turn}" for number in range(CONNECTIONS) for turn in range(ROUNDS)}


@CODECS
@pytest.mark.parametrize("inside", [True, False])
async def test_what_asks_for_an_answer_gets_one_that_says_what_is_wrong(
    server: Running, codec: Codec, inside: bool
) -> None:
    peer = await Peer.open(server.port, codec)
    if inside:
        assert (await peer.connect(name="Asha")).type == 0
    wrong: list[Any] = [
        ["evil", {}],
        ["events", []],
        ["command", None],
        ["command", 7],
        ["command", {}],
        ["command", {"type": "chat.say", "text": "no cid"}],
        ["command", {"cid": "", "type": "chat.say", "text": "x"}],
        ["command", {"cid": "c" * 65, "type": "chat.say", "text": "x"}],
        ["command", {"cid": "c", "type": "chat.say", "text": 7}],
        ["command", {"cid": "c", "type": "chat.say", "text": "x", "by": "somebody else"}],
        ["command", {"cid": "c", "type": "roster.attend", "came": [], "went": []}],
        ["signal", {"type": "no.such"}],
    ]

    for id, data in enumerate(wrong, 1_000):
        peer.packet(2, data, id)
        ack = await peer.answer(id)
        expected = {"bad_request", "forbidden"} if inside else {"not_connected"}
        assert (ack["ok"], ack["code"] in expected) == (False, True), (data, ack)
        assert ack["message"], data


@pytest.mark.parametrize("size", [65_536, 65_537])
async def test_a_frame_may_be_as_long_as_is_said(server: Running, size: int) -> None:
    peer = await Peer.join(server.port, name="Asha")
    peer.raw(frame(b"42" + b" " * (size - 2)))
    if size == 65_536:
        assert (await peer.command("chat.say", text="still here"))["ok"]
    else:
        await asyncio.wait_for(peer.ended.wait(), 3)
        assert peer.close_code == 1009


async def test_a_command_with_attachments_is_told_that_there_are_none(server: Running) -> None:
    peer = await Peer.join(server.port, name="Asha")
    peer.raw(frame(b'451-7["command",{"cid":"c","type":"chat.say","text":{"_placeholder":true,"num":0}}]'))
    peer.raw(frame(b"bytes", BINARY))
    ack = await peer.answer(7)
    assert (ack["ok"], ack["code"]) == (False, "bad_request")
    assert "binary" in ack["message"]
    for wrong in (b'451-["command",{}]', b"451-", b"45", b'451-77777777777777777777["command",{}]', b"451-x[]"):
        peer.raw(frame(wrong))
    assert (await peer.command("chat.say", text="still here"))["ok"]


@CODECS
@pytest.mark.parametrize("text", ["\ud800", "\udfff\ud800", "a\udc00b"])
async def test_text_that_is_no_text_is_refused_and_never_kept(server: Running, codec: Codec, text: str) -> None:
    peer = await Peer.join(server.port, codec, name="Asha")

    if codec is Codec.JSON:
        peer.packet(2, ["command", {"cid": "c", "type": "chat.say", "text": text}], 900)  # \ud800 as JSON escapes it
    else:
        command = b"\x83\xa3cid\xa1c\xa4type\xa8chat.say\xa4text" + (
            bytes((0xA0 | len(text.encode(errors="surrogatepass")),)) + text.encode(errors="surrogatepass")
        )
        peer.raw(frame(b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xcd\x03\x84\xa4data\x92\xa7command" + command, BINARY))

    assert (await peer.answer(900))["code"] == "bad_request"
    assert (await peer.command("chat.say", text="text"))["ok"]


BREAKS = {
    "a message over the limit": frame(b"4" + b"x" * 70_000),
    "a message over the limit in fragments": frame(b"4" + b"x" * 40_000, fin=False)
    + frame(b"x" * 40_000, CONTINUATION),
    "a length of 2^63": b"\x81\xff" + b"\xff" * 8 + b"\0" * 4,
    "a length of 2^40": b"\x82\xff" + (2**40).to_bytes(8, "big") + b"\0" * 4,
    "invalid UTF-8": frame(b"4\xff\xfe"),
    "a lone surrogate in UTF-8": frame(b'42["command","\xed\xa0\x80"]'),
    "an unknown opcode": frame(b"", 3),
    "an unknown control opcode": frame(b"", 11),
    "reserved bits": frame(b"42[]", reserved=0x40),
    "other reserved bits": frame(b"42[]", reserved=0x30),
    "a ping too long": frame(b"x" * 126, PING),
    "a ping in fragments": frame(b"x", PING, fin=False),
    "a continuation of nothing": frame(b"42[]", CONTINUATION),
    "a message within another": frame(b"42[", fin=False) + frame(b'42["x"]'),
    "a close with a wrong code": frame((999).to_bytes(2, "big"), CLOSE),
    "a close of one byte": frame(b"\x03", CLOSE),
    "a close with invalid UTF-8": frame(b"\x03\xe8\xff", CLOSE),
    "a close": frame((1000).to_bytes(2, "big") + b"bye", CLOSE),
    "Engine.IO's close": frame(b"1"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3,
}


@CODECS
async def test_what_breaks_the_protocol_ends_that_connection_and_no_other(
    start: Callable[..., Any], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classroom.sockets.link.GOODBYE", 0.3)
    server = await start()
    hasten(server, 0.5)
    witness = await Peer.join(server.port, codec, name="Witness")
    await witness.command("chat.say", text="before")
    before = await footprint(server)

    async def broken(what: str, data: bytes, *, inside: bool) -> None:
        peer = await Peer.open(server.port, codec)
        if inside:
            assert (await peer.connect(name="Asha")).type == 0
        peer.answers_pings = False
        peer.raw(data)
        peer.packet(2, ["command", {"cid": "after", "type": "chat.say", "text": "must not be served"}], 77)
        try:
            await asyncio.wait_for(peer.ended.wait(), 10)
        except TimeoutError:
            raise AssertionError(f"{what} leaves the connection open") from None

    for inside in (True, False):
        await asyncio.gather(*(broken(what, data, inside=inside) for what, data in BREAKS.items()))

    assert (await witness.command("chat.say", text="after"))["ok"]
    await settled(server, before)
    said = [getattr(s.event, "text", "") for s in await server.log()]
    assert "must not be served" not in said


async def test_connections_that_are_cut_stall_or_never_begin_leave_nothing_behind(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classroom.sockets.link.GOODBYE", 0.2)
    monkeypatch.setattr("classroom.sockets.link.GREETING", 0.5)
    server = await start()
    hasten(server, 0.3, 1.5)
    witness = await Peer.join(server.port, name="Witness")
    before = await footprint(server)
    random = Random("cut")

    async def cut_anywhere() -> None:
        """A whole join, cut after any of its bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        whole = handshake("/socket.io/?EIO=4&transport=websocket")
        whole += fuzz.valid(Codec.JSON, 0, {"room": "demo", "name": "Cut"})
        whole += fuzz.valid(Codec.JSON, 2, ["command", {"cid": "1", "type": "chat.say", "text": "x"}], 1)
        writer.write(whole[: random.randrange(1, len(whole) + 1)])
        if random.random() < 0.7:
            try:
                async with asyncio.timeout(random.random() * 0.05):
                    await reader.read(10_000)
            except TimeoutError:
                pass
        writer.transport.abort()

    async def half_closed() -> None:
        """Its side is closed; the other may stay open."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            handshake("/socket.io/?EIO=4&transport=websocket")
            + fuzz.valid(Codec.JSON, 0, {"room": "demo", "name": "H"})
        )
        writer.write_eof()
        async with asyncio.timeout(10):
            await reader.read(-1)
        writer.close()

    async def deaf() -> None:
        """Never answers a ping."""
        peer = await Peer.open(server.port)
        assert (await peer.connect(name="Deaf")).type == 0
        peer.answers_pings = False
        await asyncio.wait_for(peer.ended.wait(), 10)

    async def deaf_and_stuck() -> None:
        """Neither answers nor reads: not even the end of the connection reaches it."""
        peer = await Peer.open(server.port, receive_buffer=4_096)
        assert (await peer.connect(name="Stuck")).type == 0
        peer.answers_pings = False
        peer.stop_reading()

    for _ in range(10):
        await asyncio.gather(*(cut_anywhere() for _ in range(30)))
    for bad in (half_closed, deaf, deaf_and_stuck):
        await asyncio.gather(*(bad() for _ in range(10)))
    await until(lambda: len(server.classroom.sockets.links) == 1)
    for peer in Peer.opened:
        if peer is not witness:
            await peer.close()

    await settled(server, before)
    assert (await witness.command("chat.say", text="still here"))["ok"]


GARBAGE = [
    b"",
    b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 100,  # a TLS hello
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"PUT /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx",
    b"POST /socket.io/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
    b"GET /socket.io/?EIO=3&transport=websocket HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /socket.io/?transport=websocket&sid=none HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /socket.io/?EIO=4&transport=polling&j=abc HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /socket.io/?EIO=4&transport=%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    handshake("/socket.io/?EIO=4&transport=websocket").replace(b"Version: 13", b"Version: 99"),
    handshake("/socket.io/?EIO=4&transport=websocket").replace(b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: !"),
    handshake("/socket.io/?EIO=4&transport=websocket").replace(b"Sec-WebSocket-Key", b"X-Key"),
    handshake("/socket.io/?EIO=4&transport=websocket").replace(b"Connection: Upgrade", b"Connection: close"),
    handshake("/socket.io/?EIO=4&transport=websocket").replace(b"Connection: Upgrade", b"Connection: noupgrade"),
    handshake("/socket.io/?EIO=4&transport=polling"),
    handshake("/socket.io/?EIO=4&transport=websocket&sid=abc"),
    handshake("/socket.io/?EIO=4&transport=websocket", headers="Origin: https://evil.example\r\n"),
    handshake("/socket.io/elsewhere/?EIO=4&transport=websocket"),
]


@pytest.mark.parametrize("polling", [False, True])
async def test_garbage_on_the_port_is_refused(start: Callable[..., Any], polling: bool) -> None:
    server = await start(server_polling=polling)
    hasten(server, 0.3, 1.5)
    witness = await Peer.join(server.port, name="Witness")
    before = await footprint(server)
    random = Random("garbage")
    mutations = [fuzz.mutated(random, random.choice(GARBAGE)[:500] or b"x", bytes(range(256))) for _ in range(300)]

    async def send(data: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(data)
        writer.write_eof()
        try:
            async with asyncio.timeout(1):
                answer = await reader.read(200)
            assert not answer.startswith(b"HTTP/1.1 5"), (data[:200], answer)
        except (ConnectionError, TimeoutError):
            pass
        writer.transport.abort()

    for at in range(0, len(GARBAGE + mutations), 50):
        await asyncio.gather(*(send(data) for data in (GARBAGE + mutations)[at : at + 50]))

    await settled(server, before)
    assert (await witness.command("chat.say", text="still here"))["ok"]


@CODECS
async def test_who_polls_is_given_no_websocket_and_polls_on(start: Callable[..., Any], codec: Codec) -> None:
    server = await start(server_polling=True)
    path = f"{PATHS[codec]}?EIO=4&transport=polling"

    async def upgraded(path: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(handshake(path))
        async with asyncio.timeout(10):
            answer = await reader.readline()
        writer.transport.abort()
        return answer

    async with aiohttp.ClientSession() as http:
        async with http.get(server.url + path) as answer:
            path += "&sid=" + (await answer.text()).split('"')[3]
        assert b" 400 " in await upgraded(path)
        assert b" 400 " in await upgraded(path.replace("polling", "&transport=websocket"))
        assert b" 400 " in await upgraded(path.partition("&sid")[0])
        async with http.post(server.url + path, data=b"1") as answer:
            assert answer.status == 200


async def test_requests_that_never_end_keep_nobody_else_out(server: Running) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(200)]
    for n, (_, writer) in enumerate(slow):
        writer.write(handshake("/socket.io/?EIO=4&transport=websocket")[: n % 150])

    peer = await asyncio.wait_for(Peer.join(server.port, name="Asha"), 5)

    assert (await peer.command("chat.say", text="through"))["ok"]
    for _, writer in slow:
        writer.transport.abort()


@CODECS
async def test_garbage_by_long_polling_is_answered_400_and_the_session_goes_on(
    start: Callable[..., Any], codec: Codec
) -> None:
    server = await start(server_polling=True, **UNLIMITED)
    hasten(server, 0.5, 6.0)
    witness = await Peer.join(server.port, name="Witness")
    before = await footprint(server)
    random = Random("polling")
    path = "/socket.io/" if codec is Codec.JSON else "/socket.io/msgpack/"
    async with aiohttp.ClientSession() as http:
        url = f"{server.url}{path}?EIO=4&transport=polling"
        async with http.get(url) as answer:
            url += "&sid=" + (await answer.text()).split('"')[3]

        async def post(body: bytes) -> int:
            async with http.post(url, data=body) as answer:
                await answer.read()
                return answer.status

        rejected = [
            b"", b"\xff\xfe", b"d=4", b"d=", b"b!!!", b"b", b"4[[[", b"4{}", b"2probe", b"5", b"6", b"0{}", b"9", b"\x1e",
            b"3\x1e" * 20, b"4" + b"[" * 10_000, b"x" * 70_000, "4²".encode(), "٣".encode(),
        ]  # fmt: skip
        for body in rejected:
            assert await post(body) in (400, 413), body
        for _ in range(400):
            parts = random.choice((1, 1, 3))
            body = b"\x1e".join(
                fuzz.text(random).encode() if random.random() < 0.9 else random.randbytes(20) for _ in range(parts)
            )
            if any(part in (b"1", b"41", b"41/", b"41/,") or part.startswith(b"40") for part in body.split(b"\x1e")):
                continue
            assert await post(body) in (200, 400, 413), body

        def message(kind: int, data: Any, id: int | None = None) -> bytes:
            packet, _ = fuzz.encoded(codec, kind, data, id)
            return packet if codec is Codec.JSON else b"b" + base64.b64encode(packet)

        assert await post(message(0, {"room": "demo", "name": "Asha"})) == 200
        got = b""
        while b"welcome" not in decoded(got):
            async with http.get(url) as answer:
                got += b"\x1e" + await answer.read()
        assert await post(message(2, ["command", {"cid": "1", "type": "chat.say", "text": "polled"}], 5)) == 200
        while b"polled" not in decoded(got):
            async with http.get(url) as answer:
                got += b"\x1e" + await answer.read()
        assert await post(b"1") == 200
    await settled(server, before)
    assert (await witness.command("chat.say", text="still here"))["ok"]


def decoded(payloads: bytes) -> bytes:
    """The packets in payloads, base64 undone."""
    parts = payloads.split(b"\x1e")
    return b"\n".join(base64.b64decode(part[1:]) if part[:1] == b"b" else part for part in parts)


# --- too much of what is right ------------------------------------------------------------------------------------------


@CODECS
async def test_who_floods_with_commands_is_refused_as_too_fast_and_delays_nobody(server: Running, codec: Codec) -> None:
    flooder = await Peer.join(server.port, codec, name="Flooder")
    other = await Peer.join(server.port, codec, name="Asha", client="c1")

    async def latency() -> float:
        begun = time.perf_counter()
        assert (await other.command("chat.say", text=f"{begun}"))["ok"]
        return time.perf_counter() - begun

    quiet = [await latency() for _ in range(9)]
    ids = range(10**6, 10**6 + 20_000)
    begun = time.perf_counter()
    flood = [fuzz.valid(codec, 2, ["command", {"cid": str(id), "type": "chat.say", "text": "x"}], id) for id in ids]
    writing = time.perf_counter() - begun
    loud = []
    for at in range(0, len(flood), 2_000):
        flooder.raw(b"".join(flood[at : at + 2_000]))
        loud.append(await latency())
    answers = [await flooder.answer(id, timeout=30) for id in ids]

    # The flood's own 2,000 answers are read in this very loop, which is most of what is left. How long that may take depends on
    # what else the machine does; to write down ten times as many takes about a tenth of a second where it does nothing.
    assert statistics.median(loud) < statistics.median(quiet) + 4 * writing, (loud, quiet, writing)
    refused = [answer for answer in answers if not answer["ok"]]
    assert {answer["code"] for answer in refused} == {"too_fast"}
    assert all(answer["temporary"] and answer["until"] > 1_600_000_000_000 for answer in refused)
    assert len(refused) > 19_000
    await until(lambda: time.time() * 1_000 > refused[-1]["until"])
    assert (await flooder.command("chat.say", text="slowly"))["ok"]


@CODECS
async def test_of_more_commands_under_way_than_may_be_the_rest_is_refused_as_too_fast(
    start: Callable[..., Any], codec: Codec
) -> None:
    server = await start(**UNLIMITED)
    peer = await Peer.join(server.port, codec, name="Asha")
    await peer.command("chat.say", text="first")
    # Another writer holds the database: no commit gets through until it lets go.
    holder = sqlite3.connect(server.settings.data / "classroom.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    asked = [peer.ask("chat.say", text=f"{n}") for n in range(100)]
    refused = [await peer.answer(id) for id in asked[64:]]
    assert {(answer["code"], answer["temporary"]) for answer in refused} == {("too_fast", True)}
    assert not any(id in peer._acks for id in asked[:64])

    holder.execute("ROLLBACK")
    holder.close()
    assert all([(await peer.answer(id))["ok"] for id in asked[:64]])
    assert (await peer.command("chat.say", text="and on"))["ok"]
