"""An index for each history that is asked for, in place of one in which all events stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("events_by_type", "events")
    for name, type in (("events_said", "chat.said"), ("events_promoted", "chat.promoted")):
        where = sa.text(f"type = '{type}'")
        op.create_index(name, "events", ["room", "type", "seq"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("events_said", "events")
    op.drop_index("events_promoted", "events")
    op.create_index("events_by_type", "events", ["room", "type", "seq"])
