"""The journal's transactions on PostgreSQL, over asyncpg by SQLAlchemy's `run_sync`. What always holds is in `engines.py`.

A file of its own, since SQLAlchemy's asyncio loads its whole mapper of objects: a tenth of the time that a server on
SQLite takes to start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from classroom.config import SettingsError
from classroom.journal import migrations
from classroom.journal.engines import BUSY_SECONDS, translated
from classroom.journal.port import Told, Unavailable
from classroom.journal.queries import ByAlchemy, Query

T = TypeVar("T")

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 15
POSTGRES_CONNECTIONS = 10
# What may stand in the URL's query: what asyncpg reads only there, as libpq does, and what it takes as arguments.
IN_URL = (
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "sslnegotiation", "application_name"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
)
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
NUMBERS = (
    *("prepared_statement_cache_size", "statement_cache_size"),
    *("max_cached_statement_lifetime", "max_cacheable_statement_size"),
)
TEXTS = (
    *("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile"),
    *("target_session_attrs", "krbsrvname", "gsslib"),
)
_MIGRATION_LOCK = 0x636C617373  # any number that every worker agrees on


class PostgresStore:
    """A pool of asyncpg connections."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = _postgres_engine(url)
        # A read is one statement and needs no BEGIN and COMMIT, a round trip each.
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def read(self, function: Callable[[Connection], T]) -> T:
        return await self._run(self._transaction(self._reader, function))

    async def query(self, function: Callable[[Query], T]) -> T:
        return await self.read(lambda connection: function(ByAlchemy(connection)))

    async def write(self, function: Callable[[Connection], T]) -> T:
        return await self._run(self._transaction(self._engine, function))

    def submit(self, function: Callable[[Connection], None], told: Told) -> None:
        if self._closed:
            raise Unavailable("the journal is closed")
        self._begin(self._transaction(self._engine, function)).add_done_callback(partial(_tell, told))

    async def migrate(self) -> None:
        def locked(connection: Connection) -> None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            migrations.upgrade(connection)

        if await self.read(migrations.current):
            return
        # A large table takes longer than any statement that members wait for.
        patient = _postgres_engine(self._url, None)
        try:
            await self._run(self._transaction(patient, locked))
        finally:
            await patient.dispose()

    async def close(self) -> None:
        self._closed = True
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._engine.dispose()

    async def _transaction(self, engine: AsyncEngine, function: Callable[[Connection], T]) -> T:
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(function)
        except Exception as error:
            told = translated(error)
            if told is error:
                raise
            raise told from error

    async def _run(self, transaction: Coroutine[Any, Any, T]) -> T:
        """Let `transaction` run to its end in a task of its own, whatever becomes of the caller."""
        if self._closed:
            transaction.close()
            raise Unavailable("the journal is closed")
        return await asyncio.shield(self._begin(transaction))

    def _begin(self, transaction: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(transaction)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # looked at here, because a cancelled caller never will


def _tell(told: Told, task: asyncio.Task[None]) -> None:
    error = Unavailable("the process ends") if task.cancelled() else task.exception()
    told(error if error is None or isinstance(error, Exception) else Unavailable(str(error)))


def _arguments(url: URL) -> tuple[URL, dict[str, Any]]:
    """The URL, and beside it what asyncpg takes in another form than SQLAlchemy would hand it on in. Raises `SettingsError` for
    what neither knows."""
    query = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    for name, value in query.items():
        if name not in (*IN_URL, *NUMBERS, *TEXTS):
            raise SettingsError(
                f"the URL of the PostgreSQL database has {name!r}, which is not known here; leave it out"
            )
        if name == "sslmode" and value not in MODES:
            raise SettingsError(
                f"sslmode in the URL of the PostgreSQL database is {value!r}; there are {', '.join(MODES)}"
            )
        if name in NUMBERS and not value.isdecimal():
            raise SettingsError(f"{name} in the URL of the PostgreSQL database must be a whole number")
    given: dict[str, Any] = {name: int(query[name]) for name in NUMBERS if name in query}
    in_url = {name: query[name] for name in IN_URL if name in query}
    if in_url:
        given["dsn"] = f"postgresql://?{urlencode(in_url)}"
    return url.difference_update_query(in_url), given


def _postgres_engine(url: URL, seconds: float | None = STATEMENT_SECONDS) -> AsyncEngine:
    """`seconds`: that a statement may take."""
    url, more = _arguments(url)
    engine = create_async_engine(
        url,
        pool_size=POSTGRES_CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": CONNECT_SECONDS, "command_timeout": seconds, **more},
    )

    def check(connection: Any, _record: Any, _proxy: Any) -> None:
        # asyncpg knows of a closed socket without a round trip, which SQLAlchemy's own pre-ping would take.
        if connection.driver_connection.is_closed():
            raise DisconnectionError("the server closed the connection")

    event.listen(engine.sync_engine, "checkout", check)
    return engine
