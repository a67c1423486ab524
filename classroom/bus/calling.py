"""Commands to one Redis node, over one connection.

What always holds: answers come back in the order of the commands; a connection that has failed, or kept an answer back for too
long, is never used again, so no answer is ever taken for another's. No connection is given up while answers that came in time
may lie unread, because this worker was held up. redis-py speaks the protocol (handshake, TLS, hiredis); its
pools, retries and pub/sub objects are left out: here one task knows the state of each connection.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, RedisError, ResponseError

CALL_SECONDS = 4.0  # for connecting, sending and hearing all answers; longer than a Redis that merely pauses
MOMENT = 0.25  # seconds for reading what has come, after this worker was held up
FIRST_PAUSE, LAST_PAUSE = 0.05, 1.0  # seconds between attempts to connect
DIFFERENT = 20  # troubles that are told before it is well again

Connect = Callable[[], AbstractConnection]
Command = tuple[str | bytes | int, ...]
TROUBLES = (RedisError, OSError, TimeoutError, EOFError)
_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]  # a seventh of redis-py's time


class Down(Exception):
    """The node does not answer. Whether it carried out what it was sent is not known."""


class Backoff:
    """Pauses between attempts: from 50 ms doubling up to 1 s, each drawn from its upper half so that workers spread."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE

    @property
    def grown(self) -> bool:
        """Whether there was a pause since it last went well."""
        return self._pause != FIRST_PAUSE

    def reset(self) -> None:
        """It went well."""
        self._pause = FIRST_PAUSE

    async def wait(self) -> None:
        """Wait before the next attempt."""
        pause, self._pause = self._pause, min(self._pause * 2, LAST_PAUSE)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """As `asyncio.timeout`; but where the loop stood still until that time, it goes on for a moment. Timers come before sockets:
    what came in time would be taken for missing."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        last = loop.call_later(seconds - MOMENT, lambda: limit.reschedule(loop.time() + MOMENT))
        try:
            yield limit
        finally:
            last.cancel()


class _Call(NamedTuple):
    """So many answers are wanted; `told` once they are there. Who waited for them may be gone."""

    wanted: int
    answers: list[Any]
    told: asyncio.Future[list[Any]]


class Caller:
    """Calls to one node. Those of several tasks are on their way at once, so that none waits for the answers to another."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: AbstractConnection | None = None
        self._connecting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._line: deque[_Call] = deque()  # of those that have been sent, in order
        self._failures = 0

    async def call(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order; what Redis refuses has its `ResponseError` as the answer. Raises `Down`. Who stops waiting stops
        nothing."""
        packed = b"".join(map(_pack, commands))  # first: what cannot be sent must not stand in line
        connection = self._connection
        try:
            async with patience(CALL_SECONDS) as limit:
                if connection is None or not connection.is_connected:
                    connection = await self._connected(limit)
                if not commands:
                    return []
                call = _Call(len(commands), [], asyncio.get_running_loop().create_future())
                # `send_packed_command` also waits until the node takes it, and gives the connection up where its caller is
                # cancelled meanwhile. Here everybody waits for the answers anyway.
                assert connection._writer is not None
                connection._writer.write(packed)
                self._line.append(call)
                return await call.told
        except TROUBLES as error:
            self._fail(connection, error)
            raise Down(words(error)) from error

    async def close(self) -> None:
        """Let go of the connection, after the calls that are under way."""
        async with self._connecting:
            if self._line:
                await asyncio.wait([call.told for call in self._line])
            reading = self._reading
            self._fail(self._connection, Down("closed"))
            if reading is not None:
                await asyncio.gather(reading, return_exceptions=True)

    async def _connected(self, limit: asyncio.Timeout) -> AbstractConnection:
        """The connection, made where there is none. `limit`: of who asks."""
        failures = self._failures
        async with self._connecting:
            if failures != self._failures:
                # Else a crowd that waits here would find out one after the other, each after the whole time.
                raise Down("a call before this one failed")
            if self._connection is not None and not self._connection.is_connected:
                self._fail(self._connection, Down("the connection is lost"))
            if self._connection is None:
                connection = self._connect()
                try:
                    await connection.connect()  # type: ignore[no-untyped-call]
                except BaseException as error:
                    if limit.expired() or not isinstance(error, asyncio.CancelledError):
                        self._failures += 1  # who stops waiting says nothing of the node
                    await connection.disconnect(nowait=True)
                    raise
                self._connection = connection
                self._reading = asyncio.create_task(self._read(connection), name="redis answers")
            return self._connection

    async def _read(self, connection: AbstractConnection) -> None:
        try:
            while True:
                answer = await _answer(connection)
                if not self._line:
                    raise EOFError("an answer that nobody has asked for")
                call = self._line[0]
                call.answers.append(answer)
                if len(call.answers) == call.wanted:
                    self._line.popleft()
                    if not call.told.done():
                        call.told.set_result(call.answers)
        except TROUBLES as error:
            self._fail(connection, error)
        finally:
            await connection.disconnect(nowait=True)

    def _fail(self, connection: AbstractConnection | None, error: Exception) -> None:
        """The connection is of no use any more, and whoever waits for an answer gets none."""
        if connection is None or connection is not self._connection:
            return
        self._failures += 1
        self._connection = None
        line, self._line = self._line, deque()
        for call in line:
            if not call.told.done():
                call.told.set_exception(Down(words(error)))
                call.told.exception()  # looked at here: one whose call was never sent does not wait for it
        reading, self._reading = self._reading, None
        if reading is not None and reading is not asyncio.current_task():
            reading.cancel()


def heard(answers: list[Any]) -> list[Any]:
    """The answers, where Redis has refused nothing. Raises the first `ResponseError` among them."""
    for answer in answers:
        if isinstance(answer, ResponseError):
            raise answer
    return answers


def words(error: Exception) -> str:
    """What is wrong, for a person who can mend it."""
    if isinstance(error, AuthenticationError):
        return f"{error} Give cluster.redis its password: redis://user:password@host"
    return str(error) or type(error).__name__


class Complaints:
    """Says whether a trouble is new, so that one that lasts is told once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def is_new(self, trouble: str) -> bool:
        """Whether it has not been asked about since the last `over`. Of so many different ones no more are new."""
        if trouble in self._told or len(self._told) >= DIFFERENT:
            return False
        self._told.add(trouble)
        return True

    def over(self) -> bool:
        """All is well. Whether there was any trouble."""
        was, self._told = bool(self._told), set()
        return was


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(timeout=math.inf, disconnect_on_error=False)
    except ResponseError as error:
        return error
