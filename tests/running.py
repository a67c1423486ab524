"""Real servers for tests: in this process, and as `python -m classroom serve` in a process of its own.

What always holds: a server listens on 127.0.0.1 at a port that was free, keeps everything in the folder it is given, and
has ended when its context has. Settings are given as in the environment, in lower case and without the prefix:
`serving(folder, slow_deadline_seconds=1)`.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from classroom.app import BACKLOG, Classroom, build, drain, front
from classroom.auth import Authenticator
from classroom.config import PREFIX, Settings, load
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from classroom.kernel import Role, Stored
from classroom.rooms.hall import Hall

ROOT = Path(__file__).parent.parent
START_SECONDS = 30
STOP_SECONDS = 20
LOOPS = "LOOPS_IN_C"  # the variable that names their folder
INSTRUCTOR = "demo-instructor"  # who follows the instructor's link
AS_OPERATED = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": f"{Path(__file__).parent / 'serving'}{os.pathsep}{ROOT}",
    "PYTHONDONTWRITEBYTECODE": "",
}


def environment(folder: Path, settings: dict[str, Any]) -> dict[str, str]:
    """The environment's variables that set `settings`, on a port that the system chooses."""

    def text(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        return ",".join(value) if isinstance(value, list | tuple) else str(value)

    variables = {f"{PREFIX}{name.upper()}": text(value) for name, value in settings.items()}
    return {"DATA": str(folder), "PORT": "0", "CLASSROOM_LOG_FORMAT": "json"} | variables


def loops() -> Path:
    """The folder of the loops in C, built once for all servers of this process and of those that it starts from now on."""
    if LOOPS not in os.environ:
        os.environ[LOOPS] = tempfile.mkdtemp(prefix="classroom-native-")
        atexit.register(shutil.rmtree, os.environ[LOOPS], ignore_errors=True)
    return Path(os.environ[LOOPS])


def prepare(folder: Path) -> None:
    """Make the data folder of a server."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "native").exists():
        (folder / "native").symlink_to(loops())


class Running:
    """A server in this process. `port`: where it listens; `classroom`: its parts."""

    def __init__(self, classroom: Classroom, port: int) -> None:
        self.classroom = classroom
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    @property
    def settings(self) -> Settings:
        return self.classroom.house.settings

    def token(self, room: str = "demo", role: str = "instructor", name: str = "Teacher", sub: str | None = None) -> str:
        """A join token, by default the demo room's instructor's."""
        return self.classroom.auth.mint(room, name, Role(role), sub or f"{role}-{name}".lower())

    async def hall(self, room: str = "demo") -> Hall:
        return await self.classroom.house.hall(room)

    async def log(self, room: str = "demo") -> list[Stored]:
        """The room's whole log, as the journal has it."""
        return await read_log(self.classroom.journal, room)


async def read_log(journal: Any, room: str) -> list[Stored]:
    """A room's whole log, from its journal."""
    log: list[Stored] = []
    while page := await journal.read(room, log[-1].meta.seq if log else 0):
        log.extend(page)
    return log


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[Running]:
    """A whole worker in this process, with a room `demo` that students may enter by name; drained at the end."""
    prepare(folder)
    classroom = await build(load(environment=environment(folder, settings)))
    runner = front(classroom.app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=BACKLOG)
    try:
        await site.start()
        await classroom.house.found("demo", "Demo class")
        yield Running(classroom, runner.addresses[0][1])
    finally:
        await site.stop()
        await drain(classroom)
        await runner.cleanup()


class Subprocess:
    """`python -m classroom serve` in a process of its own, started in the folder `place`. `lines`: what it has written to
    standard output when it was ready; what it logs is in the file `log`."""

    def __init__(self, folder: Path, place: Path = ROOT, **settings: Any) -> None:
        self.folder = folder
        self._place = place
        self.log = folder / "log"
        self.lines: list[str] = []
        self.port = 0
        self._variables = environment(folder, settings)
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return once it takes connections. After a stop it comes back at the port it had."""
        prepare(self.folder)
        variables = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "classroom", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._place,
                text=True,
                env=variables | self._variables | {"PORT": str(self.port), **AS_OPERATED},
            )
        assert self.process.stdout is not None
        self.lines = []
        # The links are printed when connections are taken; the process's end closes its standard output.
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        else:
            self.process.wait(STOP_SECONDS)
            raise AssertionError(f"the server does not start:\n{self.log.read_text()}")
        self.port = urlsplit(self.lines[0].split()[-1]).port or 0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def link(self, whose: str) -> str:
        """The link printed for "Instructor" or "Student"."""
        return next(line.split()[-1] for line in self.lines if line.startswith(whose))

    @property
    def instructor_token(self) -> str:
        """The token in the instructor's link."""
        return parse_qs(urlsplit(self.link("Instructor")).fragment)["token"][0]

    def signal(self, number: signal.Signals = signal.SIGINT) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end: the exit code."""
        assert self.process is not None
        code = self.process.wait(STOP_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process is not None and self.running:
            self.process.kill()
        if self.process is not None:
            self.wait()

    @property
    def auth(self) -> Authenticator:
        """Makes tokens that this server accepts."""
        return Authenticator(load(environment=self._variables))

    async def read(self, room: str = "demo") -> list[Stored]:
        """The room's whole log, read from the server's journal (also while it runs)."""
        journal = await self.journal()
        try:
            return await read_log(journal, room)
        finally:
            await journal.close()

    async def journal(self) -> Journal:
        """The server's journal, opened a second time (also while it runs)."""
        return await open_journal(load(environment=self._variables).database_url)


class Class:
    """A room of its own, at a server that has others too; students may enter it by name."""

    def __init__(self, server: Subprocess, room: str = "demo") -> None:
        self.server = server
        self.room = room

    @property
    def url(self) -> str:
        """The server's."""
        return self.server.url

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def path(self) -> str:
        """The page's at the server."""
        return f"/r/{self.room}"

    def link(self, whose: str) -> str:
        """The link for "Instructor" or "Student"."""
        token = f"#token={self.token('Instructor', Role.INSTRUCTOR, INSTRUCTOR)}" if whose == "Instructor" else ""
        return f"{self.url}{self.path}{token}"

    def token(self, name: str, role: Role, sub: str | None = None) -> str:
        return self.server.auth.mint(self.room, name, role, sub)

    async def found(self) -> None:
        """Make the room."""
        journal = await self.server.journal()
        try:
            await journal.create(self.room, "Demo class", int(time.time() * 1_000), open=True)
        finally:
            await journal.close()

    async def read(self) -> list[Stored]:
        """The room's whole log."""
        return await self.server.read(self.room)


@contextmanager
def serving_alone(folder: Path, place: Path = ROOT, **settings: Any) -> Iterator[Subprocess]:
    """A server in a process of its own; killed at the end if it has not ended by itself."""
    server = Subprocess(folder, place, **settings)
    try:
        server.start()
        yield server
    finally:
        server.kill()


async def until(condition: Any, timeout: float = 10.0, every: float = 0.01) -> None:
    """Wait until `condition()` holds; for what has no event of its own to wait for."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} does not come to hold")
        await asyncio.sleep(every)
