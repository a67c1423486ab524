"""Pings, and the sessions that have fallen silent.

What always holds: a session is pinged once in every interval, within `STEP` seconds; one that has not answered for as long as
it may take is ended, and one that has ended is forgotten, when its turn comes again, whatever the machine's clock is set to
meanwhile. Nobody is ended while what they sent in time may lie unread, because this worker was held up.

How: those who came in the same step stay together, and are looked at and written to in one go (`crowd.py`), once in an interval.
A pong only takes a mark off its session (`reading.py`). engine.io's own tasks, in whose place this stands, take a timer and a
task for each session: of 20,000 members a fifth of a core, and a twentieth of their memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic, time
from typing import Any

import structlog
from engineio import packet
from engineio.async_socket import AsyncSocket

log = structlog.get_logger(__name__)

STEP = 0.25  # seconds between two times that pings are sent
OFFSET = time() - monotonic()


def steady() -> float:
    """What the machine's clock would show had nobody set it since this process began: engine.io compares with that clock."""
    return monotonic() + OFFSET


class Pacer:
    """Pings the sessions of an `engineio.AsyncServer`, and ends those who do not answer. `ping` writes a ping to many, and gives
    back those whom engine.io is to send it to. `seen` tells up to when all that came has been read, of `monotonic`. `last_ping`,
    of a session: when it was sent the one that it has yet to answer."""

    def __init__(self, engine: Any, ping: Callable[[list[Any]], list[Any]], seen: Callable[[], float]) -> None:
        self._engine = engine
        self._ping = ping
        self._due: deque[tuple[float, list[Any]]] = deque()  # all wait equally long: in order of time
        self._timer: asyncio.TimerHandle | None = None
        self._went = 0.0  # when pings were sent before: all that had come by then has been read
        self._going = 0.0  # when they were sent last, of `monotonic`: it may lie unread
        self._seen = seen
        self._ending: set[asyncio.Task[None]] = set()
        self._start = engine.start_background_task
        engine.start_background_task = self._begin

    def _begin(self, target: Any, *args: Any, **kwargs: Any) -> Any:
        """engine.io wants a task begun: that which sleeps until a session's next ping is not. It wants one when a session is new,
        and with each pong that it is shown, which changes nothing here."""
        if getattr(target, "__func__", None) is not AsyncSocket._send_ping:
            return self._start(target, *args, **kwargs)
        if not target.__self__.connected:
            loop = asyncio.get_running_loop()
            due = loop.time() + self._engine.ping_interval
            if not self._due or self._due[-1][0] + STEP < due:
                self._due.append((due, []))
            self._due[-1][1].append(target.__self__)
            if self._timer is None:
                self._timer = loop.call_later(STEP, self._go)
        return None

    def _go(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._seen() >= self._going:
            self._went = self._going + OFFSET
        while self._due and self._due[0][0] <= now:
            left = self._look(self._due.popleft()[1])
            if left:
                self._due.append((now + self._engine.ping_interval, left))
        self._going = monotonic()
        self._timer = loop.call_later(STEP, self._go) if self._due else None

    def _look(self, sessions: list[Any]) -> list[Any]:
        """It is their turn. Those who stay."""
        now = steady()
        left, asked, silent = [], [], []
        for session in sessions:
            if session.closed:
                self._engine.sockets.pop(session.sid, None)
                continue
            left.append(session)
            if session.closing:
                continue
            if not session.last_ping:
                session.last_ping = now
                asked.append(session)
            elif session.last_ping < self._went - self._engine.ping_timeout:
                silent.append(session)
        try:
            for session in self._ping(asked):
                self._start(partial(session.send, packet.Packet(packet.PING)))
        except Exception:
            log.exception("sessions could not be pinged")
        if silent:
            task = asyncio.create_task(self._end(silent))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return left

    async def _end(self, silent: list[Any]) -> None:
        for session in silent:
            try:
                await session.close(wait=False, abort=False, reason=self._engine.reason.PING_TIMEOUT)
            except Exception:
                log.exception("a silent session could not be ended")

    async def run(self) -> None:
        """Until the engine is shut down: in place of its own look at its sessions."""
        self._engine.service_task_event = asyncio.Event()
        await self._engine.service_task_event.wait()
        self.close()

    def close(self) -> None:
        """Ping nobody any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
