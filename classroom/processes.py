"""A process beside this one that must run: started, waited for until it is ready, started again, ended.

What always holds: it ends when this process does, however that ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from classroom.config import Settings, handed_on
from classroom.forks import end_with

log = structlog.get_logger(__name__)

READY = "ready"  # a process's word when it can be used; a worker says its port and its name among the workers too
START_SECONDS = 60.0
FIRST_PAUSE = 0.1  # seconds until a process that died is started again; doubled each time in a row
LAST_PAUSE = 10.0
STEADY = 5.0  # seconds that a process must have run for its next death to count as a first one


class Process(Protocol):
    """What is used of a process; `asyncio.subprocess.Process` is one."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...
    def send_signal(self, signal: int) -> None: ...
    def kill(self) -> None: ...


# Starts a process: it, and what it will say on standard output; None: nothing is waited for. Raises `OSError`.
Launch = Callable[[], Awaitable[tuple[Process, asyncio.StreamReader | None]]]


class Child:
    """One process that must run. It is ready when it has said so; `words`: of the line in which it did."""

    def __init__(self, name: str, launch: Launch) -> None:
        self.name = name
        self._launch = launch
        self.words: list[str] = []
        self.process: Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises `RuntimeError` when it ends before."""
        try:
            self.process, said = await self._launch()
        except OSError as error:
            raise RuntimeError(f"{self.name} did not start") from error
        if said is None:
            return
        try:
            async with asyncio.timeout(START_SECONDS):
                async for line in said:
                    self.words = line.decode().split()
                    if READY in self.words[:1]:
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


def executed(command: list[str], environment: dict[str, str], says: bool = True) -> Launch:
    """Starts a program. `says`: it will say on standard output when it is ready."""

    async def launch() -> tuple[Process, asyncio.StreamReader | None]:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            # Ctrl-C at the terminal is for the supervisor, which then stops the others in the right order.
            start_new_session=True,
            preexec_fn=partial(end_with, os.getpid()),
            stdout=asyncio.subprocess.PIPE if says else asyncio.subprocess.DEVNULL,
        )
        return process, process.stdout

    return launch


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
    return Child("media process", executed(command, {**os.environ, **handed_on(settings)}))
