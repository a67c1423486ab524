"""However a run ends, it tells what there is, ends soon, and leaves nothing running."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadtest import watch
from loadtest.watch import Watch
from tests.running import ROOT

USERS = 20
SECONDS = 100


class Begun:
    """A run in a session of its own, as a terminal has it; everybody is in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        words = [
            "--scenario",
            "storm",
            "--users",
            str(USERS),
            "--ramp",
            "1",
            "--duration",
            "600",
            "--folder",
            str(folder),
        ]
        # A program that is started with `nohup`, as these tests may be, hands on that it does not hear Ctrl-C.
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "loadtest.run", *words],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )  # fmt: skip
        finally:
            signal.signal(signal.SIGINT, heard)
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if f"joined {USERS}/{USERS}" in line:
                break
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def end(self, seconds: float) -> dict[str, Any]:
        """Wait for it: what it has left as `figures.json`."""
        out, _ = self.process.communicate(timeout=seconds)
        self.said += out
        assert "Traceback" not in self.said, self.said
        found = self.folder / "figures.json"
        return json.loads(found.read_text()) if found.exists() else {}

    @property
    def left(self) -> list[psutil.Process]:
        return [each for each in self.family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def begun(folder: Path) -> Iterator[Begun]:
    run = Begun(folder)
    try:
        yield run
    finally:
        for process in (run.process, *run.left):
            process.kill()
        run.process.wait()


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_a_run_that_is_ended_early_tells_what_there_is(tmp_path: Path, number: signal.Signals, name: str) -> None:
    with begun(tmp_path) as run:
        # Ctrl-C in a terminal reaches the whole group, SIGTERM the one that it is sent to.
        (os.killpg if number == signal.SIGINT else os.kill)(run.process.pid, number)
        whole = run.end(60)
        assert run.process.returncode == 130, run.said
        assert not run.left
    assert "ENDED EARLY" in run.said
    assert (whole["passed"], whole["word"]) == (False, "ended early")
    assert whole["figures"]["joined"] == USERS
    assert f"ended early by {name}" in [line["found"] for line in whole["verdict"] if not line["passed"]]
    assert "ended early" in (tmp_path / "report.html").read_text()


@pytest.mark.timeout(SECONDS)
def test_a_second_ctrl_c_ends_everything_at_once(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.process.stdout is not None
        while "once more ends at once" not in run.said:
            run.said += run.process.stdout.readline()
        began = time.monotonic()
        os.killpg(run.process.pid, signal.SIGINT)
        run.end(20)
        assert run.process.returncode == 130, run.said
        assert time.monotonic() - began < 10
        psutil.wait_procs(run.family, timeout=5)
        assert not run.left


@pytest.mark.timeout(SECONDS)
def test_a_server_that_dies_ends_the_run_soon_with_the_reason(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        serving = next(each for each in run.family if "serve" in each.cmdline())
        serving.kill()
        whole = run.end(60)
        assert run.process.returncode == 1, run.said
        assert not run.left
    short = {line["what"]: line["found"] for line in whole["verdict"] if not line["passed"]}
    assert short["the run went on to its end"] == "the server under test has ended: killed by SIGKILL"
    assert "FELL SHORT" in run.said


def told(**counts: int) -> dict[str, Any]:
    """What the master has told of a run in which nobody is in, begun long ago."""
    return {"inside": 0, "began": 1_000.0, "figures": {"counts": {"1000": counts}, "times": {}}}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY", 0.1)
    monkeypatch.setattr(watch, "GONE_SECONDS", 0.5)


@pytest.mark.usefixtures("hasty")
def test_a_deployment_that_has_gone_is_given_up_after_a_while_and_one_that_has_members_is_not_asked() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        watching = Watch(None, [f"http://127.0.0.1:{unheard.getsockname()[1]}"], "", ramp=1)
        began = time.monotonic()
        while not (why := watching.trouble(told(joined=5))):
            assert time.monotonic() - began < 10
            time.sleep(0.01)
        assert time.monotonic() - began >= 0.5
        assert why.startswith("the server under test has gone: http://127.0.0.1:")
        assert watching.trouble(told(joined=5) | {"inside": 1}) == ""


def test_where_nobody_comes_in_the_reason_that_most_had_ends_the_run() -> None:
    watching = Watch(None, [], "", ramp=1)
    refused = {"failed:HTTP 400 Not an accepted origin.": 5, "failed:closed": 2}
    assert watching.trouble(told(**refused)) == "nobody came in: HTTP 400 Not an accepted origin."
    assert watching.trouble(told(**refused, joined=1)) == ""
    assert watching.trouble(told(**refused, lobby=1)) == ""
    assert watching.trouble(told(**refused) | {"began": time.time()}) == ""
