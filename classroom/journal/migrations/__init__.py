"""Brings a database to the newest schema, from files inside the package: no `alembic.ini` is needed at run time.

What always holds: a migration runs inside the caller's transaction, wholly or not at all, and the caller holds a lock
that keeps every other process out meanwhile. In an empty database the tables are made at once as they are now, and are
those that the migrations make. Alembic is loaded only where there is something to migrate: it would be a tenth of a
worker's own memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, text

from classroom.journal.port import Unavailable
from classroom.journal.tables import metadata

HEAD = "0002"  # the newest of `versions/`

# As Alembic makes it.
_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def upgrade(connection: Connection) -> None:
    """Make the tables, or run what is missing of the migrations, on `connection`, in the transaction that it is in."""
    match _revision(connection):
        case None:
            _VERSION.create(connection)
            metadata.create_all(connection, checkfirst=False)
            connection.execute(_VERSION.insert().values(version_num=HEAD))
        case revision if revision != HEAD:
            migrate(connection)


def migrate(connection: Connection, to: str = "head") -> None:
    """Run what is missing of the migrations up to the revision `to`, in an empty database from the first one on."""
    command, config = load()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def load() -> tuple[Any, Any]:
    """Alembic's commands, and a configuration. To be called before any lock is taken: it takes a while."""
    from alembic import command
    from alembic.config import Config

    return command, Config()


def current(connection: Connection) -> bool:
    """Whether there is nothing to do. Loads what there is to do with. Raises `Unavailable` where a newer version was here."""
    revision = _revision(connection)
    if revision is not None and revision > HEAD:
        raise Unavailable(
            f"a newer version of Classroom has opened this database (its tables are at {revision}, this version knows {HEAD})"
        )
    if revision not in (None, HEAD):
        load()
    return revision == HEAD


def _revision(connection: Connection) -> str | None:
    """The schema's revision, as Alembic keeps it; None: there is no schema yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
