"""The bus within one process.

What always holds: a message is handed over by reference (messages never change), during `publish` and in its order;
nothing is remembered of a room that nobody subscribes to or serves. What a handler raises is logged and stops no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from classroom.bus.port import SEND_SECONDS, Bus, Cancel, Handler, Message, Reply, Request, Server, Unreachable

_log = structlog.get_logger(__name__)


class LocalBus(Bus):
    """`Bus` for a single worker: its rooms are owned and followed in the same process."""

    def __init__(self) -> None:
        # Handlers and servers stand under a key of their own, so that the same function may be given twice.
        self._handlers: dict[str, dict[object, Handler]] = {}
        self._servers: dict[str, tuple[object, Server, Callable[[], None] | None]] = {}
        self._asked: dict[asyncio.Task[Reply], str] = {}
        self._closed = False
        self.published = self.received = 0
        self.lag = 0.0

    def publish(self, room: str, message: Message) -> None:
        self.published += 1
        # A copy: a handler may lead to subscribing or cancelling while the others are still being told.
        for handler in tuple(self._handlers.get(room, {}).values()):
            try:
                handler(message)
            except Exception:
                _log.exception("bus handler failed", room=room, message=type(message).__name__)

    def alone(self, room: str) -> bool:
        return True

    async def subscribe(self, room: str, handler: Handler) -> Cancel:
        self._check_open()
        key = object()
        self._handlers.setdefault(room, {})[key] = handler

        async def cancel() -> None:
            handlers = self._handlers.get(room, {})
            handlers.pop(key, None)
            if not handlers:
                self._handlers.pop(room, None)

        return cancel

    async def serve(self, room: str, server: Server, displaced: Callable[[], None] | None = None) -> Cancel:
        self._check_open()
        key = object()
        before = self._servers.get(room)
        self._servers[room] = key, server, displaced
        if before is not None and before[2] is not None:
            before[2]()

        async def cancel() -> None:
            current = self._servers.get(room)
            if current is not None and current[0] is key:
                del self._servers[room]

        return cancel

    def send(self, room: str, request: Request) -> asyncio.Future[Reply]:
        current = self._servers.get(room)
        loop = asyncio.get_running_loop()
        if self._closed or current is None:
            nobody: asyncio.Future[Reply] = loop.create_future()
            nobody.set_exception(Unreachable("the bus is closed" if self._closed else f"nobody serves {room!r}"))
            return nobody
        # The server goes on when the asker stops waiting, as it would on another machine: a command that is being
        # carried out is not torn by a member's disconnecting.
        answer = current[1](request)
        if isinstance(answer, asyncio.Future) and not isinstance(answer, asyncio.Task):
            return answer  # what is under way goes on by itself: there is no need for a task to hold it
        future: asyncio.Future[Reply] = loop.create_future()
        task: asyncio.Task[Reply] = asyncio.ensure_future(answer)
        self._asked[task] = room
        late = loop.call_later(SEND_SECONDS, _fail, future, f"{room!r} did not answer within {SEND_SECONDS:g} s")
        future.add_done_callback(lambda _: late.cancel())
        task.add_done_callback(partial(self._answered, future))
        return future

    async def ask(self, room: str, request: Request, timeout: float) -> Reply:
        self._check_open()
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self.send(room, request))
        except TimeoutError:
            raise Unreachable(f"{room!r} did not answer within {timeout:g} s") from None

    async def ping(self) -> None:
        self._check_open()

    async def close(self) -> None:
        self._closed = True
        self._handlers.clear()
        self._servers.clear()
        under_way = tuple(self._asked)
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)

    def _check_open(self) -> None:
        if self._closed:
            raise Unreachable("the bus is closed")

    def _answered(self, future: asyncio.Future[Reply], task: asyncio.Task[Reply]) -> None:
        room = self._asked.pop(task)
        if task.cancelled() or (error := task.exception()) is not None:
            if not task.cancelled():
                _log.error("bus server failed", room=room, exc_info=error)
            _fail(future, f"{room!r} failed to answer")
        elif not future.done():
            future.set_result(task.result())


def _fail(future: asyncio.Future[Reply], why: str) -> None:
    if not future.done():
        future.set_exception(Unreachable(why))
