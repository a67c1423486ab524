"""A process that is forked anew when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.running import until

PROGRAM = """
import sys, os, time
from classroom import config, logs, nursery
logs.set_up(config.load(None, {}, {}).log)
nursery.STEADY = float(sys.argv[1])
def work():
    os.write(1, b"%d\\n" % os.getpid())
    if sys.argv[2:]: sys.exit(int(sys.argv[2]))
    time.sleep(60)
sys.exit(nursery.keep_forking(work))
"""


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]:
    """The parent, and the child that has begun to work."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        try:
            yield parent, child_of(parent)
        finally:
            parent.kill()


def child_of(parent: subprocess.Popen[bytes]) -> psutil.Process:
    assert parent.stdout is not None
    return psutil.Process(int(parent.stdout.readline()))


def fill(parent: subprocess.Popen[bytes]) -> None:
    """Leave no room in the pipe to which it writes its log."""
    pipe = os.open(f"/proc/{parent.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(pipe, bytes(4_096))
    os.close(pipe)


def test_a_child_that_is_killed_has_another_in_its_place() -> None:
    with running("0") as (parent, first):
        first.kill()
        second = child_of(parent)
        assert second.pid != first.pid
        assert second.ppid() == parent.pid
        assert parent.poll() is None


def test_who_is_killed_at_once_is_the_supervisor_s_to_judge() -> None:
    with running("30") as (parent, child):
        child.kill()
        assert parent.wait(10) == signal.SIGKILL


def test_a_child_that_ends_by_itself_ends_the_parent_with_its_code() -> None:
    command = [sys.executable, "-c", PROGRAM, "0", "3"]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False, timeout=20).returncode == 3


def test_what_ends_the_parent_ends_the_child() -> None:
    with running("0") as (parent, child):
        parent.terminate()
        assert parent.wait(10) == signal.SIGTERM
        assert not child.is_running()


async def test_who_ends_the_parent_between_two_children_ends_it() -> None:
    # given a parent that has lost its first child and is about to say so, where nobody reads what it says
    with running("0") as (parent, first):
        assert parent.stderr is not None
        fill(parent)
        first.kill()
        await until(lambda: not first.is_running())
        await until(lambda: psutil.Process(parent.pid).status() == psutil.STATUS_SLEEPING)
        # when it is told to end, and then heard
        parent.terminate()
        parent.stderr.read1(1 << 20)
        # then it does not live on with the second
        assert parent.wait(10) == signal.SIGTERM


async def test_a_parent_that_is_killed_takes_its_child_with_it() -> None:
    with running("0") as (parent, child):
        parent.kill()
        await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
