"""Fixtures that start real services: one server of a kind for each pytest process, when a test first asks for it."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from classroom.http import static
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from tests.order import dealt
from tests.running import loops
from tests.services import Postgres, Redis, RedisCluster

# No deadline: how fast an example runs says nothing on a machine that does other things. Each run makes other examples.
settings.register_profile("suite", deadline=None, max_examples=50)
settings.load_profile("suite")
# All that is spoken to is on this machine. Whom else it trusts takes every Python that loads aiohttp a tenth of a second to read.
os.environ["SSL_CERT_FILE"] = os.devnull
loops()  # before other processes of pytest are started


def pytest_collection() -> None:
    """What is loaded and collected stays: nobody need look for garbage in it, neither now nor later."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = dealt(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def ordinary() -> Iterator[None]:
    """No test leaves this process in the real-time class: what it starts later, browsers above all, would starve the rest."""
    yield
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """The built client is read once for all servers of this process: half of what each of them would take to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static, "load", cache(static.load))
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A running PostgreSQL. A test that stops it starts it again."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """An empty database of the test's own."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that is not yet there."""
    return f"sqlite:///{tmp_path}/journal.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
async def journal(journal_url: str) -> AsyncIterator[Journal]:
    """An open, empty journal, once on each kind of database."""
    opened = await open_journal(journal_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A running Redis. A test that stops it starts it again."""
    server = Redis()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """An empty Redis of the test's own (its pub/sub channels are nobody else's either)."""
    redis_server.call("FLUSHALL")
    return redis_server.url


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """A running Redis Cluster of three masters. A test that stops a node starts it again."""
    cluster = RedisCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def cluster_url(redis_cluster: RedisCluster) -> str:
    """An empty Redis Cluster of the test's own."""
    for node in redis_cluster.nodes:
        node.call("FLUSHALL")
    return redis_cluster.url
