"""What the tests of owners, replicas and hubs stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from classroom.bus.local import LocalBus
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from tests.rooms.shells import Clock


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
