"""A built client, a real server in a process of its own, and people in real browsers, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.people import People, browsing, need_client
from tests.running import Subprocess, serving_alone


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The client is there to be served."""
    need_client()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Subprocess]:
    """A server with the room `demo`, as `classroom serve` starts it."""
    with serving_alone(tmp_path / "data") as running:
        yield running


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """People with browsers. At the end, none of their pages may have complained about anything."""
    async with browsing() as made:
        yield made
        assert made.complaints == []
