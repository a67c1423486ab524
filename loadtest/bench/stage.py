"""What benchmarks have in common: our server on a fresh SQLite file, and crowds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from loadtest.bench.child import Child

Say = Callable[[str], None]

ROOM = "demo"
UNLIMITED = {
    "CLASSROOM_LIMITS_COMMAND_RATE": "1000000",
    "CLASSROOM_LIMITS_COMMAND_BURST": "1000000",
    "CLASSROOM_ROOMS_JOINS_PER_SECOND": "100000",
}


@contextmanager
def our_server(**environment: str) -> Iterator[Child]:
    """Our server with the default settings, save for limits on how fast one may speak and many come in."""
    with TemporaryDirectory(prefix="classroom-bench-") as data:
        settings = {"DATA": data, "PORT": "0", "CLASSROOM_LOG_LEVEL": "warning", **UNLIMITED, **environment}
        with Child.python("loadtest.bench.servers.ours", environment=settings) as server:
            yield server


@contextmanager
def crowd() -> Iterator[Child]:
    """A process of members."""
    with Child.python("loadtest.bench.crowd") as child:
        yield child


def port_of(server: Child) -> int:
    return int(server.hello["port"])
