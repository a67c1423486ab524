"""Runs worker processes: a bounded number at once, each watched, and ended past its bounds.

What always holds: the loop never waits for a file to be read; a process has ended, with all that it started, before its run
is over, however that ended (done, refused, out of time, out of memory, the request cancelled).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import msgspec
import structlog
from msgspec.structs import replace

from classroom.config import FileSettings
from classroom.files.tasks import AnyTask, Refused, Report
from classroom.kernel import Rejected

PACKAGES = Path(__file__).parent.parent.parent
LINE = 1 << 16  # bytes of a report
COMMAND = (sys.executable, "-P", "-m", "classroom.files.worker")


log = structlog.get_logger(__name__)


class Workers:
    """`running`: ids of the processes that run now. `hidden`: where data is that they are to see nothing of."""

    def __init__(self, settings: FileSettings, hidden: Iterable[Path] = ()) -> None:
        self._settings = settings
        self._hidden = tuple(map(str, hidden))
        self._free = asyncio.Semaphore(settings.workers)
        self.running: set[int] = set()

    async def run(self, task: AnyTask, seconds: float | None = None) -> AsyncGenerator[Report, None]:
        """What a process reports that does the task, of which it may be silent for `seconds` (missing: as is set).

        Raises `Rejected`: what it refuses; "bad_file" when it ends badly.
        """
        async with self._free, self._process(COMMAND, Path(task.folder)) as process:
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(replace(task, hidden=self._hidden)))
            process.stdin.close()
            async with aclosing(self._reports(process, seconds or self._settings.worker_seconds)) as reports:
                async for report in reports:
                    yield report

    async def one(self, task: AnyTask, seconds: float | None = None) -> Report:
        """The last report of a task that makes one."""
        last: Report | None = None
        async with aclosing(self.run(task, seconds)) as reports:
            async for report in reports:
                last = report
        if last is None:
            raise _died()
        return last

    async def _reports(self, process: asyncio.subprocess.Process, seconds: float) -> AsyncGenerator[Report, None]:
        assert process.stdout is not None
        while True:
            try:
                async with asyncio.timeout(seconds):
                    line = await process.stdout.readline()
            except TimeoutError as error:
                raise _too_slow() from error
            except ValueError as error:  # a line without an end
                raise _died() from error
            if not line:
                break
            try:
                report: Report = msgspec.json.decode(line, type=Report)
            except msgspec.MsgspecError as error:
                raise _died() from error
            if isinstance(report, Refused):
                raise Rejected(report.code, report.message)
            yield report
        code = await process.wait()
        if code != 0:
            log.warning("a file could not be read", exit_code=code)
            raise _died()

    @asynccontextmanager
    async def _process(self, command: Sequence[str], folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
            limit=LINE,
        )
        self.running.add(process.pid)
        try:
            yield process
        finally:
            await asyncio.shield(self._end(process))

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started
        await process.communicate()
        self.running.discard(process.pid)


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours, which has secrets in it."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(PACKAGES),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
    }


def _too_slow() -> Rejected:
    return Rejected("bad_file", "This file takes too long to read.")


def _died() -> Rejected:
    return Rejected("bad_file", "This file cannot be read: it is broken, or takes too much.")
