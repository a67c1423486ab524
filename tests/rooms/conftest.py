"""What the tests of owners, replicas and hubs stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from classroom.bus.local import LocalBus
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from classroom.metrics import Metrics
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from tests.rooms.edge import TICK, Edge
from tests.rooms.shells import Clock, owner_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await open_journal(f"sqlite:///{tmp_path}/journal.db")
    yield opened
    await opened.close()


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    journal = await open_journal(f"sqlite:///{tmp_path}/journal.db")
    bus = LocalBus()
    owner = await owner_of(journal, bus, Clock())
    resynced: list[Session] = []
    replica = Replica("physics", journal, lambda events: hub.events(events), recent=100)
    hub = Hub(replica, Metrics(), Bounds(TICK, 1_000, 0.2), resynced.append)
    await bus.subscribe("physics", replica.hear)
    await replica.load()
    yield Edge(owner, replica, hub, bus, journal, resynced)
    hub.close()
    await replica.stop()
    await owner.stop()
    await journal.close()
