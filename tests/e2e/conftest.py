"""A built client, and for each pytest process one real browser and one real server, at which each test has a class of its own.

A browser belongs to the event loop that it was started in: tests here run in the session's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.people import COARSE, COARSE_FLAG, People, a_browser, need_client
from tests.running import Class, Subprocess, serving_alone

NUMBERS = count(1)


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The client is there to be served."""
    need_client()


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subprocess]:
    """A server as `classroom serve` starts it but for the media process, which has its own tests."""
    with serving_alone(tmp_path_factory.mktemp("school"), media_enabled=False) as running:
        yield running


@pytest.fixture(scope="session")
def airing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subprocess]:
    """A server with its media process."""
    with serving_alone(tmp_path_factory.mktemp("airing")) as running:
        yield running


@pytest.fixture
def on_air(airing: Subprocess) -> Class:
    """A class at that server, which is yet to be founded."""
    return Class(airing, f"class-{next(NUMBERS)}")


@pytest_asyncio.fixture(loop_scope="session")
async def server(school: Subprocess) -> Class:
    """A class at that server in which nobody has been."""
    if not school.running:  # a test that failed has left it stopped
        school.start()
    made = Class(school, f"class-{next(NUMBERS)}")
    await made.found()
    return made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A browser in which nobody has been; what people do in it is theirs alone."""
    async with a_browser(COARSE_FLAG) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def people(chromium: Browser) -> AsyncIterator[People]:
    """People who come to a browser. At the end, none of their pages may have complained about anything."""
    made = People(chromium, COARSE)
    yield made
    assert made.complaints == []
    await made.go()
