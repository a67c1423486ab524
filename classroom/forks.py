"""Processes that are forked from one that has everything loaded: whose children they are, and how each end is learned of.

What always holds: a child shares its parent's memory for as long as neither writes there; it ends when its parent does, however
that ends and however soon; its end is told by the process that it is the child of, which reaps it.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36  # prctl(2)
_births = 0  # that are under way, at whichever fork server


def fork(by: int) -> int:
    """Fork a child of this process, which ends with it by the signal `by`: its process id; 0 in the child."""
    gc.freeze()  # what the collector does not touch stays shared
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        end_with(parent, by)
    return pid


def fork_for(parent: int) -> int:
    """Fork a child of this process's own parent, which is `reaping`: its process id; 0 in the child, which has a session of its
    own. Raises `OSError` where there can be no more processes.

    The one in the middle ends at once, which makes `parent`, as the nearest that reaps orphans, the child's parent."""
    gc.freeze()
    here, there = socket.socketpair()
    with here, there:
        middle = os.fork()
        if middle == 0:
            pid = -1
            try:
                pid = os.fork()
                if pid:
                    there.send(str(pid).encode())
            finally:  # whatever happens, the one in the middle must not go on as a second one of those that fork
                if pid:
                    os._exit(0)
            here.close()
            there.recv(1)  # is closed when the one in the middle has been reaped: only now is `parent` the child's
            end_with(parent)
            os.setsid()
            return 0
        os.waitpid(middle, 0)
        return int(here.recv(64, socket.MSG_DONTWAIT))


def end_with(parent: int, by: int = signal.SIGTERM) -> None:
    """In the child: be sent the signal `by` when the parent dies, however it dies (Linux)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:  # it has died by now
        os._exit(1)


class Forked:
    """A child that another process has forked for us; used as asyncio's own are."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(pid)
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._reap)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, signal: int) -> None:
        """Raises `ProcessLookupError` when it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, signal)  # until it is reaped, nobody else has its id

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _reap(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        try:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            self.returncode = 255  # as asyncio says where it cannot know
        self._ended.set()


def possible() -> bool:
    """Whether this system has what it takes: Linux 5.3 or later, and nothing that forbids it."""
    if LIBC is None or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return _become_reaper(True) and _become_reaper(False)


@contextmanager
def reaping() -> Iterator[None]:
    """Have a worker become a child of this process. For that time alone: what else loses its parent is left to the system."""
    global _births
    _births += 1
    _become_reaper(True)
    try:
        yield
    finally:
        _births -= 1
        if not _births:
            _become_reaper(False)


def _become_reaper(on: bool) -> bool:
    """Whether descendants that lose their parent become children of this process."""
    return LIBC is not None and LIBC.prctl(PR_SET_CHILD_SUBREAPER, int(on)) == 0


def name_process(title: str) -> None:
    """Show in `top` and `ps` what this process is, which else has the name and the command line of the one that it was."""
    if LIBC is None:
        return
    LIBC.prctl(PR_SET_NAME, title.encode())
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return
    # The 48th and 49th, after the process's id and its name: where the kernel reads the command line (proc_pid_stat(5)).
    begin, end = int(fields[45]), int(fields[46])
    words = f"classroom {title}".replace(" ", "\0").encode()
    if begin and end - begin > len(words):
        ctypes.memmove(begin, words.ljust(end - begin, b"\0"), end - begin)
