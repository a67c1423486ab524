"""The Socket.IO servers: who may connect, and what becomes of what they send.

What always holds: a member is in their room's hub from the moment their `welcome` is written until their connection ends;
every command that asks for an answer gets one; nothing that a client sends raises past here.

Two servers, one per parser, because Socket.IO has no way to choose the parser in the handshake: JSON at `/socket.io/`,
msgpack at `/socket.io/msgpack/`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import resource
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any

import socketio
import structlog
from aiohttp import web
from prometheus_client import Counter
from socketio.exceptions import ConnectionRefusedError

from classroom import wire
from classroom.address import address_of
from classroom.bus.port import Reply
from classroom.kernel import Rejected
from classroom.limits import Limits
from classroom.packets import PING
from classroom.rooms.batch import INTERNAL
from classroom.rooms.house import House
from classroom.rooms.session import Session
from classroom.sockets.coalescing import LONGEST, Coalescer
from classroom.sockets.link import Link, WebSocketLink
from classroom.sockets.lobby import Lobby
from classroom.sockets.manager import Manager
from classroom.sockets.neighbours import Neighbours
from classroom.sockets.polling import PollingLink, read_payload
from classroom.sockets.watch import Pacer
from classroom.wire import Codec, Incoming, Malformed

log = structlog.get_logger(__name__)

PATHS = {Codec.JSON: "socket.io", Codec.MSGPACK: "socket.io/msgpack"}
RESERVE = 500  # descriptors kept for the journal, the bus, HTTP, and for telling who is too many
UNDER_WAY = 64  # commands of one connection that may wait for their answers at once
ALL_UNDER_WAY = 2_000  # of all connections, or as many as are answered in
ANSWERED_WITHIN = 4.0  # seconds, where those are more
BUSY_PER_SECOND = (
    300  # of those who were too many, that are told to come again in a second, or as many as are answered in one
)
GONE = 2_000  # connections that have gone since the last look for what they left behind, at the least
SPREAD = 500  # milliseconds by which the slots in which members come back are scattered

UnderWay = tuple[
    Link, Session, str, str, int | None, float
]  # a command: who gave it, type, `cid`, number, when it came


class Sockets:
    """Both servers, attached to `app`."""

    def __init__(self, app: web.Application, house: House, limits: Limits) -> None:
        self.neighbours = Neighbours(house.placement, self._is_apart)
        self.links: set[Link] = set()
        self.draining = False
        self._house = house
        self._limits = limits
        self._settings = house.settings
        self._metrics = house.metrics
        self._counters: dict[tuple[str, str], Counter] = {}  # of commands, by type and outcome
        self._answering: set[UnderWay] = set()
        self._empty = asyncio.Event()
        self.connections = 0
        self._departed = 0
        self._slot = 0.0
        self._answers = 0  # since `_answers_from`, milliseconds since 1970
        self._answers_from = 0
        self._answered_per_second = 0.0
        self._room = self._settings.server.max_connections or _descriptors() - RESERVE
        self.reads = Coalescer(min(LONGEST, house.settings.rooms.tick_ms / 2_000))
        self._lobby = Lobby(self._settings.rooms.joins_per_second, self._admit)
        self._servers = [_Server(self, codec, house) for codec in Codec]
        for server in self._servers:
            server.attach(app, PATHS[server.codec])

    async def drain(self) -> None:
        """Refuse what is new, let what is under way be answered, say goodbye to everybody."""
        self.draining = True
        await self.neighbours.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while self._answering:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        self._lobby.close()
        for hall in self._house.halls:
            hall.hub.flush()
        leaving = [*self.links, *(link for server in self._servers for link in server.outside())]
        # Each gets a slot to come back in, so that the others are asked for no more joins than they let in.
        slot = 1_000 / self._settings.rooms.joins_per_second
        restarting = _restarting()
        for number, link in enumerate(leaving):
            retry_in = int(number * slot + random.uniform(0, SPREAD))
            link.end(wire.Bye(restarting.code, restarting.message, temporary=True, retry_in=retry_in))
        if self.links:
            self._empty.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), 5)
        for server in self._servers:
            server.pacer.close()
            if server.eio.service_task_handle is not None:
                await server.shutdown()
        self.reads.close()

    # --- coming and going -----------------------------------------------------------------------------------------

    async def enter(self, link: Link, request: web.Request) -> None:
        """Find the room of a link that has said hello. Raises `Rejected`."""
        assert link.hello is not None
        if self.draining:
            raise _restarting()
        if self.connections > self._room:
            raise _full()
        self._limits.connect(address_of(request, self._settings.server.trusted_proxies), self._house.clock())
        link.hall, member, expires_at = await self._house.enter(link.hello)
        link.session = Session(member, link, expires_at, link.hello.shorthand)
        self.links.add(link)

    def _is_apart(self, room: str) -> bool:
        """Whether the room has too many members to be gathered in one worker, or this one has no room for more."""
        together = self._settings.rooms.together
        return self._house.count(room) >= together or self.connections >= self._room

    def arrived(self) -> bool:
        """A connection has come. Whether there is a descriptor for it to shake hands: a few more than are let in, so that
        most are told why not."""
        self.connections += 1
        return self.connections <= self._room + RESERVE // 2

    def handed_on(self) -> None:
        """A connection that came here is another worker's now."""
        self._metrics.handed_on.inc()

    def departed(self) -> None:
        """A connection is gone. What those who have gone leave behind in cycles is collected when it is worth a look at all."""
        self.connections -= 1
        self._departed += 1
        if self._departed > max(GONE, self.connections):
            self._departed = 0
            asyncio.get_running_loop().call_soon(gc.collect)

    def refused(self, link: Link, error: Rejected) -> None:
        """The hello was refused; the client may say another on the same connection."""
        link.hello = None
        self._metrics.joins.labels(error.code).inc()

    def opened(self, link: Link) -> None:
        """The answer to CONNECT is on the wire: welcome the member in this same turn of the loop, or have them wait."""
        if link.session is not None and not link.ended:
            self._lobby.enter(link)

    def _admit(self, link: Link) -> None:
        """Their turn has come."""
        hall, session, hello = link.hall, link.session, link.hello
        if hall is None or session is None or hello is None or link.ended:
            return
        try:
            # Since they were let through the door the staff may have appointed or banned them.
            session = link.session = Session(hall.in_force(session.member), link, session.expires_at, session.shorthand)
            resumed = hall.admit(session, hello.since, hello.epoch)
        except Rejected as error:
            link.end(wire.Bye(error.code, error.message, error.temporary))
            return
        except Exception:
            log.exception("a member cannot be welcomed", room=hall.info.id)
            failed = _failed()
            link.end(wire.Bye(failed.code, failed.message, temporary=True, retry_in=1_000))
            return
        link.inside = True
        hall.entering -= 1
        self._metrics.joins.labels("resumed" if resumed else "welcome").inc()
        self._metrics.members.inc()

    def closed(self, link: Link) -> None:
        """The connection is gone, or has left its room. May be told more than once."""
        self.links.discard(link)
        self._lobby.leave(link)
        if not self.links:
            self._empty.set()
        hall, session = link.hall, link.session
        inside = link.inside
        link.hall = link.session = link.hello = None
        link.sid = ""
        link.inside = False
        link.outside()
        if hall is None or session is None:
            return
        if inside:
            hall.leave(session)
            self._metrics.members.dec()
        else:
            hall.entering -= 1

    # --- commands and signals -------------------------------------------------------------------------------------

    def incoming(self, link: Link, packet: Incoming) -> None:
        """A command or a signal has come."""
        try:
            if link.session is None or not link.inside:
                raise _stranger() if link.session is None else _waiting()
            if packet.name == "command":
                self._command(link, link.session, packet)
            elif packet.name == "signal":
                self._signal(link, link.session, packet)
            else:
                raise Rejected("bad_request", "Clients send only `command` and `signal`.")
        except Rejected as error:
            self._metrics.commands.labels("unread", error.code).inc()
            link.answer(packet.id, wire.refusal(error))

    def malformed(self, link: Link, error: Malformed) -> None:
        """Something that no client of ours sends: answered where an answer was asked for, otherwise let go."""
        self._metrics.commands.labels("unread", "malformed").inc()
        if error.id is not None and link.session is not None:
            link.answer(error.id, wire.refusal(Rejected("bad_request", f"That packet cannot be read: {error}.")))

    def _command(self, link: Link, session: Session, packet: Incoming) -> None:
        if self.draining:
            raise _restarting()
        if link.under_way >= UNDER_WAY:
            raise _busy()
        if len(self._answering) >= ALL_UNDER_WAY:
            self._count_answers()
            if len(self._answering) >= ANSWERED_WITHIN * self._answered_per_second:
                raise self._crowded()
        assert link.hall is not None
        self._limits.command(link.hall.info.id, session.member.id, self._house.clock())
        command = wire.read_command(link.codec, packet.argument)
        link.under_way += 1
        under_way = (link, session, wire.type_of(command), command.cid, packet.id, perf_counter())
        self._answering.add(under_way)
        try:
            self._house.carry_out(link.hall.info.id, session.member, command, partial(self._carried_out, under_way))
        except Exception:
            log.exception("a command failed", type=under_way[2])
            self._carried_out(under_way, INTERNAL)

    def _crowded(self) -> Rejected:
        """More have something to say at once than can be carried out in time: each is told when to say it again, one after
        the other, so that they do not all come back together."""
        now = self._house.clock()
        self._slot = max(self._slot + 1_000 / max(BUSY_PER_SECOND, self._answered_per_second), now + 1_000)
        until = int(self._slot)
        return Rejected(
            "busy", "Very many are sending something at once; try again in a moment.", temporary=True, until=until
        )

    def _count_answers(self) -> None:
        """Once a second while many are under way: how many are answered in one."""
        now = self._house.clock()
        elapsed = now - self._answers_from
        if elapsed >= 1_000:
            self._answered_per_second = self._answers * 1_000 / elapsed
            self._answers, self._answers_from = 0, now

    def _carried_out(self, under_way: UnderWay, reply: Reply) -> None:
        link, session, type, cid, id, begun = under_way
        self._answering.discard(under_way)
        self._answers += 1
        link.under_way -= 1
        took, outcome = perf_counter() - begun, "ok" if reply.ok else reply.code
        self._metrics.command_seconds.observe(took)
        counted = self._counters.get((type, outcome))
        if counted is None:
            counted = self._counters[type, outcome] = self._metrics.commands.labels(type, outcome)
        counted.inc()
        if self._metrics.tracing is not None and link.hall is not None:
            self._metrics.tracing.command(session.member.id, cid, type, link.hall.info.id, took, outcome)
        if link.session is session and link.inside and not link.ended:
            link.answer(id, _ack(reply))

    def _signal(self, link: Link, session: Session, packet: Incoming) -> None:
        assert link.hall is not None
        if not self._limits.signal(link.hall.info.id, session.member.id, self._house.clock()):
            return
        signal = wire.read_signal(link.codec, packet.argument)
        try:
            link.hall.take_signal(session.member, signal)
        except Rejected:
            return  # a signal has no answer
        except Exception:
            log.exception("a signal failed")


class _Server(socketio.AsyncServer):  # type: ignore[misc]
    """python-socketio for one parser: it keeps handshake, namespaces and pings; packets of members pass it by."""

    def __init__(self, sockets: Sockets, codec: Codec, house: House) -> None:
        settings = house.settings.server
        engine_log = logging.getLogger("classroom.engineio")
        super().__init__(
            client_manager=Manager(),
            async_mode="aiohttp",
            serializer="default" if codec is Codec.JSON else "msgpack",
            transports=["websocket", "polling"] if settings.polling else ["websocket"],
            allow_upgrades=False,
            max_http_buffer_size=settings.max_frame_bytes,
            cors_allowed_origins=_origins(settings.allowed_origins),
            ping_interval=25,
            ping_timeout=20,
            async_handlers=False,
            logger=engine_log,
            engineio_logger=engine_log,
        )
        self.codec = codec
        self._sockets = sockets
        self._slow = house.settings.slow
        self._offer = house.flushes.fanout.offer
        self._deflate = settings.compression
        self.on("connect", self._on_connect)
        self.on("disconnect", self._on_disconnect)
        self._translate = self.eio._async["translate_request"]
        self.eio._async = {**self.eio._async, "websocket": self._make_link, "translate_request": self._read_request}
        self.pacer = Pacer(self.eio, self._ping, sockets.reads.seen)
        self.eio._service_task = self.pacer.run
        # What clients get wrong is no error of ours.
        self.eio._log_error_once = lambda message, key: engine_log.info(message)

    async def _read_request(self, request: web.Request) -> dict[str, Any]:
        """engine.io's view of a request, once it is one that engine.io can take."""
        query = request.query
        if "j" in query:
            raise web.HTTPBadRequest(text="JSONP is not served here")
        session = self.eio.sockets.get(query.get("sid"))
        if "sid" in query and (session is None or session.closed or query.get("transport") == "websocket"):
            raise web.HTTPBadRequest(text="There is no such session, or it has another transport.")
        if query.get("transport") != "websocket" and request.headers.get("Upgrade", "").lower() == "websocket":
            raise web.HTTPBadRequest(
                text="Nobody who polls is given a WebSocket."
            )  # engine.io would upgrade the session
        options = ",".join(request.headers.getall("Connection", ())).lower().split(",")
        if query.get("transport") == "websocket" and "upgrade" not in map(str.strip, options):
            raise web.HTTPBadRequest(text="A WebSocket needs `Connection: Upgrade`.")  # engine.io would poll
        if query.get("transport") == "websocket" and self._sockets.neighbours.hand_on(request):
            self._sockets.handed_on()
            raise web.HTTPNoContent  # whom nobody hears: the connection is another worker's
        environ: dict[str, Any] = self._translate(request)
        if request.method == "POST":
            environ["wsgi.input"] = await read_payload(request, self.codec, self.eio.max_http_buffer_size)
            environ["CONTENT_LENGTH"] = "0"  # looked at already
        return environ

    def _ping(self, sessions: list[Any]) -> list[Any]:
        """Ping engine.io's sessions that are on a WebSocket; those who were not."""
        direct = [session for session in sessions if hasattr(session, "link")]
        others = [] if len(direct) == len(sessions) else [one for one in sessions if not hasattr(one, "link")]
        return others + self._offer(PING, direct, self._slow.max_buffer_bytes)

    def _make_link(self, handler: Any, engine: Any) -> WebSocketLink:
        return WebSocketLink(
            handler,
            engine,
            skin=self._sockets,
            codec=self.codec,
            max_frame_bytes=self.eio.max_http_buffer_size,
            bound=self._slow.max_buffer_bytes,
            deflate=self._deflate,
            reads=self._sockets.reads,
        )

    def outside(self) -> list[Link]:
        """Connections that are in no room."""
        links = (environ.get("classroom.link") for environ in self.environ.values())
        return [link for link in links if link is not None and link not in self._sockets.links]

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        if environ.get("HTTP_UPGRADE", "").lower() != "websocket":
            environ["classroom.link"] = PollingLink(
                self.eio,
                eio_sid,
                skin=self._sockets,
                codec=self.codec,
                max_packets=self._slow.max_queue_packets,
                bound=self._slow.max_buffer_bytes,
            )

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        link = self.environ.get(eio_sid, {}).get("classroom.link")
        await super()._handle_eio_disconnect(eio_sid, reason)
        if link is not None:
            link.release()

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        environ = self.environ.get(eio_sid)
        if environ is None:
            return
        link = environ.get("classroom.link")
        passed: str | bytes | None = data
        if isinstance(link, PollingLink):
            passed = link.take(data)
        if passed is not None:
            await super()._handle_eio_message(eio_sid, passed)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        link = self.environ[eio_sid].get("classroom.link")
        await super()._handle_connect(eio_sid, namespace, data)
        if not isinstance(link, PollingLink):
            return
        if eio_sid not in self.environ:
            self._sockets.closed(link)  # it has gone meanwhile
        elif link.session is not None and not link.inside:
            self._sockets.opened(link)  # its CONNECT stands in the same queue

    async def _on_connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        link: Link = environ["classroom.link"]
        try:
            await self._sockets.enter(link, environ["aiohttp.request"])
            link.sid = sid
        except Rejected as error:
            self._sockets.refused(link, error)
            raise ConnectionRefusedError(error.message, _refusal(error)) from error
        except Exception as error:
            log.exception("a connection failed")
            failed = _failed()
            self._sockets.refused(link, failed)
            raise ConnectionRefusedError(failed.message, _refusal(failed)) from error

    async def _on_disconnect(self, sid: str, reason: str) -> None:
        environ = self.get_environ(sid) or {}
        link = environ.get("classroom.link")
        if link is not None:
            self._sockets.closed(link)


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


def _refusal(error: Rejected) -> dict[str, Any]:
    data: dict[str, Any] = {"code": error.code, "message": error.message, "temporary": error.temporary}
    if error.until is not None:
        data["until"] = error.until
    return data


def _ack(reply: Reply) -> wire.Ack:
    if reply.ok:
        return wire.Ack(ok=True, seq=reply.seq)
    return wire.Ack(ok=False, code=reply.code, message=reply.message, temporary=reply.temporary, until=reply.until)


def _origins(allowed: tuple[str, ...]) -> Any:
    """Our own origin always; others as set. None stands for our own alone."""
    if not allowed:
        return None
    if "*" in allowed:
        return "*"

    def accepted(origin: str, environ: dict[str, Any]) -> bool:
        own = f"{environ.get('wsgi.url_scheme', 'http')}://{environ.get('HTTP_HOST', '')}"
        return origin in allowed or origin == own

    return accepted


def _busy() -> Rejected:
    return Rejected("too_fast", "Too many of your commands are still under way.", temporary=True)


def _restarting() -> Rejected:
    return Rejected("restarting", "The classroom is restarting; you will be reconnected.", temporary=True)


def _failed() -> Rejected:
    return Rejected("internal", "Something went wrong here; try again.", temporary=True)


def _full() -> Rejected:
    return Rejected("full", "There is no more room here; try again in a moment.", temporary=True)


def _waiting() -> Rejected:
    return Rejected("waiting", "You are still waiting to be let in.", temporary=True)


def _stranger() -> Rejected:
    return Rejected("not_connected", "Connect to a room first.")
