"""Workers forked from one process that has everything loaded: they share its memory, and start without loading anything.

What always holds: a forked worker is the supervisor's own child, and else as if it had been started as a program: no thread, no
event loop, no connection and no file of another's is in it. The fork server outlives no supervisor; workers outlive it. It is a
program of its own, not the supervisor itself, so that a new one has the code that is installed now.

Over a Unix socket, its standard input, it says `READY`, then answers each request for a worker (its number, and along with it the
descriptor that is to be the worker's standard output) with the worker's process id; where there can be no more processes it ends.
The supervisor's end is `ForkServer`, the other `serve`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from classroom.forks import Forked, end_with, fork_for, name_process, reaping
from classroom.processes import READY, START_SECONDS, Launch, Process

log = structlog.get_logger(__name__)


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
                    if self._alive():
                        with suppress(BrokenPipeError):  # it was just ending, and has not taken the request
                            return await self._fork(number)
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
                preexec_fn=partial(end_with, os.getpid()),
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
            with reaping():
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


# --- the other end ---------------------------------------------------------------------------------------------------------


def serve(work: Callable[[int], int]) -> int:
    """Fork a worker for each request until the supervisor is gone; the exit code, in a worker that of `work`, told its number."""
    supervisor = os.getppid()
    name_process("forkserver")
    control = socket.socket(fileno=os.dup(0))
    _empty_input()
    control.send(READY.encode())
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        if not request:
            return 0
        (output,) = descriptors
        pid = fork_for(supervisor)
        if pid == 0:
            control.close()
            os.dup2(output, 1)
            os.close(output)
            name_process(f"worker {int(request)}")
            return work(int(request))
        os.close(output)
        control.send(str(pid).encode())


def _empty_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
