"""Every test here runs on uvloop, as the server does, and fails when anything logs an error that it did not expect."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvloop

from classroom.logs import be_calm
from tests.running import Running, serving
from tests.sockets.peer import Peer


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], Any]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    """No error is logged, by whomever. A test that provokes one takes it out of `caplog.get_records`'s list here."""
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    be_calm()
    expected: list[logging.LogRecord] = []
    yield expected
    errors = [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR and r not in expected]
    structlog.reset_defaults()
    assert not errors, "\n".join(f"{r.name}: {r.getMessage()} {r.exc_text or r.exc_info}" for r in errors)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts servers in this process; they are drained at the end."""
    async with AsyncExitStack() as stack:
        started = 0

        async def start(**settings: Any) -> Running:
            nonlocal started
            started += 1
            return await stack.enter_async_context(serving(tmp_path / f"server{started}", **settings))

        yield start


@pytest.fixture
async def server(start: Callable[..., Any]) -> Running:
    """A server with the settings it comes with."""
    running: Running = await start()
    return running


@pytest.fixture(autouse=True)
async def peers_closed() -> AsyncIterator[None]:
    """Every connection that a test opened is closed, also when it failed."""
    Peer.opened.clear()  # those of tests elsewhere, which close their own, on event loops that are gone
    yield
    for peer in Peer.opened:
        await peer.close()
    Peer.opened.clear()
