"""A built client, one real browser for each pytest process, and a real server in a process of its own for each test.

A browser belongs to the event loop that it was started in: tests here run in the session's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.people import People, a_browser, need_client
from tests.running import Subprocess, serving_alone


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The client is there to be served."""
    need_client()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Subprocess]:
    """A server with the room `demo`, as `classroom serve` starts it but for the media process, which has its own tests."""
    with serving_alone(tmp_path / "data", media_enabled=False) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A browser in which nobody has been; what people do in it is theirs alone."""
    async with a_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def people(chromium: Browser) -> AsyncIterator[People]:
    """People who come to a browser. At the end, none of their pages may have complained about anything."""
    made = People(chromium)
    yield made
    assert made.complaints == []
    await made.go()
