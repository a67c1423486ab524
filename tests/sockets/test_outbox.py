"""The outbox: engine.io's queue and `poll` for one member, lighter."""

from __future__ import annotations

import asyncio
import inspect

from engineio.async_socket import AsyncSocket

from classroom.sockets.outbox import Outbox


async def test_packets_leave_in_the_order_in_which_they_came_those_from_before_first() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queue.put_nowait("open")
    outbox = Outbox(queue)
    await outbox.put("a")
    outbox.put_nowait("b")

    assert outbox.qsize() == 3
    assert await outbox.poll() == ["open", "a", "b"]
    assert outbox.qsize() == 0


async def test_a_reader_that_waits_is_woken_once_with_all_that_came_in_the_same_turn() -> None:
    outbox = Outbox(asyncio.Queue())
    polled = asyncio.create_task(outbox.poll())
    await asyncio.sleep(0)

    outbox.put_nowait("a")
    outbox.put_nowait("b")

    assert await polled == ["a", "b"]


async def test_the_end_comes_after_what_was_put_before_it() -> None:
    outbox = Outbox(asyncio.Queue())
    for packet in ("a", None, "late"):
        outbox.put_nowait(packet)

    assert await outbox.poll() == ["a"]
    assert await outbox.poll() == []


async def test_whoever_joins_goes_on_when_what_was_polled_has_been_written() -> None:
    outbox = Outbox(asyncio.Queue())
    outbox.put_nowait("a")
    joined = asyncio.create_task(outbox.join())
    await outbox.poll()
    await asyncio.sleep(0)
    assert not joined.done()

    reader = asyncio.create_task(outbox.poll())

    await joined
    await outbox.join()
    outbox.put_nowait(None)
    assert await reader == []
    await outbox.join()


async def test_a_reader_that_was_cancelled_loses_nothing() -> None:
    outbox = Outbox(asyncio.Queue())
    reader = asyncio.create_task(outbox.poll())
    await asyncio.sleep(0)
    outbox.put_nowait("a")
    reader.cancel()
    await asyncio.wait([reader])

    assert reader.cancelled()
    assert await outbox.poll() == ["a"]


def test_engineio_uses_of_its_queue_only_what_the_outbox_has() -> None:
    """`WebSocketLink` puts an outbox in place of a session's `queue` and of its `poll`."""
    rest = inspect.getsource(AsyncSocket).replace(inspect.getsource(AsyncSocket.poll), "")
    used = {line.split("self.queue.")[1].split("(")[0] for line in rest.splitlines() if "self.queue." in line}
    assert used == {"put", "join"}
