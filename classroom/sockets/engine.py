"""engine.io's part in a WebSocket: what it is to see is handed to its session, what it has is written.

What always holds: a connection that ends takes its session along, and a session that ends, its connection, however silent the
peer is. `converse` stands in place of `AsyncSocket._websocket_handler`, which has a task and a timer for each message that it
waits for, to find out who has fallen silent; `watch.py` does that for all of them at once.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import structlog
from engineio import packet

log = structlog.get_logger(__name__)


class Driver(Protocol):
    """A WebSocket as engine.io knows it."""

    async def wait(self) -> str | bytes:
        """The next message. Raises `OSError` at the end of the connection."""

    async def send(self, message: str | bytes) -> None: ...

    async def close(self) -> None: ...


async def converse(session: Any, driver: Driver) -> None:
    """Until the connection of an `engineio.AsyncSocket` has ended, and the session with it."""
    session.connected = session.upgraded = True
    writing = asyncio.create_task(_write(session, driver))
    try:
        while True:
            message = await driver.wait()
            await session.receive(packet.Packet(encoded_packet=message))
            await asyncio.sleep(0)  # what is written in answer comes before what is read next
    except OSError:
        pass
    except Exception:
        log.exception("a connection failed")
    finally:
        session.queue.put_nowait(None)
        await writing
        await session.close(wait=False, abort=True, reason=session.server.reason.TRANSPORT_CLOSE)


async def _write(session: Any, driver: Driver) -> None:
    """Until the session's queue ends, or the peer is gone."""
    try:
        while packets := await session.poll():
            for one in packets:
                await driver.send(one.encode())
    except ConnectionError:
        pass
    except Exception:
        log.exception("what engine.io has for a member was not written")
    finally:
        await driver.close()
