"""A room's log for people and programs outside: JSON Lines, or a table for a spreadsheet.

What always holds: an event is shown as `view(event, RECORD)` shows it, so who voted what in a secret poll is not in here;
nothing in a cell is taken for a formula by a spreadsheet; a log that grows meanwhile is exported up to where it was.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from classroom.chat.model import Said
from classroom.doubts.model import Asked, Dismissed, Merged, Published
from classroom.doubts.model import Voted as Supported
from classroom.journal.port import Journal
from classroom.kernel import RECORD, Stored
from classroom.polls.model import Voted
from classroom.rooms.room import view
from classroom.rooms.roster.model import Appointed, Attended, HandRaised, Renamed

Format = Literal["jsonl", "csv"]
CONTENT_TYPES: dict[Format, str] = {"jsonl": "application/x-ndjson", "csv": "text/csv"}
COLUMNS = ("seq", "time", "type", "by", "name", "about", "text", "details")
OF_THE_ASKER = (Published, Dismissed, Merged)  # whose `by` is who asked; what is done there is done by the staff
PAGE = 200  # events at once: a few milliseconds of work, so that a live room next to it does not stall
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what makes a spreadsheet calculate


async def export(journal: Journal, room: str, format: Format) -> AsyncIterator[bytes]:
    """The room's log, in pieces of UTF-8. Raises `KeyError` when there is no such room, `Unavailable`.

    `jsonl`: one event a line, `{seq, at, type, …, by}`, with `done_by` and `done_at` where the event's own `by` is who asked
    the doubt and its own `at` when that was. `csv`: `COLUMNS`; `time`, `by` and `name` are always those of the doing, `about`
    is the seq of what the event is about, `details` the rest as JSON.
    """
    info = await journal.room(room)
    if info is None:
        raise KeyError(room)
    names: dict[str, str] = {}
    if format == "csv":
        # Spreadsheets take a file without this mark for an older encoding, and spoil every name in Hindi.
        yield b"\xef\xbb\xbf" + _row(COLUMNS)
    after = 0
    while after < info.head:
        page = [each for each in await journal.read(room, after, PAGE) if each.meta.seq <= info.head]
        if not page:
            return
        after = page[-1].meta.seq
        lines = []
        for stored in page:
            _learn_names(names, stored)
            fields = _fields(stored)
            if fields is not None:
                lines.append(_line(fields) if format == "jsonl" else _table_row(fields, names))
        yield b"".join(lines)


def _fields(stored: Stored) -> dict[str, Any] | None:
    """The event as the record shows it: plain values by name."""
    shown = view(stored.event, RECORD)
    if shown is None:
        return None
    meta = stored.meta
    fields = {"seq": meta.seq, "at": meta.at, **msgspec.to_builtins(shown, str_keys=True)}
    if isinstance(shown, OF_THE_ASKER):
        fields |= {"done_by": meta.by, "done_at": meta.at}
        fields.setdefault("by", "")  # it is not told who asked: not whoever did this
    # A batch of votes bears the name of whoever voted first in it, which a secret poll must not tell. Where the voters may be
    # known they stand in the batch, each of them.
    if not isinstance(shown, Voted | Supported):
        fields.setdefault("by", meta.by)
    return fields


def _line(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode(fields) + b"\n"


def _table_row(fields: dict[str, Any], names: dict[str, str]) -> bytes:
    rest = dict(fields)
    seq, at, kind = rest.pop("seq"), rest.pop("at"), rest.pop("type")
    by, name = rest.pop("by", ""), rest.pop("name", None)
    if "done_by" in rest:
        rest |= {"asked_by": by, "asked_name": name or names.get(by, "")}
        at, by, name = rest.pop("done_at"), rest.pop("done_by"), None
    name = name or names.get(by, "")
    time = datetime.fromtimestamp(at / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text, about = rest.pop("text", None) or "", rest.pop("id", "")
    details = msgspec.json.encode(rest).decode() if rest else ""
    return _row((seq, time, kind, by, name, about, text, details))


def _row(cells: tuple[Any, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue().encode()


def _harmless(cell: str) -> str:
    """The cell as text: an apostrophe in front keeps a spreadsheet from calculating (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _learn_names(names: dict[str, str], stored: Stored) -> None:
    """Remember what members are called, at this point of the log."""
    match stored.event:
        case Attended(came=came):
            names.update((person.id, person.name) for person in came)
        case (
            Renamed(member=member, name=name)
            | HandRaised(member=member, name=name)
            | Appointed(member=member, name=name)
        ):
            names[member] = name
        case Said(by=by, name=name):
            names[by] = name
        case Asked(by=str() as by, name=str() as name):
            names[by] = name
        case _:
            pass
