"""How a function of a connection gets its connection and its transaction; here on SQLite.

What always holds:

- A function runs in one transaction, and what it wrote is kept whole or not at all, whatever others do in there. A caller
  that is cancelled only stops waiting: the transaction goes on to its end without it, so nothing is left half done and no
  connection is left unusable.
- Reads never wait behind writes.
- What the database cannot do now is raised as `Unavailable`; what the journal itself means (`Conflict`, …) passes
  through.

On SQLite a whole transaction is one step in a thread: nothing of the event loop stands between BEGIN and COMMIT, so a
busy loop does not hold the write lock, and a transaction costs one change of threads. (aiosqlite changes threads for
every call of the driver, about ten a transaction: two to three times the CPU.) There is one writer at a time, and each
commit waits for the disk: what many rooms want to write meanwhile goes into the next transaction together. Appends are a
few statements for all of them, given to the driver itself (a third of the CPU); where that does not go well nothing of it
is kept, and each has its turn behind a savepoint of its own. Queries are put to the driver as well. For PostgreSQL, which
does so itself, see `postgres.py`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    TimeoutError,
)

from classroom.journal import migrations
from classroom.journal.port import Told, Unavailable
from classroom.journal.queries import ByDriver, Query

log = structlog.get_logger(__name__)

T = TypeVar("T")

GROUP = 256  # functions that write in one transaction, at most
BUSY_SECONDS = 5  # how long a writer waits for another process's write, and a caller for a free connection
SQLITE_READERS = 3
# Pages in the write-ahead log until they are put into the file: what many rooms write is spread over so many pages that with
# SQLite's own thousand the same ones would be put there again and again. With more than 4,096 a page takes longer to find.
AHEAD = 4_000

_PROGRAMS_FAULT = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
_DRIVERS_PROGRAMS_FAULT = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.NotSupportedError,
    sqlite3.ProgrammingError,
)


class Store(Protocol):
    """Runs functions of a connection, each in a transaction of its own."""

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Run `function`, which only reads. Raises `Unavailable` and whatever `function` raises."""

    async def query(self, function: Callable[[Query], T]) -> T:
        """The same for a function that needs no more than to put queries: for less."""

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Run `function`; what it wrote is durable on return. Raises `Unavailable` and whatever `function` raises."""

    def submit(self, function: Callable[[Connection], None], told: Told) -> None:
        """The same for who does not wait in a task: `told` is called, later, with what would have been raised, or None. Raises
        `Unavailable` where it is closed."""

    async def migrate(self) -> None:
        """Bring the schema to the newest version; any number of processes may do so at once."""

    async def close(self) -> None:
        """Let go of all connections, after what is under way."""


def translated(error: Exception) -> Exception:
    """`Unavailable` in place of what tells that the database is gone, full, locked or broken; others as they are."""
    if isinstance(error, _PROGRAMS_FAULT) and not error.connection_invalidated:
        return error
    if isinstance(error, DBAPIError):
        return Unavailable(f"the database cannot be used now: {said(error)}")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _DRIVERS_PROGRAMS_FAULT):
        return Unavailable(f"the database cannot be used now: {error}")
    if isinstance(error, TimeoutError | OSError):
        return Unavailable(f"the database does not answer: {str(error) or type(error).__name__}")
    return error


def said(error: DBAPIError) -> str:
    """What the database itself has said."""
    return str((error.orig and error.orig.__cause__) or error.orig)


class Joint:
    """A function that can be run at once with others of its kind, for less than one after the other. A class and no protocol:
    to ask whether something is of a protocol takes as long as to write a row."""

    __slots__ = ()

    def __call__(self, connection: Connection) -> None:
        raise NotImplementedError

    @staticmethod
    def together(driver: sqlite3.Connection, functions: Sequence[Any]) -> None:
        """Run all of them in the driver's transaction, or raise."""
        raise NotImplementedError


class Written(NamedTuple):
    """What a function has returned, or raised."""

    value: Any
    error: Exception | None


_Entry = tuple[Callable[[Connection], Any], Callable[[Written], None]]  # what is to be run, and who is told


class SqliteStore:
    """One writer and a few readers, each in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._writer, self._writes = _sqlite_engine(path, 1, "BEGIN IMMEDIATE"), ThreadPoolExecutor(1, "journal-write")
        self._reader = _sqlite_engine(path, SQLITE_READERS, "BEGIN")
        self._reads = ThreadPoolExecutor(SQLITE_READERS, "journal-read")
        self._idle: list[sqlite3.Connection] = []  # of those that queries are put to, each by one thread at a time
        self._waiting: list[_Entry] = []
        self._writing: asyncio.Future[None] | None = None  # until nothing waits any more
        self._connection: Connection | None = None  # the writer's
        self._closed = False

    async def read(self, function: Callable[[Connection], T]) -> T:
        if self._closed:
            raise Unavailable("the journal is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reads, _transaction, self._reader, function)

    async def query(self, function: Callable[[Query], T]) -> T:
        if self._closed:
            raise Unavailable("the journal is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reads, self._put, function)

    def _put(self, function: Callable[[Query], T]) -> T:
        try:
            try:
                driver = self._idle.pop()
            except IndexError:
                driver = _detached(self._reader)
            try:
                driver.execute("BEGIN")
                found = function(ByDriver(driver))
                driver.execute("COMMIT")
            except BaseException:
                driver.close()
                raise
            self._idle.append(driver)
            return found
        except Exception as error:
            told = translated(error)
            if told is error:
                raise
            raise told from error

    async def write(self, function: Callable[[Connection], T]) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enter(function, partial(_answer, answer))
        return await answer

    def submit(self, function: Callable[[Connection], None], told: Told) -> None:
        self._enter(function, partial(_tell, told))

    def _enter(self, function: Callable[[Connection], Any], settle: Callable[[Written], None]) -> None:
        if self._closed:
            raise Unavailable("the journal is closed")
        self._waiting.append((function, settle))
        if self._writing is None:
            loop = asyncio.get_running_loop()
            self._writing = loop.create_future()
            loop.call_soon(self._write)  # with what else comes in this turn of the loop

    def _write(self) -> None:
        """Write what waits."""
        group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
        loop = asyncio.get_running_loop()
        writing = self._writes.submit(self._together, [function for function, _ in group])
        writing.add_done_callback(partial(_hand_back, loop, partial(self._written, group)))

    def _written(self, group: list[_Entry], found: Sequence[Written]) -> None:
        """Tell what became of them, and go on with what came meanwhile."""
        if self._waiting:
            self._write()
        elif self._writing is not None:
            self._writing.set_result(None)
            self._writing = None
        for (_, settle), written in zip(group, found, strict=True):
            try:
                settle(written)
            except Exception:  # the others are told all the same
                log.exception("what became of a write could not be told")

    def _together(self, functions: Sequence[Callable[[Connection], Any]]) -> list[Written]:
        """Run all of them. What one raises for reasons of its own undoes what that one wrote; where the database fails, or a
        transaction does not end well, nothing of that was written and all in it have failed."""
        joint = [function for function in functions if isinstance(function, Joint)]
        others: Sequence[Callable[[Connection], Any]] = functions
        try:
            if self._connection is None:
                self._connection = self._writer.connect()
            if joint and _at_once(self._connection, joint):
                others = [function for function in functions if not isinstance(function, Joint)]
            found = iter(_in_turn(self._connection, others) if others else ())
        except Exception as error:
            failed = translated(error)
            found = iter([Written(None, failed) for _ in others])
        return [
            Written(None, None) if isinstance(function, Joint) and others is not functions else next(found)
            for function in functions
        ]

    async def migrate(self) -> None:
        if not await self.read(migrations.current):
            await self.write(migrations.upgrade)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._writing is not None:
            await asyncio.shield(self._writing)
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._reads.shutdown()
        for driver in self._idle:
            driver.close()
        self._reader.dispose()
        self._writes.shutdown()
        if self._connection is not None:
            self._connection.close()
        self._writer.dispose()  # last: the last connection to go folds the write-ahead log into the file


def _answer(answer: asyncio.Future[Any], written: Written) -> None:
    if answer.done():  # who asked may have stopped waiting
        return
    if written.error is None:
        answer.set_result(written.value)
    else:
        answer.set_exception(written.error)


def _tell(told: Told, written: Written) -> None:
    told(written.error)


def _hand_back(loop: asyncio.AbstractEventLoop, settle: Callable[[Any], None], writing: Future[Any]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle, writing.result())


def _at_once(connection: Connection, joint: Sequence[Joint]) -> bool:
    """Run all in one transaction of the driver's. Whether that went well; otherwise nothing was written. Raises where the
    database fails."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        driver.execute("BEGIN IMMEDIATE")
        joint[0].together(driver, joint)
        driver.execute("COMMIT")
    except Exception as error:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError):
            raise
        return False
    return True


def _in_turn(connection: Connection, functions: Sequence[Callable[[Connection], Any]]) -> list[Written]:
    """Run one after the other in one transaction. Raises where the database fails."""
    with connection.begin():
        return [_apart(connection, function) for function in functions]


def _apart(connection: Connection, function: Callable[[Connection], Any]) -> Written:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("SAVEPOINT apart")
    try:
        found = Written(function(connection), None)
    except Exception as error:
        if translated(error) is not error:
            raise
        driver.execute("ROLLBACK TO apart")
        found = Written(None, error)
    driver.execute("RELEASE apart")
    return found


def _detached(engine: Engine) -> sqlite3.Connection:
    """A connection of the driver's, made as the engine's own are, which the engine knows nothing of."""
    connection = engine.raw_connection()
    driver = connection.driver_connection
    connection.detach()
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _transaction(engine: Engine, function: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return function(connection)
    except Exception as error:
        told = translated(error)
        if told is error:
            raise
        raise told from error


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Have the file written ahead of. While another process makes it so, SQLite does not wait as it does for other locks."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _sqlite_engine(path: Path, connections: int, begin: str) -> Engine:
    """An engine on the file at `path` whose transactions start with the statement `begin`.

    The driver's own transaction handling is off, as SQLAlchemy advises for Python before 3.12: it would begin nothing
    before a SELECT or a CREATE TABLE.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS},
    )

    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        _write_ahead(cursor)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", f"wal_autocheckpoint={AHEAD}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
