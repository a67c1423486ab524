"""Whoever connects asks for something or is let go; what is wrong with a request is told to who sent it, and is no error here."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from classroom import app
from classroom.http import bodies
from classroom.kernel import Member, Role
from tests.running import Running
from tests.sockets.peer import Peer

HOST = "Host: 127.0.0.1\r\n"
TEACHER = Member("teacher", "Asha", Role.INSTRUCTOR)
Start = Callable[..., Any]


async def opened(server: Running, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


async def ends_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while await reader.read(65_536):
                pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


async def answer(server: Running, request: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    """The status, and the body where it is JSON."""
    reader, writer = await opened(server, request.encode() + b"\r\n" + body)
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
    text = await reader.readexactly(length)
    writer.close()
    return int(head.split()[1]), json.loads(text) if "application/json" in head else {}


def bearer(server: Running) -> str:
    return f"Authorization: Bearer {server.classroom.auth.mint_pass('demo', TEACHER)}\r\n"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "KEEP_ALIVE", 0.8)
    monkeypatch.setattr(bodies, "PATIENCE", 0.4)


@pytest.mark.parametrize(
    "sent", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "], ids=["none", "a letter", "half"]
)
async def test_who_sends_no_whole_request_is_let_go(hasty: None, start: Start, sent: bytes) -> None:
    server = await start()
    reader, writer = await opened(server, sent)
    assert not await ends_within(reader, 0.4)
    assert await ends_within(reader, 2)
    writer.close()


async def test_members_and_requests_under_way_stay(hasty: None, start: Start) -> None:
    server = await start()
    peer = await Peer.join(server.port, name="Asha")
    await asyncio.sleep(1.5)
    assert (await peer.command("chat.say", text="still here"))["ok"]


async def test_who_asks_again_soon_goes_on_and_is_let_go_in_the_middle_of_a_request(hasty: None, start: Start) -> None:
    server = await start()
    reader, writer = await opened(server)
    for _ in range(2):
        writer.write(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
        assert b" 200 " in head
        await asyncio.sleep(0.5)
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    assert await ends_within(reader, 4)
    writer.close()


@pytest.mark.parametrize(
    ("method", "kind"),
    [("rooms", "application/json"), ("rooms/demo/whip", "application/sdp"), ("rooms/demo/files", "image/png")],
)
async def test_a_body_that_does_not_come_is_refused(hasty: None, start: Start, method: str, kind: str) -> None:
    server = await start(auth_api_key="the key of a program")
    who = "X-API-Key: the key of a program\r\n" if method == "rooms" else bearer(server)
    status, told = await answer(
        server, f"POST /api/{method} HTTP/1.1\r\n{HOST}{who}Content-Type: {kind}\r\nContent-Length: 100\r\n", b"{"
    )
    assert (status, told["code"], told["temporary"]) == (503, "unavailable", True)


BODIES = [
    ("rooms/demo/files", "image/png"),
    ("rooms/demo/imports", "application/pdf"),
    ("rooms/demo/whip", "application/sdp"),
    ("rooms/demo/whep", "application/sdp"),
]


@pytest.mark.parametrize(("place", "kind"), [*BODIES, ("rooms", "application/json"), ("nowhere", "text/plain")])
async def test_who_goes_away_in_the_middle_of_a_body_is_no_error(server: Running, place: str, kind: str) -> None:
    request = (
        f"POST /api/{place} HTTP/1.1\r\n{HOST}{bearer(server)}Content-Type: {kind}\r\nContent-Length: 9999\r\n\r\nx"
    )
    _, writer = await opened(server, request.encode())
    await asyncio.sleep(0.1)
    writer.transport.abort()
    await asyncio.sleep(0.2)
    assert (await answer(server, f"GET /healthz HTTP/1.1\r\n{HOST}"))[0] == 200


@pytest.mark.parametrize("body", [gzip.compress(b"{}"), b"no gzip at all"], ids=["right", "wrong"])
@pytest.mark.parametrize(("place", "kind"), BODIES)
async def test_a_compressed_body_is_refused_whatever_is_in_it(
    server: Running, place: str, kind: str, body: bytes
) -> None:
    headers = f"{HOST}{bearer(server)}Content-Type: {kind}\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n"
    status, told = await answer(server, f"POST /api/{place} HTTP/1.1\r\n{headers}", body)
    assert (status, told["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/healthz", "/api/rooms/demo", "/nowhere", "/metrics", "/"])
async def test_a_compressed_body_that_nobody_reads_is_no_error(server: Running, path: str) -> None:
    status, _ = await answer(
        server, f"GET {path} HTTP/1.1\r\n{HOST}Content-Encoding: gzip\r\nContent-Length: 5\r\n", b"abcde"
    )
    assert status < 500


@pytest.mark.parametrize("place", ["rooms/demo/whep", "nowhere"])
async def test_a_body_in_broken_pieces_is_refused(server: Running, place: str) -> None:
    headers = f"{HOST}{bearer(server)}Content-Type: application/sdp\r\nTransfer-Encoding: chunked\r\n"
    status, _ = await answer(server, f"POST /api/{place} HTTP/1.1\r\n{headers}", b"ZZ\r\nabc\r\n")
    assert 400 <= status < 500


async def test_who_goes_away_in_the_middle_of_an_answer_is_no_error(server: Running) -> None:
    peer = await Peer.join(server.port, name="Asha")
    for number in range(5):
        assert (await peer.command("chat.say", text=f"{number}" * 2_000))["ok"]
    for _ in range(20):
        _, writer = await opened(server, f"GET /api/rooms/demo/export HTTP/1.1\r\n{HOST}{bearer(server)}\r\n".encode())
        writer.transport.abort()
    await asyncio.sleep(0.5)


async def test_what_somebody_would_like_to_speak_is_not_logged(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await Peer.open(server.port, headers="Sec-WebSocket-Protocol: " + "x" * 3_000 + "\r\n")
    await peer.close()
    assert "xxx" not in caplog.text
