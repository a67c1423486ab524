"""How a statement that only reads is put to a database: by SQLAlchemy, or to SQLite's own driver.

What always holds: both find the same rows, of the database's own types (SQLite has no booleans).

SQLAlchemy takes most of the time of a small read: checking a connection out and in, and looking the compiled statement up. Where
hundreds of rooms are opened in seconds that is a third of the CPU, in threads that keep the event loop from Python's lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.sql.compiler import SQLCompiler

Rows = Sequence[Sequence[Any]]


class Query(Protocol):
    """`dialect`: "sqlite" or "postgresql"."""

    dialect: str

    def __call__(self, statement: ClauseElement, values: Mapping[str, Any]) -> Rows:
        """The rows that the statement finds with these parameters."""


class ByAlchemy(Query):
    """On a connection of SQLAlchemy's."""

    def __init__(self, connection: Connection) -> None:
        self.dialect = connection.dialect.name
        self._connection = connection

    def __call__(self, statement: Any, values: Mapping[str, Any]) -> Rows:
        return self._connection.execute(statement, values).all()


class ByDriver(Query):
    """On a connection of SQLite's driver."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, statement: ClauseElement, values: Mapping[str, Any]) -> Rows:
        sql, names, fixed = for_sqlite(statement)
        found: Rows = self._connection.execute(
            sql, [values[name] if name in values else fixed[name] for name in names]
        ).fetchall()
        return found


@cache
def for_sqlite(statement: ClauseElement) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
    """A statement of ours as SQLite's driver takes it, the names of its parameters by place, and what stands for those that are
    not given."""
    from sqlalchemy.dialects import sqlite

    compiled = statement.compile(dialect=sqlite.dialect())
    assert isinstance(compiled, SQLCompiler)
    return str(compiled), tuple(compiled.positiontup or ()), compiled.params
