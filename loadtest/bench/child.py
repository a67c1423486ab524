"""A process under test or a crowd of members, told what to do by lines of JSON.

What always holds: every question has an answer within its time or raises; a child never outlives the benchmark, since it
ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent.parent


class ChildFailed(Exception):
    """A child did not answer, or ended. Carries the end of what it wrote."""


class Child:
    """Starts `command` and waits until it says that it is ready (`hello` holds what it said)."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float = 30
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
        )
        assert self._process.stdout is not None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._rest = b""
        self.pid = self._process.pid
        try:
            self.hello = self._answer(timeout)
        except BaseException:
            self.close()
            raise

    @classmethod
    def python(cls, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Self:
        """A child that runs one of our modules."""
        return cls([sys.executable, "-m", module, *arguments], environment)

    def ask(self, op: str, timeout: float = 60, **values: Any) -> dict[str, Any]:
        """Have the child do `op`. Raises `ChildFailed`."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"op": op, **values}).encode() + b"\n")
        return self._answer(timeout)

    def cpu(self) -> float:
        """Seconds of user and system time that the child has used, all its threads together."""
        return float(self.ask("usage")["cpu"])

    def idle(self, seconds: float = 1.0) -> float:
        """Seconds of CPU per second that it burns when nothing is asked of it."""
        before, begun = self.cpu(), time.monotonic()
        time.sleep(seconds)
        return (self.cpu() - before) / (time.monotonic() - begun)

    def settle(self, below: float = 0.04, patience: float = 20.0) -> None:
        """Wait until what it was last asked has been digested: until it is as good as idle."""
        until = time.monotonic() + patience
        while time.monotonic() < until and max(self.idle(0.5), self.idle(0.6)) > below:
            pass

    def close(self) -> None:
        """End the child."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, timeout: float) -> dict[str, Any]:
        until = time.monotonic() + timeout
        while b"\n" not in self._rest:
            if not self._selector.select(max(0.0, until - time.monotonic())):
                raise ChildFailed(f"no answer within {timeout:g} s{self._last_words()}")
            assert self._process.stdout is not None
            data = os.read(self._process.stdout.fileno(), 1 << 20)
            if not data:
                raise ChildFailed(f"it has ended{self._last_words()}")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ChildFailed(f"{answer['error']}{self._last_words()}")
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        words = self._errors.read()[-2_000:].decode(errors="replace").strip()
        return f"; it said:\n{words}" if words else ""
