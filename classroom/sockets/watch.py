"""Sessions that have fallen silent.

What always holds: a session whose pong has not come in time is ended, and one that has ended is forgotten, within
`EVERY` seconds. All of them are looked at in one go. engine.io's own task, in whose place this stands, looks at one after
the other with a timer and a task for each, which at 20,000 members takes a tenth of a core.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import time
from typing import Any

import structlog

log = structlog.get_logger(__name__)

EVERY = 5.0  # seconds between two looks


async def watch(engine: Any) -> None:
    """Watch over the sessions of an `engineio.AsyncServer` until it is shut down."""
    engine.service_task_event = stop = asyncio.Event()
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY)
        latest = time() - engine.ping_timeout
        for sid, session in list(engine.sockets.items()):
            try:
                if session.closed:
                    engine.sockets.pop(sid, None)
                elif not session.closing and session.last_ping and session.last_ping < latest:
                    await session.check_ping_timeout()
            except Exception:
                log.exception("a silent session could not be ended")
