"""The exported record: complete, for people and programs, and telling nothing that a secret poll keeps."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from classroom.chat.model import Said
from classroom.doubts.model import Asked, Dismissed, DoubtState, Merged, Published, Tick
from classroom.doubts.model import Voted as Supported
from classroom.export import COLUMNS, PAGE, Format, export
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from classroom.kernel import Event, Meta, Role, Stored
from classroom.polls.model import Ballot, Opened, PollKind, Prepared, Spec, Voted
from classroom.rooms.roster.model import Attended, Person

AT = 1_700_000_000_123


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await open_journal(f"sqlite:///{tmp_path}/journal.db")
    await opened.create("math", "Algebra", AT, open=True)
    yield opened
    await opened.close()


async def keep(journal: Journal, events: Sequence[Event], by: str = "ravi", after: int = 0) -> None:
    await journal.append(
        "math", after, [Stored(Meta(after + i, AT + i, by), event) for i, event in enumerate(events, 1)]
    )


async def exported(journal: Journal, format: Format) -> str:
    return b"".join([piece async for piece in export(journal, "math", format)]).decode()


async def table(journal: Journal) -> list[dict[str, str]]:
    text = await exported(journal, "csv")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def said(text: str) -> Said:
    return Said(by="ravi", name="Ravi", role=Role.STUDENT, text=text)


def votes(*, secret: bool) -> list[Event]:
    spec = Spec(question="Two?", kind=PollKind.SINGLE, options=("yes", "no"), secret=secret)
    return [
        Prepared(spec=spec),
        Opened(id=1, spec=spec),
        Voted(id=1, count=1, ballots=(Ballot("ravi", (1,)),), secret=secret),
    ]


async def test_every_event_is_a_line_of_json_in_order(journal: Journal) -> None:
    await keep(journal, [said(f"message {i}") for i in range(PAGE * 2 + 1)])
    lines = [json.loads(line) for line in (await exported(journal, "jsonl")).splitlines()]
    assert [(line["seq"], line["text"]) for line in lines] == [(i + 1, f"message {i}") for i in range(PAGE * 2 + 1)]
    assert lines[0]["at"] == AT + 1
    assert (lines[0]["type"], lines[0]["by"]) == ("chat.said", "ravi")


async def test_of_a_batch_of_support_nobody_is_named_but_the_supporters(journal: Journal) -> None:
    both = Supported(votes={1: 2}, changes=(Tick("ravi", 1, True), Tick("asha", 1, True)))
    await keep(journal, [both])
    line = json.loads(await exported(journal, "jsonl"))
    assert "by" not in line
    assert line["changes"] == [["ravi", 1, True], ["asha", 1, True]]
    (row,) = await table(journal)
    assert (row["by"], row["name"]) == ("", "")


async def test_every_event_is_a_row_with_columns_for_people(journal: Journal) -> None:
    came = Attended(came=(Person("ravi", "रवि", Role.STUDENT),))
    await keep(journal, [came, Asked(text='Why, "so"?\nReally', state=DoubtState.PENDING, by="ravi", name="रवि")])
    first, second = await table(journal)
    assert tuple(first) == COLUMNS
    assert (first["type"], first["name"]) == ("roster.attended", "रवि")
    assert second["time"] == "2023-11-14T22:13:20.125Z"
    assert (second["name"], second["text"]) == ("रवि", 'Why, "so"?\nReally')
    assert json.loads(second["details"])["state"] == "pending"


async def test_what_the_staff_do_with_a_doubt_is_told_as_theirs_and_when_they_did_it(journal: Journal) -> None:
    came = Attended(
        came=(Person("ravi", "Ravi", Role.STUDENT), Person("asha", "Asha", Role.INSTRUCTOR)),
    )
    await keep(journal, [came, Asked(text="Why?", state=DoubtState.PENDING, by="ravi", name="Ravi")])
    done = [
        Published(id=2, at=AT, text="Why?", votes=1, was=DoubtState.PENDING, by="ravi", name="Ravi"),
        Dismissed(id=2, was=DoubtState.OPEN, by="ravi", reason="Off topic"),
        Merged(id=2, into=1, votes=2, was=DoubtState.OPEN, by="ravi"),
    ]
    await keep(journal, done, by="asha", after=2)
    for place, row in enumerate((await table(journal))[2:], 1):
        assert (row["by"], row["name"], row["about"]) == ("asha", "Asha", "2")
        assert row["time"].endswith(f"{AT % 1_000 + place}Z")
        details = json.loads(row["details"])
        assert (details["asked_by"], details["asked_name"]) == ("ravi", "Ravi")
        assert not {"done_by", "done_at"} & details.keys()
    lines = [json.loads(line) for line in (await exported(journal, "jsonl")).splitlines()]
    assert [(line["by"], line["done_by"], line["done_at"]) for line in lines[2:]] == [
        ("ravi", "asha", AT + place) for place in (1, 2, 3)
    ]
    assert lines[2]["at"] == AT
    assert "done_by" not in lines[1]


async def test_where_it_is_not_told_who_asked_it_is_not_said_to_be_the_staff(journal: Journal) -> None:
    done = [
        Dismissed(id=2, was=DoubtState.OPEN, reason="Off topic"),
        Merged(id=2, into=1, votes=2, was=DoubtState.OPEN),
    ]
    await keep(journal, done, by="asha")
    for row in await table(journal):
        assert row["by"] == "asha"
        details = json.loads(row["details"])
        assert (details["asked_by"], details["asked_name"]) == ("", "")
    for line in (await exported(journal, "jsonl")).splitlines():
        told = json.loads(line)
        assert (told["by"], told["done_by"]) == ("", "asha")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", '=HYPERLINK("http://x","y")'])
async def test_no_cell_is_a_formula(journal: Journal, text: str) -> None:
    await keep(journal, [Said(by="=ravi", name=text, role=Role.STUDENT, text=text)], by="=ravi")
    (row,) = await table(journal)
    assert (row["text"], row["name"], row["by"]) == ("'" + text, "'" + text, "'=ravi")


@pytest.mark.parametrize("format", ["jsonl", "csv"])
async def test_who_voted_what_in_a_named_poll_is_told(journal: Journal, format: Format) -> None:
    await keep(journal, votes(secret=False))
    assert "ravi" in (await exported(journal, format)).splitlines()[-1]


@pytest.mark.parametrize("format", ["jsonl", "csv"])
async def test_a_secret_polls_votes_do_not_even_tell_who_voted(journal: Journal, format: Format) -> None:
    await keep(journal, votes(secret=True))
    last = (await exported(journal, format)).splitlines()[-1]
    assert "poll.voted" in last
    assert "ravi" not in last


async def test_what_is_appended_meanwhile_is_left_out(journal: Journal) -> None:
    await keep(journal, [said("before")])
    pieces = export(journal, "math", "jsonl")
    first = await anext(pieces)
    await keep(journal, [said("after")], after=1)
    rest = [piece async for piece in pieces]
    assert b"before" in first
    assert rest == []


async def test_a_room_that_is_not_there_is_a_key_error(journal: Journal) -> None:
    with pytest.raises(KeyError):
        await anext(export(journal, "physics", "jsonl"))


async def test_an_empty_room_is_an_empty_record(journal: Journal) -> None:
    assert await exported(journal, "jsonl") == ""
    assert await table(journal) == []
