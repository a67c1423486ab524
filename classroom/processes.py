"""A process beside this one that must run: started, waited for until it is ready, started again, ended.

What always holds: it ends when this process does, however that ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import structlog

from classroom.config import Settings

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
log = structlog.get_logger(__name__)

READY = "ready"  # a process's word when it can be used; a worker says its port and its name among the workers too
START_SECONDS = 60.0
FIRST_PAUSE = 0.1  # seconds until a process that died is started again; doubled each time in a row
LAST_PAUSE = 10.0
STEADY = 5.0  # seconds that a process must have run for its next death to count as a first one


class Child:
    """One process that must run. `line`: what it says on standard output when it is ready; None: nothing is waited for."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], line: str | None) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._line = line
        self.words: list[str] = []  # of the line that it said
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises `RuntimeError` when it ends before."""
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            # Ctrl-C at the terminal is for the supervisor, which then stops the others in the right order.
            start_new_session=True,
            preexec_fn=_end_with_parent,
            stdout=asyncio.subprocess.PIPE if self._line else asyncio.subprocess.DEVNULL,
        )
        if self._line is None or self.process.stdout is None:
            return
        try:
            async with asyncio.timeout(START_SECONDS):
                async for line in self.process.stdout:
                    self.words = line.decode().split()
                    if self._line in self.words[:1]:
                        return
        except TimeoutError:
            await self.end(0)
        raise RuntimeError(f"{self.name} did not start")

    async def end(self, patience: float) -> None:
        """Tell it to drain; after `patience` seconds it is killed."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), patience)
            except TimeoutError:
                log.warning("does not end; killed", name=self.name, pid=self.process.pid)
                self.process.kill()
                await self.process.wait()


async def keep(child: Child) -> None:
    """Have a process run for good, whatever becomes of it; others do not wait for it."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while True:
        begun = loop.time()
        try:
            await child.start()
            if child.process is not None:
                log.error("died; starting it again", name=child.name, code=await child.process.wait())
        except RuntimeError as error:
            log.error(str(error))
        pause = FIRST_PAUSE if loop.time() - begun > STEADY else min(LAST_PAUSE, pause * 2)
        await asyncio.sleep(pause)


def media_process(settings: Settings, config: Path | None) -> Child:
    """The process of the live stream, not yet started."""
    command = [sys.executable, "-m", "classroom", "media"]
    if config is not None:
        command += ["--config", str(config)]
    environment = {**os.environ, "DATA": settings.storage.data}
    if settings.cluster.redis:  # as a flag may have said it
        environment["CLASSROOM_CLUSTER_REDIS"] = settings.cluster.redis
    return Child("media process", command, environment, READY)


def _end_with_parent() -> None:
    """In the child: be told to stop when the supervisor dies, however it dies (Linux; prctl(2), PR_SET_PDEATHSIG)."""
    if _LIBC is not None:
        _LIBC.prctl(1, signal.SIGTERM)
