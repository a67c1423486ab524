"""The journal on SQL: SQLite for one worker, PostgreSQL for many.

What always holds is in `port.py`. The statements are in `statements.py`, the transactions in `engines.py` and
`postgres.py`; this file joins the two, and `open_journal` chooses by URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from classroom.config import SettingsError
from classroom.journal import statements
from classroom.journal.engines import SqliteStore, Store, said
from classroom.journal.port import Done, Journal, Kept, RoomInfo, Snapshot, Told
from classroom.kernel import Stored

_SQLITE = ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite")
FORBIDDEN = "42501"  # PostgreSQL's word for what a user may not do
_POSTGRES = ("postgresql", "postgresql+asyncpg", "postgres")


async def open_journal(url: str) -> Journal:
    """Open the journal at `url` with the newest schema: `sqlite:///path` or `postgresql://user:password@host/database`.

    Missing folders of an SQLite file are made. Raises `SettingsError` for a URL that names neither, and where the tables may not
    be made; `Unavailable`.
    """
    store = _store(url)
    try:
        await store.migrate()
    except DBAPIError as error:
        await store.close()
        if getattr(error.orig, "sqlstate", None) == FORBIDDEN:
            raise SettingsError(
                f"the database does not let this user make or change the journal's tables ({said(error)}): grant it CREATE on "
                "the schema, or name another user or database in storage.database"
            ) from error
        raise
    except BaseException:
        await store.close()
        raise
    return SqlJournal(store)


def _store(url: str) -> Store:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            "the database's URL cannot be read; it looks like sqlite:///path or postgresql://…"
        ) from error
    if parsed.drivername in _SQLITE:
        return SqliteStore(_file(parsed))
    if parsed.drivername in _POSTGRES:
        if not parsed.database:
            raise SettingsError("the PostgreSQL URL names no database: postgresql://user:password@host/database")
        from classroom.journal.postgres import PostgresStore

        return PostgresStore(parsed.set(drivername="postgresql+asyncpg"))
    raise SettingsError(f"{parsed.drivername!r} is no database that the journal knows; use sqlite or postgresql")


def _file(url: URL) -> Path:
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        raise SettingsError("the journal needs a file: sqlite:///path (three slashes; four for an absolute path)")
    if url.host:
        raise SettingsError(
            f"an SQLite URL has no host, but this one has {url.host!r}: sqlite:///path has three slashes"
        )
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"the folder of the SQLite file cannot be made: {error}") from error
    return path


class SqlJournal:
    """`Journal` over a `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, room: str, title: str, at: int, *, open: bool) -> tuple[RoomInfo, bool]:
        return await self._store.write(lambda connection: statements.create(connection, room, title, at, open))

    async def room(self, room: str) -> RoomInfo | None:
        return await self._store.query(lambda query: statements.find(query, room))

    async def rooms(self, *, after: str = "", limit: int = 100) -> list[RoomInfo]:
        return await self._store.query(lambda query: statements.rooms(query, after, limit))

    async def append(self, room: str, after: int, events: Sequence[Stored], done: Sequence[Done] = ()) -> None:
        await self._store.write(statements.appending(room, after, events, done))

    def submit(self, room: str, after: int, events: Sequence[Stored], done: Sequence[Done], told: Told) -> None:
        self._store.submit(statements.appending(room, after, events, done), told)

    async def read(self, room: str, after: int, limit: int = 1_000) -> list[Stored]:
        return await self._store.query(lambda query: statements.read(query, room, after, limit))

    async def kept(self, room: str, recent: int = 0, limit: int = 1_000) -> Kept | None:
        return await self._store.query(lambda query: statements.kept(query, room, recent, limit))

    async def done(self, room: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        return await self._store.query(lambda query: statements.done(query, room, keys))

    async def page(self, room: str, type: str, before: int, limit: int) -> list[Stored]:
        return await self._store.query(lambda query: statements.page(query, room, type, before, limit))

    async def snapshot(self, room: str) -> Snapshot | None:
        return await self._store.query(lambda query: statements.snapshot(query, room))

    async def keep_snapshot(self, room: str, snapshot: Snapshot) -> None:
        await self._store.write(lambda connection: statements.keep_snapshot(connection, room, snapshot))

    async def ping(self) -> None:
        await self._store.query(statements.ping)

    async def close(self) -> None:
        await self._store.close()
