"""The processes that carry a run's load: Locust's master and its workers.

What always holds: each has ended when `close` or `kill` has, by its process id and nothing else; Ctrl-C in a terminal does not
reach them, so that whoever started them ends them when the time has come.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import msgspec

from loadtest.server import ROOT

STOP_SECONDS = 20.0


class Load:
    """`folder`: of the run, where the master writes and all of them say what they have to; None: there is no master."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, words: list[str], api_key: str) -> None:
        """One more process of Locust's; the first is the master."""
        # Locust warns of any process over 90 % of a core; the report shows what the cores did.
        with (self._folder / "load.log").open("ab") if self._folder else nullcontext(sys.stderr) as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py"), *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, process_group=0,
                env={**os.environ, "CLASSROOM_AUTH_API_KEY": api_key, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self._children.append(child)
        if hasattr(os, "SCHED_BATCH"):
            # A member who has been written to must not take the core from a server that is still writing to the others.
            with suppress(OSError):
                os.sched_setscheduler(child.pid, os.SCHED_BATCH, os.sched_param(0))

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children]

    @property
    def runs(self) -> bool:
        """Whether the master does."""
        return self._children[0].poll() is None

    @property
    def broken(self) -> str:
        """Which process ended before the master did, in words; empty: none."""
        codes = [child.poll() for child in self._children[1:]]
        ended = [code for code in codes if code is not None]
        return f"a load process has ended (exit code {ended[0]}); load.log may tell why" if ended and self.runs else ""

    def told(self) -> dict[str, Any] | None:
        """What the master has told so far."""
        assert self._folder is not None
        try:
            load: dict[str, Any] = msgspec.json.decode((self._folder / "load.json").read_bytes())
        except FileNotFoundError:
            return None
        return load

    def said(self) -> str:
        """The end of what all of them said."""
        assert self._folder is not None
        return (self._folder / "load.log").read_text(errors="replace")[-3_000:].strip()

    def wait(self) -> int:
        """Until all have ended; the largest of their exit codes."""
        return max(child.wait() for child in self._children)

    def kill(self) -> None:
        """End all at once."""
        for child in self._children:
            if child.poll() is None:
                child.kill()

    def close(self) -> None:
        """End those who have not ended yet, and give them time for their last words."""
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        until = time.time() + STOP_SECONDS
        for child in self._children:
            try:
                child.wait(max(0.1, until - time.time()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def worker(host: str, port: int) -> list[str]:
    """The words that make a process one that carries members, for the master there."""
    return ["--worker", "--master-host", host, "--master-port", str(port)]
