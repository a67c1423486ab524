"""What every placement keeps of `classroom/bus/placement.py`, seen by a worker that has no others."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from classroom.bus.leases import Leases
from classroom.bus.placement import Alone, Placement


@pytest.fixture(params=["alone", "redis", "cluster"])
async def placement(request: pytest.FixtureRequest) -> AsyncIterator[Placement]:
    """A started placement: an adapter is added here and nowhere else."""
    made: Placement
    if request.param == "alone":
        made = Alone("worker-1")
    else:
        made = Leases(request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url"), "worker-1")
    await made.start()
    yield made
    await made.close()


async def test_every_room_is_at_home_here(placement: Placement) -> None:
    assert placement.worker == "worker-1"
    assert placement.workers() == ["worker-1"]
    assert {placement.home(f"room-{number}") for number in range(100)} == {"worker-1"}


async def test_a_lease_can_be_claimed_renewed_released_and_claimed_again(placement: Placement) -> None:
    assert await placement.claim("r")
    assert await placement.claim("r")
    await placement.release("r")
    await placement.release("r")
    assert await placement.claim("r")


async def test_waking_a_room_at_home_here_calls_the_waker(placement: Placement) -> None:
    await placement.wake("nobody-listens-yet")
    woken: list[str] = []

    async def waker(room: str) -> None:
        woken.append(room)

    placement.on_wake(waker)
    await placement.wake("r")

    assert woken == ["r"]


async def test_closing_twice_is_closing(placement: Placement) -> None:
    await placement.close()
    await placement.close()
