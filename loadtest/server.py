"""A server of our own to test: started for the run, watched from outside, and read when it has stopped.

What always holds: it has ended, with all it started, when its context has; what it keeps is in the run's folder; its CPU and
memory are those that the kernel counts for each of its processes.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

from classroom.config import PREFIX
from classroom.journal.sql import open_journal
from classroom.rooms.replay import replay

ROOT = Path(__file__).parent.parent
START_SECONDS = 90.0
STOP_SECONDS = 90.0

# Raised for the test, where a few addresses and a few hands stand for a whole country.
RAISED = {
    "CLASSROOM_LIMITS_COMMAND_RATE": "1000",
    "CLASSROOM_LIMITS_COMMAND_BURST": "1000",
    "CLASSROOM_LIMITS_CONNECT_RATE": "100000",
    "CLASSROOM_LIMITS_CONNECT_BURST": "1000000",
    "CLASSROOM_LIMITS_REQUEST_RATE": "10000",
    "CLASSROOM_LIMITS_REQUEST_BURST": "100000",
    "CLASSROOM_MEDIA_ENABLED": "false",  # nobody publishes here, and a process that idles says nothing of members
}


class Sample(msgspec.Struct, frozen=True):
    """What one process of the server has used: `cpu` seconds of user and system time so far, `uss` and `pss` bytes (memory
    that is its alone, and with its part of what is shared)."""

    cpu: float
    uss: int
    pss: int


class Server:
    """`python -m classroom serve` with `workers`, everything in `folder`. `program`: what to run instead of `classroom`;
    `python`: the interpreter that runs it, best one without the load tester's packages, since some libraries load whatever
    they find and a worker's memory would be more than an operator's. Without `wait`, `wait_until_ready` is to be called. Raises
    `RuntimeError` where it does not start."""

    def __init__(
        self, folder: Path, workers: int, program: str = "classroom", python: str = sys.executable, *,
        wait: bool = True, **settings: Any,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.api_key = secrets.token_hex(16)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self._settings |= RAISED | {name: str(value) for name, value in os.environ.items() if name.startswith(PREFIX)}
        self._settings |= settings | {"DATA": str(folder / "data"), "PYTHONUNBUFFERED": "1"}
        self._settings |= {"CLASSROOM_AUTH_API_KEY": self.api_key, "CLASSROOM_LOG_FORMAT": "json"}
        self._log = (folder / "server.log").open("ab")
        try:
            # A group of its own: who presses Ctrl-C means the run, which has a server to ask before it stops it.
            self._process = subprocess.Popen(
                [python, "-m", program, "serve", "--port", str(self.port), "--workers", str(workers)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT, env=self._settings, text=True,
                process_group=0,
            )  # fmt: skip
        except OSError as error:
            self._log.close()
            raise RuntimeError(f"the server does not start: {python}: {error.strerror}") from error
        self._ran: dict[int, psutil.Process] = {}
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Until it takes requests; it is stopped where it does not."""
        try:
            self._follow_its_start()
        except BaseException:
            self.close()
            raise

    def _follow_its_start(self) -> None:
        assert self._process.stdout is not None
        until = time.monotonic() + START_SECONDS
        for line in self._process.stdout:
            if "Ctrl-C" in line:
                return
            if time.monotonic() > until:
                break
        raise RuntimeError(f"the server does not start:\n{(self.folder / 'server.log').read_text()[-4_000:]}")

    def sample(self) -> dict[str, Sample]:
        """What each process has used so far, by role and process id: `worker 123`, `forkserver 124` (that workers come from),
        `redis 125`, `supervisor 126`. Nothing once it has ended."""
        if self._process.poll() is not None:
            return {}
        try:
            top = psutil.Process(self._process.pid)
            children = top.children(recursive=True)
        except psutil.Error:
            return {}
        samples = {}
        for process in [top, *children]:
            try:
                role = _role(process, alone=not children)
            except psutil.Error:
                continue
            self._ran[process.pid] = process
            sample = look_at(process.pid)
            if sample is not None:
                samples[f"{role} {process.pid}"] = sample
        return samples

    def cpu(self) -> float:
        """Seconds of CPU that all of its processes have used so far."""
        return sum(sample.cpu for sample in self.sample().values())

    @property
    def database(self) -> str:
        """The journal's address."""
        return self._settings.get("CLASSROOM_STORAGE_DATABASE") or f"sqlite:///{self.folder / 'data' / 'classroom.db'}"

    @property
    def ended(self) -> str:
        """How it ended, in words; empty: it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        """End it at once, with all it started."""
        self._ran.clear()
        with suppress(psutil.Error):
            top = psutil.Process(self._process.pid)
            for process in [top, *top.children(recursive=True)]:
                with suppress(psutil.Error):
                    process.kill()

    def close(self) -> int:
        """Stop it, and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for process in self._ran.values():  # where it was killed, what it had started may be left
            with suppress(psutil.Error):
                process.kill()
        self._ran.clear()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()
        return self._process.returncode


class Replayed(msgspec.Struct):
    """A room folded from its log after the server has stopped. `agrees`: the snapshot is, byte for byte, what the log says.
    `polls`: id to how many votes there are and their tally, counted anew."""

    seq: int
    agrees: bool
    polls: dict[int, dict[str, Any]]


def replayed(database: str, rooms: Sequence[str]) -> dict[str, Replayed]:
    """Fold the rooms' logs, as `classroom replay` does."""

    async def fold() -> dict[str, Replayed]:
        journal = await open_journal(database)
        try:
            return {room: _replayed(await replay(journal, room)) for room in rooms}
        finally:
            await journal.close()

    return asyncio.run(fold())


def _replayed(found: Any) -> Replayed:
    polls = {}
    for id, poll in found.state.polls.polls.items():
        counts = [0] * len(poll.spec.options)
        for ballot in poll.votes.values():
            for option in ballot.choice:
                counts[option] += 1
        polls[id] = {"voters": len(poll.votes), "counts": counts, "closed": msgspec.to_builtins(poll.tally)}
    return Replayed(found.seq, found.snapshot is None or found.snapshot.agrees, polls)


def look_at(pid: int) -> Sample | None:
    """What a process has used so far; None: it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
        return Sample(times.user + times.system, *_memory(pid))
    except (psutil.Error, OSError):
        return None


def _role(process: psutil.Process, alone: bool) -> str:
    words = process.cmdline()
    if any("redis-server" in word for word in words[:1]):
        return "redis"
    if "forkserver" in words:
        return "forkserver"
    return "worker" if alone or "worker" in words else "supervisor"


def _memory(pid: int) -> tuple[int, int]:
    """USS and PSS in bytes, from the kernel's sums (Linux)."""
    uss = pss = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            pss = int(rest.split()[0]) * 1_024
        elif name in ("Private_Clean", "Private_Dirty"):
            uss += int(rest.split()[0]) * 1_024
    return uss, pss


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
