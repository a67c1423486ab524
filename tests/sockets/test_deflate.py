"""Compress once: frames that any member's stock decompressor reads, made once for all, with nothing kept per connection."""

from __future__ import annotations

import asyncio
import gc
import zlib
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp._websocket import reader
from aiohttp.compression_utils import ZLibDecompressor

from classroom import packets, wire
from classroom.packets import Packet, Shared
from classroom.sockets import deflate
from classroom.wire import Codec
from tests.running import serving, until
from tests.sockets.peer import CONTINUATION, PING, Peer, frame


def unpacked(frame: bytes) -> tuple[bool, bytes]:
    """Whether the frame's message is deflated, and the message."""
    length, start = frame[1], 2
    if length == 126:
        length, start = int.from_bytes(frame[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(frame[2:10], "big"), 10
    body = frame[start:]
    assert len(body) == length
    if not frame[0] & 0x40:
        return False, body
    return True, zlib.decompressobj(-15).decompress(body + b"\x00\x00\xff\xff")


async def test_what_is_not_deflated_ends_the_connection_as_wrong_data(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        peer = await Peer.open(server.port, headers="Sec-WebSocket-Extensions: permessage-deflate\r\n")
        peer.raw(frame(b"\xff\xff\xff\xff\xff", reserved=0x40))
        await asyncio.wait_for(peer.ended.wait(), 3)
        assert peer.close_code == 1007
        await peer.close()


@pytest.mark.parametrize("codec", list(Codec))
def test_a_deflated_packet_is_the_same_message_in_fewer_bytes(codec: Codec) -> None:
    packet = packets.message(
        codec, "events", wire.encode(codec, [{"seq": n, "text": "the same again"} for n in range(50)])
    )
    deflated, message = unpacked(packet.deflated)
    assert deflated
    assert message == packet.data
    assert len(packet.deflated) < len(packet.frame) / 4
    assert packet.deflated is packet.deflated


def test_a_small_packet_stays_as_it_is() -> None:
    packet = Packet(Codec.JSON, b'42["events",[]]')
    assert packet.deflated is packet.frame


def test_pieces_deflated_apart_are_one_message() -> None:
    shared = Shared(b'{"state":' + b"[1,2,3]," * 500 + b"0}")
    for head in (b'42["welcome",{"me":"asha","state":', b'42["welcome",{"me":"ravi","state":'):
        packet = Packet(Codec.JSON, head + shared.data + b"}]", (head, shared, b"}]"))
        assert unpacked(packet.deflated) == (True, packet.data)
    assert shared.deflated is shared.deflated


@pytest.mark.parametrize(
    ("offers", "taken"),
    [
        ("permessage-deflate", True),
        ("permessage-deflate; client_max_window_bits", True),
        ("permessage-deflate; server_no_context_takeover; client_max_window_bits=12", True),
        ("permessage-deflate; server_max_window_bits=10", False),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", True),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", False),
        ("permessage-deflate; nonsense", False),
        ("x-webkit-deflate-frame", False),
        ("", False),
    ],
)
def test_an_offer_is_taken_only_as_it_is_known(offers: str, taken: bool) -> None:
    assert (deflate.accepted(offers) is not None) is taken


@pytest.mark.parametrize("compression", [True, False])
async def test_a_stock_client_that_offers_it_reads_everything_and_may_send_deflated(
    tmp_path: Path, compression: bool
) -> None:
    async with serving(tmp_path, server_compression=compression) as server, aiohttp.ClientSession() as session:
        url = f"{server.url}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(url, compress=15) as plain, session.ws_connect(url) as other:
            assert bool(plain.compress) is compression
            assert not other.compress
            got: list[list[Any]] = [[], []]
            for number, ws in enumerate((plain, other)):
                hello = {"room": "demo", "name": "Asha", "client": str(number)}
                await ws.send_str("40" + msgspec.json.encode(hello).decode())
            said = {"cid": "1", "type": "chat.say", "text": "again and again " * 40}
            await plain.send_str("421" + msgspec.json.encode(["command", said]).decode())
            for _ in range(200):
                for ws, packets in zip((plain, other), got, strict=True):
                    text = (await ws.receive_str(timeout=5)) if not done(packets) else ""
                    if text.startswith("42"):
                        packets.append(msgspec.json.decode(text[2:]))
                if all(done(packets) for packets in got):
                    break
            for packets in got:
                assert packets[0][0] == "welcome"
                assert [e["text"] for name, data in packets if name == "events" for e in data if "text" in e] == [
                    said["text"].strip()  # type: ignore[attr-defined]
                ]


def done(packets: list[Any]) -> bool:
    return any(name == "events" and any(e["type"] == "chat.said" for e in data) for name, data in packets)


def deflated(text: str) -> bytes:
    """A message as a client deflates it."""
    made = zlib.compressobj(wbits=-15)
    return (made.compress(text.encode()) + made.flush(zlib.Z_SYNC_FLUSH))[:-4]


OFFER = {"headers": "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"}


async def test_a_deflated_message_may_come_in_pieces_with_a_ping_between_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        peer = await Peer.open(server.port, **OFFER)
        whole = deflated("40/elsewhere,")
        for _ in range(2):  # nothing is left of the first that the second would be read with
            peer.raw(frame(whole[:5], fin=False, reserved=0x40) + frame(b"are you there", PING))
            peer.raw(frame(whole[5:9], CONTINUATION, fin=False) + frame(whole[9:], CONTINUATION))
        await until(lambda: len(peer.refused) == 2)
        assert {namespace for namespace, _ in peer.refused} == {"/elsewhere"}
        assert peer.pongs == 2
        await peer.close()


WRONG = {
    "a piece of nothing": frame(deflated("42[]"), CONTINUATION, reserved=0x40),
    "a message within another": frame(deflated("42["), fin=False, reserved=0x40)
    + frame(deflated("42[]"), reserved=0x40),
    "a message that is long once inflated": frame(deflated("4" + "2" * 70_000), reserved=0x40),
    "one in many members": frame(b"\x03\x00" * 5_000, reserved=0x40),
    "pieces that are too many": frame(b"\0" * 60_000, fin=False, reserved=0x40) + frame(b"\0" * 60_000, CONTINUATION),
    "what is not deflated": frame(b"\xff" * 20, reserved=0x40),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrongly_deflated_ends_that_connection(what: str, tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        peer = await Peer.open(server.port, **OFFER)
        peer.raw(WRONG[what])
        await asyncio.wait_for(peer.ended.wait(), 10)


async def test_a_connection_keeps_no_decompressor(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, aiohttp.ClientSession() as session:
        url = f"{server.url}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(url, compress=15) as ws:
            await ws.send_str('40{"room":"demo","name":"Asha"}' + " " * 500)
            links = server.classroom.sockets.links
            await until(lambda: links)
            link: Any = next(iter(links))
            assert isinstance(link._socket, deflate.DeflatingSocket)
            assert isinstance(link._socket._parser, deflate.Inflating)
            assert not [kept for kept in gc.get_referents(link._socket._parser) if isinstance(kept, ZLibDecompressor)]
            assert not link._socket._writer.compress


def test_what_is_overridden_in_aiohttp_is_still_there() -> None:
    for name in ("_handshake", "_post_start"):
        assert callable(getattr(web.WebSocketResponse, name))
    assert callable(reader.WebSocketReader._handle_frame)
    assert hasattr(web.RequestHandler, "_payload_parser") or "_payload_parser" in web.RequestHandler.__slots__
