"""The buses that the conformance suite runs against: an adapter is added here and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from classroom.bus.local import LocalBus
from classroom.bus.port import Bus
from classroom.bus.redis import open_bus

Buses = tuple[Bus, Bus]


@pytest.fixture(params=["local", "redis", "cluster"])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[Buses]:
    """Two ends of one bus, as two workers hold them; within one process both are the same."""
    if request.param == "local":
        bus = LocalBus()
        yield bus, bus
        await bus.close()
        return
    url: str = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    here, there = await open_bus(url, "edge-1"), await open_bus(url, "edge-2")
    yield here, there
    await here.close()
    await there.close()
