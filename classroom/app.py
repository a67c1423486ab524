"""The composition root: the only place that puts the parts together, runs them, and takes them apart again.

What always holds at the end: commands under way are answered, members are told to come back, every owner has committed and
kept a snapshot, and only then are journal and bus let go.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import resource
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog
import uvloop
from aiohttp import web

from classroom.auth import Authenticator
from classroom.bus.local import LocalBus
from classroom.bus.placement import Alone, Placement
from classroom.bus.port import Bus
from classroom.config import Settings, SettingsError
from classroom.files.desk import Desk, open_desk
from classroom.http import add_routes, problems, static
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from classroom.limits import Limits
from classroom.listen import take
from classroom.logs import set_up
from classroom.media.link import Link, socket_path
from classroom.media.recorder.opening import members_only, open_library
from classroom.media.recorder.routes import add_recording_routes
from classroom.metrics import Metrics
from classroom.processes import keep, media_process
from classroom.rooms.house import House
from classroom.sockets import crowd
from classroom.sockets.server import RESERVE, Sockets
from classroom.tracing import Tracing

log = structlog.get_logger(__name__)

DEMO = "demo"
FEW = 1_000  # connections; a worker that can take no more says so at its start
BACKLOG = 4_096  # connections that the kernel may hold until they are accepted: a class comes all at once
KEEP_ALIVE = 75.0  # seconds for a request to be there: longer than proxies keep a connection that nobody uses


class Classroom(NamedTuple):
    """One worker, put together."""

    app: web.Application
    house: House
    sockets: Sockets
    journal: Journal
    bus: Bus
    auth: Authenticator
    desk: Desk
    link: Link | None


# What a worker loads only when it starts.
LOADED_LATER = (
    "classroom.bus.leases",
    "classroom.bus.redis",
    "engineio.async_drivers.aiohttp",
    "socketio.msgpack_packet",
)
SQLITE = ("sqlite3",)
POSTGRES = ("classroom.journal.postgres", "sqlalchemy.dialects.postgresql.asyncpg", "asyncpg")


def prepare(settings: Settings) -> None:
    """Have in memory what any worker will need and none changes, before workers are forked from this process."""
    for module in (*LOADED_LATER, *(POSTGRES if settings.database_url.startswith("postgres") else SQLITE)):
        importlib.import_module(module)
    static.built()


async def build(settings: Settings) -> Classroom:
    """Put a worker together. Raises `SettingsError`, `Unavailable`, `StoreUnavailable`."""
    auth = Authenticator(settings)
    edge = f"{os.getpid()}-{secrets.token_hex(4)}"  # as logs and leases name this worker
    traces = settings.traces
    metrics = Metrics(Tracing(traces.endpoint, traces.share, edge) if traces.endpoint else None)
    journal = await open_journal(settings.database_url)
    bus, placement = await _connect(settings.cluster.redis, edge)
    fanout, way = crowd.choose(settings.server.fanout, settings.data / "native")
    metrics.fanout.labels(way).set(1)
    house = House(journal, bus, auth, metrics, settings, placement, fanout=fanout)
    limits = Limits(settings.limits)
    app = web.Application()
    sockets = Sockets(app, house, limits)
    desk = await open_desk(settings, house.clock)
    link = Link(socket_path(settings.data), house) if settings.media.enabled else None
    add_routes(app, house, limits, desk, link)
    add_recording_routes(
        app, await open_library(settings, metrics), members_only(auth, house.in_force), problems.answer
    )
    await placement.start()
    house.start()
    if link is not None:
        link.start()
    return Classroom(app, house, sockets, journal, bus, auth, desk, link)


async def _connect(redis: str, edge: str) -> tuple[Bus, Placement]:
    if not redis:
        return LocalBus(), Alone(edge)
    from classroom.bus.leases import Leases  # a worker that is alone needs neither
    from classroom.bus.redis import open_bus

    try:
        leases = Leases(redis, edge)
        return await open_bus(redis, edge), leases
    except (ValueError, TypeError) as error:
        raise SettingsError(f"the URL in cluster.redis cannot be used: {error}") from error


async def drain(classroom: Classroom) -> None:
    """Take a worker apart without losing what was acknowledged. The web server must be listening no more."""
    await classroom.sockets.drain()
    if classroom.link is not None:
        await classroom.link.close()
    await classroom.desk.close()
    await classroom.house.close()
    await classroom.house.placement.close()
    await classroom.bus.close()
    await classroom.journal.close()
    if classroom.house.metrics.tracing is not None:
        await asyncio.to_thread(classroom.house.metrics.tracing.close)


Started = Callable[[int, Classroom], None]


async def serve(
    settings: Settings, started: Started | None = None, number: int | None = None, config: Path | None = None
) -> None:
    """Serve until SIGINT or SIGTERM. `started` is called with the port once connections are taken. `number`: which of
    several workers that share the port this is; without, it is alone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    classroom = await build(settings)
    # Several workers share one, which their supervisor keeps.
    media = media_process(settings, config) if settings.media.enabled and number is None else None
    keeping = asyncio.create_task(keep(media), name="media process") if media is not None else None
    runner = front(classroom.app, shutdown_timeout=3)
    try:
        await runner.setup()
        sites = [
            web.SockSite(runner, one, backlog=BACKLOG)
            for one in take(settings.server.host, settings.server.port, shared=number is not None)
        ]
        for site in sites:
            await site.start()
        port: int = runner.addresses[0][1]
        # What is loaded now stays for good: no collection need look at it again, nor one come for every few hundred objects.
        gc.collect()
        gc.freeze()
        # A crowd's objects stay for the lesson: looking at all of them would stop everything for most of a second, and is done
        # only when many have gone (`Sockets.departed`).
        gc.set_threshold(20_000, 20, 10_000)
        if settings.cluster.metrics_port:
            # A fresh worker is there before the one that it takes the place of has gone.
            own = settings.cluster.metrics_port + (number or 0)
            await web.SockSite(runner, *take("127.0.0.1", own, shared=number is not None)).start()
        await classroom.house.found(DEMO, "Demo class")
        if number is not None and runner.server is not None:
            classroom.sockets.neighbours.open(runner.server)
        if started is not None:
            started(port, classroom)
        await stop.wait()
        log.info("draining", members=len(classroom.sockets.links))
        for site in sites:
            await site.stop()
    finally:
        if keeping is not None and media is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await media.end(5)
        await drain(classroom)
        await runner.cleanup()
    log.info("stopped")


def front(app: web.Application, *, shutdown_timeout: float) -> web.AppRunner:
    """How connections are taken, before anybody knows what they want. Who sends no whole request for `KEEP_ALIVE` seconds is let
    go: they would hold one of the few descriptors that this process has. Nothing is inflated, whoever sends it."""
    return web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=shutdown_timeout,
        keepalive_timeout=KEEP_ALIVE,
        auto_decompress=False,
    )


def run(
    settings: Settings, started: Started | None = None, number: int | None = None, config: Path | None = None
) -> None:
    """Run a worker in this process until it is told to stop."""
    set_up(settings.log)
    need_descriptors(raise_descriptor_limit(), settings.server.max_connections)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop, debug=sys.flags.dev_mode) as runner:
        runner.run(serve(settings, started, number, config))


def raise_descriptor_limit() -> int:
    """Let this process open as many files as it may: the soft limit becomes the hard one, which is answered."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def need_descriptors(limit: int, connections: int) -> None:
    """Say so where a process that may open `limit` files takes fewer than `connections` (0: as many as it can). Raises
    `SettingsError` where it would take none."""
    if limit <= RESERVE and not connections:
        raise SettingsError(
            f"this process may have {limit} files open, of which the server keeps {RESERVE} for itself, so that nobody could "
            "come in: raise the limit (ulimit -n 65536, LimitNOFILE=65536 in a systemd unit)"
        )
    if limit - RESERVE < (connections or FEW):
        log.warning(
            "few connections can be taken: raise the limit of open files (ulimit -n, LimitNOFILE)",
            connections=connections or limit - RESERVE,
            files=limit,
        )
