"""The bus within one process.

What always holds: a message is handed over by reference (messages never change), during `publish` and in its order;
nothing is remembered of a room that nobody subscribes to or serves. What a handler raises is logged and stops no other.
"""

from __future__ import annotations

import asyncio

import structlog

from classroom.bus.port import Bus, Cancel, Handler, Message, Reply, Request, Server, Unreachable

_log = structlog.get_logger(__name__)


class LocalBus(Bus):
    """`Bus` for a single worker: its rooms are owned and followed in the same process."""

    def __init__(self) -> None:
        # Handlers and servers stand under a key of their own, so that the same function may be given twice.
        self._handlers: dict[str, dict[object, Handler]] = {}
        self._servers: dict[str, tuple[object, Server]] = {}
        self._asked: dict[asyncio.Task[Reply], str] = {}
        self._closed = False

    async def publish(self, room: str, message: Message) -> None:
        # A copy: a handler may lead to subscribing or cancelling while the others are still being told.
        for handler in tuple(self._handlers.get(room, {}).values()):
            try:
                handler(message)
            except Exception:
                _log.exception("bus handler failed", room=room, message=type(message).__name__)

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

    async def serve(self, room: str, server: Server) -> Cancel:
        self._check_open()
        key = object()
        self._servers[room] = key, server

        async def cancel() -> None:
            current = self._servers.get(room)
            if current is not None and current[0] is key:
                del self._servers[room]

        return cancel

    async def ask(self, room: str, request: Request, timeout: float) -> Reply:
        self._check_open()
        current = self._servers.get(room)
        if current is None:
            raise Unreachable(f"nobody serves {room!r}")
        # The server goes on when the asker stops waiting, as it would on another machine: a command that is being
        # carried out is not torn by a member's disconnecting.
        answer = current[1](request)
        if isinstance(answer, asyncio.Future) and not isinstance(answer, asyncio.Task):
            # What is under way goes on without whoever waits for it; so there is no need for a task to hold it.
            try:
                async with asyncio.timeout(timeout):
                    reply: Reply = await answer
                    return reply
            except TimeoutError:
                raise Unreachable(f"{room!r} did not answer within {timeout:g} s") from None
        task: asyncio.Task[Reply] = asyncio.ensure_future(answer)
        self._asked[task] = room
        task.add_done_callback(self._answered)
        done, _ = await asyncio.wait((task,), timeout=timeout)
        if not done:
            raise Unreachable(f"{room!r} did not answer within {timeout:g} s")
        if task.cancelled() or task.exception() is not None:
            raise Unreachable(f"{room!r} failed to answer")
        return task.result()

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

    def _answered(self, task: asyncio.Task[Reply]) -> None:
        room = self._asked.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("bus server failed", room=room, exc_info=error)
