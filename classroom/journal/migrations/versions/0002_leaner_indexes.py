"""An index for each history that is asked for, in place of one in which all events stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for type in ("chat.said", "chat.promoted"):
        name, where = f"events_{type.replace('.', '_')}", sa.text(f"type = '{type}'")
        op.create_index(name, "events", ["room", "seq", "type"], sqlite_where=where, postgresql_where=where)
    op.drop_index("events_by_type", "events")  # last: from here on nobody reads until this has ended


def downgrade() -> None:
    op.create_index("events_by_type", "events", ["room", "type", "seq"])
    op.drop_index("events_chat_said", "events")
    op.drop_index("events_chat_promoted", "events")
