"""One connection of one member: what every transport has in common, and WebSocket.

What always holds: only what a well-behaved client sends reaches python-socketio; commands and signals are read here and
go straight to the room, everything malformed is answered where an answer was asked for and otherwise let go. What goes
out is written to the transport as ready frames, in the order of the calls. What waits for a peer that does not read is
bounded, answers included; a peer that asks for ever more of them is disconnected. No peer, however much it sends, is
served more than a few packets in one turn of the loop.

`WebSocketLink` takes the place of engine.io's driver for aiohttp (`engineio.async_drivers.aiohttp.WebSocket`): it has the
same four methods. `tests/sockets/test_upgrades.py` fails when an upgrade moves them.
What is compressed is compressed once for all (`deflate.py`): with context it would cost hundreds of KiB for each member.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from classroom import packets, wire
from classroom.kernel import Rejected
from classroom.packets import ALONE, PLAIN, Packet, Pair
from classroom.rooms.hall import Hall
from classroom.rooms.hub import TOO_SLOW
from classroom.rooms.places import PLACES
from classroom.rooms.session import Session, Way
from classroom.sockets.coalescing import Coalescer
from classroom.sockets.deflate import DeflatingSocket
from classroom.sockets.engine import converse
from classroom.sockets.outbox import Outbox
from classroom.sockets.reading import PONG, TURN, Socket, never
from classroom.wire import Codec, Hello, Incoming, Malformed

GREETING = 20.0  # seconds that a connection may stand outside of every room
GOODBYE = 3.0  # seconds that a peer has to close its side
HELLOS = 16  # answers to CONNECT that may wait for a peer
KEPT = ("aiohttp.request", "HTTP_UPGRADE")  # what is looked at after the handshake of what engine.io keeps of it

log = structlog.get_logger(__name__)


class Skin(Protocol):
    """What a link tells of."""

    def opened(self, link: Link) -> None:
        """The answer to CONNECT is on the wire."""

    def incoming(self, link: Link, packet: Incoming) -> None:
        """A command or a signal has come."""

    def arrived(self) -> bool:
        """A connection has come; whether it may shake hands."""

    def departed(self) -> None:
        """A connection is gone."""

    def malformed(self, link: Link, error: Malformed) -> None:
        """Something else has come."""

    def closed(self, link: Link) -> None:
        """The connection is gone, or has left its room. May be told more than once."""


class Link:
    """What both transports share. `hello`: what the client said when it connected; `sid`: the Socket.IO id that its CONNECT
    is answered with; `session`, `hall`: once let in; `bound`: bytes that may wait for it."""

    __slots__ = (
        "_bound",
        "_skin",
        "codec",
        "descriptor",
        "ended",
        "hall",
        "hello",
        "inside",
        "session",
        "sid",
        "slot",
        "under_way",
        "way",
    )

    def __init__(self, skin: Skin, codec: Codec, bound: int) -> None:
        self.codec = codec
        self.descriptor = -1
        self.way: Way = "plain"
        self.slot = PLACES.take(PLAIN)
        self.hello: Hello | None = None
        self.sid = ""
        self.session: Session | None = None
        self.hall: Hall | None = None
        self.inside = False
        self.under_way = 0
        self.ended = False
        self._skin = skin
        self._bound = bound

    def __del__(self) -> None:
        PLACES.give_back(self.slot)

    def take(self, data: str | bytes) -> str | bytes | None:
        """Take an Engine.IO message; what comes back is for python-socketio, in a form that it knows."""
        if self.ended:
            return None
        try:
            packet = self._read(data)
            if packet.type == wire.EVENT:
                self._skin.incoming(self, packet)
                return None
            if packet.nsp != "/":
                self._elsewhere(packet)
                return None
            if packet.type == wire.DISCONNECT:
                return "1" if self.codec is Codec.JSON else msgspec.msgpack.encode({"type": 1, "nsp": "/"})
            return self._greet(packet)
        except Malformed as error:
            self._skin.malformed(self, error)
            return None

    def _read(self, data: str | bytes) -> Incoming:
        if self.codec is Codec.JSON:
            if not isinstance(data, str):
                raise Malformed("this parser has no binary packets")
            return wire.read_text(data)
        if not isinstance(data, bytes):
            raise Malformed("the msgpack parser has no text packets")
        return wire.read_binary(data)

    def _elsewhere(self, packet: Incoming) -> None:
        """There is one namespace only; whoever connects to another waits for an answer."""
        if packet.type != wire.CONNECT:
            raise Malformed("only the default namespace is served")
        self._refuse(Rejected("bad_request", "Only the default namespace is served here."), packet.nsp)

    def _greet(self, packet: Incoming) -> str | bytes | None:
        """A CONNECT, once: read here, so that only a clean one goes on."""
        if self.hello is not None:
            raise Malformed("connected already")
        if self._drowning():
            self.end(TOO_SLOW)
            return None
        try:
            self.hello = wire.read_greeting(self.codec, packet.argument)
        except Rejected as error:
            self._refuse(error)
            return None
        clean: dict[str, Any] = {"room": self.hello.room}
        if self.codec is Codec.JSON:
            return "0" + msgspec.json.encode(clean).decode()
        return msgspec.msgpack.encode({"type": 0, "nsp": "/", "data": clean})

    def _refuse(self, error: Rejected, namespace: str = "/") -> None:
        """Answer a CONNECT that is not even a hello."""
        body = {"message": error.message, "data": wire.Bye(error.code, error.message, error.temporary)}
        self._reply(packets.connect_error(self.codec, body, namespace))

    def answer(self, id: int | None, ack: wire.Ack) -> None:
        """Acknowledge, where that was asked for."""
        if id is not None:
            self._reply(packets.acknowledgement(self.codec, id, ack))

    def _reply(self, packet: Packet) -> None:
        if self._drowning():
            self.end(TOO_SLOW)
        else:
            self.write(packet)

    def _drowning(self) -> bool:
        """Whether so much waits for this peer that not even an answer is added."""
        raise NotImplementedError

    def outside(self) -> None:
        """The connection has left its room; it may say hello again, for a while."""

    def write(self, packet: Packet | Pair) -> None:
        raise NotImplementedError

    def offer(self, packet: Packet | Pair, bound: int) -> bool:
        if self.buffered() > bound:
            return False
        self.write(packet)
        return True

    def rest(self, data: bytes) -> None:
        raise NotImplementedError

    def clear(self) -> bool:
        return False

    def buffered(self) -> int:
        raise NotImplementedError

    def end(self, bye: wire.Bye) -> None:
        """Say why, and disconnect. Where the client may come back the transport is just closed, since Socket.IO clients
        reconnect by themselves after that and not after a DISCONNECT."""
        if self.ended:
            return
        self.ended = True
        self.write(packets.message(self.codec, "bye", wire.encode(self.codec, bye)))
        if not bye.temporary:
            self.write(packets.disconnect(self.codec))
        self._finish(bye)

    def _finish(self, bye: wire.Bye) -> None:
        raise NotImplementedError


class WebSocketLink(Link):
    """A WebSocket, as engine.io's driver and as the hub's link at once."""

    __slots__ = (
        "_closing",
        "_engine",
        "_impatient",
        "_reads",
        "_served",
        "_socket",
        "_transport",
        "_unanswered",
    )

    def __init__(
        self,
        handler: Any,
        server: Any,
        *,
        skin: Skin,
        codec: Codec,
        max_frame_bytes: int,
        bound: int,
        deflate: bool,
        reads: Coalescer,
    ) -> None:
        super().__init__(skin, codec, bound)
        self._engine = handler.__self__  # engine.io's session
        kind = DeflatingSocket if deflate else Socket
        self._socket = kind(self._engine, self.slot, max_msg_size=max_frame_bytes, timeout=GOODBYE)
        self._reads = reads
        self._transport: Any = None
        self._closing: asyncio.Task[None] | None = None
        self._impatient: asyncio.TimerHandle | None = None
        self._served = 0
        self._unanswered = 0

    async def __call__(self, environ: dict[str, Any]) -> web.StreamResponse:
        """Run the connection to its end."""
        try:
            if self._skin.arrived():
                return await self._run(environ)
            await self._forget()
            return web.Response(status=503, headers={"Retry-After": "2"}, text="There is no more room here; try again.")
        finally:
            self._skin.departed()

    async def _run(self, environ: dict[str, Any]) -> web.StreamResponse:
        request: web.Request = environ["aiohttp.request"]
        try:
            await self._socket.prepare(request)
        except web.HTTPException as refused:
            await self._forget()
            return web.Response(status=refused.status, text=refused.text)
        except ConnectionError:  # gone before the handshake was answered
            await self._forget()
            return web.Response(status=400)
        self._transport = request.transport
        if self._transport is not None and self._transport.get_extra_info("sslcontext") is None:
            self.descriptor = self._transport.get_extra_info("socket").fileno()
        if isinstance(self._socket, DeflatingSocket) and self._socket.deflates:
            self.way, PLACES.at[self.slot] = ("kept", 0) if self._socket.keeps else ("deflated", ALONE)
        # The headers stay with the request; a second copy of them for as long as the connection lasts is too many.
        kept = {name: environ[name] for name in KEPT if name in environ}
        environ.clear()
        environ |= {**kept, "classroom.link": self}
        session = self._engine
        session.queue = Outbox(session.queue)
        session.poll = session.queue.poll
        session.link = self
        self.outside()
        try:
            if self._transport is not None:
                self._socket.offer_to(
                    self._take_at_once, partial(self._reads.unread, self.descriptor, request.protocol)
                )
                if self.descriptor >= 0:
                    self._reads.take(self.descriptor, request.protocol)
                await converse(session, self)
        finally:
            self._socket.offer_to(never)
            self._reads.leave(self.descriptor, request.protocol)
            await self._forget()
            del session.link  # which the pacer would keep, with all that hangs on it, until a ping would be due
            self._skin.closed(self)
            self._be_patient()
        return self._socket

    async def _forget(self) -> None:
        """engine.io keeps a session from before the handshake: it must end also where there was none to run."""
        await self._engine.close(wait=False, abort=True)

    def outside(self) -> None:
        self._be_patient()
        self._impatient = asyncio.get_running_loop().call_later(GREETING, self._abort_silent)

    def _be_patient(self) -> None:
        if self._impatient is not None:
            self._impatient.cancel()
            self._impatient = None

    def _abort_silent(self) -> None:
        if self.session is None and self._transport is not None:
            self._transport.abort()

    # --- engine.io's side -----------------------------------------------------------------------------------------

    async def wait(self) -> str | bytes:
        """The next message that engine.io is to see. Raises `OSError` at the end of the connection."""
        while True:
            self._served += 1
            if self._served % TURN == 0:
                await asyncio.sleep(0)
            received = await self._socket.receive()
            if received.type is WSMsgType.TEXT:
                passed = self._take_text(received.data)
            elif received.type is WSMsgType.BINARY:
                passed = self.take(received.data)
            else:
                raise OSError("the connection has ended")
            if passed is not None:
                return passed

    def _take_at_once(self, message: str | bytes) -> bool:
        """Take what nobody but the room is to see: a command or a signal."""
        if isinstance(message, str):
            if not message.startswith("42"):
                return False
            message = message[1:]
        if self.ended:
            return True
        try:
            packet = self._read(message)
        except Malformed:
            return False
        if packet.type != wire.EVENT:
            return False
        try:
            self._skin.incoming(self, packet)
        except Exception:  # aiohttp would end the connection without a word
            log.exception("a connection failed")
            raise
        return True

    def _take_text(self, text: str) -> str | bytes | None:
        if text == PONG:  # which nobody awaits
            return None
        if text == "1":  # Engine.IO's CLOSE
            raise OSError("the client has closed the connection")
        if not text.startswith("4"):
            self._skin.malformed(self, Malformed("not a message"))
            return None
        passed = self.take(text[1:])
        return "4" + passed if isinstance(passed, str) else passed

    def _greet(self, packet: Incoming) -> str | bytes | None:
        passed = super()._greet(packet)
        if passed is not None:
            self._unanswered += 1
        return passed

    async def send(self, message: str | bytes) -> None:
        """Write what engine.io has: its own packets, and the answers to CONNECT."""
        if isinstance(message, bytes):
            await self._socket.send_bytes(message)
            opened = not self.inside and self.sid != "" and self.sid.encode() in message
        else:
            await self._socket.send_str(message)
            opened = not self.inside and self.sid != "" and self.sid in message
        self._unanswered = 0
        if opened:
            self._skin.opened(self)
            if self.session is not None:
                self._be_patient()

    async def close(self) -> None:
        """End the connection; a peer that does not answer is cut off. What comes until then is nobody's."""
        self._socket.offer_to(never)
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(WSCloseCode.OK, b""))
        await asyncio.shield(self._closing)

    def release(self) -> None:
        """The session has ended, and the connection ends once what engine.io has for it is written."""
        asyncio.get_running_loop().call_soon(self._engine.queue.put_nowait, None)

    async def _close(self, code: WSCloseCode, message: bytes) -> None:
        with suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(self._socket.close(code=code, message=message), GOODBYE + 1)
        if self._transport is None:
            return
        if self.buffered():
            # Closed, but not yet emptied: what was written last says why.
            asyncio.get_running_loop().call_later(GOODBYE, self._transport.abort)
        else:
            self._transport.abort()

    # --- the hub's side -------------------------------------------------------------------------------------------

    def write(self, packet: Packet | Pair) -> None:
        PLACES.unsure[self.slot] = 1
        try:
            self._transport.write(self._bytes(packet))
        except RuntimeError:
            # uvloop refuses a transport that has just been lost; its end is on the way up and needs no other notice.
            return

    def offer(self, packet: Packet | Pair, bound: int) -> bool:
        transport = self._transport
        PLACES.unsure[self.slot] = 1
        try:
            if transport.get_write_buffer_size() > bound:
                return False
            transport.write(packet.frame if self.way == "plain" else self._bytes(packet))
        except RuntimeError:
            # As in `write`.
            return True
        return True

    def rest(self, data: bytes) -> None:
        PLACES.unsure[self.slot] = 1
        with suppress(RuntimeError):  # as in `write`
            self._transport.write(data)

    def clear(self) -> bool:
        transport = self._transport
        if self.descriptor < 0 or transport.is_closing() or transport.get_write_buffer_size():
            return False
        PLACES.unsure[self.slot] = 0
        return True

    def _bytes(self, packet: Packet | Pair) -> bytes:
        data, PLACES.at[self.slot] = packet.after(PLACES.at[self.slot])
        return data

    def buffered(self) -> int:
        try:
            size: int = self._transport.get_write_buffer_size()
        except RuntimeError:
            return 0
        return size

    def _drowning(self) -> bool:
        return self._unanswered >= HELLOS or self.buffered() > 2 * self._bound

    def _finish(self, bye: wire.Bye) -> None:
        if self._closing is None:
            code = WSCloseCode.SERVICE_RESTART if bye.temporary else WSCloseCode.POLICY_VIOLATION
            self._closing = asyncio.create_task(self._close(code, bye.code.encode()))
