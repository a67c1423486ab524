"""The media process: one UDP port for all peers, the forwarding unit, LL-HLS, and a Unix socket where workers hand SDP in.

What always holds: whoever can open the socket is trusted, so it stands in a folder of the owner's alone; what comes through it is
checked nevertheless. Media never wait for HTTP: an offer costs milliseconds, and packets come between any two.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import msgspec
import structlog
import uvloop
from aiohttp import web

from classroom.config import Settings
from classroom.kernel import Member
from classroom.keyed import KeyedLocks
from classroom.media.hls.routes import add_live_routes
from classroom.media.hls.streams import Streams
from classroom.media.leases import Lease
from classroom.media.recorder.library import Library
from classroom.media.recorder.opening import open_library
from classroom.media.sfu import aiortc_parts, native, sdp
from classroom.media.sfu.fanout import Fanout
from classroom.media.sfu.feeds import Session
from classroom.media.sfu.port import Port, bind
from classroom.media.sfu.relay import Relay
from classroom.media.sfu.sfu import Bounds, Crowded, Full, NotLive, Sfu
from classroom.media.tap import Source, Taps
from classroom.metrics import Metrics

log = structlog.get_logger(__name__)

TICK = 0.05  # seconds
# Seconds until a thread that waits is let in. The thread that mixes voices waits several times for each 20 ms of sound; with
# Python's own 5 ms it falls behind where packets keep the loop busy, and players of LL-HLS run dry.
SWITCH = 0.0002
FACTS_LIMIT = 10_000  # facts that wait for a worker; past this it is cut off and asks anew


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A session to be made. `publisher`: whom to watch; without, this publishes."""

    room: str
    member: Member
    offer: str
    publisher: str | None = None
    sources: tuple[Source, ...] = ()


class Made(msgspec.Struct):
    id: str
    tag: str
    answer: str
    sources: tuple[str, ...]
    stream: str = ""


class Fragment(msgspec.Struct, forbid_unknown_fields=True):
    """A PATCH. `match`: its If-Match, "*" for a restart."""

    match: str
    fragment: str


class Staged(msgspec.Struct, forbid_unknown_fields=True):
    """Who has left a room's stage, and what the staff have muted of whom."""

    gone: tuple[str, ...] = ()
    muted: dict[str, tuple[str, ...]] = {}


class Away(msgspec.Struct, forbid_unknown_fields=True):
    """Who was sent away from a room."""

    member: str


class Fact(msgspec.Struct, omit_defaults=True):
    """`is_live` null: all that were live have been told."""

    room: str = ""
    member: Member | None = None
    stream: str = ""
    session: str = ""
    sources: tuple[str, ...] = ()
    is_live: bool | None = None


class Process:
    """The unit and its socket. `close` lets go of everything."""

    def __init__(
        self,
        settings: Settings,
        sock: socket.socket,
        library: Library,
        metrics: Metrics,
        fanout: Fanout | None = None,
    ) -> None:
        aiortc_parts.check()
        self.metrics = metrics
        self.library = library
        self._listeners: set[asyncio.Queue[Fact]] = set()
        self._listening: set[asyncio.Task[Any]] = set()
        self.port = Port(sock, time.monotonic, fanout)
        metrics.media_fanout.labels(self.port.fanout.name).set(1)
        taps = Taps()
        bounds = Bounds(settings.media.viewers, settings.media.bits)
        addresses = public_addresses(settings, sock)
        self.sfu = Sfu(self.port, addresses, bounds, taps, self._began, self._ended)
        self.streams = Streams(settings.hls, self.metrics, lambda track: taps.need_key(track), library.recorder)
        taps.add(self.streams)
        self._ticker: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._turns = KeyedLocks()
        redis, address = settings.cluster.redis, settings.media.relay
        self.relay = Relay(self.sfu, redis, address, self._vanished) if redis and address else None
        self.app = web.Application(client_max_size=1 << 20)
        self.app.add_routes(
            [
                web.post("/sessions", self._make),
                web.patch("/sessions/{id}", self._patch),
                web.delete("/sessions/{id}", self._delete),
                web.post("/rooms/{room}/stage", self._stage),
                web.post("/rooms/{room}/away", self._away),
                web.get("/rooms/{room}/hls", self._hls),
                web.get("/facts", self._facts),
                web.get("/metrics", self._metrics),
            ]
        )
        self.app.on_shutdown.append(self._hang_up)
        add_live_routes(self.app, self.streams)
        log.info("media port", addresses=addresses)

    async def start(self) -> None:
        """Raises `OSError` where the relay's address is not one of this machine's."""
        self.port.start()
        if self.relay is not None:
            await self.relay.start()
        self.library.start()
        self._ticker = asyncio.create_task(self._tick(), name="media")

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        if self.relay is not None:
            await self.relay.close()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self.port.close()
        await self.streams.close()
        await self.library.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                self.sfu.tick()
                self.metrics.media_viewers.set(self.sfu.viewers)
                self.metrics.media_publishers.set(sum(feed.session is not None for feed in self.sfu.feeds.values()))
                self.metrics.media_forwarded.set(self.port.forwarded)
                self.metrics.media_repeated.set(self.port.repeated)
                self.metrics.media_dropped.set(self.port.dropped)
                self.metrics.media_refused.set(self.port.refused)
                self.metrics.media_strangers.set(self.port.strangers)
            except Exception:
                log.exception("the media process's tick failed")

    # --- sessions ---------------------------------------------------------------------------------------------------

    async def _make(self, request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=Wanted)
            if wanted.publisher is None:
                session, answer = self.sfu.publish(wanted.room, wanted.member.id, wanted.offer, wanted.sources)
                session.who = wanted.member
            else:
                if self.relay is not None:
                    await self.relay.bring(wanted.room, wanted.publisher)
                session, answer = self.sfu.watch(wanted.room, wanted.publisher, wanted.offer, wanted.member.id)
        except (sdp.BadOffer, msgspec.MsgspecError) as error:
            return _refused(400, "sdp_invalid", str(error))
        except sdp.Unacceptable as error:
            return _refused(422, "sdp_unacceptable", str(error))
        except NotLive as error:
            return _refused(409, "not_live", str(error))
        except Full:
            return _refused(503, "take_hls", "All places for viewers are taken; watch by LL-HLS.")
        except Crowded:
            return _refused(503, "busy", "Too many are connecting at this moment.")
        return _json(Made(session.id, session.tag, answer, session.sources, session.stream), 201)

    async def _patch(self, request: web.Request) -> web.Response:
        session = self._session(request)
        try:
            asked = msgspec.json.decode(await request.read(), type=Fragment)
            ufrag, password = sdp.read_fragment(asked.fragment)
        except (sdp.BadOffer, msgspec.MsgspecError) as error:
            return _refused(400, "sdp_invalid", str(error))
        restarts = bool(ufrag) and (ufrag, password) != session.peer.remote
        if asked.match not in ("*", session.tag):
            return _refused(412, "precondition_failed", "The session's tag is another by now.")
        if restarts and asked.match != "*":
            return _refused(412, "precondition_failed", "An ICE restart is asked for with If-Match: *.")
        if not restarts:
            return _json(Made(session.id, session.tag, "", ()), 200)  # their candidates show themselves by checks
        answer = self.sfu.restart(session, ufrag, password)
        return _json(Made(session.id, session.tag, answer, ()), 200)

    async def _delete(self, request: web.Request) -> web.Response:
        self.sfu.end(self._session(request))
        return web.Response(status=204)

    def _session(self, request: web.Request) -> Session:
        session = self.sfu.sessions.get(request.match_info["id"])
        if session is None or request.query.get("room") not in (None, session.room):
            raise web.HTTPNotFound
        member = request.query.get("member")
        if member is not None and member != session.member:
            raise web.HTTPForbidden
        return session

    async def _stage(self, request: web.Request) -> web.Response:
        staged = msgspec.json.decode(await request.read(), type=Staged)
        self.sfu.set_stage(request.match_info["room"], staged.muted, set(staged.gone))
        return web.Response(status=204)

    async def _away(self, request: web.Request) -> web.Response:
        self.sfu.cut_off(request.match_info["room"], msgspec.json.decode(await request.read(), type=Away).member)
        return web.Response(status=204)

    async def _hls(self, request: web.Request) -> web.Response:
        room = request.match_info["room"]
        if self.relay is not None:
            await self.relay.bring_all(room)
        address = self.streams.address(room)
        return _json({"address": address, "places": self.sfu.has_places}, 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self.metrics.text(), headers={"Content-Type": self.metrics.content_type})

    # --- facts ------------------------------------------------------------------------------------------------------

    def _began(self, session: Session) -> None:
        if self.relay is None:
            self._tell(_fact(session, True))
        else:
            self._spawn(self._tell_everywhere(self.relay, session))

    async def _tell_everywhere(self, relay: Relay, session: Session) -> None:
        async with self._turns.hold(f"{session.room}/{session.member}"):
            await relay.tell(session)  # other machines first: their workers must not take it for one that has ended
            if session.id in self.sfu.sessions:
                self._tell(_fact(session, True))

    def _ended(self, session: Session) -> None:
        if self.relay is None:
            self._tell(_fact(session, False))
        else:
            self._spawn(self._tell_over(self.relay, session))

    async def _tell_over(self, relay: Relay, session: Session) -> None:
        # After what has taken its place, here and elsewhere.
        async with self._turns.hold(f"{session.room}/{session.member}"):
            self._tell(_fact(session, False))
        await relay.leases.release(session.stream)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _vanished(self, lease: Lease) -> None:
        """Another machine's publication has ended, perhaps with that machine. To say it twice does nothing."""
        self._tell(Fact(lease.room, lease.member, lease.stream, is_live=False))

    def _tell(self, fact: Fact) -> None:
        for listener in list(self._listeners):
            try:
                listener.put_nowait(fact)
            except asyncio.QueueFull:
                self._listeners.discard(listener)

    async def _hang_up(self, _: web.Application) -> None:
        """Who listens would listen for ever, and is not waited for at the end."""
        for task in self._listening:
            task.cancel()

    async def _facts(self, request: web.Request) -> web.StreamResponse:
        """All that is live, then what changes, one JSON object per line."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        queue: asyncio.Queue[Fact] = asyncio.Queue(FACTS_LIMIT)
        self._listeners.add(queue)
        if (task := asyncio.current_task()) is not None:
            self._listening.add(task)
            task.add_done_callback(self._listening.discard)
        try:
            await response.prepare(request)
            for session in [one for one in self.sfu.sessions.values() if one.kind == "publish" and one.live]:
                await response.write(msgspec.json.encode(_fact(session, True)) + b"\n")
            if self.relay is not None:
                await self.relay.leases.look()
                for lease in self.relay.leases.elsewhere():
                    # Without a member it is only said to be live somewhere: its own machine tells the room.
                    await response.write(msgspec.json.encode(Fact(stream=lease.stream, is_live=True)) + b"\n")
            await response.write(msgspec.json.encode(Fact()) + b"\n")
            while queue in self._listeners:
                with suppress(TimeoutError):
                    async with asyncio.timeout(5):
                        await response.write(msgspec.json.encode(await queue.get()) + b"\n")
                        continue
                await response.write(b"\n")
        except ConnectionResetError:  # the worker has gone, or been replaced: another one will ask
            pass
        finally:
            self._listeners.discard(queue)
        return response


def public_addresses(settings: Settings, sock: socket.socket) -> tuple[tuple[str, int], ...]:
    """Where peers find the port: as set, else what this machine is called by whoever it would speak to."""
    port: int = sock.getsockname()[1]
    if settings.media.addresses:
        return tuple((address, port) for address in settings.media.addresses)
    host = settings.media.host
    if not ip_address(host).is_unspecified:
        return ((host, port),)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:  # nothing is sent: the system only looks up which of its addresses it would use
            probe.connect(("2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1", 9))
            return ((probe.getsockname()[0], port),)
        except OSError:
            return (("::1" if family == socket.AF_INET6 else "127.0.0.1", port),)


async def serve(settings: Settings, path: Path, started: Callable[[], None], fanout: Fanout) -> None:
    """Serve until SIGINT or SIGTERM. `path`: of the Unix socket."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    metrics = Metrics()
    library = await open_library(settings, metrics)
    process = Process(settings, bind(settings.media.host, settings.media.port), library, metrics, fanout)
    runner = web.AppRunner(process.app, access_log=None, handle_signals=False, shutdown_timeout=1)
    try:
        await runner.setup()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.parent.stat().st_uid != os.geteuid():
            raise PermissionError(f"{path.parent} belongs to somebody else")
        path.unlink(missing_ok=True)
        await web.UnixSite(runner, str(path)).start()
        path.chmod(0o600)
        await process.start()
        started()
        await stop.wait()
    finally:
        await runner.cleanup()
        await process.close()
        path.unlink(missing_ok=True)


def run(settings: Settings, path: Path, started: Callable[[], None]) -> None:
    """Run the media process until it is told to stop. Logging has been set up."""
    sys.setswitchinterval(SWITCH)
    fanout = native.choose(settings.media.fanout, settings.data / "native")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, path, started, fanout))


def _fact(session: Session, is_live: bool) -> Fact:
    return Fact(session.room, session.who, session.stream, session.id, cast(Any, session.sources), is_live)


def _json(value: Any, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def _refused(status: int, code: str, message: str) -> web.Response:
    return _json({"code": code, "message": message}, status)
