"""Several workers on one port: started, watched, restarted, replaced one at a time.

What always holds: a worker that dies is started again, each time in a row a little later, and the others are told at once,
so that its rooms move; on SIGHUP each worker in turn is replaced by a fresh one, of the code that is installed by then, which
takes connections before the old one is told to drain; on SIGINT or SIGTERM all drain, and what does not end in time is ended. The
port is held from the first moment to the last, so that no other program slips in.

Where the system can do it workers are forked (`forkserver.py`), elsewhere each is started as a program of its own.

Without a Redis URL a private `redis-server` is run on a Unix socket in the data folder: nothing is kept in it. It asks for a
password, for whoever reads files that were sent may connect to it, though not read the data (`files/fence.py`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import structlog

from classroom.bus.leases import bury
from classroom.config import Settings, SettingsError, handed_on
from classroom.forks import possible
from classroom.forkserver import ForkServer
from classroom.listen import hold
from classroom.logs import set_up
from classroom.processes import FIRST_PAUSE, LAST_PAUSE, STEADY, Child, executed, keep, media_process

log = structlog.get_logger(__name__)


class Supervisor:
    """Keeps the workers running. `started` is called with the port when all of them take connections."""

    def __init__(self, settings: Settings, config: Path | None, started: Callable[[int], None]) -> None:
        self._settings = settings
        self._config = config
        self._started = started
        self._stopping = asyncio.Event()
        self._restarting = asyncio.Lock()
        self._workers: list[Child] = []
        self._watchers: set[asyncio.Task[None]] = set()
        self._being_replaced: set[Child] = set()
        self._forks: ForkServer | None = None  # that the newest workers come from

    async def run(self) -> None:
        """Run until told to stop. Raises `SettingsError`, `RuntimeError` when a worker does not start at all."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self.replace_all()))
        held = hold(self._settings.server.host, self._settings.server.port)
        port: int = held[0].getsockname()[1]
        redis = media = None
        try:
            cluster = self._settings.cluster
            for each in range(cluster.workers if cluster.metrics_port else 0):
                held += hold("127.0.0.1", cluster.metrics_port + each)
            url = self._settings.cluster.redis
            if not url:
                redis, url = _private_redis(self._settings.data)
                await self._keep(redis)
                await _until_there(url)
            self._environment = _environment(self._settings, url, port)
            self._forks = self._fork_server()
            self._workers = [self._worker(number, self._forks) for number in range(self._settings.cluster.workers)]
            await asyncio.gather(*(self._keep(worker) for worker in self._workers))
            if self._settings.media.enabled:
                media = media_process(self._settings, self._config)
                self._spawn(keep(media))
            self._started(port)
            log.info("all workers take connections", workers=len(self._workers), port=port, pid=os.getpid())
            await self._stopping.wait()
        finally:
            self._stopping.set()
            patience = self._settings.cluster.drain_seconds
            await asyncio.gather(*(worker.end(patience) for worker in self._workers))
            if self._forks is not None:
                await self._forks.close()
            if redis is not None:
                await redis.end(5)
            for watcher in self._watchers:
                watcher.cancel()
            await asyncio.gather(*self._watchers, return_exceptions=True)
            if media is not None:
                await media.end(5)
            for one in held:
                one.close()
        log.info("stopped")

    async def replace_all(self) -> None:
        """Replace the workers by fresh ones, one at a time."""
        async with self._restarting:
            before, forks = self._forks, self._fork_server()
            for number, old in enumerate(self._workers):
                if self._stopping.is_set():
                    break
                fresh = self._worker(number, forks)
                try:
                    await self._keep(fresh)
                except RuntimeError as error:  # why, the worker has said by itself
                    log.error("a fresh worker does not start; the old ones stay", error=str(error.__cause__ or error))
                    break
                self._workers[number] = fresh
                self._forks = forks
                self._being_replaced.add(old)
                await old.end(self._settings.cluster.drain_seconds)
                log.info("worker replaced", number=number)
            # Should a worker need the one that is let go of once more, it starts by itself.
            unused = before if self._forks is forks else forks
            if unused is not None:
                await unused.close()

    def _fork_server(self) -> ForkServer | None:
        return ForkServer(self._command("forkserver"), self._environment) if possible() else None

    def _worker(self, number: int, forks: ForkServer | None) -> Child:
        alone = executed(self._command("worker", "--number", str(number)), self._environment)
        return Child(f"worker {number}", alone if forks is None else forks.worker(number))

    def _command(self, *words: str) -> list[str]:
        command = [sys.executable, "-m", "classroom", *words]
        return command if self._config is None else [*command, "--config", str(self._config)]

    async def _keep(self, child: Child) -> None:
        """Start it, and again whenever it dies."""
        await child.start()
        self._spawn(self._watch(child))

    async def _watch(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while child.process is not None:
            begun = loop.time()
            code = await child.process.wait()
            if self._stopping.is_set() or child in self._being_replaced:
                self._being_replaced.discard(child)
                return
            pause = FIRST_PAUSE if loop.time() - begun > STEADY else min(LAST_PAUSE, pause * 2)
            log.error("died; starting it again", name=child.name, code=code, after=pause)
            if len(child.words) == 3:  # it had come so far as to say its name
                self._spawn(bury(self._environment["CLASSROOM_CLUSTER_REDIS"], child.words.pop()))
            await asyncio.sleep(pause)
            while not self._stopping.is_set() and child not in self._being_replaced:
                try:
                    await child.start()
                    if child in self._being_replaced:  # in the meantime
                        await child.end(self._settings.cluster.drain_seconds)
                    break
                except RuntimeError as error:  # why, the worker has said by itself
                    pause = min(LAST_PAUSE, pause * 2)
                    log.error(
                        "does not start; trying again",
                        name=child.name,
                        after=pause,
                        error=str(error.__cause__ or error),
                    )
                    await asyncio.sleep(pause)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)


def supervise(settings: Settings, config: Path | None, started: Callable[[int], None]) -> int:
    """Run several workers until told to stop; the exit code."""
    set_up(settings.log)
    try:
        asyncio.run(Supervisor(settings, config, started).run())
    except RuntimeError as error:
        sys.stderr.write(f"{error}; see the messages above.\n")
        return 1
    return 0


def _environment(settings: Settings, redis: str, port: int) -> dict[str, str]:
    """The workers' environment: what holds for this process, and what it has found out."""
    return {
        # The journal's threads hardly ever allocate: an arena of memory for each of them would be wasted.
        "MALLOC_ARENA_MAX": "2",
        **os.environ,
        **handed_on(settings),
        "CLASSROOM_CLUSTER_REDIS": redis,
        "CLASSROOM_SERVER_PORT": str(port),
    }


def _private_redis(data: Path) -> tuple[Child, str]:
    """A redis-server of our own on a Unix socket. Raises `SettingsError` where there is none to run."""
    program = shutil.which("redis-server")
    if program is None:
        raise SettingsError(
            "Several workers talk over Redis: give --redis URL, or install it here (apt-get install redis-server)."
        )
    folder = data.resolve() / "run"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "redis.sock"
    if len(str(path)) > 100:
        raise SettingsError(f"The data folder's path is too long for a Unix socket in it: {folder}.")
    password = secrets.token_hex(32)
    config = folder / "redis.conf"  # in which the password stands: everybody on the machine sees the command
    config.unlink(missing_ok=True)
    with open(os.open(config, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(f"requirepass {password}\n")
    command = [program, str(config), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder), "--loglevel", "warning"]
    return Child("redis-server", executed(command, dict(os.environ), says=False)), f"unix://:{password}@{path}"


async def _until_there(url: str) -> None:
    path = url.partition("@")[2]
    for _ in range(200):
        try:
            _, writer = await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise RuntimeError("the private redis-server did not start")
