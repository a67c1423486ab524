"""Alembic's entry: runs the migrations on the connection that `upgrade` was given, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from classroom.journal.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
