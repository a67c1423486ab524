"""What the journal asks of SQL: plain functions of a connection that is in a transaction, or of a way to put queries.

What always holds: these functions neither begin nor end a transaction, know nothing of threads or event loops, and run
unchanged on SQLite and PostgreSQL. A function that raises leaves the transaction to be rolled back by its caller.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import (
    ClauseElement,
    Connection,
    Integer,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from classroom.journal import tables
from classroom.journal.engines import Joint
from classroom.journal.port import Conflict, Done, Duplicate, Kept, RoomInfo, Snapshot
from classroom.journal.queries import ByAlchemy, Query, Rows, for_sqlite
from classroom.kernel import Event, Meta, Stored
from classroom.rooms.room import AnyEvent

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(AnyEvent)

_rooms, _events, _done, _snapshots = tables.rooms, tables.events, tables.done, tables.snapshots

_ROOM = select(_rooms).where(_rooms.c.id == bindparam("room"))
_ROOMS = select(_rooms).where(_rooms.c.id > bindparam("after")).order_by(_rooms.c.id).limit(bindparam("limit"))

_MOVE_HEAD = (
    update(_rooms)
    .where(_rooms.c.id == bindparam("room"), _rooms.c.head == bindparam("after"))
    .values(head=bindparam("new"))
)
_INSERT_EVENTS = insert(_events)
_INSERT_DONE = insert(_done)


def _feature(type: str) -> str:
    """How all types of its feature begin."""
    return f"{type.partition('.')[0]}."


_REFERRING = tuple({_feature(type) for type in tables.HISTORIES})  # of these it is asked what they are about

_LOG = (_events.c.seq, _events.c.at, _events.c.by, _events.c.body)
_READ = (
    select(*_LOG)
    .where(_events.c.room == bindparam("room"), _events.c.seq > bindparam("after"))
    .order_by(_events.c.seq)
    .limit(bindparam("limit"))
)


@cache
def _page_of(type: str) -> ClauseElement:
    """What finds a page of a history, in two steps, so that the first needs nothing but the indexes: which places, and then their
    events. Asked for whole rows at once, SQLite's planner would rather walk through the whole room. The type stands in the
    statement, since a planner takes an index of that type's alone only where it sees it."""
    picked = (
        select(_events.c.seq)
        .where(
            _events.c.room == bindparam("room"),
            _events.c.type == literal_column(f"'{type}'"),
            _events.c.seq < bindparam("before"),
        )
        .order_by(_events.c.seq.desc())
        .limit(bindparam("limit"))
        .cte("picked")
    )
    about = (
        select(_events.c.seq)
        .where(
            _events.c.room == bindparam("room"),
            _events.c.ref.in_(select(picked.c.seq)),
            _events.c.ref.is_not(None),
            _events.c.seq > _events.c.ref,
        )
        .cte("about")
    )
    return (
        select(*_LOG)
        .where(
            _events.c.room == bindparam("room"),
            _events.c.seq.in_(union_all(select(picked.c.seq), select(about.c.seq))),
            func.substr(_events.c.type, 1, bindparam("length", type_=Integer)) == bindparam("feature"),
        )
        .order_by(_events.c.seq)
    )


# Any number of keys is one parameter: a JSON list of pairs. The join makes each of them one search of the primary key;
# CROSS keeps SQLite from going through all marks of the room instead.
_FIND_DONE = {
    "sqlite": text(
        "SELECT done.actor, done.cid, done.seq FROM json_each(:keys) AS given CROSS JOIN done ON done.room = :room "
        "AND done.actor = json_extract(given.value, '$[0]') AND done.cid = json_extract(given.value, '$[1]')"
    ),
    "postgresql": text(
        "SELECT done.actor, done.cid, done.seq FROM json_array_elements(CAST(:keys AS json)) AS given "
        "JOIN done ON done.room = :room AND done.actor = given ->> 0 AND done.cid = given ->> 1"
    ),
}

_SNAPSHOT = select(_snapshots.c.seq, _snapshots.c.version, _snapshots.c.data).where(
    _snapshots.c.room == bindparam("room")
)


def _insert(connection: Connection, table: Any) -> Any:
    """An INSERT that knows ON CONFLICT, which SQLAlchemy keeps per dialect; only the one that is used is loaded."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def keepable(name: str) -> bool:
    """Whether every database can keep `name`: PostgreSQL takes no NUL, and none takes half a surrogate pair."""
    if name.isascii():
        return "\0" not in name
    return "\0" not in name and not any("\ud800" <= character <= "\udfff" for character in name)


def _need_keepable(*names: str) -> None:
    for name in names:
        if not keepable(name):
            raise ValueError(f"{name!r} holds a character that cannot be kept")


def create(connection: Connection, room: str, title: str, at: int, open: bool) -> tuple[RoomInfo, bool]:
    """Make the room or find it; the flag tells whether it was made. `ValueError` for a name that cannot be kept."""
    _need_keepable(room, title)
    row = {"id": room, "title": title, "epoch": secrets.token_hex(8), "created_at": at, "head": 0, "open": open}
    made = connection.execute(_insert(connection, _rooms).values(row).on_conflict_do_nothing()).rowcount == 1
    info = find(ByAlchemy(connection), room)
    if info is None:
        raise RuntimeError(f"room {room!r} is neither there nor can be made")
    return info, made


def find(query: Query, room: str) -> RoomInfo | None:
    """The room, or None."""
    if not keepable(room):
        return None
    found = query(_ROOM, {"room": room})
    return _info(found[0]) if found else None


def rooms(query: Query, after: str, limit: int) -> list[RoomInfo]:
    """Up to `limit` rooms after the one named `after`, by id."""
    return [_info(row) for row in query(_ROOMS, {"after": after, "limit": limit})]


def _info(row: Sequence[Any]) -> RoomInfo:
    id, title, epoch, created_at, head, open = row
    return RoomInfo(id, title, epoch, created_at, head, bool(open))


def rows(room: str, after: int, events: Sequence[Stored]) -> list[dict[str, Any]]:
    """The events as rows. Raises `ValueError` unless they take the places after+1, after+2, … and can be kept."""
    _need_keepable(room)
    found: list[dict[str, Any]] = []
    for place, stored in enumerate(events, after + 1):
        meta, event = stored.meta, stored.event
        if meta.seq != place:
            raise ValueError(f"event {meta.seq} stands where {place} belongs")
        _need_keepable(meta.by)
        tag = str(event.__struct_config__.tag)
        found.append(
            {
                "room": room,
                "seq": place,
                "at": meta.at,
                "by": meta.by,
                "type": tag,
                "ref": getattr(event, "id", None) if tag.startswith(_REFERRING) else None,
                "body": _encoder.encode(event).decode(),
            }
        )
    return found


def append(connection: Connection, room: str, after: int, events: list[dict[str, Any]], done: Sequence[Done]) -> None:
    """Move the head from `after` over `events` (from `rows`; it stays where there are none), and write them and `done`.

    Raises `Conflict` when the head is elsewhere, `Duplicate`, `KeyError` where there is no such room, and `ValueError` for
    a mark that cannot be kept. The head's row is what writers meet at: on PostgreSQL the second waits there for the first,
    and then finds the head moved.
    """
    for mark in done:
        _need_keepable(mark.actor, mark.cid)
    moved = connection.execute(_MOVE_HEAD, {"room": room, "after": after, "new": after + len(events)})
    if moved.rowcount != 1:
        found = find(ByAlchemy(connection), room)
        if found is None:
            raise KeyError(room)
        raise Conflict(f"the log of {room!r} ends at {found.head}, not at {after}")
    try:
        if events:
            connection.execute(_INSERT_EVENTS, events)
    except IntegrityError as error:
        raise Conflict(f"a place after {after} in the log of {room!r} is taken") from error
    if done:
        marks = [{"room": room, "actor": mark.actor, "cid": mark.cid, "seq": mark.seq} for mark in done]
        try:
            connection.execute(_INSERT_DONE, marks)
        except IntegrityError as error:
            raise Duplicate(f"a command in {room!r} was done before") from error


@dataclass(frozen=True, slots=True)
class Append(Joint):
    """An `append` to be run: by itself, or together with others."""

    room: str
    after: int
    events: list[dict[str, Any]]
    done: Sequence[Done]

    def __call__(self, connection: Connection) -> None:
        append(connection, self.room, self.after, self.events, self.done)

    @staticmethod
    def together(driver: sqlite3.Connection, appends: Sequence[Append]) -> None:
        """Run all of them, each of another room, as three statements of SQLite's. Raises where that does not go for one of
        them: which, is not told."""
        for each in appends:
            _need_keepable(*(name for mark in each.done for name in (mark.actor, mark.cid)))
        heads = [{"room": each.room, "after": each.after, "new": each.after + len(each.events)} for each in appends]
        if _run_many(driver, _MOVE_HEAD, heads) != len(appends):
            raise Conflict("a log ends elsewhere")
        _run_many(driver, _INSERT_EVENTS, [row for each in appends for row in each.events])
        marks = (
            {"room": each.room, "actor": mark.actor, "cid": mark.cid, "seq": mark.seq}
            for each in appends
            for mark in each.done
        )
        _run_many(driver, _INSERT_DONE, list(marks))


def appending(room: str, after: int, events: Sequence[Stored], done: Sequence[Done]) -> Callable[[Connection], None]:
    """What `append`s them, to be run. Raises what `rows` does."""
    return Append(room, after, rows(room, after, events), done)


def _run_many(driver: sqlite3.Connection, statement: ClauseElement, rows: Sequence[dict[str, Any]]) -> int:
    """Run the statement for each of the rows; how many were touched."""
    if not rows:
        return 0
    sql, names, _ = for_sqlite(statement)
    pick = itemgetter(*names)
    return driver.executemany(sql, map(pick, rows)).rowcount


def _stored(found: Rows) -> list[Stored]:
    return [Stored(Meta(seq, at, by), _decoder.decode(body)) for seq, at, by, body in found]


def read(query: Query, room: str, after: int, limit: int) -> list[Stored]:
    """Up to `limit` events after place `after`, in order."""
    return _stored(query(_READ, {"room": room, "after": after, "limit": limit}))


def kept(query: Query, room: str, recent: int, limit: int) -> Kept | None:
    """The room with its snapshot, and its events after that or the newest `recent`, whichever are more: the first `limit`."""
    info = find(query, room)
    if info is None:
        return None
    found = snapshot(query, room)
    after = max(0, min(0 if found is None else found.seq, info.head - recent))
    return Kept(info, found, read(query, room, after, limit))


def page(query: Query, room: str, type: str, before: int, limit: int) -> list[Stored]:
    """The newest `limit` events of `type` before `before`, and the feature's later events about them, by seq. `ValueError` for a
    type whose history is not kept."""
    if type not in tables.HISTORIES:
        raise ValueError(f"there is no history of {type!r}")
    feature = _feature(type)
    asked = {"room": room, "before": before, "limit": limit}
    return _stored(query(_page_of(type), {**asked, "feature": feature, "length": len(feature)}))


def done(query: Query, room: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Of these (actor, cid), those that were applied, each with its place."""
    known = [key for key in keys if keepable(key[0]) and keepable(key[1])]
    if not known:
        return {}
    given = {"room": room, "keys": _encoder.encode(known).decode()}
    return {(actor, cid): seq for actor, cid, seq in query(_FIND_DONE[query.dialect], given)}


def snapshot(query: Query, room: str) -> Snapshot | None:
    """The snapshot kept."""
    found = query(_SNAPSHOT, {"room": room})
    return Snapshot(*found[0]) if found else None


def keep_snapshot(connection: Connection, room: str, snapshot: Snapshot) -> None:
    """Keep `snapshot` unless a newer one is there. `KeyError` where there is no such room."""
    wish = _insert(connection, _snapshots).values(
        room=room, seq=snapshot.seq, version=snapshot.version, data=snapshot.data
    )
    new = {name: wish.excluded[name] for name in ("seq", "version", "data")}
    try:
        connection.execute(
            wish.on_conflict_do_update(index_elements=["room"], set_=new, where=_snapshots.c.seq <= wish.excluded.seq)
        )
    except IntegrityError as error:
        raise KeyError(room) from error


def ping(query: Query) -> None:
    """Reads one row or none."""
    query(_ROOMS, {"after": "", "limit": 1})
