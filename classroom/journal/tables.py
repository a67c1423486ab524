"""The journal's tables.

What always holds: an event's row is never changed. `events.body` is the whole event as JSON; `type` repeats its tag, and `ref`
its `id` where a history of its feature is kept (what older versions wrote has it for any feature). Keys compare byte by byte
(collation "C"), so rooms have one order on every database. An empty database gets them at once; the migrations make the same,
and a test compares the two.

`events` and `done` have no foreign key to `rooms`: whoever writes them has just moved the head of that room in the same
transaction, and the check of every row would double PostgreSQL's work.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, text

KEY = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()

rooms = Table(
    "rooms",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("title", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("head", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("room", KEY, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("type", KEY, nullable=False),
    Column("ref", BigInteger),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)
# Each index that a row stands in is one more page that is written for a small class's command: so each history that is asked for
# has one of its own, in which other events do not stand. The first of another feature needs `ref` in the rows that are there.
HISTORIES = ("chat.said", "chat.promoted")
for _type in HISTORIES:
    Index(
        f"events_{_type.replace('.', '_')}",
        events.c.room,
        events.c.seq,
        events.c.type,  # so that it holds all that is asked for: else SQLite takes the primary key for as good
        sqlite_where=text(f"type = '{_type}'"),
        postgresql_where=text(f"type = '{_type}'"),
    )
Index(
    "events_by_ref",
    events.c.room,
    events.c.ref,
    sqlite_where=events.c.ref.is_not(None),
    postgresql_where=events.c.ref.is_not(None),
)

done = Table(
    "done",
    metadata,
    Column("room", KEY, primary_key=True),
    Column("actor", KEY, primary_key=True),
    Column("cid", KEY, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("room", KEY, ForeignKey("rooms.id"), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
