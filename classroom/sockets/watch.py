"""Sessions that have fallen silent, and the pings that find out.

What always holds: a session is pinged when its interval has passed since its last pong; one whose pong has not come in time
is ended, and one that has ended is forgotten, within `EVERY` seconds, whatever the machine's clock is set to meanwhile. All
of them are looked at in one go. engine.io's own
tasks, in whose place these stand, take a timer and a task for each session: of 20,000 members a fifth of a core, and a
twentieth of their memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic, time
from typing import Any

import structlog
from engineio import packet
from engineio.async_socket import AsyncSocket

log = structlog.get_logger(__name__)

EVERY = 5.0  # seconds between two looks
STEP = 0.25  # seconds between two times that pings are sent
OFFSET = time() - monotonic()


def steady() -> float:
    """What the machine's clock would show had nobody set it since this process began: engine.io compares with that clock."""
    return monotonic() + OFFSET


class Pacer:
    """Pings the sessions of an `engineio.AsyncServer`. `ping` writes a ping to a session by itself, or says that it cannot."""

    def __init__(self, engine: Any, ping: Callable[[Any], bool]) -> None:
        self._engine = engine
        self._ping = ping
        self._due: deque[tuple[float, Any]] = deque()  # all wait equally long: in order of time
        self._timer: asyncio.TimerHandle | None = None
        self._start = engine.start_background_task
        engine.start_background_task = self._begin

    def _begin(self, target: Any, *args: Any, **kwargs: Any) -> Any:
        """engine.io wants a task begun: that which sleeps until a session's next ping is not."""
        if getattr(target, "__func__", None) is not AsyncSocket._send_ping:
            return self._start(target, *args, **kwargs)
        loop = asyncio.get_running_loop()
        self._due.append((loop.time() + self._engine.ping_interval, target.__self__))
        if self._timer is None:
            self._timer = loop.call_later(STEP, self._go)
        return None

    def _go(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        while self._due and self._due[0][0] <= now:
            _, session = self._due.popleft()
            if session.closing or session.closed:
                continue
            session.last_ping = steady()
            try:
                if not self._ping(session):
                    self._start(partial(session.send, packet.Packet(packet.PING)))
            except Exception:
                log.exception("a session could not be pinged")
        if self._due:
            self._timer = loop.call_later(STEP, self._go)

    def close(self) -> None:
        """Ping nobody any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()


async def watch(engine: Any) -> None:
    """Watch over the sessions of an `engineio.AsyncServer` until it is shut down."""
    engine.service_task_event = stop = asyncio.Event()
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY)
        latest = steady() - engine.ping_timeout
        for sid, session in list(engine.sockets.items()):
            try:
                if session.closed:
                    engine.sockets.pop(sid, None)
                elif not session.closing and session.last_ping and session.last_ping < latest:
                    await session.close(wait=False, abort=False, reason=engine.reason.PING_TIMEOUT)
            except Exception:
                log.exception("a silent session could not be ended")
