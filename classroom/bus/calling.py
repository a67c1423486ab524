"""Commands to one Redis node, over one connection.

What always holds: answers come back in the order of the commands; a connection on which a call did not end well is never
used again, so no answer is ever taken for another's. redis-py speaks the protocol (handshake, TLS, hiredis); its pools,
retries and pub/sub objects are left out: here one task knows the state of each connection.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

CALL_SECONDS = 4.0  # for connecting, sending and hearing all answers; longer than a Redis that merely pauses
FIRST_PAUSE, LAST_PAUSE = 0.05, 1.0  # seconds between attempts to connect

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

    def reset(self) -> None:
        """It went well."""
        self._pause = FIRST_PAUSE

    async def wait(self) -> None:
        """Wait before the next attempt."""
        pause, self._pause = self._pause, min(self._pause * 2, LAST_PAUSE)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))


class Caller:
    """Calls to one node; those of several tasks are made one after the other."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: AbstractConnection | None = None
        self._lock = asyncio.Lock()
        self._failures = 0

    async def call(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, in order; what Redis refuses has its `ResponseError` as the answer. Raises `Down`."""
        failures = self._failures
        async with self._lock:
            if failures != self._failures:
                # Else a crowd that waits here would find out one after the other, each after the whole time.
                raise Down("a call before this one failed")
            well = False
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    connection = await self._connected()
                    if commands:
                        packed = b"".join(map(_pack, commands))
                        await connection.send_packed_command(packed, check_health=False)
                    answers = [await _answer(connection) for _ in commands]
                well = True
                return answers
            except TROUBLES as error:
                self._failures += 1
                raise Down(str(error) or type(error).__name__) from error
            finally:
                if not well:
                    await self._drop()

    async def close(self) -> None:
        """Let go of the connection, after the call that is under way."""
        async with self._lock:
            await self._drop()

    async def _connected(self) -> AbstractConnection:
        if self._connection is not None and self._connection.is_connected and await self._connection.can_read():
            await self._drop()  # nothing is to be read between calls but that the node has gone
        if self._connection is None:
            self._connection = self._connect()
        if not self._connection.is_connected:
            await self._connection.connect()  # type: ignore[no-untyped-call]
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(timeout=math.inf, disconnect_on_error=False)
    except ResponseError as error:
        return error
