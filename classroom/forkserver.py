"""Workers forked from one process that has everything loaded: they share its memory, and start without loading anything.

What always holds: a forked worker is the supervisor's own child, and else as if it had been started as a program: no thread, no
event loop, no connection and no file of another's is in it. The fork server outlives no supervisor; workers outlive it. It is a
program of its own, not the supervisor itself, so that a new one has the code that is installed now.

Over a Unix socket, its standard input, it says `READY`, then answers each request for a worker (its number, and along with it the
descriptor that is to be the worker's standard output) with the worker's process id, or nothing where there can be no more
processes. The supervisor's end is `ForkServer`, the other `serve`.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from classroom.processes import LIBC, READY, START_SECONDS, Launch, Process, end_with_parent

PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36  # prctl(2)
log = structlog.get_logger(__name__)
_births = 0  # that are under way, at whichever fork server


class ForkServer:
    """The supervisor's end. The fork server is started when it is first needed, and anew when it has died."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._asking = asyncio.Lock()

    def worker(self, number: int) -> Launch:
        """Starts a worker, which says on standard output when it is ready. Raises `OSError`."""

        async def launch() -> tuple[Process, asyncio.StreamReader]:
            async with self._asking:
                try:
                    if not self._alive():
                        await self._start()
                    return await self._fork(number)
                except BaseException:
                    self._drop()  # whatever it is at, an answer that comes late must not be taken for the next one's
                    raise

        return launch

    async def close(self) -> None:
        """End it. Workers stay."""
        process = self._process
        self._drop()
        if process is not None:
            await process.wait()

    def _alive(self) -> bool:
        """Whether it is there: by its end of the socket, which tells that it has died before asyncio does."""
        if self._socket is None:
            return False
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:  # it says nothing unasked
            return True
        except OSError:
            return False

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        self._socket = self._process = None

    async def _start(self) -> None:
        await self.close()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        if await self._answer() != READY:
            raise ConnectionError("the fork server did not start")
        log.info("workers are forked from a fresh process", pid=self._process.pid)

    async def _fork(self, number: int) -> tuple[Process, asyncio.StreamReader]:
        assert self._socket is not None
        reading, writing = os.pipe()
        said = asyncio.StreamReader()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(said), os.fdopen(reading, "rb", 0)
        )
        try:
            with _reaping():
                try:
                    socket.send_fds(self._socket, [str(number).encode()], [writing])
                finally:
                    os.close(writing)
                answer = await self._answer()
            if not answer.isdigit():
                raise ConnectionError("the fork server did not fork")
            return Forked(int(answer)), said
        except BaseException:
            pipe.close()  # a worker that was forked all the same ends when it cannot say that it is ready
            raise

    async def _answer(self) -> str:
        assert self._socket is not None
        async with asyncio.timeout(START_SECONDS):
            return (await asyncio.get_running_loop().sock_recv(self._socket, 64)).decode()


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
def _reaping() -> Iterator[None]:
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


# --- the other end ---------------------------------------------------------------------------------------------------------


def serve(work: Callable[[int], int]) -> int:
    """Fork a worker for each request until the supervisor is gone; the exit code, in a worker that of `work`, told its number.

    What is in memory now the workers share, for as long as they do not write there; the collector is told to leave it alone."""
    supervisor = os.getppid()
    _name("forkserver")
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    _empty_input()
    control.send(READY.encode())
    while True:
        request, (output,) = _receive(control)
        if not request:
            return 0
        pid = _fork(supervisor)
        if pid is None:
            control.close()
            os.dup2(output, 1)
            os.close(output)
            _name(f"worker {int(request)}")
            return work(int(request))
        os.close(output)
        control.send(str(pid or "nothing").encode())


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    request, descriptors, _, _ = socket.recv_fds(control, 64, 1)
    return request, descriptors or [-1]


def _fork(supervisor: int) -> int | None:
    """Fork a child of the supervisor: its process id, 0 where it cannot be; None in the child.

    The one in the middle ends at once, which makes the supervisor, as the nearest that reaps orphans, the child's parent."""
    born, tell = os.pipe()
    wait, go = os.pipe()
    middle = os.fork()
    if middle == 0:
        pid = 0
        try:
            pid = os.fork()
        finally:  # whatever happens, the one in the middle must not go on as a second fork server
            if pid or sys.exc_info()[0] is not None:
                os.write(tell, str(pid).encode())
                os._exit(0)
        for descriptor in (born, tell, go):
            os.close(descriptor)
        os.read(wait, 1)
        os.close(wait)
        _settle(supervisor)
        return None
    os.close(tell)
    os.close(wait)
    os.waitpid(middle, 0)
    os.close(go)  # only now does the child have its new parent
    pid = int(os.read(born, 64) or 0)
    os.close(born)
    return pid


def _settle(supervisor: int) -> None:
    """In the worker: have the parent that it shall have, and end with it."""
    end_with_parent()
    if os.getppid() != supervisor:
        os._exit(1)
    os.setsid()


def _empty_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _name(title: str) -> None:
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
