"""What we rely on inside python-engineio, python-socketio and aiohttp, which may move with an upgrade.

Each test says who needs it. When one fails after an upgrade, look at `classroom/sockets/` and `classroom/wire.py`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import engineio
import msgspec
import pytest
import socketio
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from engineio import packet as engineio_packet
from engineio.async_drivers import aiohttp as driver
from engineio.async_socket import AsyncSocket
from engineio.payload import Payload
from socketio.exceptions import ConnectionRefusedError
from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import Packet

from classroom import packets, wire
from classroom.sockets.coalescing import Coalescer
from classroom.sockets.link import WebSocketLink
from classroom.sockets.outbox import Outbox
from classroom.wire import Ack, Codec
from tests.running import Running
from tests.sockets.peer import Peer

PARSERS = {Codec.JSON: Packet, Codec.MSGPACK: MsgPackPacket}
NESTED = {"text": 'नमस्ते \u2028 "quoted" <b>', "n": [1, -2, 3.5, None, True], "deep": {"a": {"b": []}}}


def body(packet: packets.Packet) -> Any:
    """What python-socketio's parser is given: without Engine.IO's `4`."""
    return packet.data[1:].decode() if packet.codec is Codec.JSON else packet.data


def read(packet: packets.Packet) -> Any:
    return PARSERS[packet.codec](encoded_packet=body(packet))


def made(codec: Codec, *args: Any, **kwargs: Any) -> Any:
    """The bytes that python-socketio itself would send."""
    return PARSERS[codec](*args, **kwargs).encode()


# --- packet formats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", list(Codec))
def test_an_event_is_read_by_the_stock_parser_and_has_its_bytes(codec: Codec) -> None:
    packet = packets.message(codec, "events", wire.encode(codec, [NESTED]))

    stock = read(packet)

    assert (stock.packet_type, stock.data, stock.namespace or "/", stock.id) == (2, ["events", [NESTED]], "/", None)
    plain = packets.message(codec, "events", wire.encode(codec, [{"seq": 7}]))
    stocks = made(codec, 2, data=["events", [{"seq": 7}]], namespace="/")
    if codec is Codec.JSON:
        assert body(plain) == stocks
    else:  # in another order: the data stand last, so that packets of a stream begin alike
        assert msgspec.msgpack.decode(body(plain)) == msgspec.msgpack.decode(stocks)
        assert len(body(plain)) == len(stocks)


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("id", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32, 10**15 - 1])
def test_an_acknowledgement_is_read_by_the_stock_parser_and_has_its_bytes(codec: Codec, id: int) -> None:
    for ack, plain in (
        (Ack(ok=True, seq=70_000), {"ok": True, "seq": 70_000}),
        (
            Ack(ok=False, code="x", message="y", temporary=True, until=1_700_000_000_000),
            {"ok": False, "code": "x", "message": "y", "temporary": True, "until": 1_700_000_000_000},
        ),
    ):
        packet = packets.acknowledgement(codec, id, ack)
        stock = read(packet)
        assert (stock.packet_type, stock.data, stock.namespace or "/", stock.id) == (3, [plain], "/", id)
        assert body(packet) == made(codec, 3, data=[plain], namespace="/", id=id)


@pytest.mark.parametrize("codec", list(Codec))
def test_a_disconnect_has_the_stock_parsers_meaning(codec: Codec) -> None:
    stock = read(packets.disconnect(codec))

    assert (stock.packet_type, stock.data, stock.namespace or "/") == (1, None, "/")
    if codec is Codec.JSON:
        assert body(packets.disconnect(codec)) == made(codec, 1, namespace="/")


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("namespace", ["/", "/admin"])
def test_a_refused_connect_is_read_by_the_stock_parser_and_has_its_bytes(codec: Codec, namespace: str) -> None:
    told = {"message": "no", "data": {"code": "banned", "message": "no"}}
    packet = packets.connect_error(codec, {"message": "no", "data": wire.Bye("banned", "no")}, namespace)

    stock = read(packet)

    assert (stock.packet_type, stock.data, stock.namespace or "/") == (4, told, namespace)
    assert body(packet) == made(codec, 4, data=told, namespace=namespace)


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("size", [0, 1, 15, 16, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_joined_packet_of_any_length_is_one_array_for_the_stock_parser(codec: Codec, size: int) -> None:
    items = [wire.encode(codec, {"seq": seq}) for seq in range(size)]

    stock = read(packets.message(codec, "events", wire.join(codec, items)))

    assert stock.data == ["events", [{"seq": seq} for seq in range(size)]]


@pytest.mark.parametrize("codec", list(Codec))
def test_what_stock_clients_send_is_read_here(codec: Codec) -> None:
    def ours(*args: Any, **kwargs: Any) -> wire.Incoming:
        encoded = made(codec, *args, **kwargs)
        return wire.read_text(encoded) if codec is Codec.JSON else wire.read_binary(encoded)

    def plain(argument: Any) -> Any:
        return (msgspec.json if codec is Codec.JSON else msgspec.msgpack).decode(argument)

    command = {"cid": "c1", "type": "chat.say", "text": "नमस्ते"}
    event = ours(2, data=["command", command], namespace="/", id=12)
    assert (event.type, event.name, event.id, plain(event.argument)) == (2, "command", 12, command)
    silent = ours(2, data=["signal", {"type": "typing"}], namespace="/")
    assert (silent.name, silent.id) == ("signal", None)
    hello = ours(0, data={"room": "demo"}, namespace="/")
    assert (hello.type, hello.nsp, plain(hello.argument)) == (0, "/", {"room": "demo"})
    elsewhere = ours(0, data={"room": "demo"}, namespace="/admin")
    assert (elsewhere.type, elsewhere.nsp, plain(elsewhere.argument)) == (0, "/admin", {"room": "demo"})
    assert ours(1, namespace="/").type == 1


@pytest.mark.parametrize("codec", list(Codec))
async def test_what_a_link_passes_on_is_read_by_python_socketio(codec: Codec) -> None:
    """`Link.take` rewrites CONNECT and DISCONNECT: the stock parser must know them."""
    handler = AsyncSocket(engineio.AsyncServer(async_mode="aiohttp"), "sid")._websocket_handler
    link = WebSocketLink(
        handler, None, skin=None, codec=codec, max_frame_bytes=65_536, bound=1, deflate=False, reads=Coalescer(0.0)
    )
    link._transport = Buffer()

    connect = link.take(made(codec, 0, data={"room": "demo", "name": "Asha"}, namespace="/"))
    left = link.take(made(codec, 1, namespace="/"))

    stock = PARSERS[codec](encoded_packet=connect)
    assert (stock.packet_type, stock.namespace or "/", stock.data) == (0, "/", {"room": "demo"})
    stock = PARSERS[codec](encoded_packet=left)
    assert (stock.packet_type, stock.namespace or "/", stock.data) == (1, "/", None)


class Buffer:
    """As much of a transport as a link looks at before it is opened."""

    def get_write_buffer_size(self) -> int:
        return 0


# --- engine.io ----------------------------------------------------------------------------------------------------------


def test_engineio_numbers_its_packets_as_we_do() -> None:
    """`link._take_text` knows PONG as "3", CLOSE as "1", MESSAGE as "4"."""
    assert (engineio_packet.CLOSE, engineio_packet.PONG, engineio_packet.MESSAGE) == (1, 3, 4)
    assert engineio_packet.Packet(engineio_packet.MESSAGE, "2[]").encode() == "42[]"
    assert engineio_packet.Packet(engineio_packet.MESSAGE, b"\x80").encode() == b"\x80"
    assert engineio_packet.Packet(encoded_packet=b"\x80").data == b"\x80"
    # Digits first keep the text as it is; otherwise it would be read as JSON.
    assert engineio_packet.Packet(encoded_packet='40{"room":"x"}').data == '0{"room":"x"}'
    assert engineio_packet.Packet(encoded_packet='4{"room":"x"}').data == {"room": "x"}
    assert Payload.max_decode_packets == 16
    assert Payload(encoded_payload="40\x1e3").packets[1].packet_type == engineio_packet.PONG


def test_the_driver_that_our_link_takes_the_place_of_has_the_same_shape() -> None:
    assert set(driver._async) == {"asyncio", "create_route", "translate_request", "make_response", "websocket"}
    assert driver._async["websocket"] is driver.WebSocket
    methods = {
        name: [*inspect.signature(member).parameters]
        for name, member in inspect.getmembers(driver.WebSocket, inspect.isfunction)
        if name != "__init__"
    }
    assert methods == {
        "__call__": ["self", "environ"],
        "close": ["self"],
        "send": ["self", "message"],
        "wait": ["self"],
    }
    assert all(inspect.iscoroutinefunction(getattr(WebSocketLink, name)) for name in methods)
    assert [*inspect.signature(driver.WebSocket.__init__).parameters] == ["self", "handler", "server"]


def test_engineio_makes_its_websocket_from_the_dictionary_with_its_own_bound_handler() -> None:
    """`_Server._make_link` stands there; `WebSocketLink` finds the session as the handler's `__self__`."""
    source = inspect.getsource(AsyncSocket._upgrade_websocket)
    assert "self.server._async['websocket']" in source
    assert "self._websocket_handler, self.server)" in source
    assert "await ws(environ)" in source
    assert [*inspect.signature(AsyncSocket.close).parameters] == ["self", "wait", "abort", "reason"]


def test_engineios_loop_for_a_websocket_does_what_ours_in_its_place_does() -> None:
    """`engine.converse` stands in place of `_websocket_handler`."""
    handler = inspect.getsource(AsyncSocket._websocket_handler)
    for step in (
        "self.connected = True\n            self.upgraded = True",
        "packets = await self.poll()",
        "await ws.send(pkt.encode())",
        "await ws.close()",
        "await ws.wait()",
        "pkt = packet.Packet(encoded_packet=p)",
        "await self.receive(pkt)",
        "await self.queue.put(None)",
        "reason=self.server.reason.TRANSPORT_CLOSE)",
    ):
        assert step in handler, step
    assert handler.count("await ") == 13  # nothing else is done there


def test_engineio_awaits_a_translator_and_reads_the_body_through_it() -> None:
    """`_Server._read_request` is async, gives `wsgi.input` with `read`, and raises HTTP errors past engine.io."""
    handle = inspect.getsource(engineio.AsyncServer.handle_request)
    assert "translate_request = self._async['translate_request']" in handle
    assert "await translate_request(*args, **kwargs)" in handle
    post = inspect.getsource(AsyncSocket.handle_post_request)
    assert "environ['wsgi.input'].read(length)" in post
    assert "CONTENT_LENGTH" in post
    assert [*inspect.signature(engineio.AsyncServer._log_error_once).parameters] == ["self", "message", "message_key"]


async def test_what_engineio_keeps_of_a_session_is_where_we_look(server: Running) -> None:
    engine, sockets = engine_of(server, Codec.JSON), server.classroom.sockets
    peer = await Peer.join(server.port, name="Asha")

    (sid,) = engine.sockets
    session = engine.sockets[sid]
    assert isinstance(session, AsyncSocket)
    assert isinstance(session.queue, Outbox)
    assert (session.closed, session.closing, session.connected, session.upgraded) == (False, False, True, True)
    assert engine.reason.SERVER_DISCONNECT == "server disconnect"
    (stock,) = [s for s in sockets._servers if s.eio is engine]
    environ = stock.environ[sid]
    (link,) = sockets.links
    assert environ["classroom.link"] is link
    assert isinstance(environ["aiohttp.request"], web.Request)
    assert environ["HTTP_UPGRADE"].lower() == "websocket"
    await peer.close()


def engine_of(server: Running, codec: Codec) -> Any:
    (stock,) = [s for s in server.classroom.sockets._servers if s.codec is codec]
    return stock.eio


# --- python-socketio ----------------------------------------------------------------------------------------------------


def test_python_socketio_has_the_methods_that_we_override() -> None:
    expected = {
        "_handle_eio_connect": ["self", "eio_sid", "environ"],
        "_handle_eio_message": ["self", "eio_sid", "data"],
        "_handle_connect": ["self", "eio_sid", "namespace", "data"],
    }
    for name, parameters in expected.items():
        method = getattr(socketio.AsyncServer, name)
        assert inspect.iscoroutinefunction(method), name
        assert [*inspect.signature(method).parameters] == parameters, name
    assert ConnectionRefusedError("no", {"code": "x"}).error_args == {"message": "no", "data": {"code": "x"}}


def test_python_socketio_awaits_a_packet_before_it_takes_the_next() -> None:
    """A second CONNECT is not looked at while the first is under way; DISCONNECT finds it done."""
    base = inspect.getsource(inspect.getmro(socketio.AsyncServer)[1].__init__)
    assert "engineio_options['async_handlers'] = False" in base


def test_python_socketio_answers_connect_before_it_counts_the_member_in() -> None:
    source = inspect.getsource(socketio.AsyncServer._handle_connect)
    assert source.index("'connect', namespace, sid, self.environ[eio_sid], data") < source.rindex(
        "packet.CONNECT, {'sid'"
    )


@pytest.mark.parametrize("codec", list(Codec))
async def test_the_answer_to_connect_carries_the_id_that_the_connect_handler_was_given(
    server: Running, codec: Codec
) -> None:
    """`WebSocketLink.send` knows the answer by it: what comes right after is the welcome."""
    peer = await Peer.join(server.port, codec, name="Asha")
    (link,) = server.classroom.sockets.links

    assert peer.packets[0].type == 0
    assert peer.packets[0].data["sid"] == link.sid  # type: ignore[attr-defined]
    assert [packet.name for packet in peer.packets[1:2]] == ["welcome"]


# --- aiohttp ------------------------------------------------------------------------------------------------------------


async def test_a_frame_written_to_the_transport_comes_out_whole_between_aiohttps_own(server: Running) -> None:
    """The hub writes past aiohttp's writer: nothing of a frame of aiohttp's may wait elsewhere meanwhile."""
    peer = await Peer.join(server.port, name="Asha")
    (link,) = server.classroom.sockets.links
    assert isinstance(link, WebSocketLink)
    big = "4" + "2" + '["x","' + "y" * 200_000 + '"]'

    sending = [asyncio.create_task(link._socket.send_str(big)) for _ in range(3)]
    await asyncio.sleep(0)
    link.write(packets.message(Codec.JSON, "between", b"1"))
    await asyncio.gather(*sending)

    await peer.until(lambda: len(peer.named("x")) == 3 and peer.named("between"))
    assert {len(text) for text in peer.named("x")} == {200_000}


async def test_the_link_writes_to_the_transport_that_aiohttp_writes_to(server: Running) -> None:
    await Peer.join(server.port, name="Asha")
    (link,) = server.classroom.sockets.links
    assert isinstance(link, WebSocketLink)

    assert link._socket._writer is not None
    assert link._transport is link._socket._writer.transport
    assert link._transport.get_write_buffer_size() == 0
    for name in ("write", "abort", "get_write_buffer_size"):
        assert callable(getattr(link._transport, name))


async def test_nothing_is_compressed_even_where_the_client_offers_it(start: Callable[..., Any]) -> None:
    server = await start()
    peer = await Peer.open(
        server.port, headers="Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    )
    assert (await peer.connect(name="Asha")).type == 0
    (link,) = server.classroom.sockets.links

    assert isinstance(link, WebSocketLink)
    assert not link._socket.compress


async def test_aiohttps_reader_hands_a_message_to_the_queue_that_we_gave_it(server: Running) -> None:
    """`reading.Inbox` looks at each as it comes, also where reader and queue are compiled."""
    from classroom.sockets.reading import Inbox

    peer = await Peer.join(server.port, name="Asha")
    (link,) = server.classroom.sockets.links
    assert isinstance(link, WebSocketLink)
    inbox = link._socket._reader
    assert isinstance(inbox, Inbox)
    assert link._socket._req is not None
    assert link._socket._req.protocol._payload_parser is link._socket._parser
    link._engine.last_ping = 1.0
    served = link._served

    peer.text("3")
    assert (await peer.command("chat.say", text="I am here."))["ok"]

    assert link._engine.last_ping is None
    assert link._served == served  # neither of them woke whoever reads


async def test_a_stalled_queue_of_tiny_messages_is_bounded_by_aiohttp(server: Running) -> None:
    """We serve a few packets a turn; aiohttp must stop reading meanwhile, also where packets are next to nothing."""
    from aiohttp._websocket import reader

    assert reader.WebSocketDataQueue is not None
    assert inspect.isfunction(BaseProtocol.pause_reading)
    from aiohttp._websocket import reader_py

    assert reader_py.MSG_SIZE_OVERHEAD >= 64
