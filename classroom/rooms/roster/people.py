"""Looking people up: by name, by page, for those whose view does not list everybody."""

from __future__ import annotations

from classroom.kernel import Role
from classroom.rooms.roster.model import PersonView, Record, Roster


def search(roster: Roster, query: str, after: str, limit: int) -> tuple[list[PersonView], int]:
    """Members whose name contains `query` (case does not matter; empty: all), by order of first coming, which never changes:
    `limit` of them from the one behind the id `after` (empty: from the first), and how many match in all."""
    wanted = query.casefold().strip()
    found = [record for record in roster.members.values() if wanted in record.name.casefold()]
    if after:
        ids = list(roster.members)
        later = set(ids[ids.index(after) + 1 :]) if after in roster.members else set()
        return [_view(record) for record in found if record.id in later][:limit], len(found)
    return [_view(record) for record in found[:limit]], len(found)


def person(roster: Roster, id: str) -> PersonView:
    """The member as the staff see them; without a name where attendance has not recorded them yet."""
    record = roster.members.get(id)
    return PersonView(id=id, name="", role=Role.STUDENT) if record is None else _view(record)


def _view(record: Record) -> PersonView:
    return PersonView(
        id=record.id,
        name=record.name,
        role=record.role,
        present=record.present,
        muted_until=record.muted_until,
        banned=record.banned,
    )
