"""Brings a database to the newest schema, from files inside the package: no `alembic.ini` is needed at run time.

What always holds: a migration runs inside the caller's transaction, wholly or not at all, and the caller holds a lock
that keeps every other process out meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Run what is missing of the migrations on `connection`, in the transaction that it is in."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
